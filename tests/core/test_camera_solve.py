"""Poses from control points: right where the points are, plain about what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.camera import Camera, ControlPoint, Projection
from core.camera.ray_casting import cast_rays
from core.camera.resection import PosePrior, solve_pose
from core.errors import CameraError

SIZE = (1600, 1000)
TRUTH = Camera(*SIZE, 2_700_000.0, 1_150_000.0, 1500.0, 123.0, 4.0, -1.0, 2400.0, k1=-0.05)
PRIOR = PosePrior(position=(2_700_006.0, 1_149_995.0, 1502.0))


def ground(x, y):
    """Hills that rise away from the camera."""
    east, north = np.asarray(x) - TRUTH.x, np.asarray(y) - TRUTH.y
    away = np.hypot(east, north)
    hills = 60 * np.sin(east / 300) * np.sin(north / 370)
    return 1420 + 0.12 * away + 2.2e-5 * away**2 + hills * np.minimum(away / 1500, 1)


def points(count=8, seed=1, pixel=1.0, metre=1.0, camera=TRUTH) -> list[ControlPoint]:
    """On the ground that a camera sees, with noise; spread over the picture."""
    rng = np.random.default_rng(seed)
    seen = np.zeros((0, 3))
    while len(seen) < count:
        pixels = rng.uniform((30, 100), (SIZE[0] - 30, SIZE[1] - 30), (4 * count, 2))
        hits = cast_rays([camera] * len(pixels), pixels, ground)
        away = np.hypot(*(hits - camera.position)[:, :2].T)
        seen = np.concatenate([seen, hits[(away > 700) & (away < 5000)]])
    places = seen[:count]
    drawn = camera.project(places) + rng.normal(0, pixel, (count, 2))
    places = places + rng.normal(0, metre, (count, 3))
    return [
        ControlPoint(f"P{index}", *pixel, *place)
        for index, (pixel, place) in enumerate(zip(drawn.tolist(), places.tolist(), strict=True))
    ]


def turn(first: Camera, second: Camera) -> float:
    """Angle between two cameras, degrees."""
    between = first.rotation_matrix() @ second.rotation_matrix().T
    return float(np.degrees(np.arccos(min(1.0, (np.trace(between) - 1) / 2))))


def test_exact_points_give_the_exact_pose():
    record = solve_pose(points(10, pixel=0, metre=0), SIZE, epsg=2056)
    assert np.linalg.norm(record.camera.position - TRUTH.position) < 0.5
    assert turn(record.camera, TRUTH) < 0.01
    assert record.camera.f == pytest.approx(TRUTH.f, rel=1e-3)
    assert record.rms_px < 0.05


def test_over_many_draws():
    """8 points, 1 px, 1 m, about 2 km away: angles within 0.05 degrees (medians)."""
    away, angles = [], []
    rng = np.random.default_rng(4)
    for seed in range(25):
        start = tuple(TRUTH.position + rng.normal(size=3) * (10, 10, 5))
        camera = solve_pose(
            points(seed=seed), SIZE, epsg=2056, prior=PosePrior(position=start)
        ).camera
        away.append(np.linalg.norm(camera.position - TRUTH.position))
        angles.append([camera.yaw - TRUTH.yaw, camera.pitch - TRUTH.pitch])
    assert np.median(away) < 8
    assert np.median(np.abs(angles), axis=0).max() < 0.05


def test_covariance_covers_the_truth():
    """Shares of draws inside the 68 % and 95 % regions of position and angles."""
    inside = []
    rng = np.random.default_rng(5)
    for seed in range(60):
        start = tuple(TRUTH.position + rng.normal(size=3) * (10, 10, 5))
        record = solve_pose(
            points(seed=100 + seed), SIZE, epsg=2056, prior=PosePrior(position=start)
        )
        spread, found = np.array(record.covariance), record.camera
        missed = np.array(
            [
                *(found.position - TRUTH.position),
                *(getattr(found, n) - getattr(TRUTH, n) for n in ("yaw", "pitch", "roll")),
            ]
        )
        inside += [
            missed[part] @ np.linalg.solve(spread[part, part], missed[part])
            for part in (slice(0, 3), slice(3, 6))
        ]
    # chi square of 3 degrees of freedom
    assert 0.55 < np.mean(np.array(inside) < 3.506) < 0.9
    assert np.mean(np.array(inside) < 7.815) > 0.88


def test_position_unknown_and_focal_known():
    record = solve_pose(points(6), SIZE, epsg=2056, prior=PosePrior(focal=2500.0))
    assert np.linalg.norm(record.camera.position - TRUTH.position) < 60
    three = solve_pose(points(3), SIZE, epsg=2056, prior=replace(PRIOR, focal=2450.0))
    assert turn(three.camera, TRUTH) < 1.0


def test_heights_from_the_terrain_and_errors_on_the_map():
    given = [replace(point, z=None) for point in points(10, metre=0)]
    prior = PosePrior(
        position=(TRUTH.x, TRUTH.y), height_above_ground=1500 - float(ground(*TRUTH.position[:2]))
    )
    record = solve_pose(given, SIZE, epsg=2056, terrain=ground, prior=prior)
    assert record.loo_rms_px < 6
    assert record.loo_map_median_m < 40
    assert record.loo_map_p90_m >= record.loo_map_median_m
    assert all(fit.loo_px is not None for fit in record.points)


@pytest.mark.parametrize("fault", ["pixel", "place"])
def test_a_wrong_point_is_named_and_does_no_harm(fault):
    given = points(9)
    change = {"u": given[4].u - 150} if fault == "pixel" else {"x": given[4].x + 500}
    given[4] = replace(given[4], **change)
    record = solve_pose(given, SIZE, epsg=2056, prior=PRIOR)
    assert [fit.point.name for fit in record.points if fit.suspect] == ["P4"]
    assert any("P4" in text for text in record.warnings)
    assert turn(record.camera, TRUTH) < 0.3


def test_honest_noise_loses_no_points():
    for seed in range(5):
        record = solve_pose(points(11, seed=seed, pixel=13.0), SIZE, epsg=2056, prior=PRIOR)
        assert not any("left out" in text for text in record.warnings)
        assert record.rms_px < 25


def test_panorama():
    size = (4000, 700)
    truth = Camera(
        *size, 2_700_000, 1_150_000, 1500, 40, 0, 0, 1200, projection=Projection.CYLINDRICAL
    )
    rng = np.random.default_rng(2)
    azimuth, away = rng.uniform(-1.5, 1.5, 9) + np.radians(40), rng.uniform(500, 4000, 9)
    places = np.stack(
        [truth.x + away * np.sin(azimuth), truth.y + away * np.cos(azimuth),
         1500 + away * rng.uniform(-0.2, 0.2, 9)], axis=1
    )  # fmt: skip
    given = [
        ControlPoint(str(i), *uv, *xyz)
        for i, (uv, xyz) in enumerate(zip(truth.project(places), places, strict=True))
    ]
    record = solve_pose(given, size, epsg=2056, projection=Projection.CYLINDRICAL, prior=PRIOR)
    assert record.camera.f == pytest.approx(1200, rel=0.01)
    assert turn(record.camera, truth) < 0.2


def refused(given, match, **options) -> None:
    with pytest.raises(CameraError, match=match):
        solve_pose(given, SIZE, **{"epsg": 2056, **options})


def test_refusals_say_what_is_wrong():
    good = points(6)
    refused(good[:3], "3 control points are in use")
    refused([replace(p, name="A") for p in good], "name of its own")
    refused([replace(p, u=p.v, v=p.u) for p in good], "exchanged|outside of the photo")
    refused([replace(p, u=p.u + 5000) for p in good], "outside of the photo")
    refused([replace(p, x=p.y, y=p.x) for p in good], "exchanged")
    refused([replace(p, x=7.5 + i / 100, y=46.9 + i / 50) for i, p in enumerate(good)], "degrees")
    refused([replace(p, z=p.z / 0.3048) for p in good], "feet", terrain=ground)
    refused([replace(p, z=None) for p in good], "no z")
    refused([replace(p, v=500.0 + p.u / 10) for p in good], "one line in the photo")
    refused(good, "longitude and latitude", epsg=4326)
    refused(good, "stretches", epsg=3857)
    refused([*good[:3], replace(good[0], name="again")], "Only 3 of the control points")


def test_the_same_point_twice_is_told():
    good = points(6)
    record = solve_pose([*good, replace(good[0], name="again", u=good[0].u + 1)], SIZE, epsg=2056)
    (text,) = [text for text in record.warnings if "same place" in text]
    assert "again" in text


def test_dem_that_does_not_cover():
    def nowhere(x, y):
        return np.full(np.shape(x), np.nan)

    refused([replace(p, z=None) for p in points(6)], "does not cover", terrain=nowhere)


def test_poor_poses_are_said_to_be_poor():
    corner = [p for p in points(60) if p.u < 300 and p.v < 700][:5]
    record = solve_pose(corner, SIZE, epsg=2056)
    assert any("cover" in text for text in record.warnings)
