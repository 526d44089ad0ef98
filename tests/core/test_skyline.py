"""Poses from mountains against the sky: alone, and beside control points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from projection_fixtures import X, Y

from core.camera import Camera, ControlPoint, Projection
from core.camera.adjustment import AdjustmentProblem, adjust
from core.camera.jacobian import apply_step
from core.camera.resection import PosePrior, solve_pose
from core.camera.skyline_adjustment import SkylineObservation
from core.camera.skyline_constraint import SkylineConstraint
from core.camera.skyline_detection import detect_skyline
from core.camera.skyline_fit import fit_skyline
from core.projection.horizon import skyline_point_finder, trace_horizon
from core.terrain import Terrain

CAMERA = Camera(800, 500, X, Y, 1500.0, yaw=77.0, pitch=3.0, roll=0.6, f=850.0)


def mountains(seed: int, half: float = 8000.0, cell: float = 25.0) -> Terrain:
    """A basin with jagged mountains around it."""
    rng = np.random.default_rng(seed)
    at = np.arange(-half, half + cell, cell)
    x, y = np.meshgrid(at, at[::-1])
    away, azimuth = np.hypot(x, y), np.arctan2(x, y)
    jags = sum(
        rng.normal(0, 250 / k**0.7) * np.sin(k * azimuth + rng.uniform(0, 6)) for k in range(1, 60)
    )
    heights = 1450 + (900 + jags) * np.exp(-(((away - 4500) / 1500) ** 2))
    return Terrain(heights.astype(np.float32), X - half, Y + half, cell)


class World:
    """Terrain as a `Dem` gives it."""

    def __init__(self, terrain: Terrain) -> None:
        self.terrain, self.cell, self.bounds = terrain, terrain.cell, terrain.bounds

    def read_terrain(self, bounds, cell):
        return self.terrain

    def sample(self, x, y):
        return self.terrain.sample(x, y)


@pytest.fixture(scope="module")
def world():
    return World(mountains(0))


@pytest.fixture(scope="module")
def lines(world):
    return trace_horizon(CAMERA, world)


def rows_of(camera, lines, seed=0, noise=0.5):
    """The skyline of a camera's picture, by halving in every column."""
    low, high = np.full(camera.width, -3000.0), np.full(camera.width, 3000.0)
    for _ in range(30):
        middle = (low + high) / 2
        azimuth, tangent = camera.line_of_sight_angles(
            np.stack([np.arange(camera.width), middle], axis=1)
        )
        sky = tangent > lines.skyline(azimuth)
        low, high = np.where(sky, middle, low), np.where(sky, high, middle)
    rows = low + np.random.default_rng(seed).normal(0, noise, camera.width)
    return np.where((rows > 5) & (rows < camera.height - 5), rows, np.nan)


def lifted(rows, first, last, seed=0):
    """With trees between two columns."""
    trees = np.random.default_rng(seed).uniform(15, 90, len(rows))
    here = (np.arange(len(rows)) >= first) & (np.arange(len(rows)) < last)
    return np.where(here, rows - np.repeat(trees[::8], 8)[: len(rows)], rows)


def lost(camera, **changes):
    """That looks elsewhere."""
    return replace(camera, **{"yaw": 0.0, "pitch": 0.0, "roll": 0.0, **changes})


def turn(one, other):
    return abs((one - other + 180) % 360 - 180)


# --- alone ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "truth",
    [
        CAMERA,
        replace(CAMERA, yaw=359.8, pitch=9.0, roll=-1.5),
        replace(CAMERA, f=4000.0, yaw=210.0, pitch=12.0),
        replace(CAMERA, f=400.0, projection=Projection.CYLINDRICAL, roll=0.0),
    ],
    ids=["webcam", "north", "long lens", "panorama"],
)
def test_the_heading_is_found(truth, lines):
    found = fit_skyline(rows_of(truth, lines), lines, lost(truth, f=truth.f * 1.06))
    assert found.trusted, found.reason
    assert turn(found.camera.yaw, truth.yaw) < 0.1
    assert found.camera.pitch == pytest.approx(truth.pitch, abs=0.1)
    assert found.camera.roll == pytest.approx(truth.roll, abs=0.3)
    assert found.camera.f == pytest.approx(truth.f, rel=0.01)
    assert found.agreeing > 0.9 > found.next_best


