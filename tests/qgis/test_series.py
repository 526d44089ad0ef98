"""A series of photos looked through in the real QGIS: one layer at a time, keys, what is noted."""

from __future__ import annotations

import time

import pytest
import scenery
from driving import Driver
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QModelIndex, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QFileDialog
from waiting import wait_until

from avalanche_iseg_qgis.core.series import Look, PhotoState, Screening, SeriesStore

RELEASED = "released_from", "released_to"
HOURS = (8, 9, 10, 11, 12, 13)


@pytest.fixture
def folder(tmp_path):
    """Photos of two cameras."""
    folder = tmp_path / "winter"
    pixels = scenery.pixels()
    for camera, image in (("cam1", pixels), ("cam2", pixels[::2, ::2])):
        (folder / camera).mkdir(parents=True)
        for hour in HOURS:
            name = f"{camera}_20240115_{hour:02}3000.jpg"
            image[:8, :8] = 15 * hour  # no two are the same picture
            scenery.write(folder / camera / name, image, driver="JPEG")
    return folder


@pytest.fixture
def controller(plugin):
    controller = plugin.open()
    controller.open_series()
    return controller


@pytest.fixture
def series(controller, folder):
    opened(controller.series, folder)
    return controller.series


def opened(series, path) -> None:
    series.open(str(path))
    wait_until(lambda: series._opening is None, what="the series")


def rasters() -> list[str]:
    layers = QgsProject.instance().mapLayers().values()
    return [layer.name() for layer in layers if isinstance(layer, QgsRasterLayer)]


def vectors() -> list[QgsVectorLayer]:
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]


def states(folder) -> list[PhotoState]:
    store = SeriesStore.open(folder / "winter.series")
    return [review.state for review in store.read().reviews.values()]


def test_photos_are_opened_one_at_a_time(series, iface):
    assert rasters() == ["cam1_20240115_083000"]
    assert series._session.image.origin.image_name == "cam1_20240115_083000.jpg"
    view = iface.mapCanvas().extent()
    view.scale(0.3)
    iface.mapCanvas().setExtent(view)
    kept = iface.mapCanvas().extent()
    QTest.mouseClick(series.dock.next, Qt.MouseButton.LeftButton)
    assert rasters() == ["cam1_20240115_093000"]
    assert iface.mapCanvas().extent() == kept  # the same place, to compare
    assert series.dock.camera.count() == 3
    series.dock.camera.setCurrentIndex(2)
    series.dock.camera.activated.emit(2)
    series.go(1)
    assert rasters() == ["cam2_20240115_083000"]
    assert iface.mapCanvas().extent() != kept
    index = series.dock.filmstrip.photos.index(4)
    series.dock.filmstrip.scrollTo(index)
    place = series.dock.filmstrip.visualRect(index).center()
    QTest.mouseClick(
        series.dock.filmstrip.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        place,
    )
    assert rasters() == ["cam2_20240115_123000"]


def test_keys_note_and_go_on(series, folder, iface):
    window = iface.mainWindow()
    window.activateWindow()
    iface.mapCanvas().setFocus()
    keys = (*"DANHEY", "Shift+Y", "", "", "X", "")
    for action, key in zip(series._keys.actions, keys, strict=True):
        assert action.shortcut().toString() == key
        assert action.isEnabled()
    by_name = {action.objectName().partition("_")[2]: action for action in series._keys.actions}
    for name in ("nothing", "hidden", "next", "previous"):
        by_name[name].trigger()
    assert rasters() == ["cam1_20240115_103000"]
    assert sorted(states(folder)) == [PhotoState.HIDDEN, PhotoState.NOTHING]
    assert "2 " in series.dock.progress.text() or "10 " in series.dock.progress.text()
    opened(series, folder)  # the next day: where it was left
    assert rasters() == ["cam1_20240115_103000"]


