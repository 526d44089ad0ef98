"""Points and cameras from files of other programs, and what the Camera dock says and keeps."""

from __future__ import annotations

from dataclasses import replace

import hills
import numpy as np
import pytest
import scenery
from hills import PLACES
from operating import Operator
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QFileDialog
from waiting import wait_until

WIDTH, HEIGHT = 1200, 800


@pytest.fixture(scope="module")
def truth():
    return hills.camera(WIDTH, HEIGHT)


@pytest.fixture
def files(tmp_path):
    dem = hills.write_dem(tmp_path / "dem.tif")
    pixels = np.kron(scenery.pixels(), np.ones((2, 2, 1), np.uint8))[:HEIGHT, :WIDTH]
    return scenery.write(tmp_path / "cam.jpg", pixels, driver="JPEG"), dem


@pytest.fixture
def operator(plugin, iface):
    return Operator(iface, plugin)


def rows(truth) -> list[tuple[float, ...]]:
    """(u, v, x, y) of some places."""
    return [hills.pixel_of(truth, east, north) for east, north in PLACES]


def write(path, truth, form, head="", origin=0.0) -> str:
    lines = [
        form.format(n=n, u=u + origin, v=v + origin, x=x, y=y)
        for n, (u, v, x, y) in enumerate(rows(truth), 1)
    ]
    path.write_text("\n".join([*([head] if head else []), *lines]) + "\n")
    return str(path)


