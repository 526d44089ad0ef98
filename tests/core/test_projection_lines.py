"""Lines of sight, against geometry with known answers and against marching along rays."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import rasterio

from core.camera import Camera
from core.camera.refraction import EARTH_RADIUS, curvature_drop
from core.errors import TerrainError
from core.projection.lines_of_sight import LinesOfSight, trace_lines_of_sight
from core.projection.range_map import azimuth_range
from core.terrain import Terrain

DEM_DIR = Path(__file__).parents[2].parent / "shared" / "data" / "dem"
STEP = math.radians(0.1)
FLAT = 1.0  # coefficient of refraction at which rays are straight on a flat map


def ground(height, half: int = 300, cell: float = 10.0) -> Terrain:
    """Cells around (0, 0), their heights a function of x and y."""
    axis = cell * np.arange(-half, half + 1)
    x, y = np.meshgrid(axis, axis[::-1])
    heights = np.broadcast_to(height(x, y), x.shape).astype(np.float32)
    return Terrain(np.ascontiguousarray(heights), float(axis[0]), float(axis[-1]), cell)


def flat(x, y):
    return np.zeros_like(x)


def wall(x, y):
    """A wall 100 m high across the north, its top from y = 970 to 1000."""
    return np.where((y >= 970) & (y <= 1000), 100.0, 0.0)


def around(bearing, distance, height=0.0) -> np.ndarray:
    bearing, distance, height = np.broadcast_arrays(np.radians(bearing), distance, height)
    return np.stack([np.sin(bearing) * distance, np.cos(bearing) * distance, height], axis=-1)


# --- known geometry ---------------------------------------------------------------------------


@pytest.mark.parametrize("k", [FLAT, 0.13, 0.0])
def test_rays_meet_a_plane_where_they_must(k):
    lines = trace_lines_of_sight(ground(flat), (0, 0, 100), step=STEP, refraction=k)
    distance = np.array([30.0, 200, 1500, 2500])
    tangent = -(100 + curvature_drop(distance, k)) / distance
    for azimuth in (-3.1, 0.0, 1.2345):
        found, land = lines.intersect(np.full(4, azimuth), tangent)
        assert land.all()
        np.testing.assert_allclose(found, distance, rtol=3e-4)
    if k == 0.0:  # 1.2 m of curvature at 4 km is seen
        assert curvature_drop(4000, k) == pytest.approx(4000**2 / 2 / EARTH_RADIUS)


def test_the_sky_and_the_closest_ground_have_no_distance():
    lines = trace_lines_of_sight(ground(flat), (0, 0, 100), step=STEP, refraction=FLAT)
    distance, land = lines.intersect(np.zeros(3), np.array([0.1, -0.02, -30.0]))
    np.testing.assert_array_equal(land, [False, False, True])
    assert np.isnan(distance).all()
    with_more = trace_lines_of_sight(
        ground(flat), (0, 0, 100), step=STEP, refraction=FLAT, nearest=2.0
    )
    assert with_more.intersect([0.0], [-30.0])[0][0] == pytest.approx(100 / 30, rel=0.01)


def test_a_wall_hides_what_is_behind_it_and_no_more():
    lines = trace_lines_of_sight(ground(wall), (0, 0, 150), step=STEP, refraction=FLAT)
    behind = np.arange(1020, 3000, 5.0)
    seen = lines.is_visible(around(0.0, behind), tolerance=0.0)
    # From 150 m over a top of 100 m at 1000 m the ray comes down at 3000 m.
    assert not seen[behind < 2980].any()
    assert lines.is_visible(around(0.0, np.arange(100, 955, 5.0)), tolerance=0.01).all()
    # What stands higher than the ray shows itself.
    top = 150 - 50 * behind / 1000
    assert lines.is_visible(around(0.0, behind, top + 0.5), tolerance=0.0).all()
    assert not lines.is_visible(around(0.0, behind, top - 0.5), tolerance=0.0).any()
    assert lines.is_visible(around(0.0, behind, top - 0.5), tolerance=1.0).all()
    # Aslant the wall is farther: the same heights.
    aslant = around(40.0, behind / math.cos(math.radians(40)), top - 0.5)
    assert not lines.is_visible(aslant, tolerance=0.0).any()


def test_rays_just_under_and_over_an_edge_end_far_apart():
    lines = trace_lines_of_sight(ground(wall), (0, 0, 190), step=STEP, refraction=FLAT)
    top = (100 - 190) / 1000
    distance, _ = lines.intersect(np.zeros(3), np.array([top - 0.02, top - 1e-4, top + 1e-4]))
    assert 960 <= distance[0] <= 970
    assert distance[1] == pytest.approx(1000, abs=2)
    assert distance[2] == pytest.approx(190 / (-top - 1e-4), rel=2e-3)


def test_the_skyline_is_that_of_a_cone():
    def cone(x, y):
        return np.maximum(0.0, 500 - np.hypot(x, y - 1500))

    lines = trace_lines_of_sight(ground(cone), (0, -1000, 50), step=STEP, refraction=FLAT)
    assert lines.skyline([0.0])[0] == pytest.approx(450 / 2500, rel=2e-3)
    # Tangent planes: tan(elevation) of a cone of slope 1 and height h over the eye, seen aside.
    aside = np.radians([3.0, -3.0, 5.0])
    s = np.linspace(1500, 3400, 200001)
    exact = [np.max((cone(s * np.sin(a), s * np.cos(a) - 1000) - 50) / s) for a in aside]
    np.testing.assert_allclose(lines.skyline(aside), exact, atol=2e-4)


# --- fans -------------------------------------------------------------------------------------


def slope(x, y):
    return 0.05 * x + 0.1 * y + 20 * np.sin(x / 170) + 15 * np.cos(y / 130)


def test_a_full_circle_has_no_seam():
    lines = trace_lines_of_sight(ground(slope), (3.0, -4.0, 300), step=math.radians(0.0703))
    azimuth = np.pi + np.linspace(-0.01, 0.01, 401)
    wrapped = np.angle(np.exp(1j * azimuth))
    assert (wrapped < 0).any()
    assert (wrapped > 0).any()
    distance, land = lines.intersect(wrapped, np.full(401, -0.3))
    assert land.all()
    assert np.abs(np.diff(distance)).max() < 2.0
    skyline = lines.skyline(wrapped)
    assert np.abs(np.diff(skyline)).max() < 1e-4
    points = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(401)], 1) * distance[:, None]
    assert lines.is_visible(points + np.array([3, -4, 400])).all()


@pytest.mark.parametrize("middle", [0.0, 1.0, math.pi, -math.pi, 3.0, 9.0])
def test_a_fan_is_the_same_as_that_part_of_the_circle(middle):
    terrain, eye = ground(slope), (3.0, -4.0, 300.0)
    whole = trace_lines_of_sight(terrain, eye, step=2 * math.pi / 3600)
    fanned = trace_lines_of_sight(
        terrain, eye, azimuths=(middle - 0.2, middle + 0.2), step=math.radians(0.1)
    )
    azimuth = np.angle(np.exp(1j * (middle + np.linspace(-0.199, 0.199, 57))))
    tangent = np.full(57, -0.25)
    np.testing.assert_allclose(
        fanned.intersect(azimuth, tangent)[0], whole.intersect(azimuth, tangent)[0], rtol=5e-3
    )
    np.testing.assert_allclose(fanned.skyline(azimuth), whole.skyline(azimuth), atol=1e-3)
    beside = np.angle(np.exp(1j * (middle + np.array([-0.21, 0.21, 3.0]))))
    assert not fanned.intersect(beside, np.full(3, -0.25))[1].any()
    assert np.isnan(fanned.skyline(beside)).all()
    assert not fanned.is_visible(around(np.degrees(beside), 500.0, 1000.0) + eye).any()
    assert fanned.is_visible(around(np.degrees(azimuth), 500.0, 1000.0) + eye).all()


# --- what is not known ------------------------------------------------------------------------


def holed(x, y):
    return np.where(np.hypot(x, y - 1000) < 200, np.nan, 0.0)


def test_unknown_ground_hides_nothing_and_is_told():
    lines = trace_lines_of_sight(ground(holed), (0, 0, 100), step=STEP, refraction=FLAT)
    assert lines.is_visible(around(0.0, np.array([500.0, 1000, 1500]))).all()
    distance, land = lines.intersect([0.0], [-100 / 1000])  # into the hole
    assert land[0]
    assert distance[0] == pytest.approx(1200, abs=15)
    ends = np.array([700.0, 1300.0])
    np.testing.assert_array_equal(lines.crosses_unknown(np.zeros(2), ends), [False, True])
    np.testing.assert_array_equal(lines.crosses_unknown(np.ones(2), ends), [False, False])


def test_a_place_beside_the_terrain_sees_it():
    lines = trace_lines_of_sight(ground(flat), (0, -5000, 100), step=STEP, refraction=FLAT)
    distance, land = lines.intersect([0.0, np.pi], [-100 / 4000, -100 / 4000])
    assert distance[0] == pytest.approx(4000, rel=1e-3)
    np.testing.assert_array_equal(land, [True, False])
    assert np.isnan(lines.skyline([np.pi]))[0]
    assert lines.skyline([0.0])[0] == pytest.approx(-100 / 8000, rel=3e-3)


def test_terrain_without_any_height_is_refused():
    with pytest.raises(TerrainError, match="has no ground"):
        trace_lines_of_sight(ground(lambda x, y: np.full_like(x, np.nan)), (0, 0, 100), step=STEP)
    with pytest.raises(TerrainError, match="has no ground"):
        trace_lines_of_sight(ground(flat), (0, -5000, 100), azimuths=(3.0, 3.2), step=STEP)


# --- real terrain -----------------------------------------------------------------------------


def real_views() -> list[tuple[str, int]]:
    return [(name, view) for name in ("avaAlr", "avaMal", "avaWog") for view in range(3)]


def real(name: str, view: int) -> tuple[Terrain, Camera]:
    with rasterio.open(DEM_DIR / f"{name}_dem_5m_epsg31287.tif") as file:
        heights, t = file.read(1, masked=True).filled(np.nan), file.transform
    terrain = Terrain(heights.astype(np.float32), t.c + t.a / 2, t.f + t.e / 2, t.a)
    pose = json.loads((DEM_DIR / "demo_cameras.json").read_text())[name]["cameras"][view]
    camera = Camera(
        pose["width"],
        pose["height"],
        *(pose[axis] for axis in "xyz"),
        yaw=pose["azimuth_grid_deg"],
        pitch=pose["pitch_deg"],
        roll=1.5,
        f=pose["f_px"],
        k1=-0.05,
    )
    return terrain, camera


def marched(terrain: Terrain, camera: Camera, azimuth, tangent, step: float = 1.0) -> np.ndarray:
    """Distances of the first ground under rays: small steps, then the crossing in between."""
    distance = np.arange(20, np.hypot(*terrain.heights.shape) * terrain.cell, step)
    found = np.full(len(azimuth), np.nan)
    for i, (a, t) in enumerate(zip(azimuth, tangent, strict=True)):
        x, y = camera.x + np.sin(a) * distance, camera.y + np.cos(a) * distance
        over = camera.z + t * distance + curvature_drop(distance) - terrain.sample(x, y)
        under = np.flatnonzero(over <= 0)
        if len(under) and under[0]:
            before, after = over[under[0] - 1], over[under[0]]
            share = before / (before - after) if np.isfinite(before) else 1.0
            found[i] = distance[under[0]] + (share - 1) * step
    return found


@pytest.mark.parametrize(("name", "view"), real_views())
def test_rays_end_where_marching_along_them_does(name, view):
    terrain, camera = real(name, view)
    azimuth, tangent = camera.line_of_sight_angles(
        np.random.default_rng(view).uniform((0, 0), (1919, 1079), (600, 2))
    )
    lines = trace_lines_of_sight(
        terrain, (camera.x, camera.y, camera.z), azimuths=azimuth_range(camera), step=0.5 / camera.f
    )
    distance, _ = lines.intersect(azimuth, tangent)
    exact = marched(terrain, camera, azimuth, tangent)
    assert np.isfinite(exact).sum() > 200
    assert (np.isnan(distance) != np.isnan(exact)).mean() < 0.005
    error = np.abs(distance - exact)
    error = error[np.isfinite(error)]
    assert np.median(error) < 0.1
    assert np.percentile(error, 95) < 2
    assert (error > 10).mean() < 0.01


@pytest.mark.parametrize("name", ["avaAlr", "avaMal"])
def test_places_are_seen_if_no_ground_is_in_the_way(name):
    terrain, camera = real(name, 1)
    random = np.random.default_rng(3)
    bounds = np.array(terrain.bounds).reshape(2, 2)
    x, y = random.uniform(*bounds, (1500, 2)).T
    points = np.stack([x, y, terrain.sample(x, y)], axis=1)
    points = points[np.isfinite(points[:, 2])]
    offset = points - camera.position
    distance = np.hypot(offset[:, 0], offset[:, 1])
    azimuth = np.arctan2(offset[:, 0], offset[:, 1])
    share = np.linspace(0, 1, 1500)[None, :-1]
    along = share * distance[:, None]
    height = camera.z + share * (offset[:, 2:] - curvature_drop(distance)[:, None])
    height += curvature_drop(along)
    above = height - terrain.sample(
        camera.x + np.sin(azimuth)[:, None] * along, camera.y + np.cos(azimuth)[:, None] * along
    )
    above[along < 20] = np.inf
    with np.errstate(invalid="ignore"):
        # Metres by which the point would have to be lifted to be seen.
        short = -np.nanmin(above / np.maximum(share, 1e-3), axis=1)
    lines = trace_lines_of_sight(terrain, (camera.x, camera.y, camera.z), step=0.5 / camera.f)
    seen = lines.is_visible(points)
    clear, hidden = short < 0.7, short > 2.0
    assert clear.sum() > 100
    assert hidden.sum() > 100
    assert seen[clear].mean() > 0.99
    assert (~seen[hidden]).mean() > 0.99


# --- on disk ----------------------------------------------------------------------------------


def test_lines_come_back_from_disk(tmp_path):
    lines = trace_lines_of_sight(ground(slope), (0, 0, 300), azimuths=(0.0, 1.0), step=STEP)
    lines.save(tmp_path / "lines")
    again = LinesOfSight.open(tmp_path / "lines")
    assert again.position == lines.position
    azimuth, tangent = np.linspace(0, 1, 50), np.linspace(-0.4, 0.1, 50)
    for one, other in zip(
        lines.intersect(azimuth, tangent), again.intersect(azimuth, tangent), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    (tmp_path / "lines" / "tangents.npy").write_bytes(b"")
    with pytest.raises(TerrainError, match="lines of sight"):
        LinesOfSight.open(tmp_path / "lines")


def test_progress_is_told_and_can_stop_the_work():
    told = []
    trace_lines_of_sight(ground(slope), (0, 0, 300), step=STEP, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trace_lines_of_sight(ground(slope), (0, 0, 300), step=STEP, progress=stop)
