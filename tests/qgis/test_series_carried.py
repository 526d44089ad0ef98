"""Series in the real QGIS: outlines of earlier photos, screening, finish and next.

Photos of one camera that turns a little: two without an avalanche, two with it, one without it.
"""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import scenery
from driving import Driver
from qgis import utils
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRectangle, QgsVectorLayer
from qgis.PyQt.QtCore import QDate, QDateTime, QPoint, QPointF, Qt, QTime
from qgis.PyQt.QtTest import QTest
from test_recovery_in_qgis import end_as_killed, kept_names, restore
from test_series import opened, rasters
from waiting import wait_until

from avalanche_iseg_qgis.core.series import Look, PhotoState, Presence, SeriesStore

SHIFTS = {8: (0, 0), 9: (2, 3), 10: (0, 0), 11: (3, -5), 12: (-2, 4)}  # rows, columns


def slope() -> np.ndarray:
    """(H, W) of rocks on snow, below a plain sky."""
    rng = np.random.default_rng(3)
    grey = np.full((scenery.HEIGHT, scenery.WIDTH), 185.0)
    for side, weight in ((100, 14), (30, 22), (10, 26), (4, 14)):
        cells = rng.random((scenery.HEIGHT // side + 1, scenery.WIDTH // side + 1)) - 0.5
        grey += weight * np.kron(cells, np.ones((side, side)))[: grey.shape[0], : grey.shape[1]]
    grey[:60] = 230
    return grey


def photo(hour: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    grey = slope()
    if hour in (10, 11):
        rough = 85 + rng.normal(0, 14, grey.shape)
        grey = np.where(scenery.truth(), rough, grey)
    grey = np.roll(grey, SHIFTS[hour], axis=(0, 1))
    grey = grey + np.random.default_rng(hour).normal(0, 2, grey.shape)
    return np.clip(grey[..., None] + np.array([0, 3, 8]), 0, 255).astype(np.uint8)


def name(hour: int) -> str:
    return f"hut_20240115_{hour:02}3000"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for hour in SHIFTS:
        scenery.write(folder / f"{name(hour)}.jpg", photo(hour), driver="JPEG")
    return folder


@pytest.fixture
def folder(photos, tmp_path):
    folder = tmp_path / "hut"
    folder.mkdir()
    for path in photos.glob("*.jpg"):
        os.link(path, folder / path.name)
    return folder


@pytest.fixture
def controller(plugin):
    controller = plugin.open()
    controller.open_series()
    return controller


@pytest.fixture
def mapped(controller, folder, iface, plugin):
    """The series at the photo in which the avalanche was mapped."""
    series = controller.series
    opened(series, folder)
    press(series, "nothing")
    press(series, "nothing")
    driver = Driver(iface, plugin, iface.activeLayer())
    driver.click(*scenery.CENTRE)
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: series.browser.count_of(series.browser.current) == 1, what="the note")
    return driver


def press(series, key: str) -> None:
    (action,) = (a for a in series._keys.actions if a.objectName().endswith(f"_{key}"))
    action.trigger()


def go_to(series, hour: int, count: int = 1) -> None:
    """Open a photo, and wait for what is carried into it."""
    photo = next(p for p in series.browser.photos if p.path.stem == name(hour))
    series.open_photo(photo)
    wait_until(lambda: not series.carrying.is_computing, 120, "the carried outlines")
    assert len(series.carrying.outlines) == count


def layer_of() -> QgsVectorLayer:
    layers = QgsProject.instance().mapLayers().values()
    (layer,) = (layer for layer in layers if isinstance(layer, QgsVectorLayer))
    return layer


def features() -> list:
    return sorted(layer_of().getFeatures(), key=lambda f: f["image_name"])


def state(folder):
    return SeriesStore.open(folder / "hut.series").read()


def noted(folder, hour: int) -> list:
    """What persons have noted of avalanches in a photo, as it is on the disk."""
    found = state(folder).observations.values()
    return [o for o in found if name(hour) in o.photo and not o.is_by_program]


def iou(outline, hour: int) -> float:
    from avalanche_iseg_qgis.layers.grid import Grid
    from avalanche_iseg_qgis.masks.importing import from_geometry

    grid = Grid(scenery.WIDTH, scenery.HEIGHT)
    mask = from_geometry(outline.geometry(grid), grid.crs, grid)
    found = np.zeros((scenery.HEIGHT, scenery.WIDTH), bool)
    height, width = mask.bits.shape
    found[mask.row : mask.row + height, mask.col : mask.col + width] = mask.bits
    truth = np.roll(scenery.truth(), SHIFTS[hour], axis=(0, 1))
    return (found & truth).sum() / (found | truth).sum()


def test_the_avalanche_appears_in_the_next_photo_and_is_accepted_at_once(
    controller, mapped, folder
):
    series = controller.series
    go_to(series, 11)
    carrying, row = series.carrying, series.dock.carried
    (outline,) = carrying.outlines
    assert outline.fits
    assert iou(outline, 11) > 0.85
    assert row.isVisible()
    assert "fits" in row.list.currentText()
    assert len(carrying._items) == 1
    assert noted(folder, 11) == []  # only proposed
    assert len(features()) == 1
    QTest.mouseClick(row.accept_all, Qt.MouseButton.LeftButton)
    first, second = features()
    assert first["avalanche_id"] == second["avalanche_id"] == first["uuid"] != second["uuid"]
    assert second["image_name"] == f"{name(11)}.jpg"
    assert second["released_from"] == first["released_from"]
    (observation,) = noted(folder, 11)
    assert observation.presence == Presence.PRESENT
    assert observation.avalanche == first["uuid"]
    assert observation.rings
    assert series.browser.count_of(series.browser.current) == 1
    assert carrying.outlines == []
    assert carrying._items == []
    wait_until(lambda: len(controller.avalanches_dock.entries) == 1, what="the list")
    press(series, "take_back")  # one step
    assert len(features()) == 1
    assert noted(folder, 11) == []
    assert series.browser.state_of(series.browser.current) == PhotoState.UNSEEN
    go_to(series, 11)  # proposed again
    assert not carrying.can_take_back


def test_undo_and_redo_of_the_layer_are_followed(controller, mapped, folder):
    series = controller.series
    go_to(series, 11)
    press(series, "accept_all")
    assert len(noted(folder, 11)) == 1
    stack = layer_of().undoStack()
    stack.undo()
    assert len(features()) == 1
    wait_until(lambda: not noted(folder, 11), what="the note taken back")
    assert not series.carrying.can_take_back
    wait_until(lambda: len(series.carrying.outlines) == 1, 60, "the proposal")
    stack.redo()
    wait_until(lambda: len(noted(folder, 11)) == 1, what="the note")
    assert noted(folder, 11)[0].rings
    wait_until(lambda: series.carrying.outlines == [], 60, "no proposal")


def edited(geometry: QgsGeometry, kind: str) -> QgsGeometry:
    """An outline as a tool of QGIS changes it."""
    changed, box = QgsGeometry(geometry), geometry.boundingBox()
    if kind == "vertex":
        changed.moveVertex(box.xMaximum() + 40, box.yMaximum(), 0)
    elif kind == "moved":
        changed.translate(30, -20)
    elif kind == "reshaped":
        changed = changed.intersection(QgsGeometry.fromRect(box.buffered(-25)))
    else:
        hole = QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(box.center(), 20, 20))
        changed = changed.difference(hole)
    return changed


@pytest.mark.parametrize("kind", ["vertex", "moved", "reshaped", "hole"])
@pytest.mark.parametrize("shown", [10, 12])
def test_edits_of_vertices_reach_the_records_at_once(controller, mapped, folder, kind, shown):
    series, layer = controller.series, layer_of()
    go_to(series, shown, int(shown == 12))
    (feature,), (before,) = features(), noted(folder, 10)
    assert layer.isEditable() or layer.startEditing()
    layer.beginEditCommand("an edit of QGIS")
    layer.changeGeometry(feature.id(), edited(feature.geometry(), kind))
    layer.endEditCommand()
    wait_until(lambda: noted(folder, 10)[0].rings != before.rings, what="the note")
    (after,) = noted(folder, 10)
    assert (after.avalanche, after.size) == (before.avalanche, before.size)
    assert len(after.rings) == len(before.rings) + (kind == "hole")
    xs = [x for ring in after.rings for x, _ in ring]
    assert max(xs) == pytest.approx(features()[0].geometry().boundingBox().xMaximum(), abs=0.01)
    (source,) = series.browser.sources_for(series.browser.photos[3])
    assert source.outline.rings == after.rings  # carried from now on
    assert series.browser.count_of(series.browser.photos[2]) == 1
    layer.undoStack().undo()
    wait_until(lambda: noted(folder, 10)[0].rings == before.rings, what="the note of before")
    layer.undoStack().redo()
    wait_until(lambda: noted(folder, 10)[0].rings == after.rings, what="the note once more")


def test_edits_that_are_given_up_are_given_up_in_the_records(controller, mapped, folder):
    assert controller.avalanche_list.save_edits()
    layer, (before,) = layer_of(), noted(folder, 10)
    layer.startEditing()
    (feature,) = features()
    layer.changeGeometry(feature.id(), edited(feature.geometry(), "moved"))
    wait_until(lambda: noted(folder, 10)[0].rings != before.rings, what="the note")
    assert layer.rollBack()
    wait_until(lambda: noted(folder, 10)[0].rings == before.rings, what="the note of before")


@pytest.mark.parametrize("is_saved", [False, True])
def test_edits_that_are_saved_at_once_reach_the_records(controller, mapped, folder, is_saved):
    layer, (before,) = layer_of(), noted(folder, 10)
    if is_saved:
        assert layer.commitChanges()
        layer.startEditing()
    (feature,) = features()
    layer.changeGeometry(feature.id(), edited(feature.geometry(), "reshaped"))
    assert layer.commitChanges()
    wait_until(lambda: noted(folder, 10)[0].rings != before.rings, what="the note")


def test_parts_that_are_given_to_an_avalanche_are_one_observation(controller, mapped, folder):
    layer = layer_of()
    (first,), (before,) = features(), noted(folder, 10)
    part = QgsFeature(first)
    part.setGeometry(edited(first.geometry(), "moved"))
    part["uuid"] = part["avalanche_id"] = "another"
    assert layer.isEditable() or layer.startEditing()
    layer.addFeature(part)
    wait_until(lambda: len(controller.avalanches_dock.entries) == 2, what="the list")
    assert noted(folder, 10) == [before]  # drawn by QGIS's tools: nobody said what it is
    name = layer.fields().indexOf("avalanche_id")
    layer.changeAttributeValue(part.id(), name, first["avalanche_id"])
    wait_until(lambda: noted(folder, 10)[0].rings != before.rings, what="the note")
    (joined,) = noted(folder, 10)
    assert joined.avalanche == before.avalanche
    assert max(x for ring in joined.rings for x, _ in ring) == pytest.approx(
        part.geometry().boundingBox().xMaximum(), abs=0.01
    )
    layer.deleteFeature(part.id())
    wait_until(lambda: noted(folder, 10)[0].rings == before.rings, what="the note of before")
    layer.changeAttributeValue(first.id(), name, "renamed")
    wait_until(lambda: noted(folder, 10)[0].avalanche == "renamed", what="the note")
    assert [o.rings for o in noted(folder, 10)] == [before.rings]


def test_a_deleted_avalanche_is_carried_no_more(controller, mapped, folder):
    series = controller.series
    (entry,) = controller.avalanches_dock.entries
    controller.avalanche_list.may_delete = lambda _: True
    controller.avalanche_list._delete(entry)
    wait_until(lambda: not noted(folder, 10), what="the note taken back")
    go_to(series, 11, 0)
    assert not series.carrying.is_computing


def test_a_step_is_taken_back_from_another_photo_and_after_saving(controller, mapped, folder):
    series = controller.series
    go_to(series, 11)
    press(series, "accept_all")
    assert controller.avalanche_list.save_edits()
    go_to(series, 8, 0)
    press(series, "take_back")
    assert len(features()) == 1
    assert noted(folder, 11) == []
    assert rasters() == [name(11)]  # to see what is taken back


def test_a_layer_that_takes_nothing_is_said_and_the_proposal_stays(controller, mapped, folder):
    series, said = controller.series, []
    controller.session.message.connect(said.append)
    go_to(series, 11)
    assert layer_of().commitChanges()
    layer_of().setReadOnly(True)
    press(series, "accept_all")
    assert "read-only" in said[0]
    assert len(features()) == 1
    assert noted(folder, 11) == []
    layer_of().setReadOnly(False)
    press(series, "accept_all")
    press(series, "accept_all")  # once more does nothing
    assert len(features()) == 2


def test_it_is_corrected_by_clicks_and_stays_the_same_avalanche(controller, mapped, folder):
    series = controller.series
    go_to(series, 11)
    press(series, "correct")
    assert series.carrying.outlines == []
    controller.session.may_discard = lambda: True
    mapped.space.discard()  # given up: it is proposed again
    wait_until(lambda: len(series.carrying.outlines) == 1, 60, "the proposal")
    press(series, "correct")
    mapped.settle()
    assert mapped.space.prompts.mask is not None
    mapped.layer = series._layer
    row, col = scenery.CENTRE
    mapped.click(row + 100, col, Qt.MouseButton.LeftButton)
    mapped.key(Qt.Key.Key_Return)
    wait_until(lambda: len(features()) == 2, what="the feature")
    first, second = features()
    assert first["avalanche_id"] == second["avalanche_id"]
    assert second["n_clicks"] == 1
    assert [o.avalanche for o in noted(folder, 11)] == [first["uuid"]]
    go_to(series, 12)  # from the corrected outline
    assert series.browser.sources_for(series.browser.current)[-1].photo.path.stem == name(11)


KNOWN = {
    "type": "slab",
    "moisture": "wet",
    "trigger": "explosive",
    "size_eaws": 3,
    "fracture_width_m": 120.5,
    "fracture_depth_cm": 80.0,
}


def fill_in(layer, feature, **values) -> None:
    for field, value in values.items():
        layer.changeAttributeValue(feature.id(), layer.fields().indexOf(field), value)


@pytest.mark.parametrize("way", ["accept_all", "correct"])
def test_what_is_known_of_an_avalanche_goes_with_it(controller, mapped, way):
    series, layer = controller.series, layer_of()
    (first,) = features()
    released = QDateTime(QDate(2024, 1, 15), QTime(9, 50), Qt.TimeSpec.UTC)
    fill_in(layer, first, **KNOWN, released_from=released, comment="half of it in fog", seconds=99)
    go_to(series, 11)
    press(series, way)
    if way == "correct":
        mapped.settle()
        mapped.layer = series._layer
        mapped.key(Qt.Key.Key_Return)
    wait_until(lambda: len(features()) == 2, what="the feature")
    second = features()[1]
    assert {field: second[field] for field in KNOWN} == KNOWN
    assert second["released_from"] == released  # as a person said
    assert second["released_to"] == features()[0]["released_to"]
    assert not second["comment"]  # of that photo
    assert second["seconds"] != 99
    fill_in(layer, second, size_eaws=4)  # it has grown
    go_to(series, 12)
    press(series, "accept_all")
    third = features()[2]
    assert (third["size_eaws"], third["type"]) == (4, "slab")


def test_one_that_is_gone_is_of_low_confidence_and_dropped(controller, mapped, folder):
    series = controller.series
    go_to(series, 12)
    (outline,) = series.carrying.outlines
    assert not outline.fits
    assert "low confidence" in series.dock.carried.list.currentText()
    press(series, "drop")
    assert series.carrying.outlines == []
    assert [o.presence for o in noted(folder, 12)] == [Presence.HIDDEN]
    go_to(series, 12, 0)  # not proposed again
    press(series, "take_back")
    assert noted(folder, 12) == []
    go_to(series, 12)


@pytest.mark.parametrize("kind", ["another view", "fog", "another size"])
def test_a_photo_that_does_not_fit_is_said_quietly(controller, mapped, folder, kind):
    series, said = controller.series, []
    series._messages.warn = said.append
    controller.messages.warn = said.append
    image = photo(11)
    if kind == "another view":
        image = np.random.default_rng(9).integers(0, 255, image.shape).astype(np.uint8)
    elif kind == "fog":
        image = np.full_like(image, 200)
    else:
        image = image[:400, :500]
    (folder / f"{name(11)}.jpg").unlink()
    scenery.write(folder / f"{name(11)}.jpg", image, driver="JPEG")
    go_to(series, 11, 0)
    label = series.dock.carried.label
    assert "Nothing" in label.text()
    assert name(11) in label.toolTip()
    assert said == []
    go_to(series, 12)
    assert "Nothing" not in label.text()


def test_a_killed_worker_carries_all_the_same(controller, mapped):
    series = controller.series
    client = controller.camera_client
    client.stop()
    series.open_photo(next(p for p in series.browser.photos if p.path.stem == name(11)))
    wait_until(lambda: client.pid, what="the worker")
    os.kill(client.pid, signal.SIGKILL)
    wait_until(lambda: not series.carrying.is_computing, 120, "the carried outlines")
    assert len(series.carrying.outlines) == 1


def test_finish_and_next(controller, mapped, folder):
    series = controller.series
    said = []
    series._messages.warn = said.append
    go_to(series, 8, 0)
    press(series, "finish")
    assert "Nothing released" in said[0]
    go_to(series, 10, 0)
    press(series, "finish")  # it was mapped, and is saved now
    assert rasters() == [name(11)]
    assert not layer_of().isModified()
    mapped.layer = series._layer
    mapped.show_all()
    mapped.click(*scenery.CENTRE)
    wait_until(lambda: series.carrying.outlines, 60, "the proposal")
    press(series, "finish")
    wait_until(lambda: len(said) == 2, 30, "that the proposal is undecided")
    press(series, "finish")
    wait_until(lambda: rasters() == [name(12)], 30, "the next photo")
    assert not layer_of().isModified()
    assert len(features()) == 2
    assert len(noted(folder, 11)) == 1
    assert [r.state for r in state(folder).reviews.values()].count(PhotoState.AVALANCHES) == 2


def test_one_press_accepts_all_saves_and_opens_the_next_photo(controller, mapped, folder):
    series = controller.series
    press(series, "finish")
    wait_until(lambda: rasters() == [name(11)], 30, "the next photo")
    wait_until(lambda: not series.carrying.is_computing, 120, "the carried outlines")
    press(series, "accept_all_and_next")
    wait_until(lambda: rasters() == [name(12)], 30, "the next photo")
    assert len(features()) == 2
    assert not layer_of().isModified()
    (observation,) = noted(folder, 11)
    assert observation.avalanche == features()[0]["uuid"]
    assert [r.state for r in state(folder).reviews.values()].count(PhotoState.AVALANCHES) == 2
    press(series, "take_back")  # one step, though the next photo is open
    assert noted(folder, 11) == []


def test_with_nothing_proposed_the_same_press_finishes_or_says_what_is_missing(
    controller, mapped, folder
):
    series = controller.series
    said = []
    series._messages.warn = said.append
    go_to(series, 8, 0)
    press(series, "accept_all_and_next")
    assert "Nothing released" in said[0]
    assert rasters() == [name(8)]
    go_to(series, 10, 0)
    press(series, "accept_all_and_next")
    wait_until(lambda: rasters() == [name(11)], 30, "the next photo")
    assert not layer_of().isModified()


def test_a_layer_that_takes_nothing_keeps_the_photo_open(controller, mapped, folder):
    series, said = controller.series, []
    controller.session.message.connect(said.append)
    go_to(series, 11)
    assert layer_of().commitChanges()
    layer_of().setReadOnly(True)
    press(series, "accept_all_and_next")
    QTest.qWait(50)
    assert "read-only" in said[0]
    assert len(features()) == 1
    assert rasters() == [name(11)]
    assert len(series.carrying.outlines) == 1


def test_the_timeline_shows_the_day_and_the_release(controller, mapped):
    series = controller.series
    timeline = series.dock.timeline
    (release,) = timeline.releases
    assert [photo.path.stem for photo in timeline.photos] == [name(hour) for hour in SHIFTS]
    assert (release.after_photo, release.before_photo) == (
        f"hut/{name(9)}.jpg",
        f"hut/{name(10)}.jpg",
    )
    places = [timeline.x_of(photo.time) for photo in timeline.photos]
    assert places == sorted(places)
    assert np.ptp(np.diff(places)) < 0.01
    between = QPointF((places[1] + places[2]) / 2, timeline.height() / 2)
    assert "1.0" in timeline.text_at(between)
    assert "Released" not in timeline.text_at(QPointF(places[4], 10))
    QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(round(places[3]), 10))
    assert rasters() == [name(11)]
    assert not timeline.grab().isNull()


