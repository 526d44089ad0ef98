"""A camera posed in the real QGIS: points paired by the mouse, solved by the real worker."""

from __future__ import annotations

import math

import hills
import numpy as np
import pytest
import scenery
from hills import PLACES, POSITION
from operating import LEFT, Operator, photo_point
from qgis.core import QgsCoordinateReferenceSystem, QgsPointXY, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from waiting import wait_until

WIDTH, HEIGHT = 1200, 800
SMALL_PANEL = 430  # as in test_panel


@pytest.fixture(scope="module")
def truth():
    """The camera, as it really is."""
    return hills.camera(WIDTH, HEIGHT)


@pytest.fixture
def files(tmp_path):
    """(photo, terrain model)."""
    dem = hills.write_dem(tmp_path / "dem.tif")
    pixels = np.kron(scenery.pixels(), np.ones((2, 2, 1), np.uint8))[:HEIGHT, :WIDTH]
    return scenery.write(tmp_path / "cam.jpg", pixels, driver="JPEG"), dem


def pair(operator, truth, places) -> None:
    """Click places, metres from the camera, in the photo and on the map."""
    for east, north in places:
        u, v, x, y = hills.pixel_of(truth, east, north)
        operator.click_photo(u, v)
        operator.click_map(x, y)


@pytest.fixture
def operator(plugin, iface):
    return Operator(iface, plugin)


def test_points_are_begun_on_either_side_and_stored(operator, files):
    operator.take(*files)
    operator.push(operator.dock.add)
    operator.click_photo(300, 200)
    assert "1" in operator.dock.hint.text()
    operator.click_map(*POSITION)
    operator.click_map(POSITION[0] + 100, POSITION[1])
    first, second = operator.pose_session.draft.points
    assert first.position("photo") == pytest.approx((300, 200), abs=0.3)
    assert first.position("map") == pytest.approx(POSITION, abs=0.6)
    assert second.position("photo") is None
    operator.click_photo(500, 300)
    assert all(point.complete for point in operator.pose_session.draft.points)
    assert operator.dock.table.rowCount() == 2
    operator.click_photo(300, 200)  # on its mark: selects it
    assert operator.pose_session.selected == 0
    assert operator.dock.table.selectedIndexes()[0].row() == 0
    QTest.keyClick(operator.camera.photo_dock.canvas, Qt.Key.Key_Delete)
    assert [point.name for point in operator.pose_session.draft.points] == ["2"]
    operator.click_photo(10, 10)
    assert [point.name for point in operator.pose_session.draft.points] == ["2", "1"]
    QTest.keyClick(operator.camera.photo_dock.canvas, Qt.Key.Key_Escape)
    assert not operator.dock.add.isChecked()
    operator.click_photo(700, 300)  # now it only moves the photo
    assert len(operator.pose_session.draft.points) == 2