def test_avalanches_are_noted_with_their_photo(controller, folder, iface, plugin):
    opened(controller.series, folder)
    (layer,) = QgsProject.instance().mapLayers().values()
    driver = Driver(iface, plugin, layer)
    browser = controller.series.browser
    for count in (1, 2):
        driver.click(*scenery.CENTRE)
        driver.key(Qt.Key.Key_Return)
        wait_until(lambda: driver.space.prompts.empty, what="the feature")
        wait_until(lambda c=count: browser.count_of(browser.current) == c, what="the note")
    assert states(folder) == [PhotoState.AVALANCHES]
    controller.series.note(PhotoState.NOTHING)  # there are avalanches in it
    assert states(folder) == [PhotoState.AVALANCHES]
    observations = SeriesStore.open(folder / "winter.series").read().observations
    assert len(observations) == 2
    controller.series.go(1)
    assert rasters() == ["cam1_20240115_093000"]
    assert len(controller.avalanches_dock.entries) == 0
    controller.series.go(-1)
    assert len(controller.avalanches_dock.entries) == 2


def test_release_times_are_filled_in_by_what_was_looked_at(
    controller, folder, iface, plugin, tmp_path, monkeypatch
):
    opened(controller.series, folder)
    controller.series.note(PhotoState.NOTHING)  # 8:30
    controller.series.note(PhotoState.HIDDEN)  # 9:30
    driver = Driver(iface, plugin, iface.activeLayer())
    driver.click(*scenery.CENTRE)
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")
    (layer,) = vectors()
    (feature,) = layer.getFeatures()
    times = [feature[name].toLocalTime().time().hour() for name in RELEASED]
    assert times == [8, 10]
    layer.changeAttributeValue(feature.id(), layer.fields().indexOf(RELEASED[0]), None)
    layer.changeAttributeValue(
        feature.id(), layer.fields().indexOf(RELEASED[1]), feature[RELEASED[0]]
    )
    controller.series.go(-1)
    controller.series.note(PhotoState.NOTHING)  # 9:30 after all
    controller.series.fill_releases()
    (feature,) = layer.getFeatures()
    times = [feature[name].toLocalTime().time().hour() for name in RELEASED]
    assert times == [9, 8]  # what was given stays
    path = tmp_path / "days.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    controller.series.export_activity()
    heading, first, second = path.read_text(encoding="utf-8").splitlines()
    assert heading.startswith("date,camera,photos,")
    assert first.startswith("2024-01-15,cam1,6,")
    assert second.startswith("2024-01-15,cam2,6,")


def test_new_photos_are_found_and_the_place_is_kept(series, folder):
    series.go(1)
    scenery.write(folder / "cam1" / "cam1_20240115_073000.jpg", scenery.pixels(), driver="JPEG")
    series.reopen()
    wait_until(lambda: series._opening is None, what="the series")
    assert len(series.browser.shown) == 13
    assert series.browser.current.path.name == "cam1_20240115_093000.jpg"


def test_an_unfinished_avalanche_stays_with_its_photo(controller, folder, iface, plugin):
    opened(controller.series, folder)
    (layer,) = QgsProject.instance().mapLayers().values()
    driver = Driver(iface, plugin, layer)
    driver.click(*scenery.CENTRE)
    prompts = driver.space.prompts
    controller.series.go(1)
    assert driver.space.prompts.empty
    controller.series.go(-1)
    assert driver.space.prompts == prompts
    assert sorted(rasters()) == ["cam1_20240115_083000"]


def test_small_images_are_read_in_turn(series):
    photos = series.dock.filmstrip.photos
    index = photos.index(0)
    wait_until(lambda: photos.data(index, Qt.ItemDataRole.DecorationRole) is not None, 20, "it")
    image = photos.data(index, Qt.ItemDataRole.DecorationRole)
    assert max(image.width() / 128, image.height() / 80) == pytest.approx(1, abs=0.02)
    assert "cam1" in photos.data(index, Qt.ItemDataRole.ToolTipRole)


