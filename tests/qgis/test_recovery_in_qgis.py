"""Nothing is lost with QGIS, the project, a layer or the plugin: it is offered again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import scenery
from driving import RIGHT, Driver
from qgis import utils
from qgis.core import (
    QgsApplication,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsSettings,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDateTime, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QMessageBox
from waiting import wait_until

NAME = "avalanche_iseg_qgis"
Key = Qt.Key


def drafts() -> Path:
    return Path(QgsApplication.qgisSettingsDirPath(), "avalanche_iseg", "drafts")


def kept_names() -> list[str]:
    return sorted(path.name.split(".")[1].split("-")[0] for path in drafts().glob("*.json"))


def avalanche_layers() -> list[QgsVectorLayer]:
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]


def features() -> list[QgsFeature]:
    return [feature for layer in avalanche_layers() for feature in layer.getFeatures()]


def end_as_killed(tmp_path) -> None:
    """Leave what is on the disk now, as kill -9 does, and start anew with an empty project."""
    copy = tmp_path / "as it was killed"
    unnamed = shutil.ignore_patterns(".writing-*")  # gone by the time that they are copied
    shutil.copytree(drafts(), copy, ignore=unnamed)
    utils.unloadPlugin(NAME)
    for layer in avalanche_layers():
        layer.rollBack()  # QGIS would ask
    QgsProject.instance().clear()
    shutil.rmtree(drafts())
    shutil.copytree(copy, drafts())
    assert utils.loadPlugin(NAME)
    assert utils.startPlugin(NAME)


def opened():
    """The plugin's controller, with its panels open."""
    return utils.plugins[NAME].open()


def push(button) -> None:
    assert button.isVisible()
    button.click()


def restore(controller) -> None:
    restore, _ = controller.dock.kept.buttons
    push(restore)


@pytest.fixture
def driver(iface, plugin, tmp_path):
    return Driver(iface, plugin, scenery.photo(tmp_path))


class Hands:
    """Works in a photo without a worker: what is kept does not need one."""

    def __init__(self, iface, path) -> None:
        self.layer = QgsRasterLayer(str(path), "photo")
        QgsProject.instance().addMapLayer(self.layer)
        iface.setActiveLayer(self.layer)
        self.controller = opened()
        self.session = self.controller.session
        assert self.session.image is not None

    def give_clicks(self) -> str:
        """Begin an avalanche; return its prompts."""
        self.session.add_click(*scenery.CENTRE, True)
        self.session.add_click(*scenery.OUTSIDE, False)
        return self.session.prompts.to_json()

    def add_feature(self, west=100) -> QgsVectorLayer:
        """Add an avalanche to the layer, as finishing does; return the layer."""
        from avalanche_iseg_qgis.features import record, writer
        from avalanche_iseg_qgis.session.prompt_set import PromptSet

        controller, image = self.controller, self.session.image
        layer = controller.feature_saver.layer_for(image)
        ring = [QgsPointXY(x, y) for x, y in ((west, -9), (west, -60), (west + 40, -70))]
        attributes = record.object_attributes(
            origin=image.origin, loaded=None, prompts=PromptSet(), threshold=0.5, seconds=9.0
        )
        geometry = QgsGeometry.fromPolygonXY([ring])
        writer.add(layer, geometry, attributes, "Add avalanche")
        return layer


@pytest.fixture
def hands(iface, plugin, tmp_path, monkeypatch):
    monkeypatch.delenv("AVALANCHE_ISEG_PYTHON", raising=False)
    QgsSettings().setValue("avalanche_iseg/interpreter", "")
    hands = Hands(iface, scenery.photo(tmp_path))
    hands.session.may_discard = lambda: True
    return hands


def finish(driver) -> None:
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")


def give_clicks(driver) -> None:
    driver.click(*scenery.CENTRE)
    driver.click(*scenery.OUTSIDE, RIGHT)


def give_box(driver) -> None:
    driver.drag((130, 310), (450, 550))


def give_mask(driver) -> None:
    path = Path(driver.layer.source()).with_name("mask.png")
    scenery.write(path, scenery.truth().astype(np.uint8) * 255, driver="PNG")
    driver.studio.start_actions.from_path(str(path))
    driver.settle()
    driver.click(*scenery.OUTSIDE, RIGHT)


def give_strokes(driver) -> None:
    driver.click(*scenery.CENTRE)
    driver.studio.brush.active = True
    driver.drag((100, 600), (200, 700))
    driver.drag((280, 420), (300, 440), RIGHT)