def test_points_are_undone_and_redone(operator, files):
    operator.take(*files)
    session, dock = operator.pose_session, operator.dock
    canvas = operator.camera.photo_dock.canvas
    control = Qt.KeyboardModifier.ControlModifier
    assert not dock.undo.isEnabled()
    operator.push(dock.add)
    operator.click_photo(300, 200)
    operator.click_map(*POSITION)
    pair = session.draft.points
    operator.drag_photo((300, 200), (340, 220))  # one step, however often the mouse moves
    moved = session.draft.points
    assert moved != pair
    QTest.keyClick(canvas, Qt.Key.Key_Z, control)
    assert session.draft.points == pair
    QTest.keyClick(canvas, Qt.Key.Key_Z, control)
    assert session.draft.points[0].position("map") is None
    QTest.keyClick(canvas, Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(canvas, Qt.Key.Key_Y, control)
    assert session.draft.points == moved
    session.select(0)
    operator.push(dock.remove)
    assert session.draft.points == ()
    operator.push(dock.undo)
    assert session.draft.points == moved
    operator.push(dock.redo)
    assert session.draft.points == ()
    session.change_crs(21781)
    assert not dock.undo.isEnabled()  # earlier points are in another CRS


def test_points_and_skyline_can_be_hidden(operator, files):
    operator.take(*files)
    shown, overlays = operator.camera.photo_dock.show_pose, operator.camera.overlays
    operator.push(operator.dock.add)
    operator.click_photo(300, 200)
    assert overlays.on_photo.hit(overlays.on_photo.place(0)) == 0
    operator.push(shown)
    assert not overlays.on_photo._marks
    operator.push(operator.dock.add)  # leaves the tool
    operator.push(operator.dock.add)
    assert shown.isChecked()  # points that are added must be seen
    assert overlays.on_photo._marks
    operator.controller._activate_tool()
    assert not shown.isChecked()
    assert not overlays.on_photo._marks


def test_the_only_terrain_is_taken(operator, files):
    image, terrain = (QgsRasterLayer(str(path), path.stem) for path in files)
    QgsProject.instance().addMapLayer(image)
    operator.dock.photo.setLayer(image)
    assert operator.pose_session.draft.dem == ()
    QgsProject.instance().addMapLayer(terrain)
    assert operator.pose_session.draft.dem == (str(files[1]),)
    assert operator.pose_session.draft.epsg == 2056
    assert operator.dock.terrain.currentLayer().id() == terrain.id()


def test_every_step_fits_on_a_small_screen(operator):
    dock = operator.dock
    dock.setFloating(True)
    dock.resize(340, SMALL_PANEL)
    QTest.qWait(50)
    for step in dock.steps:
        step.setCollapsed(False)
        QTest.qWait(50)
        assert not step.isCollapsed()
        assert dock.spare >= 0
        if step is dock.steps[2]:
            assert dock.spare <= 10  # the table takes what is left
    assert not dock.tiles.isVisibleTo(dock.steps[0])  # unfolding shows only what was shown
    dock.resize(340, 1000)
    for step in dock.steps:
        step.setCollapsed(False)
        QTest.qWait(20)
    assert not any(step.isCollapsed() for step in dock.steps)


def unfolded(dock) -> list[int]:
    return [index for index, step in enumerate(dock.steps) if not step.isCollapsed()]


@pytest.mark.parametrize("height", [SMALL_PANEL, 600, 1000])
def test_the_step_that_is_next_is_unfolded(plugin, files, height):
    plugin.open_camera()  # as by the button in the toolbar
    controller = plugin.controller
    dock = controller.camera.dock
    QTest.qWait(400)
    dock.setFixedHeight(height)
    assert 0 in unfolded(dock)
    assert dock.photo.isVisible()
    operator = Operator(controller._iface, plugin)
    operator.take(*files)
    assert 2 in unfolded(dock)
    assert dock.add.isVisible()
    assert dock.spare >= 0
    dock.steps[2].setCollapsed(True)  # by the user, who goes on
    operator.push(dock.on_map)
    operator.click_map(*POSITION)
    assert 2 not in unfolded(dock)
    dock.setMinimumHeight(0)
    dock.setMaximumHeight(10_000)


def test_place_of_the_camera_by_a_click_and_by_typing(operator, files):
    operator.take(*files)
    tool = operator.map.mapTool()
    operator.push(operator.dock.on_map)
    operator.click_map(*POSITION)
    assert operator.pose_session.draft.position == pytest.approx(POSITION, abs=0.6)
    assert operator.map.mapTool() is tool
    assert operator.pose_session.draft.epsg == 2056
    operator.dock.position.setText("2702010, 1146410")
    operator.dock.position.editingFinished.emit()
    assert operator.pose_session.draft.position == (2702010, 1146410)
    operator.dock.crs.setCrs(QgsCoordinateReferenceSystem("EPSG:21781"))
    assert operator.pose_session.draft.position == pytest.approx((702010, 146410), abs=2)
    operator.dock.crs.setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))  # refused
    assert operator.pose_session.draft.epsg == 21781


def test_six_points_pose_the_camera(operator, files, truth):
    operator.take(*files)
    operator.push(operator.dock.on_map)
    operator.click_map(*POSITION)
    operator.push(operator.dock.add)
    pair(operator, truth, PLACES[:6])
    operator.pose_session.solve()
    assert operator.dock.result.text() == "Computing…"
    record = operator.pose_of(6)
    assert_right(record.camera, truth)
    assert record.rms_px < 2
    assert "px" in operator.dock.result.text()
    cross_is_right(operator, truth)
    move_and_switch_off(operator)


def assert_right(camera, truth) -> None:
    away = np.hypot(*(camera.position - truth.position)[:2])
    assert away < 12  # the prior itself is 5 m off
    turn = camera.rotation_matrix() @ truth.rotation_matrix().T
    assert math.degrees(math.acos(min(1.0, (np.trace(turn) - 1) / 2))) < 0.5