def test_screening_in_the_background_outlives_its_worker(controller, folder):
    for hour in range(1, 6):
        night = np.random.default_rng(hour).integers(0, 9, (60, 90, 3)).astype(np.uint8)
        scenery.write(folder / f"hut_20240115_{hour:02}3000.jpg", night, driver="JPEG")
    series = controller.series
    opened(series, folder)
    dock = series.dock
    assert not dock.skip.isVisible()
    QTest.mouseClick(dock.screen, Qt.MouseButton.LeftButton)
    assert dock.screening.isVisible()
    wait_until(lambda: series.screening.pid, what="the worker")
    os.kill(series.screening.pid, signal.SIGKILL)
    wait_until(lambda: not series.screening.is_running, 120, "the screening")
    assert series.screening.pid == 0
    assert not dock.screening.isVisible()
    looks = [series.browser.look_of(photo) for photo in series.browser.photos]
    assert looks == [Look.NIGHT] * 5 + [Look.CLEAR] * 5
    assert dock.skip.isVisible()
    strip = dock.filmstrip.photos
    assert strip.data(strip.index(0), Qt.ItemDataRole.UserRole + 1) == "night"
    series.open_photo(series.browser.photos[0])
    QTest.mouseClick(dock.skip, Qt.MouseButton.LeftButton)
    series.go(1)
    assert rasters() == [name(8)]
    dock.look_chosen.emit(Look.FOG)  # overruled
    assert state(folder).look_of(f"hut/{name(8)}.jpg") == Look.FOG
    series.go(1)
    series.go(-1)
    assert rasters() == [name(9)]


