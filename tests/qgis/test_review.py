"""Review by a second person, history, and who else edits: in the real QGIS, on real files."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

import pytest
import scenery
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsField,
    QgsGeometry,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProcessingException,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

from avalanche_iseg_qgis.compat import FIELD_TYPES, QAction
from avalanche_iseg_qgis.core.geopackage.history import deleted_avalanches, versions_of
from avalanche_iseg_qgis.features import reviews, target, writer
from avalanche_iseg_qgis.features.history import geometry_of
from avalanche_iseg_qgis.features.unsaved import UnsavedFeatures

PHOTO = "cam1_20240115_103000.jpg"
PIXELS = QgsCoordinateReferenceSystem()


def shape(side: float = 40, left: float = 100) -> QgsGeometry:
    text = "MultiPolygon((({0} -100, {1} -100, {1} -140, {0} -140, {0} -100)))"
    return QgsGeometry.fromWkt(text.format(left, left + side))


class Desk:
    """The plugin with a photo and its avalanches."""

    def __init__(self, iface, plugin, folder) -> None:
        QgsSettings().setValue("avalanche_iseg/author", "Ben")
        self.iface, self.folder = iface, folder
        self.said: list[str] = []
        QgsApplication.messageLog().messageReceived.connect(self.hear)
        self.file = folder / "avalanches.gpkg"
        image = QgsRasterLayer(str(scenery.photo(folder, PHOTO)), "photo")
        QgsProject.instance().addMapLayer(image)
        iface.setActiveLayer(image)
        self.studio = plugin.open(take_tool=False)
        wait_until(lambda: self.studio.session.image is not None, what="the image in hand")
        self.dock = self.studio.avalanches_dock
        self.studio.review.may_add_fields = lambda layer: True
        self.layer = self.open()

    def hear(self, text: str, tag: str, _level: object) -> None:
        if tag == "Avalanche ISeg":
            self.said.append(text)

    def open(self) -> QgsVectorLayer:
        layer = target.create_layer(str(self.file), PIXELS)
        QgsProject.instance().addMapLayer(layer)
        return layer

    def add(self, uuid: str, mapper="Anna", **values) -> None:
        known = {"uuid": uuid, "image_name": PHOTO, "mapper": mapper, **values}
        writer.add(self.layer, shape(), known, "Add avalanche")
        QTest.qWait(20)

    def select(self, *rows: int) -> None:
        self.dock.table.clearSelection()
        model = self.dock.table.selectionModel()
        flags = model.SelectionFlag.Select | model.SelectionFlag.Rows
        for row in rows:
            model.select(self.dock.table.model().index(row, 0), flags)

    def press(self, name: str) -> None:
        self.iface.mainWindow().findChild(QAction, f"AvalancheISeg_review_{name}").trigger()
        QTest.qWait(20)

    def reject(self, reason: str) -> None:
        self.studio.review.ask_reason = lambda: reason
        self.press("reject")

    def feature(self, uuid: str):
        return next(f for f in self.layer.getFeatures() if f["uuid"] == uuid)

    def states(self) -> dict[str, str]:
        return {f["uuid"]: reviews.state_of(f) for f in self.layer.getFeatures()}

    def save(self) -> None:
        assert self.layer.commitChanges(False), self.layer.commitErrors()
        QTest.qWait(20)

    def copy(self, name: str) -> Path:
        """Copy the GeoPackage with what lies in its journal: QGIS has it open."""
        path = self.folder / name
        with closing(sqlite3.connect(self.file)) as own, closing(sqlite3.connect(path)) as copy:
            own.backup(copy)
        return path

    def events(self, uuid: str) -> list[tuple[str, str]]:
        versions = versions_of(self.file, self.layer.name(), uuid)
        return [(version.event, version.by) for version in versions]

    def reshape(self, uuid: str, geometry: QgsGeometry, *, step: bool = True) -> None:
        """Change an outline as QGIS's tools do, or as a script that makes no step of undo."""
        self.layer.startEditing()
        if step:
            self.layer.beginEditCommand("Vertex moved")
        self.layer.changeGeometry(self.feature(uuid).id(), geometry)
        if step:
            self.layer.endEditCommand()
        QTest.qWait(20)


