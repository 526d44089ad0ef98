"""Cameras of photos that EXIF turns: as displayed, as stored, and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dataset_fixtures import photo, rotated_photo

from core.camera import Camera, CameraRecord, ControlPoint, Projection
from core.camera.record import PointFit
from core.camera.turning import as_displayed, as_stored, turned, turned_back, turned_point
from core.errors import CameraError
from core.image import Image, read_image
from core.mask_image import turn, turn_back
from core.survey.poses import read_pixels

TURNS = (3, 6, 8)
UPRIGHT = Camera(
    *(300, 400, 2_700_000, 1_200_000, 1500),
    **{"yaw": 40, "pitch": 6, "roll": 2.5, "f": 350, "cx": 155.5, "cy": 190, "k1": -0.1},
)
PLACES = np.array(
    [(2_700_300, 1_200_400, 1540), (2_700_500, 1_200_450, 1600), (2_700_280, 1_200_290, 1490)]
)


def upright(orientation: int) -> CameraRecord:
    """The camera of a photo as displayed; of the shape that all turns can have."""
    pixels = UPRIGHT.project(PLACES)
    points = tuple(
        PointFit(ControlPoint(f"P{i}", u + 1.5, v - 0.5, *place), -1.5, 0.5)
        for i, ((u, v), place) in enumerate(zip(pixels, PLACES.tolist(), strict=True))
    )
    covariance = np.diag(np.arange(1.0, 9.0)).tolist()
    return CameraRecord(
        UPRIGHT, 2056, name="a", points=points, covariance=covariance, orientation=orientation
    )


def stored_size(orientation: int) -> tuple[int, int]:
    return (400, 300) if orientation > 4 else (300, 400)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_as_the_photo_is(orientation):
    values = np.arange(7 * 5).reshape(5, 7)
    after = turn(values, orientation)
    assert np.array_equal(turn_back(after, orientation), values)
    for row, col in np.ndindex(values.shape):
        u, v = turned_point(col, row, (7, 5), orientation)
        assert after[v, u] == values[row, col]
        assert turned_back(u, v, after.shape[::-1], orientation) == (col, row)


@pytest.mark.parametrize("orientation", TURNS)
def test_a_turned_camera_sees_the_same(orientation):
    record = upright(orientation)
    size = stored_size(orientation)
    stored = as_stored(record, orientation, size)
    assert (stored.camera.width, stored.camera.height) == size
    assert stored.orientation == 1
    for place, (u, v) in zip(PLACES, stored.camera.project(PLACES), strict=True):
        expected = UPRIGHT.project([place])[0]
        assert turned_point(u, v, size, orientation) == pytest.approx(tuple(expected), abs=1e-6)
    for fit, (u, v) in zip(stored.points, stored.camera.project(PLACES), strict=True):
        assert (fit.point.u + fit.residual_u, fit.point.v + fit.residual_v) == pytest.approx((u, v))
    back = turned(stored, orientation)
    assert back.orientation == orientation
    assert back.camera.roll == pytest.approx(UPRIGHT.roll)
    assert replace(back, camera=UPRIGHT, points=()) == replace(record, points=())
    assert [fit.point.u for fit in back.points] == pytest.approx([f.point.u for f in record.points])


@pytest.mark.parametrize("orientation", TURNS)
def test_camera_files_of_earlier_versions_are_told_apart(orientation):
    """They name no orientation: those of the plugin are of the photo as stored, others not."""
    size = stored_size(orientation)
    old_core = upright(1)
    old_plugin = as_stored(upright(orientation), orientation, size)
    for record in (old_core, old_plugin, upright(orientation)):
        shown = as_displayed(record, orientation)
        assert shown.camera.roll == pytest.approx(UPRIGHT.roll)
        assert shown.orientation == orientation
        kept = as_stored(record, orientation, size)
        assert kept.camera == old_plugin.camera or kept.camera.roll == pytest.approx(
            old_plugin.camera.roll
        )
        assert (kept.camera.width, kept.camera.height) == size


def test_without_a_turn_nothing_changes():
    record = upright(1)
    assert as_displayed(record, 1) is record
    assert as_stored(record, 1, (300, 400)) is record


def test_the_orientation_is_kept_in_the_file_only_where_there_is_one(tmp_path):
    assert "orientation" not in upright(1).to_json()
    upright(6).write(tmp_path / "camera.json")
    assert CameraRecord.read(tmp_path / "camera.json").orientation == 6
    with pytest.raises(CameraError, match="orientation 9 is not 1 to 8"):
        CameraRecord.from_json({**upright(1).to_json(), "orientation": 9})


def test_mirrored_photos_and_turned_panoramas_are_refused():
    with pytest.raises(CameraError, match=r"mirrored \(EXIF orientation 5\)"):
        turned(upright(1), 5)
    flat = replace(UPRIGHT, projection=Projection.CYLINDRICAL, k1=0)
    with pytest.raises(CameraError, match="panorama"):
        turned(CameraRecord(flat, 2056), 6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_outlines_lie_in_qgis_where_it_shows_the_photo(tmp_path, orientation):
    image = read_image(rotated_photo(tmp_path / "a.png", orientation))
    a, b, c, d, e, f = image.qgis_transform
    stored = turn_back(image.pixels, orientation)
    assert np.array_equal(stored, photo())
    height, width = stored.shape[:2]
    for row, col in [(0, 0), (3, 5), (height - 1, width - 1)]:
        u, v = turned_point(col, row, (width, height), orientation)
        x, y = a * (u + 0.5) + b * (v + 0.5) + c, d * (u + 0.5) + e * (v + 0.5) + f
        assert (x, y) == pytest.approx((col + 0.5, -row - 0.5))
    plain = Image(photo(), tmp_path, None, None)
    assert plain.qgis_transform == (1, 0, 0, 0, -1, 0)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_camera_worker_sees_photos_as_qgis_does(tmp_path, orientation):
    path = rotated_photo(tmp_path / "a.png", orientation)
    stored = Camera(16, 12, 0, 0, 0, yaw=0, pitch=0, roll=0, f=20)
    assert np.array_equal(read_pixels(str(path), stored), photo())
    if orientation > 4:
        shown = replace(stored, width=12, height=16, cx=5.5, cy=7.5)
        assert np.array_equal(read_pixels(str(path), shown), read_image(path).pixels)
    with pytest.raises(CameraError, match=r"16 x 12|12 x 16"):
        read_pixels(str(path), replace(stored, width=17))