def test_screening_is_cancelled_and_gone_on_with(controller, folder):
    series = controller.series
    opened(series, folder)
    series.dock.screen.click()
    assert series.screening.is_running
    series.dock.screen.click()
    assert not series.screening.is_running
    assert series.screening.pid == 0
    assert not series.browser.is_screened
    series.dock.screen.click()
    wait_until(lambda: not series.screening.is_running, 120, "the screening")
    assert series.browser.is_screened
    scenery.write(folder / "hut_20240115_133000.jpg", photo(12)[:, ::-1], driver="JPEG")
    opened(series, folder)  # new photos of a series that was screened are screened by themselves
    assert series.browser.unscreened == 1
    assert series.screening.is_running
    wait_until(lambda: not series.screening.is_running, 120, "the screening")
    assert series.browser.unscreened == 0


def test_a_killed_qgis_loses_nothing(controller, mapped, folder, tmp_path):
    series = controller.series
    go_to(series, 11)
    press(series, "accept_all")
    go_to(series, 12)
    press(series, "correct")
    mapped.settle()
    avalanche = mapped.space.draft.avalanche
    assert avalanche == features()[0]["uuid"]
    wait_until(lambda: kept_names() == ["draft", "unsaved"], what="what is kept")
    QTest.qWait(300)  # until the latest of it is written
    end_as_killed(tmp_path)
    controller = utils.plugins["avalanche_iseg_qgis"].open()
    wait_until(lambda: controller.dock.kept.isVisible(), what="the offer")
    restore(controller)
    wait_until(lambda: len(features()) == 2, what="the features")
    assert {feature["avalanche_id"] for feature in features()} == {avalanche}
    assert controller.session.draft.avalanche == avalanche
    assert controller.session.draft.prompts.mask is not None
    for hour, presences in ((10, ["present"]), (11, ["present"]), (12, [])):
        assert [o.presence.value for o in noted(folder, hour)] == presences
    controller.open_series()
    opened(controller.series, folder)
    assert controller.series.browser.progress()[PhotoState.AVALANCHES] == 2