@pytest.fixture
def desk(iface, plugin, tmp_path):
    desk = Desk(iface, plugin, tmp_path)
    yield desk
    QgsApplication.messageLog().messageReceived.disconnect(desk.hear)


def test_accept_and_reject_with_keys(desk, iface):
    for name in "abc":
        desk.add(name)
    accept = iface.mainWindow().findChild(QAction, "AvalancheISeg_review_accept")
    assert accept.shortcut().toString() == "Shift+A"
    desk.select()
    assert not accept.isEnabled()  # the key is others'
    desk.select(0, 1)
    desk.press("accept")
    desk.select(2)
    desk.reject("No avalanche")
    assert desk.states() == {"a": "accepted", "b": "accepted", "c": "rejected"}
    feature = desk.feature("c")
    assert (feature["review_reason"], feature["reviewed_by"]) == ("No avalanche", "Ben")
    assert feature["reviewed_at"].isValid()
    assert [desk.dock.table.item(row, 4).text() for row in range(3)] == [
        "Accepted", "Accepted", "Rejected",
    ]  # fmt: skip
    assert "0 to review, 2 accepted, 1 rejected" in desk.dock.counts.text()
    desk.save()
    assert desk.layer.featureCount() == 3  # what is rejected stays


def test_several_at_once_are_one_step_of_undo(desk):
    for name in "ab":
        desk.add(name)
    desk.select(0, 1)
    desk.press("accept")
    desk.layer.undoStack().undo()
    assert desk.states() == {"a": "", "b": ""}
    desk.layer.undoStack().redo()
    assert desk.states() == {"a": "accepted", "b": "accepted"}


@pytest.mark.parametrize("reason", ["", "  ", None])
def test_nothing_is_rejected_without_a_reason(desk, reason):
    desk.add("a")
    desk.select(0)
    desk.reject(reason)
    assert desk.states() == {"a": ""}


def test_ones_own_are_reviewed_and_that_is_said(desk):
    desk.add("a", mapper="Ben")
    desk.add("b", mapper="Anna")
    desk.select(0, 1)
    desk.press("accept")
    assert desk.states() == {"a": "accepted", "b": "accepted"}
    assert any("1 of them were made by you" in text for text in desk.said)
    desk.select([e.feature_ref.uuid for e in desk.dock.entries].index("a"))
    desk.press("accept")
    assert "It was made by you." in desk.said[-1]


def test_the_filter_lists_what_is_to_review(desk):
    for name in "abc":
        desk.add(name)
    desk.select(1)
    desk.press("accept")
    for index, count in ((1, 2), (2, 1), (3, 0), (0, 3)):
        desk.dock.filter.setCurrentIndex(index)
        assert len(desk.dock.entries) == count
        assert desk.studio.avalanche_list.count == 3


def test_counts_are_of_all_images_too(desk):
    desk.add("a")
    writer.add(desk.layer, shape(), {"uuid": "z", "image_name": "other.jpg"}, "Add avalanche")
    QTest.qWait(20)
    assert desk.dock.counts.text() == (
        "This image: 1 to review, 0 accepted, 0 rejected\n"
        "All images: 2 to review, 0 accepted, 0 rejected"
    )


@pytest.mark.parametrize("step", [True, False])
@pytest.mark.parametrize("saved", [True, False])
def test_an_outline_changed_after_review_is_to_be_reviewed_again(desk, step, saved):
    desk.add("a")
    desk.save()
    desk.select(0)
    desk.press("accept")
    if saved or not step:
        desk.save()
    desk.reshape("a", shape(80), step=step)
    desk.save()
    feature = desk.feature("a")
    assert reviews.state_of(feature) == ""
    assert reviews.record.attribute_value(feature, "reviewed_by") is None
    assert any("to be reviewed again" in text for text in desk.said)
    assert ("reviewed", "Ben") in desk.events("a") or not saved


def test_undo_of_the_change_brings_the_review_back(desk):
    desk.add("a")
    desk.select(0)
    desk.press("accept")
    desk.save()
    desk.reshape("a", shape(80))
    assert desk.states() == {"a": ""}
    desk.layer.undoStack().undo()
    assert desk.states() == {"a": "accepted"}
    desk.save()
    assert desk.states() == {"a": "accepted"}
    desk.layer.undoStack().redo()


