"""Pixels lie where QGIS draws them."""

from __future__ import annotations

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QImage
from rasters import LV95, UPRIGHT, write

from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.layers.source import open_source

HEIGHT, WIDTH = 200, 300
BLOCK = (60, 200, 21)  # first row, first column, pixels a side
CENTRE = (70.0, 210.0)
SCREEN = 400  # pixels a side
TURNED = (2_600_000.0, 0.4, 0.3, 1_200_000.0, 0.3, -0.4)
SOUTH_UP = (2_600_000.0, 0.5, 0.0, 1_200_000.0, 0.0, 0.5)


def bright_block() -> np.ndarray:
    values = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    row, col, side = BLOCK
    values[row : row + side, col : col + side] = 250
    return values


def with_points(path) -> str:
    """The same raster with ground control points only, of a turned grid."""
    c, a, b, f, d, e = TURNED
    points = [
        gdal.GCP(a * u + b * v + c, d * u + e * v + f, 0, u, v)
        for u, v in ((0, 0), (WIDTH, 0), (0, HEIGHT), (WIDTH, HEIGHT))
    ]
    plain = write(path.with_name("plain.tif"), bright_block())
    gdal.Translate(str(path), str(plain), GCPs=points, outputSRS="EPSG:2056")
    return str(path)


def drawn_at(layer, crs, around, size) -> tuple[float, float]:
    """Map coordinates of the middle of what is bright on a map of this extent."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(crs)
    settings.setTransformContext(QgsProject.instance().transformContext())
    settings.setOutputSize(QSize(SCREEN, SCREEN))
    half = size / 2
    settings.setExtent(
        QgsRectangle(around.x() - half, around.y() - half, around.x() + half, around.y() + half)
    )
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage().convertToFormat(QImage.Format.Format_Grayscale8)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    grey = np.frombuffer(bits, np.uint8).reshape(SCREEN, image.bytesPerLine())[:, :SCREEN]
    outside = settings.backgroundColor().red()
    rows, cols = np.nonzero((grey > 200) & (grey != outside))
    assert rows.size > 100
    per_pixel = settings.mapUnitsPerPixel()
    x = settings.visibleExtent().xMinimum() + (cols.mean() + 0.5) * per_pixel
    return x, settings.visibleExtent().yMaximum() - (rows.mean() + 0.5) * per_pixel


def check(layer, crs_text="", within=0.5) -> None:
    """The block's middle is drawn where the grid says, within half a pixel."""
    grid = open_source(layer).grid
    crs = QgsCoordinateReferenceSystem(crs_text)

    def on_map(row, col):
        point = grid.to_layer(row, col)
        if not (crs.isValid() and layer.crs().isValid()):
            return point
        return QgsCoordinateTransform(layer.crs(), crs, QgsProject.instance()).transform(point)

    middle, beside = on_map(*CENTRE), on_map(CENTRE[0], CENTRE[1] + 1)
    pixel = middle.distance(beside)
    x, y = drawn_at(layer, crs, middle, 50 * pixel)
    assert abs(x - middle.x()) < within * pixel
    assert abs(y - middle.y()) < within * pixel


@pytest.mark.parametrize("transform", [UPRIGHT, TURNED, SOUTH_UP], ids=["up", "turned", "south"])
@pytest.mark.parametrize("crs", ["EPSG:2056", "EPSG:4326", "EPSG:3857"])
def test_georeferenced(tmp_path, transform, crs):
    path = write(tmp_path / "t.tif", bright_block(), transform=transform, epsg=LV95)
    layer = QgsRasterLayer(str(path), "image")
    grid = open_source(layer).grid
    assert (grid.width, grid.height) == (WIDTH, HEIGHT)
    c, a, b, f, d, e = transform
    assert grid.transform == (a, b, c, d, e, f)
    # QGIS resamples turned rasters, to the nearest pixel: up to half a pixel off each time
    check(layer, crs, 0.5 if transform is UPRIGHT else 1.0)


@pytest.mark.parametrize(("suffix", "driver"), [("jpg", "JPEG"), ("png", "PNG"), ("tif", "GTiff")])
def test_plain_photo(tmp_path, suffix, driver):
    layer = QgsRasterLayer(str(write(tmp_path / f"t.{suffix}", bright_block(), driver=driver)), "p")
    grid = open_source(layer).grid
    assert grid.is_photo
    assert layer.extent() == QgsRectangle(0, -HEIGHT, WIDTH, 0)
    check(layer)
    check(layer, "EPSG:2056")  # of the project


def test_photo_with_a_guessed_crs_is_plain(tmp_path):
    layer = QgsRasterLayer(str(write(tmp_path / "t.jpg", bright_block(), driver="JPEG")), "p")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
    grid = open_source(layer).grid
    assert grid.is_photo
    check(layer, "EPSG:2056")


def test_identity_transform_is_plain(tmp_path):
    source = write(tmp_path / "t.tif", bright_block())
    path = tmp_path / "t.vrt"
    gdal.Translate(str(path), str(source), format="VRT")
    text = path.read_text()
    text = text.replace(
        "<VRTRasterBand", "<GeoTransform>0,1,0,0,0,1</GeoTransform><VRTRasterBand", 1
    )
    path.write_text(text)
    layer = QgsRasterLayer(str(path), "p")
    assert open_source(layer).grid.is_photo
    check(layer)


def test_crs_that_the_user_set(tmp_path):
    layer = QgsRasterLayer(str(write(tmp_path / "t.tif", bright_block(), transform=UPRIGHT)), "p")
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
    assert open_source(layer).grid.crs.authid() == "EPSG:2056"
    check(layer, "EPSG:4326")


def test_world_file(tmp_path):
    path = write(tmp_path / "t.jpg", bright_block(), driver="JPEG")
    path.with_suffix(".jgw").write_text("0.5\n0\n0\n-0.5\n2600000.25\n1199999.75\n")
    layer = QgsRasterLayer(str(path), "p")
    assert open_source(layer).grid.transform == (0.5, 0, 2_600_000, 0, -0.5, 1_200_000)
    check(layer)


def test_ground_control_points(tmp_path):
    layer = QgsRasterLayer(with_points(tmp_path / "gcp.tif"), "p")
    source = open_source(layer)
    assert (source.grid.width, source.grid.height) == (layer.width(), layer.height())
    c, a, b, f, d, e = TURNED
    u, v = CENTRE[1] + 0.5, CENTRE[0] + 0.5
    middle = QgsPointXY(a * u + b * v + c, d * u + e * v + f)
    assert drawn_at(layer, layer.crs(), middle, 30) == pytest.approx(list(middle), abs=0.5)
    row, col = source.grid.to_pixel(middle)
    assert source.read(PixelWindow(int(row) - 2, int(col) - 2, 5, 5)).min() == 250