@pytest.mark.parametrize("trees", [(400, 800), (200, 600)])
def test_trees_over_half_of_it_do_not_matter(trees, lines):
    rows = lifted(rows_of(CAMERA, lines), *trees)
    found = fit_skyline(rows, lines, lost(CAMERA))
    assert found.trusted, found.reason
    assert turn(found.camera.yaw, CAMERA.yaw) < 0.15
    assert found.camera.pitch == pytest.approx(CAMERA.pitch, abs=0.1)
    assert 0.4 < found.agreeing < 0.65


@pytest.mark.parametrize("seed", range(1, 5))
def test_other_mountains_are_not_believed(seed, lines):
    other = trace_horizon(CAMERA, World(mountains(seed)))
    found = fit_skyline(rows_of(CAMERA, other), lines, lost(CAMERA))
    assert not found.trusted
    assert "control points" in found.reason


def test_mountains_that_repeat_leave_the_heading_open():
    class Waves:
        def skyline(self, azimuth):
            return 0.1 + 0.03 * np.sin(12 * np.asarray(azimuth)) + 0.01 * np.sin(36 * azimuth)

    found = fit_skyline(rows_of(CAMERA, Waves()), Waves(), lost(CAMERA))
    assert not found.trusted
    assert "Another heading" in found.reason


def test_few_columns_are_not_enough(lines):
    rows = rows_of(CAMERA, lines)
    rows[100:] = np.nan
    found = fit_skyline(rows, lines, lost(CAMERA))
    assert not found.trusted
    assert "columns only" in found.reason


def test_a_mountain_that_fills_the_picture_up_has_no_skyline_there():
    u, v = np.meshgrid(np.arange(600), np.arange(400))
    ridge = 260.0 - u  # leaves the picture in column 260
    noise = np.random.default_rng(0).normal(0, 12, (400, 600))
    grey = np.where(v < ridge, 225, 110 + noise)
    picture = np.repeat(np.clip(grey, 0, 255)[..., None], 3, axis=2).astype(np.uint8)
    rows = detect_skyline(picture)
    assert np.isfinite(rows[20:230]).mean() > 0.9
    assert np.nanmax(np.abs(rows[20:230] - ridge[0, 20:230])) < 3
    assert np.isnan(rows[280:]).all()


# --- beside control points --------------------------------------------------------------------


def test_the_places_of_the_skyline_are_drawn_on_it(world, lines):
    places = skyline_point_finder(world)(CAMERA)
    drawn = CAMERA.project(places)
    azimuth, tangent = CAMERA.line_of_sight_angles(drawn)
    inside = np.abs(drawn[:, 0] - CAMERA.cx) < CAMERA.width / 2
    assert inside.sum() > 1000
    off = (np.arctan(tangent) - np.arctan(lines.skyline(azimuth))) * CAMERA.f
    assert np.percentile(np.abs(off[inside]), 95) < 0.3
    assert np.abs(places[:, 2] - world.sample(places[:, 0], places[:, 1])).max() < 1.0


def test_derivatives_of_a_ridge():
    rng = np.random.default_rng(0)
    places = CAMERA.position + CAMERA.pixel_rays(rng.uniform(50, 450, (6, 2))) * 3000
    across = rng.normal(size=(6, 2))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    ridge = SkylineConstraint(places, CAMERA.project(places), across, rng.uniform(1, 4, 6))
    steep = ridge.jacobian(CAMERA, np.arange(8))
    for axis, step in enumerate(1e-4 * np.eye(8)):
        rise = (
            ridge.normalized_residuals(apply_step(CAMERA, step, np.arange(8)))
            - ridge.normalized_residuals(apply_step(CAMERA, -step, np.arange(8)))
        ) / 2e-4
        np.testing.assert_allclose(steep[:, axis], rise, rtol=1e-3, atol=1e-3)


