"""Public names of the camera, terrain and projection packages: there, with examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys

import pytest

PACKAGES = [importlib.import_module(f"core.{name}") for name in ("camera", "projection", "terrain")]
EXEMPLARY = {
    *("Camera", "CameraRecord", "ControlPoint", "PosePrior", "Terrain"),
    *("compute_viewshed", "drape", "mask_to_map", "measure_attributes", "open_dem"),
    *("polygon_to_mask", "read_gcps", "register", "solve_pose"),
}
PUBLIC = {name: package for package in PACKAGES for name in package.__all__}


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name):
    found = getattr(PUBLIC[name], name)
    assert inspect.getdoc(found)
    assert getattr(PUBLIC[name], name) is found


@pytest.mark.parametrize("name", sorted(EXEMPLARY))
def test_examples_run(name):
    found = getattr(PUBLIC[name], name)
    tests = doctest.DocTestFinder(recurse=False).find(found, name)
    assert sum(len(test.examples) for test in tests) > 1
    for test in tests:
        assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_other_names_are_refused(package):
    with pytest.raises(AttributeError, match="nothing"):
        _ = package.nothing


def test_importing_the_packages_loads_numpy_only():
    code = "import core.camera, core.projection, core.terrain, sys; print(sorted({'cv2', 'scipy', "
    code += "'rasterio', 'shapely', 'pyproj', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
