"""Lenses: directions to pixels and back, against OpenCV; solved and mapped as well as pinholes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.camera import Camera, CameraRecord, ControlPoint, PosePrior, Projection, solve_pose
from core.camera.jacobian import apply_step, projection_jacobian
from core.camera.turning import turned
from core.errors import CameraError
from core.projection.range_map import _block_angles, _undistortion_table

SIZE = (1600, 1000)
LENSES = {
    "k1": {"k1": -0.12},
    "k1 to k3": {"k1": -0.21, "k2": 0.09, "k3": -0.02},
    "tangential": {"p1": 0.002, "p2": -0.0035},
    "all": {"k1": -0.11, "k2": 0.05, "k3": -0.01, "p1": -0.0015, "p2": 0.0012},
    "barrel": {"k1": 0.08, "k3": 0.01, "p1": 0.001, "cx": 813.2, "cy": 488.7},
}
KINDS = {
    "pinhole": {"f": 1300.0, "k1": -0.11, "k2": 0.05, "k3": -0.01, "p1": -0.0015, "p2": 0.0012},
    "cylindrical": {"f": 500.0},
    "equirectangular": {"f": 1600 / (2 * np.pi)},
    "fisheye": {"f": 480.0, "k1": -0.02, "k2": 0.003},
}


def camera(kind="pinhole", **more) -> Camera:
    values = {**KINDS[kind], **more}
    return Camera(*SIZE, 0, 0, 1500, 20, 3, -2, projection=Projection(kind), **values)


def rays_before(count=400, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack(
        [rng.uniform(-0.6, 0.6, count), rng.uniform(-0.4, 0.4, count), np.ones(count)], axis=1
    ) * rng.uniform(0.5, 20, (count, 1))


@pytest.mark.parametrize("lens", LENSES)
def test_a_distorted_pinhole_is_opencvs(lens):
    values = {"cx": 799.5, "cy": 499.5, **LENSES[lens]}
    seen, rays = (
        camera(**{**dict.fromkeys(("k1", "k2", "k3", "p1", "p2"), 0.0), **values}),
        rays_before(),
    )
    matrix = np.array([[seen.f, 0, seen.cx], [0, seen.f, seen.cy], [0, 0, 1]])
    terms = np.array([seen.k1, seen.k2, seen.p1, seen.p2, seen.k3])
    expected, _ = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), matrix, terms)
    assert seen.project_rays(rays) == pytest.approx(expected[:, 0], abs=1e-6)


def test_a_fisheye_is_opencvs():
    seen, rays = camera("fisheye", k3=0.001), rays_before()
    matrix = np.array([[seen.f, 0, seen.cx], [0, seen.f, seen.cy], [0, 0, 1]])
    terms = np.array([seen.k1, seen.k2, seen.k3, 0.0])
    expected, _ = cv2.fisheye.projectPoints(rays[:, None], np.zeros(3), np.zeros(3), matrix, terms)
    assert seen.project_rays(rays) == pytest.approx(expected[:, 0], abs=1e-6)


def test_an_equirectangular_panorama_has_angles():
    seen = camera("equirectangular", f=100.0)
    rays = [(1, 0, 0), (0, -1, 1), (-1, 0, -1e-9), (0, 1, np.sqrt(3))]
    quarter = 100 * np.pi / 2
    expected = [(quarter, 0), (0, -quarter / 2), (-quarter, 0), (0, quarter / 3)]
    found = seen.project_rays(np.array(rays, float)) - (seen.cx, seen.cy)
    assert found == pytest.approx(np.array(expected), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_go_to_rays_and_back(kind):
    seen = camera(kind)
    v, u = np.mgrid[0 : SIZE[1] : 37, 0 : SIZE[0] : 41]
    pixels = np.stack([u.ravel(), v.ravel()], axis=1).astype(float)
    rays = seen.camera_rays(pixels)
    known = np.isfinite(rays).all(axis=1)
    assert known.mean() > 0.6
    assert seen.project_rays(rays[known] * 7) == pytest.approx(pixels[known], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_range_map_looks_along_the_same_rays(kind):
    seen = camera(kind)
    rows, cols = slice(100, 180), slice(700, 900)
    azimuth, tangent = _block_angles(seen, _undistortion_table(seen), rows, cols)
    v, u = np.mgrid[rows, cols]
    expected = seen.line_of_sight_angles(np.stack([u.ravel(), v.ravel()], axis=1))
    assert azimuth.ravel() == pytest.approx(expected[0], abs=2e-6)
    assert tangent.ravel() == pytest.approx(expected[1], rel=1e-5, abs=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_those_of_the_projection(kind):
    seen = camera(kind)
    points = seen.position + 1000 * rays_before(30) @ seen.rotation_matrix()
    lens = [] if seen.projection.is_panorama else [7, 10]
    chosen = np.array(sorted([*range(7), 8, 9, *lens]))
    found = projection_jacobian(seen, points, chosen)
    for index, step in enumerate(np.eye(len(chosen)) * 1e-5):
        ahead, behind = (apply_step(seen, way * step, chosen) for way in (1, -1))
        change = ahead.project(points) - behind.project(points)
        assert found[:, :, index] == pytest.approx(change / 2e-5, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("place", [True, False])
@pytest.mark.parametrize("kind", ["equirectangular", "fisheye", "cylindrical"])
def test_wide_views_are_solved(kind, seed, place):
    truth = replace(camera(kind), x=2_700_000.0, y=1_150_000.0)
    rng = np.random.default_rng(seed)
    pixels = rng.uniform((250, 350), (1350, 800), (12, 2))
    azimuth, tangent = truth.line_of_sight_angles(pixels)
    away = rng.uniform(400, 3000, 12)
    places = truth.position + away[:, None] * np.stack(
        [np.sin(azimuth), np.cos(azimuth), tangent], axis=1
    )
    pixels = truth.project(places) + rng.normal(0, 0.3, (12, 2))
    points = [
        ControlPoint(str(i), *uv, *xyz)
        for i, (uv, xyz) in enumerate(zip(pixels.tolist(), places.tolist(), strict=True))
    ]
    prior = PosePrior(position=(truth.x + 5, truth.y - 4, 1502.0)) if place else None
    found = solve_pose(points, SIZE, epsg=2056, prior=prior, projection=truth.projection)
    assert found.rms_px < 1
    assert np.linalg.norm(found.camera.position - truth.position) < 10
    assert abs((found.camera.yaw - truth.yaw + 180) % 360 - 180) < 0.3
    assert found.camera.f == pytest.approx(truth.f, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_a_camera_file_keeps_the_lens(kind, tmp_path):
    record = CameraRecord(camera(kind), 2056)
    record.write(tmp_path / "camera.json")
    assert CameraRecord.read(tmp_path / "camera.json").camera == record.camera


def test_a_plain_lens_writes_what_it_always_did():
    plain = CameraRecord(camera(k3=0.0, p1=0.0, p2=0.0), 2056).to_json()
    assert not {"k3", "p1", "p2"} & set(plain)


def test_panoramas_have_no_distortion():
    with pytest.raises(CameraError, match="p1"):
        camera("equirectangular", p1=0.01)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_photo_keeps_its_lens(orientation):
    """A place that the stored photo shows is shown by the displayed one at the turned pixel."""
    from core.camera.turning import turned_point

    seen = camera(cx=790.0, cy=510.0)
    after = turned(CameraRecord(seen, 2056), orientation).camera
    places = seen.position + 1000 * rays_before(20) @ seen.rotation_matrix()
    expected = [turned_point(*uv, SIZE, orientation) for uv in seen.project(places)]
    assert after.project(places) == pytest.approx(np.array(expected), abs=1e-6)