@pytest.mark.parametrize("changed", ["outline", "outline, reviewed again", "type"])
def test_reviews_are_as_they_were_when_unsaved_edits_come_back(desk, changed):
    """As after QGIS was killed: what was kept of the edit buffer is put into a new one."""
    desk.add("a")
    desk.select(0)
    desk.press("accept")
    desk.save()
    if changed == "type":
        writer.set_attributes(desk.layer, desk.feature("a").id(), {"type": "slab"}, "Type")
    else:
        desk.reshape("a", shape(80))
    if changed == "outline, reviewed again":
        desk.press("accept")
    before = desk.states(), desk.feature("a")["type"], desk.feature("a").geometry().area()
    kept = UnsavedFeatures.of(desk.layer, datetime.now(timezone.utc))
    desk.layer.rollBack()
    kept = UnsavedFeatures.from_json(json.loads(kept.to_json()))
    kept.restore(QgsProject.instance())
    after = desk.states(), desk.feature("a")["type"], desk.feature("a").geometry().area()
    assert after == before
    assert before[0]["a"] == ("" if changed == "outline" else "accepted")


def test_what_is_reviewed_after_the_change_stays_reviewed(desk):
    desk.add("a")
    desk.select(0)
    desk.press("accept")
    desk.save()
    desk.reshape("a", shape(80))
    desk.select(0)
    desk.press("accept")
    desk.save()
    assert desk.states() == {"a": "accepted"}


def test_older_files_get_the_fields_when_they_are_needed(desk):
    desk.add("a")
    desk.save()
    desk.layer.commitChanges()
    QgsProject.instance().removeMapLayer(desk.layer.id())
    with closing(sqlite3.connect(desk.file)) as database:  # as made by an earlier version
        table = target.PIXEL_TABLE
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_history_%'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(f"DROP TABLE {table}_history")
        database.execute("DELETE FROM gpkg_contents WHERE table_name = ?", (f"{table}_history",))
        for field in ("review", "review_reason", "reviewed_at"):
            database.execute(f"ALTER TABLE {table} DROP COLUMN {field}")
        database.commit()
    desk.layer = desk.open()
    QTest.qWait(20)
    desk.select(0)
    desk.studio.review.may_add_fields = lambda layer: False
    desk.press("accept")
    assert "review" not in desk.layer.fields().names()
    assert desk.states() == {"a": ""}
    desk.studio.review.may_add_fields = lambda layer: True
    desk.press("accept")
    desk.save()
    assert desk.states() == {"a": "accepted"}
    assert desk.events("a") == [("found", "Anna"), ("reviewed", "Ben")]


