"""Error ellipses hold the share of points that they should, whatever the noise is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ray_caster import camera_of, hit, mountainside, with_noise

from core.camera import CameraRecord, ControlPoint, PosePrior, solve_pose
from core.camera.accuracy import INSIDE_68, INSIDE_95, coverage, height_sigma
from core.camera.resizing import resized
from core.commands import main
from core.projection import compute_viewshed
from core.projection.uncertainty import point_covariance
from core.terrain.noise import estimate_noise, without_noise

TERRAIN = mountainside(10.0)
VIEWS = {
    name: replace(camera_of(TERRAIN, name, 600, 480), f=500.0, roll=1.0, k1=-0.03)
    for name in ("good", "mid")
}


def places(camera, count, random):
    pixels = random.uniform((10, 10), (590, 470), (count * 4, 2))
    ground = hit(TERRAIN, camera, pixels)
    known = np.isfinite(ground[:, 0]) & (np.hypot(*(ground - camera.position)[:, :2].T) > 80)
    return pixels[known][:count], ground[known][:count]


def posed(view, sigma, noise, seed, count=10):
    """A camera solved from points with errors of sigma pixels, over a DEM with noise, metres."""
    random, camera = np.random.default_rng(seed), VIEWS[view]
    pixels, ground = places(camera, count, random)
    pixels = pixels + random.normal(0, sigma, pixels.shape)
    points = [
        ControlPoint(f"p{i}", *pixel, *place)
        for i, (pixel, place) in enumerate(zip(pixels.tolist(), ground.tolist(), strict=True))
    ]
    dem = with_noise(TERRAIN, noise, seed)
    prior = PosePrior(
        position=tuple(camera.position + random.normal(0, 1, 3) * (10, 10, 5)), focal=500.0
    )
    smooth = without_noise(dem, estimate_noise(dem))
    record = solve_pose(points, (600, 480), epsg=2056, terrain=smooth, prior=prior)
    return record, dem, random


CASES = [
    (view, sigma, noise, 10 * seed + i)
    for seed in range(3)
    for i, (view, sigma, noise) in enumerate(
        [("good", 1.0, 0.3), ("mid", 2.0, 3.0), ("good", 4.0, 1.0), ("mid", 5.0, 0.5)]
    )
]


@pytest.fixture(scope="module")
def solved():
    return [posed(*case) for case in CASES]


def test_left_out_points_lie_in_their_ellipses(solved):
    ratios = np.array([fit.loo_sigmas for record, _, _ in solved for fit in record.points], float)
    inside, within = coverage(ratios)
    assert 0.60 <= inside <= 0.82  # of 120 points: 4 % is one sigma
    assert 0.90 <= within <= 1.0


def test_ellipses_on_the_map_hold_other_points(solved):
    squares = []
    for (view, sigma, *_), (record, dem, random) in zip(CASES, solved, strict=True):
        viewshed = compute_viewshed(record, dem)
        pixels, ground = places(VIEWS[view], 12, random)
        pixels = pixels + random.normal(0, sigma, pixels.shape)
        found = viewshed.range_map.unproject(pixels)
        known = np.isfinite(found[:, 0])
        error = (found - ground)[known, :2, None]
        covariance = point_covariance(found[known], viewshed)
        squares += list((error * np.linalg.solve(covariance, error)).sum(axis=(1, 2)))
    ratios = np.sqrt(squares)
    assert 0.56 <= np.mean(ratios < INSIDE_68) <= 0.80
    assert 0.86 <= np.mean(ratios < INSIDE_95) <= 0.99


def test_the_sigma_of_marks_follows_the_residuals(solved):
    found = {}
    for (_, sigma, *_), (record, _, _) in zip(CASES, solved, strict=True):
        found.setdefault(sigma, []).append(record.sigma_px)
    middle = [np.median(found[sigma]) for sigma in sorted(found)]
    assert middle == sorted(middle)
    for sigma, value in zip(sorted(found), middle, strict=True):
        assert value == pytest.approx(sigma, rel=0.6)


def test_it_is_that_of_the_size_of_the_photo(solved):
    record = solved[0][0]
    assert resized(record, 1200, 960).sigma_px == pytest.approx(2 * record.sigma_px)


def test_heights_of_points_tell_of_the_dem():
    random = np.random.default_rng(0)
    assert height_sigma(random.normal(0, 4, 60), 0.0) == pytest.approx(4, rel=0.25)
    masts = np.concatenate([random.normal(0, 1.5, 40), [12.0, 25.0, 9.0]])
    assert height_sigma(masts, 0.0) == pytest.approx(1.6, rel=0.3)
    assert height_sigma(random.normal(0, 1, 60), 1.0) < 0.8  # which is smoothed away
    assert height_sigma(np.array([np.nan, 30.0]), 0.0) == pytest.approx(0.3)


def test_few_points_tell_no_shares():
    assert coverage(np.array([1.0, 2.0, np.nan, np.nan, 1.0])) is None
    assert coverage(np.array([1.0, 1.0, 2.0, 9.0])) == (0.5, 0.75)


def test_check_says_it(solved, tmp_path, capsys):
    record = solved[1][0]
    record.write(tmp_path / "camera.json")
    assert CameraRecord.read(tmp_path / "camera.json").points == record.points
    assert main(["camera", "check", str(tmp_path / "camera.json")]) == 0
    out = capsys.readouterr().out
    assert "of left-out points lie inside the 68 % ellipse" in out
    assert main(["camera", "check", str(tmp_path / "camera.json"), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    expected = coverage(np.array([fit.loo_sigmas for fit in record.points], float))
    assert (content["left_out"]["inside_68"], content["left_out"]["inside_95"]) == expected
    few = replace(record, points=record.points[:3])
    few.write(tmp_path / "few.json")
    assert main(["camera", "check", str(tmp_path / "few.json")]) == 0
    assert "too few left-out points" in capsys.readouterr().out