def import_table(operator, monkeypatch, path, act=lambda dialog: dialog.accept()) -> None:
    """Import a table, answering the dialog about its columns where it is asked."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *where: (path, ""))

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        if dialog is not None:
            act(dialog)

    QTimer.singleShot(200, answer)
    operator.camera.file_actions._try(operator.camera.file_actions.import_points)


def has_points_of(operator, truth) -> bool:
    found = [(p.u, p.v, p.x, p.y) for p in operator.pose_session.draft.points]
    return len(found) == len(rows(truth)) and np.allclose(found, rows(truth), atol=0.06)


@pytest.mark.parametrize(
    ("form", "head", "origin"),
    [
        ("P{n},{u:.2f},{v:.2f},{x:.2f},{y:.2f},,1,1", "name,u_px,v_px,x,y,z,use,sigma_px", 0.0),
        ("{n};{x:.2f};{y:.2f};{u:.2f};{v:.2f}", "Nr;Rechtswert;Hochwert;Pixel X;Pixel Y", 0.0),
        ("{x:.2f},{y:.2f},{u:.2f},{v:.2f},1", "mapX,mapY,sourceX,sourceY,enable", 0.5),
    ],
)
def test_tables_are_imported(operator, files, truth, monkeypatch, tmp_path, form, head, origin):
    operator.take(*files)
    path = write(tmp_path / "table.csv", truth, form, head, origin)
    import_table(operator, monkeypatch, path)
    assert has_points_of(operator, truth)
    operator.pose_session.undo()
    assert operator.pose_session.draft.points == ()
    operator.pose_session.redo()
    assert has_points_of(operator, truth)


def test_columns_are_shown_and_can_be_changed(operator, files, truth, monkeypatch, tmp_path):
    operator.take(*files)
    path = write(tmp_path / "t.txt", truth, "{v:.2f} {u:.2f} {y:.2f} {x:.2f}", "a b c d", 1.0)
    seen = []

    def choose(dialog) -> None:
        button = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
        dialog.columns[2].setCurrentIndex(0)  # left out: y is missing then
        seen.append((button.isEnabled(), dialog.said.text()))
        for combo, role in zip(dialog.columns, ("v_px", "u_px", "y", "x")):  # noqa: B905
            combo.setCurrentIndex(combo.findData(role))
        dialog.origin.setCurrentIndex(dialog.origin.findData(1.0))
        seen.append((button.isEnabled(), dialog.said.text()))
        dialog.grab().save(str(tmp_path / "columns.png"))
        dialog.accept()

    import_table(operator, monkeypatch, path, choose)
    assert has_points_of(operator, truth)
    assert not seen[0][0]
    assert seen[0][1]
    assert seen[1][0]
    assert seen[1][1].startswith(str(len(rows(truth))))
    import_table(operator, monkeypatch, path, lambda dialog: dialog.reject())
    assert has_points_of(operator, truth)  # nothing was added


def test_the_near_field_is_kept_and_looked_from(operator, files, truth, monkeypatch, tmp_path):
    operator.take(*files)
    dock, session = operator.dock, operator.pose_session
    form, head = "P{n},{u:.2f},{v:.2f},{x:.2f},{y:.2f},", "name,u_px,v_px,x,y,z"
    import_table(operator, monkeypatch, write(tmp_path / "t.csv", truth, form, head))
    assert dock.near_field.text().endswith("automatic")
    operator.pose_of(len(PLACES))
    assert session.draft.record.near_field_m is None
    dock.near_field.setValue(80)
    assert session.draft.near_field == 80
    assert session.draft.record.near_field_m == 80  # at once, and after the next solution
    wait_until(lambda: session.seen is not None and not operator.client.busy, 60, "the view")
    operator.pose_of(len(PLACES))
    assert session.draft.record.near_field_m == 80
    stored = session.draft.to_json()
    assert stored["near_field"] == 80
    del stored["near_field"]  # of a project of an earlier version
    assert type(session.draft).from_json("cam.jpg", stored).near_field == 0
    dock.grab().save(str(tmp_path / "dock.png"))


def test_views_of_a_station_become_cameras_of_the_project(
    operator, files, truth, monkeypatch, tmp_path
):
    from avalanche_iseg_qgis.core.camera import CameraRecord
    from avalanche_iseg_qgis.core.camera.station import Station

    views = {}
    for name, yaw in (("left", -30.0), ("right", 25.0)):
        camera = replace(truth, yaw=truth.yaw + yaw)
        record = CameraRecord(camera, 2056, name=f"Alp, {name}", view=name)
        views[name] = f"station_{name}.json"
        record.write(tmp_path / views[name])
    place = {"x": truth.x, "y": truth.y, "z": truth.z}
    station = Station(2056, place, list(place), np.eye(3).tolist(), views, "Alp")
    station.write(tmp_path / "station.json")
    operator.take(*files)
    actions = operator.camera.file_actions
    path = str(tmp_path / "station.json")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *where: (path, ""))
    actions._try(actions.import_camera)
    actions.fill_saved()
    assert [a.text() for a in operator.dock.saved_menu.actions()] == ["Alp, left", "Alp, right"]
    operator.dock.saved_menu.actions()[1].trigger()
    assert operator.pose_session.draft.record.camera.yaw == pytest.approx(truth.yaw + 25)
    (tmp_path / "station_left.json").unlink()
    said = []
    monkeypatch.setattr(actions._messages, "warn", said.append)
    actions._try(actions.import_camera)
    assert "station_left.json" in said[0]


@pytest.mark.parametrize("posed", [True, False])
def test_a_doubt_about_drift_stays_in_the_dock(operator, files, truth, posed):
    """Fog: the message in the bar goes, that in the dock stays."""
    operator.take(*files)
    session, text = operator.pose_session, "Fog hides the terrain."
    if posed:
        from avalanche_iseg_qgis.core.camera import CameraRecord

        session.change(record=CameraRecord(truth, 2056, name="Alp", image="other.jpg"))
    session._on_not_registered(text)
    session.select(None)
    session.changed.emit()
    assert text in operator.dock.details.text()
    session.reset()
    assert text not in operator.dock.details.text()


def test_layers_have_the_share_that_was_closed():
    from avalanche_iseg_qgis.features import schema

    groups = {attribute.name: attribute.group for attribute in schema.all_attributes()}
    assert groups["closed_frac"] == groups["vis_frac"] == "accuracy"
