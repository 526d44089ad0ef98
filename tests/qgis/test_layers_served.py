"""Layers without pixels of their own: WMS, XYZ."""

from __future__ import annotations

import time

import numpy as np
import pytest
from qgis.core import QgsDistanceArea, QgsPointXY, QgsProject, QgsRasterLayer
from rasters import LV95, UPRIGHT, texture, write
from server import wms_layer
from stalls import stalls
from waiting import wait_until

from avalanche_iseg_qgis.core.errors import ImageError
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.layers.reader import ImageReader
from avalanche_iseg_qgis.layers.source import open_source

HEIGHT, WIDTH = 1500, 2200


@pytest.fixture(scope="module")
def values():
    return texture(HEIGHT, WIDTH).astype(np.uint8)


@pytest.fixture(scope="module")
def served(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("served") / "ortho.tif"
    write(path, values, transform=UPRIGHT, epsg=LV95)
    with wms_layer(path) as layer:
        assert layer.isValid(), layer.error().summary()
        yield layer


def test_pixels(served, values):
    source = open_source(served, 0.5)
    assert source.needs_pixel_size
    assert source.name == "served"
    assert source.grid.crs.authid() == "EPSG:2056"
    row, col = source.grid.to_pixel(QgsPointXY(2_600_000, 1_200_000))
    row, col = round(row + 0.5), round(col + 0.5)  # where the raster begins in the layer
    begin = time.perf_counter()
    pixels = source.read(PixelWindow(row + 100, col + 100, 1300, 2000))
    print(f"\n2000 x 1300 pixels of a WMS in {time.perf_counter() - begin:.2f} s")
    expected = values[100:1400, 100:2100].astype(int)
    assert np.abs(pixels - expected).mean() < 1.5  # the extent is not on whole pixels
    assert np.abs(pixels - expected).max() < 20


def test_the_window_does_not_matter(served):
    source = open_source(served)
    one = source.read(PixelWindow(100, 100, 300, 300)).astype(int)
    two = source.read(PixelWindow(50, 150, 300, 300)).astype(int)
    assert np.abs(one[:250, 50:] - two[50:, :250]).max() <= 12


def test_one_metre_unless_chosen(served):
    a, b, _, d, e, _ = open_source(served).grid.transform
    assert (a, -e) == pytest.approx((1, 1), rel=2e-3)
    assert b == d == 0
    source = open_source(served, 3.0)
    assert source.grid.transform[0] == 3.0


def test_mercator():
    url = "type=xyz&url=file:///nowhere/{z}/{x}/{y}.png&zmin=0&zmax=18"
    layer = QgsRasterLayer(url, "tiles", "wms")
    assert layer.isValid()
    source = open_source(layer)
    assert source.needs_pixel_size
    grid = source.grid
    assert grid.crs.authid() == "EPSG:3857"
    assert grid.transform[0] == pytest.approx(1, rel=0.01)
    assert grid.width > 30_000_000


def test_degrees(served):
    source = served.source().replace("EPSG:2056", "EPSG:4326")
    layer = QgsRasterLayer(source, "degrees", "wms")
    assert layer.isValid()
    grid = open_source(layer).grid
    measure = QgsDistanceArea()
    measure.setSourceCrs(grid.crs, QgsProject.instance().transformContext())
    measure.setEllipsoid("EPSG:7030")
    row, col = grid.height / 2, grid.width / 2
    here = grid.to_layer(row, col)
    assert measure.measureLine(here, grid.to_layer(row, col + 100)) == pytest.approx(100, abs=1)
    assert measure.measureLine(here, grid.to_layer(row + 100, col)) == pytest.approx(100, abs=1)


def test_where_there_is_nothing(served):
    source = open_source(served)
    layer = QgsRasterLayer(served.source().replace("layers=image", "layers=none"), "none", "wms")
    with pytest.raises(ImageError):
        open_source(layer).read(PixelWindow(0, 0, 50, 50))
    with pytest.raises(ImageError, match="shows nothing here"):
        source.read(PixelWindow(-500, -500, 50, 50))


def test_tiles(tmp_path, values):
    """XYZ: levels of 256 px tiles; one that is missing is no failure."""
    for col in range(2):
        folder = tmp_path / "1" / str(col)
        folder.mkdir(parents=True)
        tile = np.ascontiguousarray(values[:256, 256 * col : 256 * (col + 1)])
        write(folder / "0.png", tile, driver="PNG")
    url = f"{tmp_path.as_uri()}/{{z}}/{{x}}/{{y}}.png"
    layer = QgsRasterLayer(f"type=xyz&url={url}&zmin=1&zmax=1", "tiles", "wms")
    size = layer.extent().width() / 512
    source = open_source(layer, size)
    assert (source.grid.width, source.grid.height) == (512, 512)
    pixels = source.read(PixelWindow(0, 0, 512, 512))
    assert np.array_equal(pixels[:256], values[:256, :512])
    assert not pixels[256:].any()


def test_in_the_background(served):
    reader = ImageReader()
    done, failed = [], []
    reader.done.connect(done.append)
    reader.failed.connect(lambda name, text: failed.append(text))
    with stalls() as gaps:
        reader.request(open_source(served), PixelWindow(300, 300, 400, 500), "a")
        wait_until(lambda: done or failed)
    print(f"\nlongest stall while a WMS is read {max(gaps) * 1000:.0f} ms")
    assert not failed
    assert max(gaps) < 0.2
    assert done[0].pixels.any()
    begin = time.perf_counter()
    reader.request(open_source(served, 0.1), PixelWindow(0, 0, 4000, 4000), "b")
    reader.close()
    assert time.perf_counter() - begin < 2


def test_a_server_that_has_gone(tmp_path, values):
    path = write(tmp_path / "o.tif", values[:200, :300], transform=UPRIGHT, epsg=LV95)
    with wms_layer(path) as layer:
        source = open_source(layer, 0.5)
    with pytest.raises(ImageError, match="can be reached"):
        source.read(PixelWindow(0, 0, 100, 100))
