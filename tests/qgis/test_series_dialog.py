"""Folders, cameras and times of a series: set, tried on its photos, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import scenery
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox
from test_series import opened
from waiting import wait_until

from avalanche_iseg_qgis.core.series import NameRule, PhotoState, SeriesStore
from avalanche_iseg_qgis.series.series_dialog import SeriesDialog


@pytest.fixture
def winter(tmp_path):
    """Two folders of photos whose names put the day before the camera, one beside them."""
    for folder, camera in (("2024", "north"), ("2025", "south")):
        (tmp_path / folder).mkdir()
        for hour in (8, 9, 10):
            name = f"20240115_{hour:02}30_{camera}_hd.jpg"
            scenery.write(tmp_path / folder / name, scenery.pixels()[::4, ::4], driver="JPEG")
    (tmp_path / "2025" / "notes.jpg").write_bytes(b"x")
    return tmp_path


def answer(act) -> QTimer:
    """Act on the dialog as soon as it is there; it is closed even if that fails."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        if type(dialog).__name__ != SeriesDialog.__name__:  # imported anew with the plugin
            return
        timer.stop()
        try:
            act(dialog)
        finally:
            if dialog.isVisible():
                dialog.reject()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    return timer


def ok(dialog):
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)


def row(dialog, name: str) -> list[str]:
    table = dialog.table
    rows = [[table.item(r, c).text() for c in range(3)] for r in range(table.rowCount())]
    return next(row for row in rows if name in row[0])


def test_a_rule_is_tried_while_it_is_typed(winter, iface):
    dialog = SeriesDialog(None, iface.mainWindow())
    assert not ok(dialog).isEnabled()
    assert dialog.summary.text() == "Add the folders that hold the photos."
    dialog.add_folders([winter / "2024", winter / "2025"])
    assert dialog.place.text() == str(winter / "2024.series")
    assert dialog.summary.text().startswith("7 photos; 3 cameras")
    assert "1 have no time" in dialog.summary.text()
    dialog.rule.setEditText("{date}_{hhmm}_{camera}_hd")
    dialog.zone.setEditText("+01:00")
    wait_until(lambda: "07:30" in row(dialog, "0830_north")[2], what="the trial")
    assert row(dialog, "0830_north")[1:] == ["north", "2024-01-15 07:30:00"]
    assert "EXIF" in row(dialog, "notes")[2]
    assert ok(dialog).isEnabled()
    dialog.rule.setEditText("{date}_{camera}{wrong}")
    wait_until(lambda: "'wrong'" in dialog.summary.text(), what="the fault")
    assert not ok(dialog).isEnabled()
    dialog.rule.setEditText("")
    dialog.zone.setEditText("Nowhere/Land")
    wait_until(lambda: "Nowhere/Land" in dialog.summary.text(), what="the fault")
    dialog.reject()
    assert not list(winter.glob("*.series"))


@pytest.mark.parametrize(
    ("rule", "doubled", "cameras"),
    [
        ("", 3, 3),
        ("{date}_{hhmm}_{camera}_*", 3, 3),
        ("{date}_{hhmm}_{camera}", 0, 4),
        ("(?P<camera>2024|2025)", 3, 2),
    ],
)
def test_what_is_doubled_is_counted(winter, iface, rule, doubled, cameras):
    for hour in (8, 9, 10):  # the same times once more
        name = f"20240115_{hour:02}30_north_lm.jpg"
        scenery.write(winter / "2024" / name, scenery.pixels()[::4, ::4], driver="JPEG")
    dialog = SeriesDialog(None, iface.mainWindow())
    dialog.add_folders([winter / "2024", winter / "2025"])
    dialog.rule.setEditText(rule)
    dialog.try_rule()
    text = dialog.summary.text()
    assert f"10 photos; {cameras} cameras" in text
    assert ("have the camera and the time of another" in text) == (doubled > 0)
    assert not doubled or f"{doubled} have the camera" in text
    dialog.reject()


def test_a_series_of_several_folders_is_made_and_changed(plugin, winter):
    controller = plugin.open()
    controller.open_series()
    series = controller.series

    def fill(dialog) -> None:
        dialog.add_folders([winter / "2024", winter / "2025"])
        dialog.place.setText(str(winter / "winter.series"))
        dialog.accept()

    timer = answer(fill)
    series._set_up(None)
    wait_until(lambda: series.browser is not None, what="the series")
    assert len(series.browser.photos) == 7
    series.note(PhotoState.NOTHING)
    noted = SeriesStore.open(winter / "winter.series").read().reviews

    def change(dialog) -> None:
        assert not dialog.place.isEnabled()
        assert dialog.chosen_folders == [winter / "2024", winter / "2025"]
        dialog.rule.setEditText("{date}_{hhmm}_{camera}_*")
        dialog.zone.setEditText("UTC")
        dialog.accept()

    before = series.browser
    timer = answer(change)
    series._set_up_open()
    assert not timer.isActive()
    wait_until(lambda: series.browser is not before, what="the series")
    store = SeriesStore.open(winter / "winter.series")
    assert store.rule == NameRule("{date}_{hhmm}_{camera}_*", "UTC")
    assert {"north", "south"} <= set(series.browser.cameras())
    assert store.read().reviews == noted  # records stay


def test_folders_of_a_layer_group(winter, iface):
    project = QgsProject.instance()
    group = project.layerTreeRoot().addGroup("webcams")
    project.layerTreeRoot().addGroup("empty")
    for path in sorted(winter.glob("*/*_hd.jpg")):
        layer = QgsRasterLayer(str(path), path.stem)
        project.addMapLayer(layer, False)
        group.addLayer(layer)
    dialog = SeriesDialog(None, iface.mainWindow())
    dialog._list_groups()
    assert [action.text() for action in dialog.groups.actions()] == ["webcams"]
    dialog.groups.actions()[0].trigger()
    assert sorted(map(Path, dialog.chosen_folders)) == [winter / "2024", winter / "2025"]
    dialog.add_folders([winter])  # holds both
    assert dialog.chosen_folders == [winter]
    dialog.reject()


def test_what_cannot_be_a_series_is_said(winter, iface):
    dialog = SeriesDialog(None, iface.mainWindow())
    (winter / "a" / "2024").mkdir(parents=True)
    dialog.add_folders([winter / "2024", winter / "a" / "2024"])
    assert "2024" in dialog.summary.text()
    assert not ok(dialog).isEnabled()
    dialog.folders.item(1).setSelected(True)
    dialog._remove()
    assert ok(dialog).isEnabled()
    dialog.place.setText(str(winter / "winter"))
    assert not ok(dialog).isEnabled()
    dialog.place.setText(str(winter / "2025" / "x" / "x.series"))
    dialog.accept()
    assert "x.series" in dialog.summary.text()
    assert dialog.path is None
    dialog.reject()


def test_an_open_series_keeps_its_place(plugin, winter):
    controller = plugin.open()
    controller.open_series()
    opened(controller.series, winter / "2024")
    assert controller.series.dock.more.isEnabled()
