"""Ten thousand photos of a webcam in QGIS: opening the series, the next photo, memory.

    python3 tests/qgis/run.py --script tests/bench/series_in_qgis.py

The next photo beside the usual way, in one run: one more layer in the project, for as many photos.
Wall time until the photo is drawn; ratios of medians. Memory is that of all of QGIS beside the time
before the series was opened.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis import utils
from qgis.core import QgsProject, QgsRasterLayer
from qgis.utils import iface
from waiting import wait_until

PHOTOS, STEPS = 10_000, 40
HEIGHT, WIDTH = 1080, 1920


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make_photos(Path(folder, "cam"))
        utils.loadPlugin("avalanche_iseg_qgis")
        utils.startPlugin("avalanche_iseg_qgis")
        controller = utils.plugins["avalanche_iseg_qgis"].open(take_tool=False)
        controller.open_series()
        series, before = controller.series, megabytes()
        start = time.perf_counter()
        series.open(str(paths[0].parent))
        wait_until(lambda: series.browser is not None, what="the series")
        print(f"opening {PHOTOS:,} photos: {time.perf_counter() - start:.2f} s")
        ours = [seconds(lambda: series.go(1)) for _ in range(STEPS)]
        print(f"memory after {STEPS} photos: {megabytes() - before:+.0f} MB")
        usual = [seconds(lambda p=path: add(p)) for path in paths[-STEPS:]]
        print(f"memory after {STEPS} layers more: {megabytes() - before:+.0f} MB")
        first, second = statistics.median(ours), statistics.median(usual)
        print(f"next photo: {first:.3f} s, at most {max(ours):.3f} s")
        print(f"one more layer: {second:.3f} s; next photo {second / first:.1f} times as fast")
        QgsProject.instance().clear()
        utils.unloadPlugin("avalanche_iseg_qgis")


def make_photos(folder: Path) -> list[Path]:
    """Return photos with times in their names; all are one file on the disk."""
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (3, HEIGHT // 8, WIDTH // 8), np.uint8)
    memory = gdal.GetDriverByName("MEM").Create("", WIDTH, HEIGHT, 3, gdal.GDT_Byte)
    memory.WriteArray(pixels.repeat(8, 1).repeat(8, 2))
    paths = []
    for number in range(PHOTOS):
        day, place = divmod(number, 400)
        name = f"cam_2024-01-{day + 1:02}_{place // 60 + 6:02}-{place % 60:02}.jpg"
        paths.append(folder / name)
        if number == 0:
            gdal.GetDriverByName("JPEG").CreateCopy(str(paths[0]), memory)
        else:
            os.link(paths[0], paths[-1])
    return paths


def add(path: Path) -> None:
    """Add a photo as one more layer, and look at it."""
    layer = QgsRasterLayer(str(path), path.stem)
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    iface.zoomToActiveLayer()


def seconds(act: Callable[[], None]) -> float:
    """Return how long something takes until the map is drawn."""
    drawn: list[object] = []
    canvas = iface.mapCanvas()
    start = time.perf_counter()
    act()
    connection = canvas.mapCanvasRefreshed.connect(lambda: drawn.append(canvas))
    canvas.refresh()
    wait_until(lambda: drawn, 60, "the map")
    canvas.mapCanvasRefreshed.disconnect(connection)
    return time.perf_counter() - start


def megabytes() -> float:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


main()
