"""Conventions of cameras, against OpenCV and by hand."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.camera import Camera, CameraRecord, Projection
from core.camera.camera import angles_from_rotation, rotation_from_angles
from core.camera.refraction import curvature_drop
from core.errors import CameraError

POSE = {"x": 2_700_000.0, "y": 1_150_000.0, "z": 1500.0, "yaw": 123.0, "pitch": 5.0, "roll": -3.0}


def camera(**changes) -> Camera:
    return replace(Camera(1920, 1080, **POSE, f=1500.0, k1=-0.12, k2=0.03), **changes)


def ahead(cam: Camera, count: int = 500) -> np.ndarray:
    """Places in front of a camera, 200 to 8000 m away."""
    rng = np.random.default_rng(3)
    depth = rng.uniform(200, 8000, count)
    across, down = rng.uniform(-0.6, 0.6, (2, count))
    rays = np.stack([across * depth, down * depth * 0.6, depth], axis=1)
    return cam.position + rays @ cam.rotation_matrix()


def test_pixels_are_those_of_opencv():
    cam = camera()
    places = ahead(cam)
    offset = places - cam.position
    offset[:, 2] -= curvature_drop(np.hypot(offset[:, 0], offset[:, 1]))
    lens = np.array([[cam.f, 0, cam.cx], [0, cam.f, cam.cy], [0, 0, 1]])
    turn, _ = cv2.Rodrigues(cam.rotation_matrix())
    expected, _ = cv2.projectPoints(offset, turn, np.zeros(3), lens, np.array([-0.12, 0.03, 0, 0]))
    np.testing.assert_allclose(cam.project(places), expected[:, 0], atol=1e-6)


def test_axes_by_hand():
    level = rotation_from_angles(90, 0, 0)  # looks east: right is south, down is down
    np.testing.assert_allclose(level, [[0, -1, 0], [0, 0, -1], [1, 0, 0]], atol=1e-12)
    assert rotation_from_angles(0, 10, 0)[2, 2] > 0  # pitch up
    rolled = rotation_from_angles(0, 0, 10)  # clockwise seen from behind: the right side sinks
    assert rolled[0, 2] < 0
    for angles in ((0.0, 0.0, 0.0), (123.0, 5.0, -3.0), (359.0, -40.0, 20.0)):
        np.testing.assert_allclose(
            angles_from_rotation(rotation_from_angles(*angles)), angles, atol=1e-9
        )


def test_picture_centre_and_pixel_centres():
    cam = camera(k1=0.0, k2=0.0, refraction=1.0)
    assert (cam.cx, cam.cy) == (959.5, 539.5)
    (pixel,) = cam.project([cam.position + 1000 * cam.rotation_matrix()[2]])
    np.testing.assert_allclose(pixel, (959.5, 539.5), atol=1e-6)


@pytest.mark.parametrize("k1", [-0.3, -0.12, 0.0, 0.2])
def test_rays_undo_drawing(k1):
    cam = camera(k1=k1, k2=0.0)
    pixels = np.random.default_rng(0).uniform((0, 0), (1919, 1079), (400, 2))
    back = cam.project_rays(cam.pixel_rays(pixels) @ cam.rotation_matrix().T)
    drawn = np.isfinite(back[:, 0])  # a lens that folds draws nothing in its corners
    assert drawn.mean() > 0.9
    np.testing.assert_allclose(back[drawn], pixels[drawn], atol=1e-8)


def test_far_off_points_do_not_fold_into_the_picture():
    cam = camera(k1=-0.3, k2=0.0)
    beside = cam.position + np.array([[3.0, 0, 1.0]]) @ cam.rotation_matrix() * 1000
    assert np.isnan(cam.project(beside)).all()
    behind = cam.position - 1000 * cam.rotation_matrix()[2]
    assert np.isnan(cam.project([behind])).all()


def test_panorama_goes_round():
    cam = Camera(4000, 700, **POSE, f=4000 / (2 * np.pi), projection=Projection.CYLINDRICAL)
    pixels = np.random.default_rng(0).uniform((0, 0), (3999, 699), (400, 2))
    np.testing.assert_allclose(
        cam.project_rays(cam.pixel_rays(pixels) @ cam.rotation_matrix().T), pixels, atol=1e-8
    )
    azimuth, _ = replace(cam, pitch=0.0, roll=0.0).line_of_sight_angles([[cam.cx + 1000, 0.0]])
    assert np.degrees(azimuth[0]) % 360 == pytest.approx((123 + 90) % 360)
    with pytest.raises(CameraError, match="distortion"):
        replace(cam, k1=0.1)


def test_curvature_and_refraction():
    assert curvature_drop(5000.0) == pytest.approx(1.71, abs=0.01)
    assert curvature_drop(10_000.0) == pytest.approx(6.83, abs=0.01)


def test_other_sizes_and_crops_of_the_same_view():
    cam = camera()
    places = ahead(cam)
    pixels = cam.project(places)
    half = cam.resized(960, 540).project(places)
    np.testing.assert_allclose(half, (pixels + 0.5) / 2 - 0.5, atol=1e-6)
    part = cam.cropped(300, 200, 800, 600).project(places)
    np.testing.assert_allclose(part, pixels - (300, 200), atol=1e-9)
    with pytest.raises(CameraError, match="another shape"):
        cam.resized(960, 720)


def test_record_survives_its_file(tmp_path):
    record = CameraRecord(camera(), 2056, name="Hütte", covariance=np.eye(8).tolist())
    record.write(tmp_path / "camera.json")
    assert CameraRecord.read(tmp_path / "camera.json") == record


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"epsg": 2056, "width": "wide"}'])
def test_what_is_no_camera_is_refused(tmp_path, content):
    path = tmp_path / "camera.json"
    path.write_text(content)
    with pytest.raises(CameraError):
        CameraRecord.read(path)
    with pytest.raises(CameraError):
        CameraRecord.read(tmp_path / "none.json")