def cross_is_right(operator, truth) -> None:
    """The mouse of one canvas, on the other."""
    wait_until(lambda: operator.pose_session.range_map is not None, 60, "what the camera sees")
    u, v, x, y = hills.pixel_of(truth, 60, 700)
    canvas, link = operator.camera.photo_dock.canvas, operator.camera.overlays.link
    at = operator.screen(canvas, photo_point(u, v), 0.5)
    QTest.mouseMove(canvas.viewport(), at)
    wait_until(lambda: link.on_map.point is not None, 5, "the cross on the map")
    assert (link.on_map.point.x(), link.on_map.point.y()) == pytest.approx((x, y), abs=25)
    at = operator.screen(operator.map, QgsPointXY(x, y), 1.0)
    QTest.mouseMove(operator.map.viewport(), at)
    wait_until(lambda: link.on_photo.point is not None, 5, "the cross in the photo")
    there = link.on_photo.point
    assert (there.x() - 0.5, -there.y() - 0.5) == pytest.approx((u, v), abs=4)


def move_and_switch_off(operator) -> None:
    point = operator.pose_session.draft.points[0]
    operator.drag_photo((point.u, point.v), (point.u + 40, point.v - 30))
    moved = operator.pose_session.draft.points[0]
    assert (moved.u, moved.v) == pytest.approx((point.u + 40, point.v - 30), abs=1)
    wait_until(
        lambda: (operator.pose_session.draft.record.rms_px or 0) > 3, 60, "a pose that fits badly"
    )
    operator.pose_of(6)
    cell = operator.dock.table.item(0, 0)
    cell.setCheckState(Qt.CheckState.Unchecked)
    record = operator.pose_of(5)
    assert record.rms_px < 2
    assert not operator.pose_session.draft.points[0].use


def test_stored_in_the_project(operator, files, truth, tmp_path):
    operator.take(*files)
    operator.pose_session.change(position=POSITION)
    operator.push(operator.dock.add)
    pair(operator, truth, PLACES[:6])
    record = operator.pose_of(6)
    operator.click_photo(20, 30)  # a seventh, half finished
    operator.dock.name.setText("Hut")
    operator.push(operator.dock.save)
    draft = operator.pose_session.draft
    assert draft.record.name == "Hut"
    assert QgsProject.instance().write(str(tmp_path / "project.qgz"))
    QgsProject.instance().clear()
    assert operator.pose_session.draft.photo == ""
    assert QgsProject.instance().read(str(tmp_path / "project.qgz"))
    again = operator.pose_session.draft
    assert again.points == draft.points
    assert (again.dem, again.position, again.epsg) == (draft.dem, draft.position, draft.epsg)
    assert again.record.pose_id == record.pose_id
    assert operator.dock.photo.currentLayer().name() == "cam"
    assert operator.pose_session.draft.record.camera == record.camera
    (saved,) = operator.camera.file_actions.library.cameras_for(WIDTH, HEIGHT)
    assert saved.name == "Hut"


def test_the_worker_says_why_not(operator, files, truth):
    operator.take(*files)
    operator.push(operator.dock.add)
    pair(operator, truth, PLACES[:3])
    for u in (300, 900):  # far outside of the terrain model
        operator.click_photo(u, 300)
        operator.click_map(POSITION[0] - 30_000, POSITION[1] + u)
    wait_until(
        lambda: operator.pose_session.failure or operator.pose_session.draft.record, 60, "an answer"
    )
    shown = operator.dock.details.text()
    assert shown
    assert operator.dock.details.isVisible()


def test_file_actions_without_a_photo_say_so(operator, monkeypatch, tmp_path):
    from qgis.PyQt.QtWidgets import QFileDialog

    actions, said, asked = operator.camera.file_actions, [], []
    monkeypatch.setattr(actions._messages, "warn", said.append)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *where: asked.append(where) or ("", "")
    )
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *where: ("", ""))
    for act in (
        actions.save,
        actions.drape,
        actions.export_camera,
        actions.export_points,
        actions.import_camera,
        actions.import_points,
        actions.edit_details,
        actions.fill_saved,
    ):
        actions._try(act)
    assert len(said) == 5
    assert asked == []
    assert actions._ask_save("t", "_points.csv", "") == ""  # a name to start from, nevertheless
    assert asked[0][2].endswith("camera_points.csv")


