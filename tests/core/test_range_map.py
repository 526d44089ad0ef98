"""The range map: which ground the pixels of a picture see, and whether places are in it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_projection_lines import FLAT, flat, ground, real, real_views, slope, wall

from core.camera import Camera, Projection
from core.errors import CameraError
from core.projection.lines_of_sight import LinesOfSight, trace_lines_of_sight
from core.projection.range_map import RangeMap, azimuth_range, compute_range_map
from core.terrain import Terrain


def webcam(**changes) -> Camera:
    pose = {
        **{"width": 320, "height": 200, "x": 0.0, "y": 0.0, "z": 150.0},
        **{"yaw": 0.0, "pitch": -5.0, "roll": 0.0, "f": 400.0, "refraction": FLAT},
    }
    return Camera(**{**pose, **changes})


def panorama(**changes) -> Camera:
    return webcam(width=1200, f=1200 / (2 * math.pi), projection=Projection.CYLINDRICAL, **changes)


def seen_by(camera: Camera, terrain: Terrain) -> tuple[LinesOfSight, RangeMap]:
    eye = camera.x, camera.y, camera.z
    lines = trace_lines_of_sight(
        terrain,
        eye,
        azimuths=azimuth_range(camera),
        step=0.5 / camera.f,
        refraction=camera.refraction,
    )
    return lines, compute_range_map(camera, lines)


def all_pixels(camera: Camera) -> np.ndarray:
    v, u = np.mgrid[: camera.height, : camera.width]
    return np.stack([u.ravel(), v.ravel()], axis=1)


CAMERAS = {
    "plain": webcam(),
    "rolled, bent": webcam(yaw=133.0, pitch=-20.0, roll=14.0, k1=-0.2, k2=0.05),
    "to the south": webcam(yaw=180.0, k1=0.1),
    "off centre": webcam(yaw=-50.0, pitch=-30.0, cx=30.0, cy=-50.0),
    "straight down": webcam(yaw=20.0, pitch=-89.0),
    "panorama": panorama(yaw=75.0),
    "tilted panorama": panorama(yaw=200.0, pitch=-4.0, roll=3.0),
    "half panorama": panorama(cx=0.0).cropped(100, 0, 500, 200),
}


# --- pixels to ground -------------------------------------------------------------------------


@pytest.mark.parametrize("name", CAMERAS)
def test_ranges_are_what_the_lines_say_in_the_directions_of_the_pixels(name):
    camera = CAMERAS[name]
    _, ranges = seen_by(camera, ground(slope))
    azimuth, tangent = camera.line_of_sight_angles(all_pixels(camera))
    expected, _ = trace_lines_of_sight(
        ground(slope), (0, 0, 150), step=0.5 / camera.f, refraction=FLAT
    ).intersect(azimuth, tangent)
    found = ranges.distances.ravel()
    assert np.isfinite(expected).mean() > 0.1
    assert (np.isnan(found) == np.isnan(expected)).mean() > 0.99
    error = np.abs(found / expected - 1)
    assert np.nanmedian(error) < 2e-3
    assert np.nanpercentile(error, 99) < 0.05


@pytest.mark.parametrize("name", CAMERAS)
def test_the_fan_holds_all_pixels(name):
    camera = CAMERAS[name]
    azimuth, _ = camera.line_of_sight_angles(all_pixels(camera))
    between = azimuth_range(camera)
    if between is None:
        assert name in ("straight down", "panorama", "tilted panorama")
    else:
        span = (between[1] - between[0]) % (2 * np.pi)
        into = (azimuth - between[0]) % (2 * np.pi)
        assert into.max() <= span
        assert span < np.ptp(np.unwrap(np.sort(into))) + 4 / camera.f


@pytest.mark.parametrize(("name", "view"), real_views())
def test_picture_to_map_to_picture(name, view):
    terrain, camera = real(name, view)
    _, ranges = seen_by(camera, terrain)
    pixels = np.random.default_rng(0).uniform((-0.5, -0.5), (1919.5, 1079.5), (5000, 2))
    points = ranges.unproject(pixels)
    land = np.isfinite(points[:, 0])
    assert land.mean() > 0.3
    np.testing.assert_allclose(camera.project(points[land]), pixels[land], atol=1e-6)
    # The points lie on the ray, whatever the range. Those of the ground there are drawn nearly at
    # the same pixel, too.
    points[:, 2] = terrain.sample(points[:, 0], points[:, 1])
    error = np.hypot(*(camera.project(points) - pixels)[land].T)
    assert np.nanmedian(error) < 0.05
    assert np.nanpercentile(error, 95) < 0.7


def test_places_between_pixels_lie_on_the_same_plane():
    camera = webcam(roll=3.0, k1=-0.1)
    terrain = ground(lambda x, y: 0.1 * x + 0.05 * y)
    _, ranges = seen_by(camera, terrain)
    pixels = np.random.default_rng(1).uniform((20, 120), (300, 199), (1000, 2))
    x, y, z = ranges.unproject(pixels).T
    np.testing.assert_allclose(z, 0.1 * x + 0.05 * y, atol=0.1)


def test_nothing_lies_between_an_edge_and_the_ground_behind_it():
    camera = webcam()
    _, ranges = seen_by(camera, ground(wall))
    v = np.arange(0, 199, 0.1)
    y = ranges.unproject(np.stack([np.full_like(v, 160.0), v], axis=1))[:, 1]
    y = y[np.isfinite(y)]
    assert ((y > 1010) & (y < 2500)).sum() == 0
    assert (y > 2500).any() or (y < 1000).all()
    assert (np.diff(y) < 1).all()  # never farther again further down


def test_there_is_no_place_in_the_sky_and_outside_of_the_picture():
    _, ranges = seen_by(webcam(), ground(flat))
    outside = [[160.0, 5.0], [-0.6, 150.0], [160.0, 199.6], [np.nan, 100.0], [319.6, 150.0]]
    assert np.isnan(ranges.unproject(outside)).all()
    assert np.isfinite(ranges.unproject([[-0.5, 150.0], [319.5, 199.5]])).all()


def test_rows_of_points():
    camera = CAMERAS["rolled, bent"]
    _, ranges = seen_by(camera, ground(slope))
    part = ranges.unproject_rows(slice(120, 140))
    assert part.shape == (20, 320, 3)
    pixels = all_pixels(camera).reshape(200, 320, 2)[120:140].reshape(-1, 2)
    np.testing.assert_allclose(part.reshape(-1, 3), ranges.unproject(pixels), atol=1e-6)


# --- ground to pixels -------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "view"), real_views())
def test_the_picture_and_the_lines_agree_on_what_is_seen(name, view):
    terrain, camera = real(name, view)
    lines, ranges = seen_by(camera, terrain)
    bounds = np.array(terrain.bounds).reshape(2, 2)
    x, y = np.random.default_rng(2).uniform(*bounds, (20000, 2)).T
    points = np.stack([x, y, terrain.sample(x, y)], axis=1)
    u, v = camera.project(points).T
    with np.errstate(invalid="ignore"):
        inside = (np.abs(u - 959.5) < 960) & (np.abs(v - 539.5) < 540)
    seen = ranges.is_visible(points)
    assert not seen[~inside].any()
    assert 0.1 < seen[inside].mean() < 0.95
    assert (seen == lines.is_visible(points))[inside].mean() > 0.975
    # What they differ on is within the tolerance: a little lower or higher they are of one mind.
    assert seen[inside & lines.is_visible(points, 0.3)].mean() > 0.995
    assert seen[inside & ~lines.is_visible(points, 5.0)].mean() < 0.02


def test_flat_looks_do_not_make_ground_unseen():
    camera = webcam(z=12.0, pitch=0.0)  # a pixel row covers up to hundreds of metres
    _, ranges = seen_by(camera, ground(flat))
    y = np.arange(100.0, 2900, 7)
    points = np.stack([0.01 * y, y, np.zeros_like(y)], axis=1)
    assert ranges.is_visible(points).all()


def test_what_a_wall_hides_is_not_seen():
    camera = webcam()
    _, ranges = seen_by(camera, ground(wall))
    y = np.arange(1040.0, 2900, 20)
    hidden = np.stack([np.zeros_like(y), y, np.zeros_like(y)], axis=1)
    assert not ranges.is_visible(hidden).any()
    over = hidden + [0, 0, 1] * (150 - 0.05 * y + 3 * y / camera.f)[:, None]
    assert ranges.is_visible(over).all()


def test_behind_the_camera_nothing_is_seen():
    _, ranges = seen_by(webcam(), ground(flat))
    assert not ranges.is_visible([[0.0, -500.0, 0.0], [np.nan, 0, 0]]).any()


# --- on disk ----------------------------------------------------------------------------------


def test_a_range_map_comes_back_from_disk(tmp_path):
    for name, camera in CAMERAS.items():
        _, ranges = seen_by(camera, ground(slope))
        ranges.save(tmp_path / name)
        again = RangeMap.open(tmp_path / name)
        assert again.camera == camera
        assert isinstance(again.distances, np.memmap)
        pixels = [[100.3, 150.2], [10, 199]]
        np.testing.assert_array_equal(again.unproject(pixels), ranges.unproject(pixels))


def test_a_damaged_range_map_is_refused(tmp_path):
    _, ranges = seen_by(webcam(), ground(flat))
    for name in ("ranges.npy", "view.json"):
        ranges.save(tmp_path / name)
        content = (tmp_path / name / name).read_bytes()
        (tmp_path / name / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(CameraError, match="cannot be read"):
            RangeMap.open(tmp_path / name)
    ranges.save(tmp_path / "other")
    np.save(tmp_path / "other" / "ranges.npy", ranges.distances[:-1])
    with pytest.raises(CameraError, match="not that of its camera"):
        RangeMap.open(tmp_path / "other")
    with pytest.raises(CameraError, match="cannot be read"):
        RangeMap.open(tmp_path / "missing")
