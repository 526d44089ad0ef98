"""Saved cameras: in the project, and in a file."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from qgis.PyQt.QtCore import QDate


@pytest.fixture
def library(plugin, project, tmp_path):
    from avalanche_iseg_qgis.camera import library

    library.FILE.set(str(tmp_path / "cameras.json"))
    return library.CameraLibrary()


def camera(name, width=1200, height=800):
    from avalanche_iseg_qgis.core.camera import Camera, CameraRecord, ControlPoint, PointFit

    pose = Camera(width, height, 2.7e6, 1.1e6, 1500.0, 10.0, 2.0, 0.0, 1300.0)
    point = ControlPoint("1", 599.5, 100.0, 2.7e6, 1.11e6, 1600.0)
    fit = PointFit(point, 1.0, -2.0, 3.0, 4.0)
    return CameraRecord(pose, 2056, name=name, points=[fit], rms_px=2.0, covariance=np.eye(8))


def test_same_size_before_same_shape(library):
    for name, size in (("a", (600, 400)), ("b", (1200, 800)), ("c", (800, 800))):
        library.save(camera(name, *size))
    assert [record.name for record in library.cameras_for(1200, 800)] == ["b", "a"]


def test_one_of_a_name(library):
    library.save(camera("hut"))
    library.save(replace(camera("hut"), epsg=32632))
    assert [record.epsg for record in library.of_project] == [32632]


def test_shared_in_a_file(library, tmp_path):
    library.share(camera("hut"))
    library.share(camera("roof"))
    assert [record.name for record in library.of_file] == ["hut", "roof"]
    content = json.loads((tmp_path / "cameras.json").read_text())
    assert content[0]["f_px"] == 1300.0
    library.save(replace(camera("hut"), author="me"))
    found = {record.name: record.author for record in library.cameras_for(1200, 800)}
    assert found == {"hut": "me", "roof": ""}


def test_damaged_file(library, tmp_path):
    from avalanche_iseg_qgis.core.errors import CameraError

    (tmp_path / "cameras.json").write_text("{")
    with pytest.raises(CameraError, match=r"cameras\.json"):
        library.share(camera("hut"))
    assert (tmp_path / "cameras.json").read_text() == "{"


@pytest.mark.parametrize(
    "content",
    [b"", b"5", b"[5]", b'{"a": 1}', b"[{}]", b"\xff\xfe", b"[" * 3000, b'[{"f_px": "x"}]', None],
)
def test_library_files_of_any_content(library, tmp_path, content):
    from avalanche_iseg_qgis.core.errors import CameraError

    path = tmp_path / "cameras.json"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    for use in (lambda: library.of_file, lambda: library.cameras_for(1200, 800)):
        with pytest.raises(CameraError, match=r"\w"):
            use()


def test_for_a_photo_of_another_size(library):
    from avalanche_iseg_qgis.core.camera.resizing import resized
    from avalanche_iseg_qgis.core.errors import CameraError

    record = camera("hut")
    half = resized(record, 600, 400)
    place = [[2.7001e6, 1.101e6, 1550.0]]
    (whole,), (small,) = record.camera.project(place), half.camera.project(place)
    assert (small + 0.5) * 2 == pytest.approx(whole + 0.5)
    (fit,) = half.points
    assert (fit.point.u, fit.point.v) == pytest.approx((299.5, 49.75))
    assert fit.residual_v == -1
    assert half.rms_px == 1
    assert half.covariance[6][6] == 0.25
    assert resized(record, 1200, 800) is record
    with pytest.raises(CameraError, match="shape"):
        resized(record, 1200, 900)


def test_details_stay_when_the_camera_is_posed_anew(library, tmp_path):
    from avalanche_iseg_qgis import settings
    from avalanche_iseg_qgis.camera.gui.details import CameraDetailsDialog
    from avalanche_iseg_qgis.camera.pose_draft import description_of

    settings.AUTHOR.set("Anna")
    dialog = CameraDetailsDialog(camera("hut"), str(tmp_path))
    assert dialog.values() == {
        "author": "Anna",
        "valid_from": "",
        "valid_to": "",
        "foreground": "",
    }
    dialog.valid_from.setDate(QDate(2026, 11, 1))
    dialog.foreground.setFilePath(str(tmp_path / "roof.png"))
    record = replace(camera("hut"), **dialog.values())
    assert record.valid_from == "2026-11-01"
    again = CameraDetailsDialog(record, str(tmp_path))
    assert again.values() == dialog.values()
    again.valid_from.clear()
    assert again.values()["valid_from"] == ""
    anew = replace(camera(""), **description_of(record))
    assert (anew.name, anew.author, anew.valid_from) == ("hut", "Anna", "2026-11-01")
    assert type(record).from_json(record.to_json()).foreground == str(tmp_path / "roof.png")


def test_a_posed_camera_of_this_shape_is_offered(library):
    from avalanche_iseg_qgis.camera.pose_draft import PoseDraft
    from avalanche_iseg_qgis.camera.pose_quality import next_step

    fresh = PoseDraft("tomorrow.jpg", 1200, 800)
    assert "hut" in next_step(fresh, 4, ["hut", "roof"])
    assert "hut" not in next_step(PoseDraft(), 4, ["hut"])
    assert "hut" not in next_step(replace(fresh, record=camera("hut")), 4, ["hut"])