def colours_of(layer: QgsVectorLayer) -> set[str]:
    """Colours in which a layer is drawn."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setExtent(QgsRectangle(80, -160, 160, -80))
    settings.setOutputSize(QSize(160, 160))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    return {
        image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())
    }


def test_rejected_ones_are_drawn_differently(desk):
    desk.add("a")
    holds, rejected = "#d0139b", "#5a5a5a"
    assert holds in colours_of(desk.layer)
    desk.select(0)
    desk.press("accept")
    assert holds in colours_of(desk.layer)
    desk.reject("No avalanche")
    assert rejected in colours_of(desk.layer)
    assert holds not in colours_of(desk.layer)


# --- history -------------------------------------------------------------------------------------


def test_every_edit_is_in_the_history(desk):
    desk.add("a")
    desk.save()
    desk.reshape("a", shape(80))
    desk.save()
    writer.set_attributes(desk.layer, desk.feature("a").id(), {"type": "slab"}, "Type")
    desk.save()
    desk.select(0)
    desk.press("accept")
    desk.save()
    writer.remove(desk.layer, desk.feature("a").id(), "Delete")
    desk.save()
    assert desk.events("a") == [
        (event, "Ben") for event in ("made", "changed", "changed", "reviewed", "deleted")
    ]
    areas = [desk_area(version) for version in versions_of(desk.file, target.PIXEL_TABLE, "a")]
    assert areas == [1600, 3200, 3200, 3200, 3200]


def desk_area(version) -> float:
    return geometry_of(version).area()


def test_edits_of_other_programs_are_in_it_without_a_name(desk):
    desk.add("a")
    desk.save()
    code = (
        "import sys\nfrom osgeo import ogr\n"
        "data = ogr.Open(sys.argv[1], 1)\nlayer = data.GetLayer('avalanches_pixels')\n"
        "feature = layer.GetNextFeature()\nfeature['comment'] = 'by ogr'\n"
        "layer.SetFeature(feature)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(desk.file)], check=True)
    assert desk.events("a") == [("made", "Ben"), ("changed", "")]
    desk.reshape("a", shape(80))
    desk.save()
    assert desk.events("a") == [("made", "Ben"), ("changed", ""), ("changed", "Ben")]


def test_earlier_versions_are_shown_and_restored(desk):
    desk.add("a", type="slab")
    desk.save()
    desk.reshape("a", shape(80))
    writer.set_attributes(desk.layer, desk.feature("a").id(), {"type": "loose"}, "Type")
    desk.save()
    desk.select(0)
    desk.studio.history.open()
    window = desk.studio.history.window
    assert [window.table.item(row, 2).text() for row in range(2)] == ["Changed", "Made"]
    assert not window.restore.isEnabled()
    window.table.setCurrentCell(1, 0)
    assert "Type: Slab → Loose snow" in window.details.text()
    assert desk.studio.history._band.asGeometry().area() == pytest.approx(1600)
    window.restore.click()
    feature = desk.feature("a")
    assert (feature.geometry().area(), feature["type"]) == (1600, "slab")
    desk.layer.undoStack().undo()
    assert desk.feature("a")["type"] == "loose"
    desk.layer.undoStack().redo()
    desk.save()
    assert desk.events("a")[-1] == ("restored", "Ben")
    window.close()
    assert desk.studio.history._band is None


def test_a_restored_outline_is_to_be_reviewed(desk):
    desk.add("a")
    desk.save()
    desk.reshape("a", shape(80))
    desk.select(0)
    desk.press("accept")
    desk.save()
    desk.studio.history.open()
    desk.studio.history.restore(len(desk.studio.history._listed) - 1)
    assert desk.states() == {"a": ""}


def test_what_was_deleted_is_listed_and_restored(desk):
    desk.add("a", type="slab", comment="kept")
    desk.add("b")
    desk.save()
    desk.studio.avalanche_list.may_delete = lambda entry: True
    desk.studio.avalanche_list._delete(next(e for e in desk.dock.entries if e.key == "a"))
    desk.save()
    assert desk.states() == {"b": ""}
    (gone,) = deleted_avalanches(desk.file, target.PIXEL_TABLE)
    assert (gone.uuid, gone.by) == ("a", "Ben")
    desk.select()
    desk.dock.table.setCurrentCell(-1, 0)
    desk.studio.history.open()
    window = desk.studio.history.window
    assert window.shows_deleted
    assert window.table.rowCount() == 1
    window.table.setCurrentCell(0, 0)
    window.restore.click()
    feature = desk.feature("a")
    assert (feature["type"], feature["comment"], feature["mapper"]) == ("slab", "kept", "Anna")
    assert window.table.rowCount() == 0
    desk.save()
    assert desk.events("a") == [("made", "Ben"), ("deleted", "Ben"), ("restored", "Ben")]


def test_an_avalanche_in_two_layers_comes_back_in_both(desk):
    other = target.create_layer(str(desk.file), QgsCoordinateReferenceSystem("EPSG:2056"))
    QgsProject.instance().addMapLayer(other)
    desk.add("a")
    writer.add(other, shape(), {"uuid": "a", "image_name": PHOTO}, "Add avalanche")
    for layer in (desk.layer, other):
        assert layer.commitChanges(False)
    desk.studio.avalanche_list.may_delete = lambda entry: True
    QTest.qWait(20)
    desk.studio.avalanche_list._delete(desk.dock.entries[0])
    for layer in (desk.layer, other):
        assert layer.commitChanges(False)
        assert layer.featureCount() == 0
    desk.studio.history.window.set_deleted(True)
    desk.studio.history.refresh()
    desk.studio.history.restore(0)
    assert [layer.featureCount() for layer in (desk.layer, other)] == [1, 1]


def test_layers_of_other_files_say_that_no_history_is_kept(desk):
    memory = QgsVectorLayer("MultiPolygon", "others", "memory")
    memory.dataProvider().addAttributes(desk.layer.fields().toList())
    memory.updateFields()
    QgsProject.instance().addMapLayer(memory)
    writer.add(memory, shape(), {"uuid": "m", "image_name": PHOTO}, "Add avalanche")
    QTest.qWait(20)
    desk.select(0)
    desk.dock.table.setCurrentCell(0, 0)
    desk.studio.history.open()
    note = desk.studio.history.window.note.text()
    assert note == "No history is kept of the layer others: only a GeoPackage keeps one."


@pytest.mark.parametrize("field", ["comment", "review"])
def test_fields_can_still_be_deleted_in_qgis(desk, field):
    desk.add("a", comment="x")
    desk.save()
    desk.layer.deleteAttribute(desk.layer.fields().indexOf(field))
    desk.save()
    assert field not in desk.layer.fields().names()
    desk.reshape("a", shape(80))
    desk.save()
    assert desk.events("a")[-1] == ("changed", "Ben")


def test_fields_added_in_qgis_are_kept_with_the_values_of_the_same_commit(desk):
    desk.add("a")
    desk.save()
    desk.layer.addAttribute(QgsField("damage", FIELD_TYPES["text"]))
    index = desk.layer.fields().indexOf("damage")
    desk.layer.changeAttributeValue(desk.feature("a").id(), index, "road")
    desk.save()
    assert versions_of(desk.file, target.PIXEL_TABLE, "a")[-1].values["damage"] == "road"


# --- two people ----------------------------------------------------------------------------------


def note(file, who: str) -> None:
    content = {
        "who": who, "user": who, "computer": "pc7", "process": 1,
        "since": "2026-01-01T08:00:00+00:00",
    }  # fmt: skip
    path = file.with_name(f"{file.name}.{who}@pc7-1.editing")
    path.write_text(json.dumps(content), encoding="utf-8")


def test_who_else_edits_is_said_before_work_begins(desk):
    QgsProject.instance().removeMapLayer(desk.layer.id())
    note(desk.file, "Anna")
    desk.layer = desk.open()
    assert any("is edited by Anna on pc7 since" in text for text in desk.said)
    assert "is edited by Anna on pc7 since" in desk.dock.editors.text()
    assert desk.dock.editors.isVisibleTo(desk.dock)
    desk.add("a")  # which is not prevented
    desk.save()
    for path in desk.folder.glob("*Anna*"):
        path.unlink()
    desk.studio.editors.renew()
    assert not desk.dock.editors.isVisibleTo(desk.dock)


def test_ones_own_note_lies_there_while_one_edits(desk):
    def notes() -> list[str]:
        return [path.name for path in desk.folder.glob("*.editing")]

    assert notes() == []
    desk.add("a")
    assert len(notes()) == 1
    desk.save()
    assert len(notes()) == 1
    desk.layer.commitChanges()
    assert notes() == []
    desk.layer.startEditing()
    QgsProject.instance().removeMapLayer(desk.layer.id())
    assert notes() == []


def test_a_file_locked_by_another_program_loses_nothing(desk):
    desk.add("a")
    desk.save()
    desk.add("b")
    note(desk.file, "Anna")
    with closing(sqlite3.connect(desk.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desk.dock.save.click()
        other.execute("ROLLBACK")
    assert any("could not be saved, and are still there" in text for text in desk.said)
    assert any("Anna on pc7" in text for text in desk.said)
    assert desk.states() == {"a": "", "b": ""}
    desk.dock.save.click()
    assert desk.events("b") == [("made", "Ben")]


def test_a_qgis_that_is_killed_leaves_file_and_history_together(desk):
    """Another process is killed while it saves: either both are written or neither."""
    desk.add("a")
    desk.save()
    desk.layer.commitChanges()
    copy = desk.copy("copy.gpkg")
    code = (
        "import os, sys\nfrom osgeo import gdal, ogr\n"
        "data = gdal.OpenEx(sys.argv[1], gdal.OF_UPDATE | gdal.OF_VECTOR)\n"
        "layer = data.GetLayer('avalanches_pixels')\ndata.StartTransaction()\n"
        "feature = layer.GetNextFeature()\nfeature['comment'] = 'half'\n"
        "layer.SetFeature(feature)\n"
        "if sys.argv[2] == 'committed': data.CommitTransaction()\n"
        "os._exit(9)\n"
    )
    for what, count in (("open", 1), ("committed", 2)):
        subprocess.run([sys.executable, "-c", code, str(copy), what], check=False)
        assert len(versions_of(copy, target.PIXEL_TABLE, "a")) == count


# --- merging -------------------------------------------------------------------------------------


def merge(desk, second, **more) -> dict:
    import processing  # not there before QGIS has loaded its plugins

    files = {"FIRST": str(desk.file), "SECOND": str(second), **more}
    return processing.run("avalanche_iseg:mergegeopackages", files)


def test_edits_of_two_people_on_copies_are_merged(desk):
    """The other one works with GDAL on a copy, while the first one goes on in QGIS."""
    for name in "abcd":
        desk.add(name)
    desk.save()
    second = desk.copy("copy.gpkg")
    code = (
        "import sys\nfrom osgeo import gdal, ogr\n"
        "data = gdal.OpenEx(sys.argv[1], gdal.OF_UPDATE | gdal.OF_VECTOR)\n"
        "layer = data.GetLayer('avalanches_pixels')\n"
        "for feature in list(layer):\n"
        "    if feature['uuid'] in 'ab':\n"
        "        feature['comment'] = 'of the other one'\n"
        "        layer.SetFeature(feature)\n"
        "    elif feature['uuid'] == 'c':\n"
        "        layer.DeleteFeature(feature.GetFID())\n"
    )
    subprocess.run([sys.executable, "-c", code, str(second)], check=True)
    desk.reshape("a", shape(80))
    writer.set_attributes(desk.layer, desk.feature("c").id(), {"type": "slab"}, "Type")
    writer.remove(desk.layer, desk.feature("d").id(), "Delete")
    desk.save()
    out = desk.folder / "merged.gpkg"
    report = desk.folder / "both.csv"
    results = merge(desk, second, OUTPUT=str(out), REPORT=str(report))
    assert results["CONFLICTS"] == 2
    assert len(report.read_text().splitlines()) == 3
    layer = QgsVectorLayer(f"{out}|layername=avalanches_pixels", "merged", "ogr")
    found = {feature["uuid"]: feature for feature in layer.getFeatures()}
    assert sorted(found) == ["a", "b", "c"]
    assert found["a"].geometry().area() == 3200  # the later one
    assert found["b"]["comment"] == "of the other one"
    assert found["c"]["type"] == "slab"
    comments = [v.values.get("comment") for v in versions_of(out, target.PIXEL_TABLE, "a")]
    assert "of the other one" in comments
    assert layer.startEditing()
    assert layer.changeGeometry(found["b"].id(), shape(60))
    assert layer.commitChanges()
    assert versions_of(out, target.PIXEL_TABLE, "b")[-1].event == "changed"
    assert desk.feature("a").geometry().area() == 3200  # the open file goes on
    desk.reshape("b", shape(70))
    desk.save()


@pytest.mark.parametrize(
    ("second", "output", "words"),
    [
        ("missing.gpkg", "o.gpkg", "missing.gpkg"),
        ("text.gpkg", "o.gpkg", "is no GeoPackage"),
        ("copy.gpkg", "copy.gpkg", "name another file"),
        ("copy.gpkg", "no/folder/o.gpkg", "folder"),
    ],
)
def test_what_cannot_be_merged_is_said_in_a_sentence(desk, second, output, words):
    desk.add("a")
    desk.save()
    desk.layer.commitChanges()
    (desk.folder / "text.gpkg").write_text("no database" * 200)
    desk.copy("copy.gpkg")
    with pytest.raises(QgsProcessingException, match=words):
        merge(desk, desk.folder / second, OUTPUT=str(desk.folder / output))
