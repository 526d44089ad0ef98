"""The public interface: what `core` exports, light, documented, with examples that run."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import core

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = [name for name in core.__all__ if name != "__version__"]


def test_there_are_names_for_scripts():
    assert len(PUBLIC) >= 12
    assert {"load_model", "Predictor", "Click", "Prompts"} <= set(PUBLIC)
    assert {"read_gcps", "solve_pose", "compute_viewshed", "mask_to_map"} <= set(PUBLIC)


def test_every_name_can_be_imported_and_an_unknown_one_cannot():
    assert all(getattr(core, name).__name__ == name for name in PUBLIC)
    assert set(PUBLIC) < set(dir(core))
    with pytest.raises(ImportError, match="predict_all"):
        from core import predict_all  # noqa: F401
    with pytest.raises(AttributeError, match="predict_all"):
        _ = core.predict_all


def test_importing_core_is_light():
    code = (
        "import core, sys; print(sorted({'torch', 'rasterio', 'numpy', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_type_checkers_see_the_same_names():
    source = (ROOT / "core" / "__init__.py").read_text(encoding="utf-8")
    seen = {line.split(" as ")[1] for line in source.splitlines() if line.startswith("    from .")}
    assert seen == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    public = getattr(core, name)
    documented = public if inspect.getdoc(public) else None
    assert documented, f"{name} has no docstring"
    module = inspect.getmodule(public)
    tests = doctest.DocTestFinder(recurse=False).find(public, name, module=module, globs={})
    examples = [example for test in tests for example in test.examples]
    assert examples, f"{name} has no example"
    for test in tests:
        flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
        failed, _ = doctest.DocTestRunner(verbose=False, optionflags=flags).run(test)
        assert failed == 0