def test_the_next_photo_comes_below_the_avalanches(controller, mapped):
    series, root = controller.series, QgsProject.instance().layerTreeRoot()
    for hour, count in ((11, 1), (12, 1), (8, 0), (11, 1)):
        go_to(series, hour, count)
        assert [layer.id() for layer in root.layerOrder()] == [layer_of().id(), series._layer.id()]
    group = root.insertGroup(1, "photos")
    node = root.findLayer(series._layer.id())
    group.addChildNode(node.clone())
    root.removeChildNode(node)
    go_to(series, 12)
    assert [node.layer() for node in group.findLayers()] == [series._layer]


def test_saved_avalanches_are_there_when_the_series_is_opened_again(controller, mapped, folder):
    series = controller.series
    assert controller.avalanche_list.save_edits()
    source = layer_of().source()
    QgsProject.instance().clear()
    opened(series, folder)
    assert layer_of().source() == source
    go_to(series, 10, 0)
    wait_until(lambda: len(controller.avalanches_dock.entries) == 1, what="the list")
    opened(series, folder)
    assert layer_of().source() == source  # once
    said = []
    series._messages.warn = said.append
    press(series, "nothing")
    assert "1 avalanches" in said[0]
    assert series.browser.count_of(series.browser.current) == 1


@pytest.mark.parametrize("key", ["nothing", "hidden"])
def test_avalanches_of_a_layer_that_is_not_there_are_not_forgotten(controller, mapped, key):
    series, said = controller.series, []
    series._messages.warn = said.append
    assert controller.avalanche_list.save_edits()
    QgsProject.instance().removeMapLayer(layer_of().id())
    go_to(series, 10, 0)
    press(series, key)
    assert "in no layer" in said[0]
    assert series.browser.count_of(series.browser.current) == 1
    press(series, "finish")  # they were mapped
    assert rasters() == [name(11)]
    go_to(series, 10, 0)
    press(series, key)
    press(series, key)
    assert len(said) == 2  # once for each time that the photo is opened
    photo = series.browser.photos[2]
    assert series.browser.state_of(photo) in (PhotoState.NOTHING, PhotoState.HIDDEN)