def test_a_ridge_counts_as_knowledge_beforehand():
    """Distances along it are free: places moved along the line change nothing."""
    places = (
        CAMERA.position + CAMERA.pixel_rays([[100, 200], [700, 200], [300, 400], [600, 90]]) * 2000
    )
    sigmas = np.ones(4)
    problem = AdjustmentProblem(
        places, CAMERA.project(places), sigmas, CAMERA.position, np.ones(3), 850.0, 40.0
    )
    level = np.tile([0.0, 1.0], (4, 1))
    along = CAMERA.project(places) + np.array([30.0, 0.0])
    fit = adjust(replace(problem, skyline=SkylineConstraint(places, along, level, sigmas)), CAMERA)
    alone = adjust(problem, CAMERA)
    assert fit is not None
    assert alone is not None
    assert fit.rms == pytest.approx(0, abs=1e-3)
    assert fit.normalized_residuals.shape == alone.normalized_residuals.shape == (8,)
    assert np.trace(fit.prior_information) > np.trace(alone.prior_information)


def noisy_points(world, lines, count, seed):
    """Ground that the camera sees, 1 px and 1 m off."""
    rng = np.random.default_rng(seed)
    pixels = np.array([(120, 190), (680, 210), (400, 330), (300, 200)])[:count]
    azimuth, tangent = CAMERA.line_of_sight_angles(pixels + rng.uniform(-50, 50, (count, 2)))
    distance, _ = lines.intersect(azimuth, tangent)
    x, y = X + np.sin(azimuth) * distance, Y + np.cos(azimuth) * distance
    places = np.stack([x, y, world.sample(x, y)], axis=1)
    seen = CAMERA.project(places) + rng.normal(size=(count, 2))
    places = places + rng.normal(size=(count, 3))
    return [
        ControlPoint(f"P{i}", *map(float, (*uv, *xyz)))
        for i, (uv, xyz) in enumerate(zip(seen, places, strict=True))
    ]


def posed(points, seed, skyline=None):
    place = CAMERA.position + np.random.default_rng(seed).normal(size=3) * (10, 10, 5)
    prior = PosePrior(position=tuple(place), focal=CAMERA.f * 1.04, focal_sigma=0.05)
    return solve_pose(points, (800, 500), epsg=2056, prior=prior, skyline=skyline)


def drawn_off(camera, lines):
    """Median error in pixels of ground all over the picture."""
    pixels = np.stack(np.meshgrid([50, 250, 550, 750], [260, 330, 400]), axis=-1).reshape(-1, 2)
    azimuth, tangent = CAMERA.line_of_sight_angles(pixels)
    distance = np.nan_to_num(lines.intersect(azimuth, tangent)[0], nan=3000.0)[:, None]
    way = np.stack([np.sin(azimuth), np.cos(azimuth), tangent], axis=1)
    places = CAMERA.position + distance * way
    return float(np.median(np.hypot(*(camera.project(places) - CAMERA.project(places)).T)))


def test_the_skyline_helps_few_points(world, lines):
    """Half of it behind trees; over draws, the error all over the picture is clearly smaller."""
    sight = SkylineObservation(lifted(rows_of(CAMERA, lines), 0, 300), skyline_point_finder(world))
    errors, sigmas = [], []
    for seed in range(8):
        points = noisy_points(world, lines, 3, seed)
        both = [posed(points, seed, skyline) for skyline in (None, sight)]
        errors.append([drawn_off(record.camera, lines) for record in both])
        sigmas.append([np.sqrt(record.covariance[4][4]) for record in both])
        assert not [text for text in both[1].warnings if "skyline" in text]
    alone, helped = np.median(errors, axis=0)
    assert helped < 0.75 * alone
    assert np.less(*np.median(sigmas, axis=0)[::-1])


def test_a_skyline_that_does_not_belong_is_left_alone(world, lines):
    points = noisy_points(world, lines, 4, 0)
    other = trace_horizon(CAMERA, World(mountains(3)))
    sight = SkylineObservation(rows_of(CAMERA, other), skyline_point_finder(world))
    alone, found = posed(points, 0), posed(points, 0, sight)
    assert found.camera == alone.camera
    assert "skyline was not used" in " ".join(found.warnings)


def test_no_sky_changes_nothing(world, lines):
    points = noisy_points(world, lines, 4, 1)
    found = posed(points, 1, SkylineObservation(np.full(800, np.nan), skyline_point_finder(world)))
    assert found.camera == posed(points, 1).camera


