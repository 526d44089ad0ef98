"""A slider move on a mask of 12 megapixels: what it costs until the canvas shows it.

    python3 tests/qgis/run.py --script tests/bench/canvas.py

Our canvas item beside the two usual ways, in one run: a rubber band and a memory layer, both with
the polygon of the new threshold, which has to be made first. Milliseconds of wall time, the ways
in turn within every round; ratios are medians over rounds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.gui import QgsRubberBand
from qgis.PyQt.QtCore import QEventLoop
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDockWidget
from qgis.utils import iface

from avalanche_iseg_qgis.canvas.mask_item import MaskItem, MaskMode, MaskStyle
from avalanche_iseg_qgis.compat import memory_polygons
from avalanche_iseg_qgis.layers.grid import Grid

HEIGHT, WIDTH = 3000, 4000
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
ROUNDS = 4
OURS = "mask item, area"


def answer() -> np.ndarray:
    """(3000, 4000) uint8 levels: a large object whose edge is rough at every threshold."""
    rows, cols = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    rough = np.random.default_rng(0).normal(0, 8, (HEIGHT // 8, WIDTH // 8))
    rough = rough.repeat(8, 0).repeat(8, 1)
    return np.clip(200 * (1.1 - np.hypot(rows, cols)) + rough, 0, 200).astype(np.uint8)


def polygon(levels: np.ndarray, threshold: float) -> QgsGeometry:
    """The object at a threshold, as GDAL traces it."""
    mask = (levels > 200 * threshold).astype(np.uint8)
    memory = gdal.GetDriverByName("MEM").Create("", WIDTH, HEIGHT, 1, gdal.GDT_Byte)
    memory.SetGeoTransform((0, 1, 0, 0, 0, -1))
    memory.GetRasterBand(1).WriteArray(mask)
    _store, layer = memory_polygons()
    gdal.Polygonize(memory.GetRasterBand(1), memory.GetRasterBand(1), layer, -1)
    return QgsGeometry.collectGeometry([_geometry(feature) for feature in layer])


def _geometry(feature) -> QgsGeometry:
    shape = QgsGeometry()
    shape.fromWkb(bytes(feature.GetGeometryRef().ExportToWkb()))
    return shape


class Ways:
    """Shows an answer at a threshold, in every way."""

    def __init__(self, canvas, levels) -> None:
        self.canvas, self.levels = canvas, levels
        self.item = MaskItem(canvas)
        self.band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
        self.band.setColor(QColor(255, 60, 30, 115))
        self.layer = QgsVectorLayer("MultiPolygon", "mask", "memory")
        self.layer.dataProvider().addFeatures([QgsFeature()])
        self.feature = next(self.layer.getFeatures()).id()

    def painted(self) -> None:
        """Let Qt paint what is due, now."""
        self.canvas.viewport().repaint()

    def move_item(self, mode, threshold) -> None:
        self.item.mask_style = MaskStyle(threshold, mode=mode)
        self.painted()

    def move_band(self, threshold) -> None:
        self.band.setToGeometry(polygon(self.levels, threshold), None)
        self.painted()

    def move_layer(self, threshold) -> None:
        shape = polygon(self.levels, threshold)
        self.layer.dataProvider().changeGeometryValues({self.feature: shape})
        self.layer.triggerRepaint()  # else the canvas shows it from its cache
        drawn(self.canvas)

    def timed(self) -> dict[str, list[float]]:
        """Milliseconds of every slider move."""
        ways = {
            OURS: lambda t: self.move_item(MaskMode.MASK, t),
            "mask item, outline": lambda t: self.move_item(MaskMode.OUTLINE, t),
            "mask item, probability": lambda t: self.move_item(MaskMode.PROBABILITY, t),
            "rubber band": self.move_band,
            "memory layer": self.move_layer,
        }
        times = {name: [] for name in [*ways, "(polygon alone)"]}
        for _ in range(ROUNDS):
            for threshold in THRESHOLDS:
                start = time.perf_counter()
                polygon(self.levels, threshold)
                times["(polygon alone)"].append(1e3 * (time.perf_counter() - start))
                for name, way in ways.items():
                    self.alone(name)
                    start = time.perf_counter()
                    way(threshold)
                    times[name].append(1e3 * (time.perf_counter() - start))
        return times

    def alone(self, name) -> None:
        """Hide the other ways, so that each pays for itself only."""
        self.item.setVisible(name.startswith("mask item"))
        self.band.setVisible(name == "rubber band")
        layers = [self.layer] if name == "memory layer" else []
        photo = self.canvas.layers()[-1]
        self.canvas.setLayers([*layers, photo])
        drawn(self.canvas)
        self.painted()


def drawn(canvas) -> None:
    """Have the canvas render all that has changed, and wait until it shows it."""
    done = QEventLoop()
    canvas.mapCanvasRefreshed.connect(done.quit)
    canvas.refresh()
    done.exec()
    canvas.mapCanvasRefreshed.disconnect(done.quit)
    canvas.viewport().repaint()


def report(times: dict[str, list[float]]) -> None:
    for name, values in times.items():
        ratio = statistics.median(
            value / ours for value, ours in zip(values, times[OURS], strict=True)
        )
        print(
            f"  {name:<24} {statistics.median(values):8.1f} ms   worst {max(values):8.1f} ms"
            f"   x {ratio:6.1f}"
        )


def main() -> None:
    canvas, levels = iface.mapCanvas(), answer()
    for dock in iface.mainWindow().findChildren(QDockWidget):
        dock.hide()
    QTest.qWait(100)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "photo.tif"))
        photo = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH), np.uint8)
        file = gdal.GetDriverByName("GTiff").Create(path, WIDTH, HEIGHT, 3, gdal.GDT_Byte)
        for band in (1, 2, 3):
            file.GetRasterBand(band).WriteArray(photo)
        file.SetGeoTransform((0, 1, 0, 0, 0, -1))
        del file
        layer = QgsRasterLayer(path, "photo")
        QgsProject.instance().addMapLayer(layer)
        canvas.setExtent(layer.extent())
        drawn(canvas)
        ways = Ways(canvas, levels)
        QgsProject.instance().addMapLayer(ways.layer)
        ways.item.show(levels, 0, 0, Grid(WIDTH, HEIGHT))
        start = time.perf_counter()
        canvas.viewport().repaint()
        first = 1e3 * (time.perf_counter() - start)
        times = ways.timed()
        size, whole = canvas.viewport().size(), polygon(levels, 0.5)
        print(
            f"\nA slider move, {len(THRESHOLDS) * ROUNDS} of each; canvas {size.width()} x "
            f"{size.height()}, mask {WIDTH} x {HEIGHT}, outline of "
            f"{whole.constGet().nCoordinates()} points; first paint of an answer {first:.1f} ms"
        )
        report(times)


if __name__ == "__main__":
    main()
