"""Masks as files, and back."""

from __future__ import annotations

import resource
import signal

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from avalanche_iseg_qgis.core.errors import ImageError
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.masks import exporting, importing

LV95 = QgsCoordinateReferenceSystem("EPSG:2056")
A, B, C, D, E, F = (0.433, 0.25, 2_780_000.3, 0.25, -0.433, 1_180_000.7)
ORTHO = Grid(90, 60, (A, B, C, D, E, F), LV95)
PHOTO = Grid(90, 60)


def objects(count: int) -> list[np.ndarray]:
    """Each overlaps the one before."""
    places = np.arange(60 * 90).reshape(60, 90)
    return [(places >= 15 * k) & (places < 15 * k + 20) for k in range(count)]


def read(path) -> np.ndarray:
    return gdal.Open(str(path)).ReadAsArray()


def test_a_mask_is_0_and_255(tmp_path):
    (mask,) = objects(1)
    path = tmp_path / "mask.png"
    exporting.write_mask(str(path), mask)
    assert np.array_equal(read(path), np.where(mask, 255, 0))
    assert [file.name for file in tmp_path.iterdir()] == ["mask.png"]


@pytest.mark.parametrize(("count", "step"), [(1, 255), (2, 127), (3, 85), (4, 63), (300, 1)])
def test_labels_are_those_of_the_research_demo_and_come_back(tmp_path, count, step):
    masks = objects(count)
    expected = np.zeros((60, 90), np.uint16)
    for number, mask in enumerate(masks, 1):
        expected[mask] = number * step
    path = tmp_path / "labels.png"
    exporting.write_labels(str(path), masks)
    values = read(path)
    assert np.array_equal(values, expected)
    assert values.dtype == (np.uint8 if count < 256 else np.uint16)
    back = importing.from_file(str(path), PHOTO)
    assert list(back) == list(range(1, count + 1))
    whole = PixelWindow(0, 0, 60, 90)
    assert all(
        np.array_equal(start.within(whole), expected == k * step) for k, start in back.items()
    )


def test_no_object_no_labels(tmp_path):
    with pytest.raises(ImageError, match="finish an avalanche"):
        exporting.write_labels(str(tmp_path / "labels.png"), [])


def test_a_tiff_lies_where_the_image_lies(tmp_path):
    (mask,) = objects(1)
    path = str(tmp_path / "mask.tif")
    exporting.write_tiff(path, mask, ORTHO, PixelWindow(0, 0, 60, 90))
    layer = QgsRasterLayer(path, "mask")
    assert layer.crs() == LV95
    assert layer.dataProvider().sourceHasNoDataValue(1) is False
    back = importing.from_raster_layer(layer, ORTHO)
    assert np.array_equal(back.within(PixelWindow(0, 0, 60, 90)), mask)
    assert gdal.Open(path).GetGeoTransform() == (
        2_780_000.3,
        0.433,
        0.25,
        1_180_000.7,
        0.25,
        -0.433,
    )


def test_a_tiff_of_a_part(tmp_path):
    mask = np.zeros((60, 90), bool)
    mask[20:40, 30:50] = True
    path = str(tmp_path / "part.tif")
    exporting.write_tiff(path, mask[10:50, 20:70], ORTHO, PixelWindow(10, 20, 40, 50))
    back = importing.from_raster_layer(QgsRasterLayer(path, "part"), ORTHO)
    assert np.array_equal(back.within(PixelWindow(0, 0, 60, 90)), mask)


def test_a_tiff_of_a_photo_has_no_georeference(tmp_path):
    path = str(tmp_path / "mask.tif")
    exporting.write_tiff(path, objects(1)[0], PHOTO, PixelWindow(0, 0, 60, 90))
    assert gdal.Open(path).GetGeoTransform(can_return_null=True) is None


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ImageError, match="Choose a folder that exists"):
        exporting.write_mask(str(tmp_path / "no" / "mask.png"), objects(1)[0])


def test_a_full_disk_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "mask.png"
    path.write_bytes(b"earlier")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    try:
        with pytest.raises(ImageError, match="has space left"):
            exporting.write_mask(str(path), objects(1)[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == b"earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["mask.png"]