# --- light ------------------------------------------------------------------------------------

LIGHTS = {  # sky above and at the horizon, far land, near land
    "dusk": ((40, 50, 85), (120, 95, 90), (20, 21, 27), (15, 16, 20)),
    "late dusk": ((14, 17, 30), (34, 36, 48), (12, 12, 15), (9, 9, 12)),
    "haze": ((150, 175, 205), (208, 216, 222), (191, 199, 204), (148, 156, 158)),
    "alpenglow": ((70, 90, 140), (190, 150, 140), (170, 120, 110), (40, 45, 70)),
    "snow": ((190, 192, 196), (205, 207, 210), (240, 242, 246), (150, 152, 158)),
    "noon": ((60, 100, 170), (150, 180, 210), (110, 112, 105), (60, 70, 55)),
}


def lit(light, seed, width=1000, height=640):
    """A photo of two ridges with noise, and the row where the farther one ends."""
    rng = np.random.default_rng(seed)
    across = np.arange(width) / width * 2 * np.pi

    def ridge():
        waves = (rng.normal(0, 50 / k**1.5) * np.sin(k * across + rng.uniform(0, 6))
                 for k in range(1, 80))  # fmt: skip
        return np.clip(sum(waves), -100, 100)

    far, near = 240 + ridge(), 430 + ridge()
    top, horizon, distant, close = (np.array(c, float) for c in LIGHTS[light])
    v = np.arange(height)[:, None]
    share = np.clip(v / 330, 0, 1)[..., None]
    photo = np.broadcast_to(top * (1 - share) + horizon * share, (height, width, 3)).copy()
    rough = rng.normal(size=(height, width, 1)) * 0.04
    photo = np.where((v > far)[..., None], distant * (1 + rough), photo)
    photo = np.where((v > near)[..., None], close * (1 + rough), photo)
    photo = photo + rng.normal(0, 1.2, photo.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), far


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("light", LIGHTS)
def test_the_sky_is_found_in_haze_and_at_dusk(light, seed):
    photo, far = lit(light, seed)
    rows = detect_skyline(photo)
    known = np.isfinite(rows)
    assert known.mean() > 0.7
    assert np.percentile(np.abs(rows - far)[known], 90) < 3


def test_rival_headings_are_named():
    """Mountains that repeat every 30 degrees."""

    class Waves:
        def skyline(self, azimuth):
            return 0.1 + 0.03 * np.sin(12 * np.asarray(azimuth)) + 0.01 * np.sin(36 * azimuth)

    found = fit_skyline(rows_of(CAMERA, Waves()), Waves(), lost(CAMERA))
    named = [float(word) for word in found.reason.split() if word.replace(".", "", 1).isdigit()]
    assert len(named) >= 2
    for heading in named:
        assert abs((heading - CAMERA.yaw + 15) % 30 - 15) < 1, found.reason
    known = fit_skyline(
        rows_of(CAMERA, Waves()), Waves(), lost(CAMERA), heading=80, heading_sigma=4
    )
    assert known.trusted, known.reason
    assert turn(known.camera.yaw, CAMERA.yaw) < 0.2


def test_a_sharp_skyline_weighs_more(world, lines):
    """Over draws, errors all over the picture shrink further where the skylines agree sharply."""
    import core.camera.skyline_adjustment as module

    sight = SkylineObservation(rows_of(CAMERA, lines), skyline_point_finder(world))
    errors, standard = [], []
    for seed in range(5):
        points = noisy_points(world, lines, 4, seed)
        found = posed(points, seed, sight)
        errors.append(drawn_off(found.camera, lines))
        standard.append(drawn_off(posed(points, seed).camera, lines))
        assert abs(found.camera.pitch - CAMERA.pitch) < 4 * np.sqrt(found.covariance[4][4])
    assert np.median(errors) < 0.85 * np.median(standard)
    blurred = np.repeat([0.0, 9.0, 0.0, -9.0], 50)
    assert module._own_weight(blurred) < 12
    assert module._own_weight(np.random.default_rng(0).normal(size=200)) == 40
