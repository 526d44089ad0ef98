"""Images of the plugin at work, in the real QGIS, on a synthetic scene: ``docs/images``.

    python3 tests/qgis/run.py --script scripts/screenshots.py [FOLDER]

The language is that of the environment: with ``LC_ALL=de_DE.UTF-8`` all is in German.
Clicks are given with the mouse, where a user who sees the true outlines would give them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from driving import LEFT, RIGHT, Driver
from operating import Mapper, middle
from osgeo import gdal
from qgis import utils
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
)
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QColor, QPainter, QPen
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDockWidget, QLabel, QTreeView
from qgis.utils import iface
from waiting import wait_until

from avalanche_iseg_qgis import settings
from avalanche_iseg_qgis.gui.options import OptionsPage

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
SCENE = ROOT / "build" / "demo" / "scene"
NAME = "avalanche_iseg_qgis"
PHOTO = "webcam_20240115_1030.jpg"
MOST_CLICKS = 5
PROFILE = "~/.local/share/QGIS/QGIS3/profiles/default/"


def main() -> None:
    """Make all images."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "images")
    folder.mkdir(parents=True, exist_ok=True)
    scene = make_scene()
    labels = gdal.Open(str(scene / "labels.png")).ReadAsArray()
    with tempfile.TemporaryDirectory() as work:
        shutil.copy(scene / "picture.jpg", Path(work, PHOTO))
        driver = open_plugin(Path(work, PHOTO))
        zoom_to(driver, labels > 0)
        sizes = np.bincount(labels.ravel())[1:]
        first, second, third = 1 + np.argsort(sizes)[::-1][:3]

        click_on(driver, labels == first, 1)
        shoot(folder / "segmenting.png")
        click_on(driver, labels == first, MOST_CLICKS)
        shoot(folder / "corrected.png")
        finish(driver)
        click_on(driver, labels == second, MOST_CLICKS)
        finish(driver)
        click_on(driver, labels == third, MOST_CLICKS)
        shoot(folder / "several.png")
        finish(driver)
        show_form(driver)
        shoot(folder / "form.png")
        show_options(folder / "options.png")
        show_windows(driver, folder)
        for layer in QgsProject.instance().mapLayers().values():
            if hasattr(layer, "rollBack"):
                layer.rollBack()  # else QGIS asks
        show_series(driver, scene, Path(work, "webcam"), folder)
        show_camera(folder, scene)


def show_series(driver: Driver, scene: Path, photos: Path, folder: Path) -> None:
    """Look through photos of a day, which the light of the hours makes of one."""
    from avalanche_iseg_qgis.core.series import PhotoState

    QgsProject.instance().clear()
    photos.mkdir()
    pixels = gdal.Open(str(scene / "picture.jpg")).ReadAsArray().astype(np.float32)
    memory = gdal.GetDriverByName("MEM").Create("", *pixels.shape[:0:-1], 3, gdal.GDT_Byte)
    for hour in range(7, 17):
        light = 0.35 + 0.65 * np.sin(np.pi * (hour - 6) / 11)
        memory.WriteArray((pixels * light).astype(np.uint8))
        path = photos / f"webcam_2024-01-15_{hour:02}-00.jpg"
        gdal.GetDriverByName("JPEG").CreateCopy(str(path), memory)
    driver.studio.open_series()
    series = driver.studio.series
    series.open(str(photos))
    wait_until(lambda: series.browser is not None, what="the series")
    for state in (PhotoState.HIDDEN, PhotoState.NOTHING, PhotoState.NOTHING):
        series.note(state)
    QTest.qWait(2000)  # small images
    shoot(folder / "series.png")
    series.dock.close()


def show_camera(folder: Path, scene: Path) -> None:
    """Pose the scene's camera by six points, and segment an avalanche in its image."""
    from avalanche_iseg_qgis.core.camera import CameraRecord

    QgsProject.instance().clear()
    mapper = Mapper(iface, utils.plugins[NAME], scene)
    mapper.pose(scene, CameraRecord.read(scene / "camera.json").camera)
    mapper.dock.raise_()
    mapper.dock.steps[2].setCollapsed(False)
    mapper.camera.photo_dock.show_pose.setChecked(True)
    mapper.camera.photo_dock.show_all()
    shown = mapper.camera.overlays.viewshed.geometry.boundingBox()
    show_on_map(shown)
    shoot(folder / "camera.png")
    mapper.controller.dock.raise_()
    mapper.camera.photo_dock.show_pose.setChecked(False)
    mapper.prompt(*middle(scene, 2))
    wait_until(lambda: not mapper.on_map().isEmpty(), 30, "the outline on the map")
    mapper.camera.photo_dock.show_all()
    around = mapper.on_map().boundingBox()
    around.scale(5)
    show_on_map(around)
    shoot(folder / "ground.png")


def show_on_map(extent: QgsRectangle) -> None:
    """Zoom the map."""
    iface.mapCanvas().setExtent(extent)
    iface.mapCanvas().refresh()
    QTest.qWait(500)