@pytest.mark.parametrize("key", ["finish", "nothing"])
def test_an_outline_that_fits_and_is_undecided_is_asked_for_once(controller, mapped, key):
    series, said = controller.series, []
    series._messages.warn = said.append
    go_to(series, 11)
    if key != "nothing":
        mapped.layer = series._layer
        mapped.show_all()
        mapped.click(80, 300)
        mapped.key(Qt.Key.Key_Return)
        wait_until(lambda: len(features()) == 2, what="the feature")
        wait_until(lambda: series.carrying.outlines, 60, "the proposal")
    press(series, key)
    QTest.qWait(100)
    assert "undecided: 1" in said[0]
    assert rasters() == [name(11)]
    state_before = series.browser.state_of(series.browser.current)
    assert state_before == (PhotoState.UNSEEN if key == "nothing" else PhotoState.AVALANCHES)
    press(series, key)
    assert rasters() == [name(12)]
    assert len(said) == 1


def test_nothing_is_asked_of_low_confidence_or_once_decided(controller, mapped):
    series, said = controller.series, []
    series._messages.warn = said.append
    go_to(series, 12)
    assert not series.carrying.outlines[0].fits
    press(series, "nothing")
    assert said == []
    go_to(series, 11)
    press(series, "drop")
    press(series, "nothing")
    assert said == []
    assert rasters() == [name(12)]


def test_the_series_follows_the_photo_that_is_chosen_elsewhere(controller, mapped):
    series, segment = controller.series, controller.dock
    driver, first = mapped, series._layer
    driver.click(*scenery.CENTRE)  # unfinished: its layer stays
    go_to(series, 12)
    assert sorted(rasters()) == [name(10), name(12)]
    segment.layer.setLayer(first)
    assert series.browser.current.path.stem == name(10)
    assert rasters() == [name(10)]  # the other one goes
    assert not driver.space.prompts.empty
    series.go(1)
    assert series.browser.current.path.stem == name(11)