@pytest.mark.parametrize(
    ("give", "words"),
    [
        (give_clicks, "2 clicks"),
        (give_box, "a box"),
        (give_mask, "an outline to start from"),
        (give_strokes, "1 click, 2 strokes"),
    ],
)
def test_an_unfinished_avalanche_after_a_kill(driver, tmp_path, give, words):
    give(driver)
    before, mask = driver.space.prompts.to_json(), driver.mask()
    wait_until(lambda: kept_names() == ["draft"])
    QTest.qWait(300)
    end_as_killed(tmp_path)
    controller = opened()
    text = controller.dock.kept.label.text()
    assert not controller.dock.kept.isHidden()
    assert "unfinished avalanche in cam1_20240115_103000.jpg" in text
    assert words in text
    restore(controller)  # the photo is added to the project, too
    assert controller.session.image.origin.image_name == "cam1_20240115_103000.jpg"
    assert controller.session.prompts.to_json() == before
    assert controller.dock.kept.isHidden()
    wait_until(lambda: controller.session.draft.up_to_date, 60, "the prediction")
    state = controller.session.draft.prediction
    assert np.array_equal(state.prediction.mask(controller.session.shape.threshold), mask)
    for count in range(len(controller.session.prompts.strokes), 0, -1):
        assert len(controller.session.prompts.strokes) == count
        controller.session.undo()
    while controller.session.draft.history.can_redo:
        controller.session.redo()
    assert controller.session.prompts.to_json() == before
    controller.session.finish()
    wait_until(lambda: len(features()) == 1, what="the feature")
    avalanche_layers()[0].commitChanges()
    wait_until(lambda: kept_names() == [], what="nothing to keep any more")


def test_what_is_discarded_is_not_offered_again(hands, tmp_path):
    hands.give_clicks()
    wait_until(lambda: kept_names() == ["draft"])
    end_as_killed(tmp_path)
    controller = opened()
    _, discard = controller.dock.kept.buttons
    controller.keeper.may_discard = lambda: False
    push(discard)
    assert controller.keeper.offers  # nothing goes unasked
    controller.keeper.may_discard = lambda: True
    push(discard)
    assert controller.dock.kept.isHidden()
    utils.unloadPlugin(NAME)
    assert kept_names() == []
    assert utils.loadPlugin(NAME)
    assert utils.startPlugin(NAME)
    assert opened().dock.kept.isHidden()


@pytest.mark.parametrize("end", ["dropped", "undone"])
def test_nothing_is_kept_of_what_has_ended(hands, end):
    hands.give_clicks()
    wait_until(lambda: kept_names() == ["draft"])
    if end == "dropped":
        hands.session.discard()
    else:
        hands.session.undo()
        hands.session.undo()
    wait_until(lambda: kept_names() == [], what="nothing kept")


def test_unsaved_avalanches_after_a_kill(hands, tmp_path):
    layer = hands.add_feature()
    hands.add_feature(300)
    first = next(layer.getFeatures())
    layer.changeAttributeValue(first.id(), layer.fields().indexOf("type"), "slab")
    before = {feature["uuid"]: QgsFeature(feature) for feature in layer.getFeatures()}
    source = layer.source()
    prompts = hands.give_clicks()  # and one in hand
    wait_until(lambda: kept_names() == ["draft", "unsaved"])
    QTest.qWait(300)
    end_as_killed(tmp_path)
    controller = opened()
    text = controller.dock.kept.label.text()
    assert f"2 avalanches not saved to the layer {layer_name(source)}" in text
    restore(controller)
    (layer,) = avalanche_layers()
    assert layer.source() == source
    assert layer.isEditable()
    after = {feature["uuid"]: feature for feature in layer.getFeatures()}
    assert set(after) == set(before)
    for name, feature in before.items():
        assert after[name].geometry().equals(feature.geometry())
        for field in layer.fields().names():
            if field != "fid":
                assert same(after[name][field], feature[field]), field
    assert after[first["uuid"]]["type"] == "slab"
    assert isinstance(after[first["uuid"]]["created_at"], QDateTime)
    assert controller.session.prompts.to_json() == prompts
    assert layer.commitChanges()
    wait_until(lambda: kept_names() == ["draft"], what="only the draft is kept")
    end_as_killed(tmp_path / "again")
    assert "not saved" not in opened().dock.kept.label.text()


def layer_name(source: str) -> str:
    return source.rpartition("=")[2]


def same(one, other) -> bool:
    if isinstance(one, QDateTime) and isinstance(other, QDateTime):
        return abs(one.msecsTo(other)) < 1000
    return one == other