def test_points_of_a_photo_are_exported(operator, files, truth, monkeypatch, tmp_path):
    from qgis.PyQt.QtWidgets import QFileDialog

    operator.take(*files)
    operator.push(operator.dock.add)
    pair(operator, truth, PLACES[:2])
    path = str(tmp_path / "points.csv")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *where: (path, ""))
    operator.camera.file_actions._try(operator.camera.file_actions.export_points)
    assert len((tmp_path / "points.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("text", ["no JSON", "[5]", "{}", "[" * 3000])
def test_damaged_poses_of_the_project_are_said(operator, files, text):
    said = []
    operator.pose_session.warning.connect(said.append)
    QgsProject.instance().writeEntry("avalanche_iseg", "/camera/pictures", text)
    operator.camera.open()
    operator.take(*files)
    assert any("damaged" in one for one in said)
    operator.pose_session.change(height_above_ground=7.0)
    photo = operator.pose_session.draft.photo
    operator.pose_session.close_photo()
    assert operator.pose_session.draft_of(photo).height_above_ground == 7.0


def test_the_pose_of_a_photo_by_another_path(operator, files, tmp_path):
    operator.take(*files)
    operator.pose_session.change(height_above_ground=7.0)
    linked = tmp_path / "linked"
    linked.symlink_to(files[0].parent)
    operator.pose_session.open_photo(str(linked / files[0].name), WIDTH, HEIGHT)
    assert operator.pose_session.draft.height_above_ground == 7.0
    operator.pose_session.close_photo()
    for path in (linked / files[0].name, f"{files[0].parent}//{files[0].name}", files[0]):
        assert operator.pose_session.draft_of(str(path)).height_above_ground == 7.0
    assert len(operator.pose_session.photos) == 1


def test_a_file_that_qgis_has_open_is_not_overwritten(files, project):
    from qgis.core import QgsRasterLayer

    from avalanche_iseg_qgis.core.errors import IsegError
    from avalanche_iseg_qgis.layers.kinds import check_not_open

    layer = QgsRasterLayer(str(files[1]), "terrain")
    project.addMapLayer(layer)
    for path in (files[1], f"{files[1].parent}/./{files[1].name}"):
        with pytest.raises(IsegError, match="remove the layer terrain"):
            check_not_open(str(path))
    check_not_open(str(files[1].with_name("other.tif")))


def test_a_photo_that_is_removed_leaves_the_dock(operator, files):
    operator.take(*files)
    dock = operator.camera.photo_dock
    for layer in list(QgsProject.instance().mapLayers()):
        QgsProject.instance().removeMapLayer(layer)
        dock.show_outlines([])
        dock.show_all()
    assert dock.canvas.layers() == []


def test_nothing_is_left_behind(plugin, iface):
    from avalanche_iseg_qgis.camera.gui.controller import CameraController
    from avalanche_iseg_qgis.worker.camera_client import CameraClient

    delete_what_was_let_go()
    items = len(iface.mapCanvas().scene().items())
    docks = len(iface.mainWindow().findChildren(QDockWidget))
    tool = iface.mapCanvas().mapTool()
    for _ in range(2):
        client = CameraClient(iface.mainWindow())
        camera = CameraController(iface, client, iface.mainWindow())
        camera.open()
        QTest.qWait(50)
        QTest.mouseClick(camera.dock.add, LEFT, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))
        camera.close()
        client.stop()
        client.deleteLater()
        delete_what_was_let_go()
        assert len(iface.mapCanvas().scene().items()) == items
        assert len(iface.mainWindow().findChildren(QDockWidget)) == docks
        assert iface.mapCanvas().mapTool() is tool


def delete_what_was_let_go() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()


def test_the_photo_keeps_its_own_ways_of_drawing(operator):
    """QGIS's options turn on a cache, which drawing that was cancelled uses after its end."""

    def agree() -> None:
        window = QApplication.activeModalWidget()
        if window is None:
            QTimer.singleShot(500, agree)
        else:
            window.accept()

    QTimer.singleShot(500, agree)
    operator.controller.setup_actions.open_options()
    canvas = operator.camera.photo_dock.canvas
    assert operator.iface.mapCanvas().isCachingEnabled()
    assert not canvas.isCachingEnabled()
    assert not canvas.isParallelRenderingEnabled()