def test_a_damaged_photo_is_said_and_passed_over(series, folder):
    path = folder / "cam1" / "cam1_20240115_093000.jpg"
    path.write_bytes(b"no image")
    said = []
    series._messages.warn = said.append
    series.go(1)
    assert path.name in said[0]
    series.note(PhotoState.HIDDEN)
    assert rasters() == ["cam1_20240115_103000"]


def test_what_cannot_be_opened_is_said(controller, tmp_path, monkeypatch):
    said = []
    controller.series._messages.warn = said.append
    opened(controller.series, tmp_path / "nowhere")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    controller.series.dock.open_folder.click()
    wait_until(lambda: len(said) == 2, what="the answer")
    assert "holds no photos" in said[1]
    assert controller.series.browser is None


def test_screened_photos_are_passed_over_if_wanted(controller, folder):
    store = SeriesStore.create(folder / "winter.series", [folder])
    key = f"winter/cam1/cam1_20240115_{HOURS[1]:02}3000.jpg"
    store.append([Screening(key, look=Look.FOG, by="program")])
    opened(controller.series, folder / "winter.series")
    dock = controller.series.dock
    assert dock.usable_only.isVisible()
    QTest.mouseClick(dock.usable_only, Qt.MouseButton.LeftButton)
    assert len(controller.series.browser.shown) == 11
    controller.series.go(1)
    assert rasters() == ["cam1_20240115_103000"]


def test_ten_thousand_photos(controller, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(10_000):
        day, minute = divmod(number, 600)
        name = f"cam_2024-01-{day + 1:02}_{minute // 60 + 8:02}-{minute % 60:02}.jpg"
        (folder / name).touch()
    scenery.write(folder / "cam_2024-01-01_08-00.jpg", scenery.pixels(), driver="JPEG")
    start = time.monotonic()
    opened(controller.series, folder)
    print(f"10,000 photos: {time.monotonic() - start:.2f} s")
    assert controller.series.dock.filmstrip.photos.rowCount(QModelIndex()) == 10_000
    assert rasters() == ["cam_2024-01-01_08-00"]


def test_nothing_is_left_behind(controller, folder, iface):
    opened(controller.series, folder)
    window = iface.mainWindow()
    names = [action.objectName() for action in window.actions()]
    assert sum(name.startswith("AvalancheISegSeries_") for name in names) == 11
    controller.series.close()
    controller.series = None
    names = [action.objectName() for action in window.actions()]
    assert not [name for name in names if name.startswith("AvalancheISegSeries_")]


def test_no_text_of_the_panel_is_cut_and_it_takes_no_room_from_others(series, iface):
    dock, area = series.dock, series.dock.widget()
    for width in (420, 700, 1200):
        dock.setFloating(True)
        dock.resize(width, dock.height())
        QTest.qWait(50)
        assert dock.width() == width
        assert dock.progress.width() >= dock.progress.sizeHint().width()
        is_wide = area.widget().minimumSizeHint().width() <= area.viewport().width()
        assert area.horizontalScrollBar().isVisible() != is_wide
        assert area.viewport().height() >= area.widget().minimumSizeHint().height()
    assert dock.progress.text() == "12 of 12 photos left"
    assert "with avalanches 0, without 0, could not see 0" in dock.progress.toolTip()
    assert area.maximumHeight() == area.widget().sizeHint().height()


def test_a_photo_that_can_be_seen_is_opened_first(controller, folder):
    store = SeriesStore.create(folder / "winter.series", [folder])
    for hour in HOURS[:2]:
        key = f"winter/cam1/cam1_20240115_{hour:02}3000.jpg"
        store.append([Screening(key, look=Look.NIGHT, by="program")])
    opened(controller.series, folder)
    assert rasters() == ["cam1_20240115_103000"]


def test_what_the_screening_has_found_is_said(series, monkeypatch):
    said = []
    monkeypatch.setattr(series._messages, "inform", said.append)
    series.screening.ended.emit("")
    assert "the like: 0." in said[0]
    photo = series.browser.photos[1]
    series.overrule(photo, Look.FOG)
    series.screening.ended.emit("")
    assert "the like: 1." in said[1]