@pytest.mark.parametrize("end", ["saved", "rolled back", "undone", "deleted"])
def test_edits_that_the_user_has_decided_on_are_not_offered(hands, tmp_path, end):
    layer = hands.add_feature()
    wait_until(lambda: kept_names() == ["unsaved"])
    if end == "saved":
        layer.commitChanges()
    elif end == "rolled back":
        layer.rollBack()
    elif end == "undone":
        layer.undoStack().undo()
    else:
        layer.deleteFeature(next(layer.getFeatures()).id())
    wait_until(lambda: kept_names() == [], what="nothing kept")
    layer.rollBack()
    QgsProject.instance().removeMapLayer(layer.id())
    assert hands.controller.dock.kept.isHidden()
    end_as_killed(tmp_path)
    assert opened().dock.kept.isHidden()


@pytest.mark.parametrize("answer", ["Save", "Discard"])
@pytest.mark.parametrize("way", ["project cleared", "layers removed"])
def test_project_or_layers_gone(hands, way, answer):
    """QGIS asks about edits of layers, nobody about the avalanche in hand."""
    layer = hands.add_feature()
    prompts = hands.give_clicks()
    wait_until(lambda: kept_names() == ["draft", "unsaved"])
    asked = []

    def press() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            asked.append(box)
            box.button(getattr(QMessageBox.StandardButton, answer)).click()

    timer = QTimer()
    timer.timeout.connect(press)
    timer.start(20)
    if way == "project cleared":
        QgsProject.instance().clear()
    else:
        QgsProject.instance().removeMapLayer(layer.id())
        QgsProject.instance().removeMapLayer(hands.layer.id())
    timer.stop()
    assert asked
    text = hands.controller.dock.kept.label.text()
    assert "unfinished avalanche in" in text
    assert "not saved" not in text
    wait_until(lambda: kept_names() == ["draft"])
    restore(hands.controller)
    assert hands.controller.dock.kept.isHidden()
    assert hands.session.prompts.to_json() == prompts


def test_an_image_that_is_added_again_by_hand(hands, iface):
    hands.give_clicks()
    prompts, source = hands.session.prompts, hands.layer.source()
    QgsProject.instance().clear()
    assert not hands.controller.dock.kept.isHidden()
    again = Hands(iface, source)
    assert again.session.prompts is prompts
    assert again.controller.dock.kept.isHidden()


def test_the_plugin_reloaded_with_edits_in_the_layer(hands):
    layer = hands.add_feature()
    prompts = hands.give_clicks()
    utils.unloadPlugin(NAME)
    assert kept_names() == ["draft", "unsaved"]
    assert utils.loadPlugin(NAME)
    assert utils.startPlugin(NAME)
    controller = opened()
    assert "not saved" not in controller.dock.kept.label.text()  # they are in the layer
    restore(controller)
    assert controller.session.prompts.to_json() == prompts
    assert len(features()) == 1
    layer.rollBack()
    wait_until(lambda: kept_names() == ["draft"])


@pytest.mark.parametrize("change", ["geometry", "attribute"])
def test_a_change_of_a_saved_avalanche(hands, tmp_path, change):
    layer = hands.add_feature()
    assert layer.commitChanges()
    saved = QgsFeature(next(layer.getFeatures()))
    source = layer.source()
    layer.startEditing()
    if change == "geometry":
        geometry = QgsGeometry(saved.geometry())
        geometry.translate(5, 5)
        layer.changeGeometry(saved.id(), geometry)
    else:
        layer.changeAttributeValue(saved.id(), layer.fields().indexOf("type"), "loose")
    changed = QgsFeature(next(layer.getFeatures()))
    wait_until(lambda: kept_names() == ["unsaved"])
    QTest.qWait(200)
    end_as_killed(tmp_path)
    restore(opened())
    (layer,) = avalanche_layers()
    assert layer.source() == source
    (feature,) = layer.getFeatures()
    assert feature["uuid"] == saved["uuid"]
    assert feature.geometry().equals(changed.geometry())
    assert feature["type"] == changed["type"]


@pytest.mark.parametrize("gone", ["layer's file", "image"])
def test_where_it_went_is_gone(hands, tmp_path, gone):
    layer = hands.add_feature()
    hands.give_clicks()
    photo, package = Path(hands.layer.source()), Path(layer.source().partition("|")[0])
    wait_until(lambda: kept_names() == ["draft", "unsaved"])
    QTest.qWait(200)
    end_as_killed(tmp_path)
    controller = opened()
    said = []
    controller.keeper._warn = said.append
    if gone == "image":
        photo.rename(tmp_path / "away.jpg")
        restore(controller)
        assert len(features()) == 1
        assert "put it back" in said[-1]
        assert "unfinished avalanche" in controller.dock.kept.label.text()
        (tmp_path / "away.jpg").rename(photo)
    else:
        package.unlink()
    restore(controller)
    assert len(said) == (1 if gone == "image" else 0)
    assert len(features()) == 1
    assert len(controller.session.prompts.clicks) == 2
    assert controller.dock.kept.isHidden()