def make_scene() -> Path:
    """Return the folder of the scene that ``make demo`` shows, made if it is missing."""
    if not SCENE.exists():
        command = [str(PYTHON), "-m", "training", "synthetic", str(SCENE), "--seed", "5"]
        subprocess.run(command, check=True, cwd=ROOT)
    return SCENE / "scene_000001"


def open_plugin(photo: Path) -> Driver:
    """Open the photo in a new project, the plugin's panels beside it."""
    QgsSettings().setValue("avalanche_iseg/interpreter", str(PYTHON))
    utils.updateAvailablePlugins()
    utils.loadPlugin(NAME)
    utils.startPlugin(NAME)
    iface.mainWindow().findChild(QDockWidget, "Browser").hide()
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem())  # as befits a photo
    layer = QgsRasterLayer(str(photo), photo.stem)
    return Driver(iface, utils.plugins[NAME], layer)


def zoom_to(driver: Driver, mask: np.ndarray) -> None:
    """Fill the map with the part of the photo where the mask is, from the lower edge up."""
    cols = np.flatnonzero(mask.any(axis=0))
    margin = 0.1 * (cols[-1] - cols[0])
    left, right = cols[0] - margin, cols[-1] + margin
    height = (right - left) * driver.canvas.height() / driver.canvas.width()
    driver.canvas.setExtent(QgsRectangle(left, -len(mask), right, height - len(mask)))
    driver.canvas.refresh()
    wait_until(lambda: not driver.canvas.isDrawing(), what="the map drawn")


def click_on(driver: Driver, truth: np.ndarray, most: int) -> None:
    """Click in the middle of what is wrong, until there are so many clicks or all is well."""
    while len(driver.space.prompts.clicks) < most:
        shown = driver.mask() if driver.space.prompts.clicks else np.zeros_like(truth)
        missing, too_much = depth(truth & ~shown), depth(shown & ~truth)
        wrong = missing if missing.max() >= too_much.max() else too_much
        if wrong.max() < 6:
            return
        row, col = np.unravel_index(wrong.argmax(), wrong.shape)
        driver.click(int(row), int(col), LEFT if wrong is missing else RIGHT)


def depth(mask: np.ndarray) -> np.ndarray:
    """(H, W) float32: pixels to the mask's edge, which the image's edge is no part of."""
    driver = gdal.GetDriverByName("MEM")
    source = driver.Create("", *mask.shape[::-1], 1, gdal.GDT_Byte)
    target = driver.Create("", *mask.shape[::-1], 1, gdal.GDT_Float32)
    source.GetRasterBand(1).WriteArray((~mask).astype(np.uint8))
    gdal.ComputeProximity(source.GetRasterBand(1), target.GetRasterBand(1), ["VALUES=1"])
    return target.ReadAsArray()


def finish(driver: Driver) -> None:
    """Enter."""
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: driver.space.prompts.empty, what="the feature")


def show_form(driver: Driver) -> None:
    """Open the form of the first avalanche."""
    table = driver.studio.avalanches_dock
    table.table.setCurrentCell(0, 0)
    table.form_requested.emit(table.entries[0])


def show_options(path: Path) -> None:
    """Photograph the plugin's page of QGIS's options, a modal dialog."""

    def look() -> None:
        dialog = QApplication.activeModalWidget()
        try:
            for pages in dialog.findChildren(QTreeView):
                pages.keyboardSearch("Avalanche ISeg")
            dialog.setGeometry(300, 200, 1000, 500)
            for page in dialog.findChildren(OptionsPage):  # as it is for a user, not here
                page.interpreter.setFilePath("")
            shoot(path)
        finally:
            dialog.reject()

    for dialog in iface.mainWindow().findChildren(QDialog):
        dialog.close()
    QTimer.singleShot(1000, look)
    iface.showOptionsDialog()


def show_windows(driver: Driver, folder: Path) -> None:
    """Photograph the windows *Set up segmentation* and *Models*."""
    for dialog in iface.mainWindow().findChildren(QDialog):
        dialog.close()
    settings.INTERPRETER.set("")  # as it is at first
    setup = driver.studio.setup_actions.open_setup()
    wait_until(lambda: setup.chosen is not None, 60, "a Python")
    for label in setup.findChildren(QLabel):  # as it is for a user, not here
        label.setText(label.text().replace(QgsApplication.qgisSettingsDirPath(), PROFILE))
    settings.INTERPRETER.set(str(PYTHON))
    setup.move(300, 200)
    shoot(folder / "setup.png")
    setup.reject()
    models = driver.studio.setup_actions.open_models()
    models.select("slf")
    models.move(300, 200)
    shoot(folder / "models.png")
    models.reject()


def shoot(path: Path) -> None:
    """Photograph the screen when QGIS has drawn it; dialogs framed: there is no window manager."""
    wait_until(lambda: not iface.mapCanvas().isDrawing(), what="the map drawn")
    QTest.qWait(500)
    image = QApplication.primaryScreen().grabWindow(0)
    painter = QPainter(image)
    painter.setPen(QPen(QColor("#404040"), 3))
    for window in QApplication.topLevelWidgets():
        if isinstance(window, QDialog) and window.isVisible():
            painter.drawRect(window.geometry())
    painter.end()
    image.save(str(path))
    print(path)


if __name__ == "__main__":
    main()
