"""Measures of avalanches, against plain counting on the DEM and through image and map."""

from __future__ import annotations

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from scipy.ndimage import map_coordinates

from core.camera import CameraRecord
from core.projection.attributes import measure_attributes
from core.projection.to_image import polygon_to_mask
from core.projection.to_map import mask_to_map
from core.projection.viewshed import compute_viewshed
from core.terrain.sources import open_dem
from training.synthetic.files import write_scene
from training.synthetic.scene import make_scene

SEED = 5
SHARES = ("area_m2", "area_surface_m2", "length_m", "slope_mean_deg")
HEIGHTS = ("z_max", "z_min", "z_release", "z_deposit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    write_scene(make_scene(SEED, 960, 600), folder)
    return folder


@pytest.fixture(scope="module")
def sight(folder):
    return compute_viewshed(
        CameraRecord.read(folder / "camera.json"), open_dem([folder / "dem.tif"], 2056)
    )


@pytest.fixture(scope="module")
def avalanches(folder) -> list[tuple[np.ndarray, shapely.MultiPolygon]]:
    """(mask as seen, outline on the map) of each."""
    _, _, shapes, (numbers, _) = pyogrio.raw.read(folder / "outlines.gpkg")
    labels = cv2.imread(str(folder / "labels.png"), cv2.IMREAD_UNCHANGED)
    outlines = [shapely.MultiPolygon(shapely.get_parts(s)) for s in shapely.from_wkb(shapes)]
    return [(labels == k, outline) for k, outline in zip(numbers, outlines, strict=True)]


def assert_alike(found: dict, true: dict, names: tuple[str, ...]) -> None:
    """Within 3 %: heights, of the drop."""
    drop = true["z_max"] - true["z_min"]
    for name in names:
        if name in HEIGHTS:
            assert found[name] == pytest.approx(true[name], abs=0.03 * drop), name
        else:
            assert found[name] == pytest.approx(true[name], rel=0.03), name


def counted(outline: shapely.MultiPolygon, dem) -> dict[str, float]:
    """Measures by counting places half a metre apart, with slopes of the DEM's own cells."""
    with rasterio.open(dem) as source:
        heights, cell = source.read(1).astype(float), source.res[0]
        west, north = source.bounds.left, source.bounds.top
    x_min, y_min, x_max, y_max = outline.bounds
    # Off the DEM's own places, along which outlines of scenes run
    x, y = np.meshgrid(np.arange(x_min + 0.17, x_max, 0.5), np.arange(y_min + 0.31, y_max, 0.5))
    shapely.prepare(outline)
    inside = shapely.contains_xy(outline, x, y)
    col, row = (x[inside] - west) / cell - 0.5, (north - y[inside]) / cell - 0.5
    south, east = np.gradient(heights, cell)
    z, east, south = (map_coordinates(some, (row, col), order=1) for some in (heights, east, south))
    tangent = np.hypot(east, south)
    return {
        "area_m2": inside.sum() * 0.25,
        "area_surface_m2": np.hypot(1, tangent).sum() * 0.25,
        "slope_mean_deg": np.degrees(np.arctan(tangent)).mean(),
        "z_max": float(z.max()),
        "z_min": float(z.min()),
        "z_release": float(np.quantile(z, 0.98)),
        "z_deposit": float(np.quantile(z, 0.02)),
    }


def test_as_counted_on_the_dem(folder, sight, avalanches):
    for _, outline in avalanches:
        true = counted(outline, folder / "dem.tif")
        found = measure_attributes(outline, sight.terrain)
        assert_alike(found, true, tuple(true))
        # no way down is shorter than straight from end to end
        assert found["length_m"] > 0.97 * (true["z_max"] - true["z_min"])


def test_of_what_was_mapped(sight, avalanches):
    """What the camera sees of an avalanche, mapped from its mask, measures as on the map."""
    tried = 0
    for mask, outline in avalanches:
        drawn = polygon_to_mask(outline, sight)
        if (drawn & mask).sum() < 0.97 * (drawn | mask).sum():
            continue  # trees or the foreground hide a part of it
        true = measure_attributes(outline, sight.terrain, sight)
        if true["vis_frac"] < 0.97:
            continue
        tried += 1
        assert_alike(
            measure_attributes(mask_to_map(mask, sight), sight.terrain), true, SHARES + HEIGHTS
        )
    assert tried