def test_another_avalanche_in_hand_is_not_dropped(hands, iface, tmp_path):
    hands.give_clicks()
    source = hands.layer.source()
    wait_until(lambda: kept_names() == ["draft"])
    QTest.qWait(200)
    end_as_killed(tmp_path)
    again = Hands(iface, source)
    again.session.add_click(*scenery.CENTRE, True)
    prompts, said = again.session.prompts, []
    again.controller.keeper._warn = said.append
    restore(again.controller)
    assert again.session.prompts is prompts
    assert "first" in said[-1]
    assert not again.controller.dock.kept.isHidden()
    again.session.may_discard = lambda: True
    again.session.discard()
    restore(again.controller)
    assert len(again.session.prompts.clicks) == 2


def test_the_image_was_replaced_meanwhile(hands, tmp_path):
    hands.give_clicks()
    photo = Path(hands.layer.source())
    wait_until(lambda: hands.session.image.origin.sha256 is not None)
    wait_until(lambda: kept_names() == ["draft"])
    QTest.qWait(300)
    end_as_killed(tmp_path)
    scenery.write(photo, np.roll(scenery.pixels(), 300, axis=1), driver="JPEG")
    controller = opened()
    restore(controller)
    session = controller.session
    wait_until(lambda: session.image.replaced, what="the other image noticed")
    assert len(session.prompts.clicks) == 2
    assert session.draft.request is None
    assert not controller.dock.replaced.isHidden()
    push(controller.dock.replaced.buttons[0])
    wait_until(lambda: session.draft.request is not None, 60, "the new image read")
    assert controller.dock.replaced.isHidden()
    assert len(session.prompts.clicks) == 2


def test_damaged_files_are_passed_over(hands, tmp_path):
    hands.give_clicks()
    wait_until(lambda: kept_names() == ["draft"])
    QTest.qWait(200)
    (path,) = drafts().glob("*.json")
    token = path.name.partition(".")[0]
    content = path.read_text()
    damaged = (
        content[: len(content) // 2],
        content.replace("clicks", "Clicks"),
        content.replace('"draft"', '"something"'),
        '{"kind": "unsaved"}',
        '{"kind": "unsaved", "features": [{"fid": "x", "wkb": "!", "attributes": 3}]}',
    )
    for place, text in enumerate(damaged):
        (drafts() / f"{token}.draft-{place}.json").write_text(text)
    end_as_killed(tmp_path)
    controller = opened()
    assert len(controller.keeper.offers) == 1
    assert len(list(drafts().glob("*.damaged"))) == len(damaged)
    restore(controller)
    assert len(controller.session.prompts.clicks) == 2


def test_a_layer_without_our_fields(hands, tmp_path):
    """The target is a user's own polygon layer."""
    path = tmp_path / "own.gpkg"
    memory = QgsVectorLayer("MultiPolygon?field=name:string", "own", "memory")
    options = QgsVectorFileWriter.SaveVectorOptions()
    QgsVectorFileWriter.writeAsVectorFormatV3(
        memory, str(path), QgsCoordinateTransformContext(), options
    )
    layer = QgsVectorLayer(str(path), "own", "ogr")
    QgsProject.instance().addMapLayer(layer)
    hands.controller.dock.target.setLayer(layer)
    assert hands.add_feature() is layer
    geometry = QgsGeometry(next(layer.getFeatures()).geometry())
    hands.give_clicks()
    hands.session.discard()  # as finishing does: looks for what is unsaved, then forgets the draft
    wait_until(lambda: kept_names() == ["unsaved"])
    QTest.qWait(200)
    end_as_killed(tmp_path)
    restore(opened())
    (feature,) = features()
    assert feature.geometry().equals(geometry)


def test_a_profile_that_cannot_be_written_is_said(hands):
    said = []
    hands.controller.keeper._warn = said.append
    hands.session.add_click(*scenery.CENTRE, True)
    wait_until(lambda: kept_names() == ["draft"])
    folder = drafts()
    folder.rename(folder.with_name("away"))
    folder.write_text("no folder")
    hands.session.add_click(*scenery.OUTSIDE, False)
    QTest.qWait(300)
    hands.session.add_click(200, 430, True)
    assert "cannot be kept" in said[-1]
    folder.unlink()
