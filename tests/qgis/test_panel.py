"""The panel *Segment*: small screens, the wheel, Reset, and what it does by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import scenery
from driving import Driver
from qgis.core import QgsApplication, QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QColor, QPalette, QWheelEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QWidget,
)
from waiting import wait_until

from avalanche_iseg_qgis import i18n, settings
from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.features.geometry import keep_off
from avalanche_iseg_qgis.gui.segment_dock import SegmentDock
from avalanche_iseg_qgis.gui.widgets import retire, show_status

SMALL_PANEL = 430
"""Pixels of height that a panel has on a screen of 1280 x 720, beside QGIS's own bars."""


@pytest.fixture
def driver(iface, plugin, tmp_path):
    return Driver(iface, plugin, scenery.photo(tmp_path))


@pytest.fixture
def dock(iface):
    dock = SegmentDock(iface.mainWindow())
    yield dock
    retire(dock)


def turn_wheel(widget: QWidget) -> None:
    middle = widget.rect().center()
    event = QWheelEvent(
        QPointF(middle),
        QPointF(widget.mapToGlobal(middle)),
        QPoint(0, 0),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_the_wheel_changes_no_value(dock):
    dock.model.addItems(["a", "b"])
    dock.show()
    for field in dock.findChildren(QAbstractSpinBox):
        before = field.value()
        field.setFocus()
        turn_wheel(field)
        assert field.value() == before
    for box in dock.findChildren(QComboBox):
        before = box.currentIndex()
        turn_wheel(box)
        assert box.currentIndex() == before
    slider = dock.threshold.slider
    before = slider.value()
    turn_wheel(slider)
    assert slider.value() == before


@pytest.fixture(params=["en", "de", "fr", "it"])
def language(request):
    i18n.use_language(request.param)
    assert (i18n.tr("Discard") == "Discard") == (request.param == "en")
    yield request.param
    i18n.use_language("en")


def test_every_step_fits_on_a_small_screen(language, dock):
    dock.setFloating(True)
    dock.resize(320, 600)
    dock.show()
    QTest.qWait(50)
    assert dock.widget().widget().sizeHint().height() <= SMALL_PANEL
    assert dock.widget().widget().minimumSizeHint().width() <= 320


def test_all_fields_have_tooltips(dock):
    fields = (
        dock.layer, dock.threshold, dock.opacity, dock.mode, dock.colour, dock.click_size,
        dock.detail, dock.smoothing, dock.min_area, dock.fill_holes, dock.largest_only,
        dock.clicked_only, dock.preview, dock.keep_off, dock.close_gaps, dock.target, dock.brush,
        dock.write_back, dock.open_form, dock.model, dock.device,
        dock.open_image, dock.tool, dock.undo, dock.redo, dock.start_from, dock.finish,
        dock.discard, dock.help,
    )  # fmt: skip
    assert not [field for field in fields if not field.toolTip()]


def test_buttons_stay_where_they_are_when_the_hint_gets_longer(driver):
    dock = driver.studio.dock
    before = dock.finish.mapTo(dock, QPoint(0, 0))
    driver.click(*scenery.CENTRE)
    assert dock.finish.mapTo(dock, QPoint(0, 0)) == before


def test_reset(dock):
    dock.opacity.value, dock.detail.value, dock.smoothing.value = 0.1, 7.0, 0.0
    dock.min_area.setValue(3)
    dock.fill_holes.setChecked(False)
    dock._reset_display()
    dock._reset_outline()
    for setting in (settings.OPACITY, settings.TOLERANCE, settings.SMOOTHING, settings.MIN_AREA):
        assert setting.get() == setting.default
    assert dock.fill_holes.isChecked()


def test_the_device_stays_chosen_when_a_model_is_loaded_or_chosen(iface, plugin, tmp_path):
    settings.DEVICE.set("cpu")
    dock = Driver(iface, plugin, scenery.photo(tmp_path)).studio.dock
    assert dock.device.currentData() == "cpu"
    dock.model.activated.emit(dock.model.currentIndex())
    assert settings.DEVICE.get() == "cpu"
    dock.show_devices(["cpu"], "cuda:1")  # of another day
    assert dock.device.currentData() == "cuda:1"


def test_the_models_own_threshold_comes_back(driver):
    dock = driver.studio.dock
    own = dock.threshold.value
    dock.threshold.value = 0.8
    dock.threshold_reset.emit()
    assert dock.threshold.value == own


@pytest.mark.parametrize(("window", "dark"), [("#f0f0f0", False), ("#303030", True)])
def test_status_can_be_read_in_light_and_dark_themes(window, dark):
    label = QLabel()
    palette = label.palette()
    palette.setColor(QPalette.ColorRole.Window, QColor(window))
    label.setPalette(palette)
    for kind in ("good", "usable", "bad", "busy"):
        show_status(label, "x", kind)
        colour = QColor(label.styleSheet().split()[-1])
        assert contrast(colour, QColor(window)) >= 4.5, kind


def contrast(one: QColor, other: QColor) -> float:
    """Contrast ratio of the Web Content Accessibility Guidelines."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: QColor) -> float:
    linear = [
        c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
        for c in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_new_picture_is_taken_if_there_is_none(iface, plugin, tmp_path):
    controller = plugin.open()
    QTest.qWait(20)
    assert controller.session.image is None
    layer = QgsRasterLayer(str(scenery.photo(tmp_path)), "photo")
    QgsProject.instance().addMapLayer(layer)
    wait_until(lambda: controller.session.image is not None, what="the image in hand")
    assert controller.session.image.layer_id == layer.id()


def test_an_image_file_is_opened(iface, plugin, tmp_path, monkeypatch):
    controller, said = plugin.open(), []
    monkeypatch.setattr(controller.messages, "warn", said.append)
    path = scenery.photo(tmp_path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_what: (str(path), ""))
    controller.dock.open_image.click()
    assert controller.session.image.origin.path == str(path)
    assert iface.mapCanvas().extent().contains(controller.dock.layer.currentLayer().extent())
    path = tmp_path / "notes.jpg"
    path.write_text("no image")
    controller.dock.open_image.click()
    assert said == [f"{path} is no image that QGIS can read."]
    assert len(QgsProject.instance().mapLayers()) == 1


def test_panels_come_back_unless_they_were_closed(iface, plugin):
    plugin.open()
    assert settings.PANELS_OPEN.get()
    plugin.controller.dock.close()
    assert not settings.PANELS_OPEN.get()


def test_a_shortcut_opens_the_panels(iface, plugin):
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # of earlier tests
    assert plugin.controller is None
    (action,) = (a for a in plugin._actions if a.shortcut().toString() == "Ctrl+Shift+K")
    used = [a.shortcut().toString() for a in iface.mainWindow().findChildren(type(action))]
    assert used.count("Ctrl+Shift+K") == 1
    QTest.keyClick(
        iface.mainWindow(),
        Qt.Key.Key_K,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    wait_until(lambda: plugin.controller is not None, what="the panels")


def test_the_panels_share_the_height_of_a_small_window(iface, plugin):
    window = iface.mainWindow()
    before, was_maximized = window.geometry(), window.isMaximized()
    window.showNormal()
    window.setGeometry(0, 0, 1280, 720)
    QTest.qWait(100)
    dock = plugin.open().dock
    try:
        wait_until(lambda: dock.hidden_height <= 0, 10, "room for all parts")
    finally:
        window.setGeometry(before)
        if was_maximized:
            window.showMaximized()


def test_there_is_help(iface, plugin):
    texts = [action.text() for action in iface.pluginHelpMenu().actions()]
    assert "Avalanche ISeg" in texts


# --- finished avalanches ---------------------------------------------------------------------


def box(left, right) -> QgsGeometry:
    return QgsGeometry.fromWkt(f"POLYGON(({left} 0,{right} 0,{right} 10,{left} 10,{left} 0))")


def test_what_is_shared_stays_with_the_other():
    rest = keep_off(box(0, 10), [box(8, 20), box(100, 110)])
    assert rest.isGeosEqual(box(0, 8))
    assert keep_off(box(0, 10), [box(50, 60)]).isGeosEqual(box(0, 10))
    halves = keep_off(box(0, 30), [box(10, 20)])
    assert len(halves.asMultiPolygon()) == 2


def test_crumbs_go():
    rest = keep_off(box(0, 10), [box(0.05, 5)])
    assert rest.isGeosEqual(box(5, 10))


def test_an_outline_inside_a_finished_one_is_refused():
    with pytest.raises(IsegError, match="inside finished avalanches"):
        keep_off(box(2, 8), [box(0, 10)])


def test_a_new_avalanche_keeps_off_finished_ones_unless_told(driver):
    driver.studio.dock.keep_off.setChecked(True)
    finish(driver, scenery.CENTRE)
    layer = next(
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, QgsVectorLayer)
    )
    (first,) = layer.getFeatures()
    half = first.geometry().boundingBox()
    half.setXMaximum(half.center().x())
    layer.changeGeometry(first.id(), first.geometry().intersection(QgsGeometry.fromRect(half)))
    (first,) = layer.getFeatures()
    finish(driver, scenery.CENTRE)
    second = next(f for f in layer.getFeatures() if f.id() != first.id())
    shared = second.geometry().intersection(first.geometry()).area()
    assert shared < 1e-6
    driver.studio.dock.keep_off.setChecked(False)
    finish(driver, scenery.CENTRE)
    assert layer.featureCount() == 3
    largest = max(layer.getFeatures(), key=lambda f: f.geometry().area())
    assert largest.geometry().intersection(first.geometry()).area() > 0.9 * first.geometry().area()


def finish(driver, place) -> None:
    driver.click(*place)
    driver.space.finish()
    wait_until(lambda: driver.space.prompts.empty, 60, "the feature")


def test_without_an_image_a_demo_photo_is_offered(iface, plugin):
    controller = plugin.open()
    demo = controller.dock.demo
    assert demo.isVisible()
    QTest.mouseClick(demo, Qt.MouseButton.LeftButton)
    wait_until(lambda: controller.session.image is not None)
    image = controller.session.image
    assert image.origin.observed_at is not None
    assert not demo.isVisible()
    assert iface.mapCanvas().extent().contains(iface.activeLayer().extent())
    assert iface.mapCanvas().mapTool() is controller.tool
    controller.dock.layer.setLayer(None)
    assert demo.isVisible()
    QTest.mouseClick(demo, Qt.MouseButton.LeftButton)
    wait_until(lambda: controller.session.image is not None)
    assert len(QgsProject.instance().mapLayers()) == 1


def test_a_demo_photo_that_cannot_be_copied_is_a_message(iface, plugin):
    place = Path(QgsApplication.qgisSettingsDirPath(), "avalanche_iseg", "demo")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where the folder should be")
    QTest.mouseClick(plugin.open().dock.demo, Qt.MouseButton.LeftButton)
    assert "demo photo cannot be copied" in iface.messageBar().currentItem().text()
