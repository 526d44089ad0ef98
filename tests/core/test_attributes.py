"""Attributes of avalanches, against terrain whose measures are known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.affinity import rotate

from core.errors import TerrainError
from core.projection.attributes import measure_attributes, suggest_size
from core.terrain import Terrain

DEMS = Path(__file__).parents[2].parent / "shared" / "data" / "dem"
EAST, NORTH = 2_600_000.0, 1_200_000.0


def terrain_of(height, cell=5.0, half=1500.0) -> Terrain:
    """Heights by a function of x, y from the middle."""
    axis = np.arange(-half, half + cell, cell)
    x, y = np.meshgrid(axis, axis[::-1])
    z = np.broadcast_to(np.asarray(height(x, y), np.float32), x.shape)
    return Terrain(z, EAST + axis[0], NORTH + axis[-1], cell)


def plane(slope=35.0, azimuth=180.0, cell=5.0, half=1500.0) -> Terrain:
    """Falling towards a grid azimuth."""
    down = math.radians(azimuth)
    steep = math.tan(math.radians(slope))
    return terrain_of(
        lambda x, y: 2000 - steep * (x * math.sin(down) + y * math.cos(down)), cell, half
    )


def placed(polygon, azimuth=180.0):
    """A polygon drawn with its fall line towards -y, as it lies on a `plane`."""
    turned = rotate(polygon, 180 - azimuth, origin=(0, 0))
    return shapely.transform(turned, lambda points: np.add(points, (EAST, NORTH)))


@pytest.mark.parametrize("azimuth", [180.0, 157.0, 303.0, 45.0])
@pytest.mark.parametrize("cell", [0.5, 2.0, 10.0])
def test_a_strip_on_a_plane(azimuth: float, cell: float) -> None:
    length, width = 400.0, 90.0  # on the map
    strip = placed(shapely.box(-width / 2, -length / 2, width / 2, length / 2), azimuth)
    found = measure_attributes(strip, plane(35, azimuth, cell, half=300))
    drop, secant = length * math.tan(math.radians(35)), 1 / math.cos(math.radians(35))
    assert found["area_m2"] == pytest.approx(length * width)
    assert found["area_surface_m2"] == pytest.approx(length * width * secant, rel=0.002)
    assert found["length_m"] == pytest.approx(length * secant, rel=0.02)
    assert found["width_m"] == pytest.approx(width, rel=0.02)
    assert found["z_max"] == pytest.approx(2000 + drop / 2, abs=0.5)
    assert found["z_min"] == pytest.approx(2000 - drop / 2, abs=0.5)
    assert found["z_release"] == pytest.approx(2000 + 0.48 * drop, abs=0.01 * drop)
    assert found["z_deposit"] == pytest.approx(2000 - 0.48 * drop, abs=0.01 * drop)
    for name in ("slope_mean_deg", "slope_release_deg", "slope_max_deg"):
        assert found[name] == pytest.approx(35, abs=0.1)
    assert found["aspect_deg"] == pytest.approx(azimuth, abs=0.2)
    assert found["aspect_8"] == {180: "S", 157: "SE", 303: "NW", 45: "NE"}[azimuth]
    assert found["size_suggested"] == 3
    assert found["vis_frac"] is None
    assert found["sigma_map_m"] is None
    assert "bridged" not in found


@pytest.mark.parametrize("tilt", [0.0, 10.0, -25.0])
def test_wider_than_long(tilt: float) -> None:
    """A slab whose crown runs across the slope is not measured from corner to corner."""
    slab = placed(rotate(shapely.box(-150, -40, 150, 40), tilt, origin=(0, 0)))
    found = measure_attributes(slab, plane())
    straight = 80 / math.cos(math.radians(tilt))
    assert found["length_m"] == pytest.approx(straight / math.cos(math.radians(35)), rel=0.04)
    assert found["width_m"] > 180


def test_a_pointed_loose_snow_avalanche() -> None:
    """Its top is not cut off, though hardly any area lies there."""
    wedge = placed(shapely.Polygon([(0, 200), (-80, -200), (80, -200)]))
    found = measure_attributes(wedge, plane())
    assert found["z_max"] == pytest.approx(2000 + 200 * math.tan(math.radians(35)), abs=1)
    assert found["length_m"] == pytest.approx(400 / math.cos(math.radians(35)), rel=0.03)
    assert found["width_m"] == pytest.approx(160, rel=0.06)


@pytest.mark.parametrize("size", [12.0, 40.0, 1500.0])
def test_all_sizes_alike(size: float) -> None:
    strip = placed(shapely.box(-size / 8, -size / 2, size / 8, size / 2), 200)
    found = measure_attributes(strip, plane(35, 200, 5))
    secant = 1 / math.cos(math.radians(35))
    assert found["length_m"] == pytest.approx(size * secant, rel=0.03)
    assert found["width_m"] == pytest.approx(size / 4, rel=0.03)
    assert found["area_surface_m2"] == pytest.approx(size**2 / 4 * secant, rel=0.01)


def test_a_cone() -> None:
    """Sector of a cone: secant and slope are the same everywhere, aspects average."""
    cone = terrain_of(lambda x, y: 3000 - 0.6 * np.hypot(x, y))
    angles = np.radians(np.linspace(20, 70, 60))
    arc = np.column_stack([np.sin(angles), np.cos(angles)])
    sector = shapely.Polygon(np.concatenate([300 * arc, 1000 * arc[::-1]]))
    found = measure_attributes(placed(sector), cone)
    secant = math.hypot(1, 0.6)
    assert found["area_surface_m2"] == pytest.approx(sector.area * secant, rel=0.005)
    assert found["length_m"] == pytest.approx(700 * secant, rel=0.03)
    assert found["z_max"] == pytest.approx(3000 - 180, abs=2)
    assert found["z_min"] == pytest.approx(3000 - 600, abs=2)
    assert found["slope_mean_deg"] == pytest.approx(math.degrees(math.atan(0.6)), abs=0.1)
    assert found["aspect_deg"] == pytest.approx(45, abs=0.5)


def test_a_bend_is_followed() -> None:
    """A quarter circle down a helical ramp: as long as its inner side, on the ground."""
    ramp = terrain_of(lambda x, y: 2000 - 0.5 * 400 * np.arctan2(y, np.maximum(x, 1e-3)), 2.0, 700)
    angles = np.linspace(0, np.pi / 2, 60)
    arc = np.column_stack([np.cos(angles), np.sin(angles)])
    bend = placed(shapely.Polygon(np.concatenate([370 * arc, 430 * arc[::-1]])))
    found = measure_attributes(bend, ramp)
    drop = 0.5 * 400 * np.pi / 2
    assert math.hypot(370 * np.pi / 2, drop) * 0.99 < found["length_m"]
    assert found["length_m"] < math.hypot(400 * np.pi / 2, drop) * 1.03
    chord = math.hypot(400 * math.sqrt(2), drop)
    assert found["length_m"] > 1.03 * chord


def test_a_valley() -> None:
    """Half a cylinder, crossed: slopes and surface from its arc."""
    radius, reach = 800.0, 500.0
    valley = terrain_of(lambda x, y: 2500 - np.sqrt(radius**2 - np.clip(x, -700, 700) ** 2), 5, 700)
    outline = placed(shapely.box(-reach, -100, 0, 100))
    found = measure_attributes(outline, valley)
    bow = radius * math.asin(reach / radius)
    assert found["area_surface_m2"] == pytest.approx(200 * bow, rel=0.005)
    assert found["length_m"] == pytest.approx(bow, rel=0.03)
    x = np.linspace(0, reach, 1001)
    slopes = np.degrees(np.arcsin(x / radius))
    assert found["slope_mean_deg"] == pytest.approx(slopes.mean(), rel=0.01)
    assert found["slope_release_deg"] == pytest.approx(slopes[x >= 400].mean(), rel=0.01)
    assert found["slope_max_deg"] == pytest.approx(slopes.max(), abs=0.5)
    assert found["aspect_deg"] == pytest.approx(90, abs=0.5)


def test_parts_holes_and_a_given_release() -> None:
    upper = shapely.box(-50, 100, 50, 300)
    lower = shapely.box(-50, -300, 50, 60).difference(shapely.box(-10, -200, 10, -100))
    both = placed(shapely.MultiPolygon([upper, lower]))
    secant = 1 / math.cos(math.radians(35))
    found = measure_attributes(both, plane())
    assert found["area_surface_m2"] == pytest.approx(both.area * secant, rel=0.002)
    assert found["length_m"] == pytest.approx(600 * secant, rel=0.02)
    fold = terrain_of(lambda x, y: 2000 + np.where(y > 0, 0.8, 0.5) * y)
    found = measure_attributes(both, fold, release=placed(shapely.box(-50, -200, 50, -100)))
    assert found["slope_release_deg"] == pytest.approx(math.degrees(math.atan(0.5)), abs=0.1)
    found = measure_attributes(both, fold)
    assert found["slope_release_deg"] == pytest.approx(math.degrees(math.atan(0.8)), abs=0.1)


def test_unknown_stays_empty() -> None:
    """Ground without heights, level ground, no ground at all."""
    far = placed(shapely.box(1300, -50, 1900, 50))
    found = measure_attributes(far, plane())
    assert found["area_m2"] == far.area
    assert {found[name] for name in ("z_max", "length_m", "slope_mean_deg", "aspect_8")} == {None}
    found = measure_attributes(placed(shapely.box(0, 0, 90, 50)), plane(slope=0))
    assert found["slope_mean_deg"] == 0
    assert {found[name] for name in ("length_m", "width_m", "aspect_deg", "aspect_8")} == {None}
    with pytest.raises(TerrainError, match="empty"):
        measure_attributes(shapely.MultiPolygon(), plane())


@pytest.mark.parametrize(
    ("length", "area", "size"),
    [(20, 200, 1), (150, 7500, 2), (600, 40_000, 3), (1500, 2e5, 4), (3000, 1e6, 5), (900, 9e4, 4)],
)
def test_suggested_sizes(length: float, area: float, size: int) -> None:
    assert suggest_size(length, area) == size


def real_outlines() -> list[tuple[str, int]]:
    return [(name, part) for name in ("avaAlr", "avaMal", "avaWog") for part in (0, -1)]


def read(name: str) -> tuple[Terrain, list[shapely.Geometry]]:
    import pyogrio
    import rasterio

    with rasterio.open(DEMS / f"{name}_dem_5m_epsg31287.tif") as source:
        heights = source.read(1, masked=True).filled(np.nan)
        west, north = source.xy(0, 0)
    _, _, geometry, _ = pyogrio.raw.read(DEMS / f"{name}_outlines.gpkg")
    outlines = sorted(shapely.from_wkb(geometry), key=shapely.area)
    return Terrain(heights, west, north, 5.0), outlines


def resampled(terrain: Terrain, cell: float) -> Terrain:
    west, south, east, north = terrain.bounds
    x, y = np.meshgrid(np.arange(west, east, cell), np.arange(north, south, -cell))
    return Terrain(terrain.sample(x, y).astype(np.float32), west, north, cell)


@pytest.mark.skipif(not DEMS.exists(), reason="real terrain is not here")
@pytest.mark.parametrize(("name", "part"), real_outlines())
def test_the_same_from_finer_and_coarser_terrain(name: str, part: int) -> None:
    terrain, outlines = read(name)
    outline = outlines[part]
    found = measure_attributes(outline, terrain)
    for cell in (2.0, 10.0):
        other = measure_attributes(outline, resampled(terrain, cell))
        for key in (
            "area_surface_m2",
            "length_m",
            "slope_mean_deg",
            "slope_release_deg",
            "width_m",
        ):
            assert other[key] == pytest.approx(found[key], rel=0.03), key
        drop = found["z_max"] - found["z_min"]
        for key in ("z_max", "z_min", "z_release", "z_deposit"):
            assert other[key] == pytest.approx(found[key], abs=max(2.0, 0.01 * drop)), key
        turn = abs(other["aspect_deg"] - found["aspect_deg"]) % 360
        assert min(turn, 360 - turn) < 3
