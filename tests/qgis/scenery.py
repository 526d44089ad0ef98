"""Rasters to map in: one avalanche-like shape that the default model finds at the first click."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from osgeo import gdal, osr

HEIGHT, WIDTH = 600, 900
CENTRE = (290.0, 430.0)  # row, col of the shape
OUTSIDE = (80.0, 100.0)
LV95 = 2056


def truth() -> np.ndarray:
    """(H, W) bool: a tongue, wider below."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    row, col = (rows - CENTRE[0]) / 150, (cols - CENTRE[1] - 15 * np.sin(rows / 40)) / 95
    return row**2 + (col / (1 + 0.25 * row)) ** 2 < 1


def pixels() -> np.ndarray:
    """(H, W, 3) uint8: the shape, dark and rough, on a bright slope."""
    rng = np.random.default_rng(7)
    rows = np.linspace(0, 25, HEIGHT)[:, None]
    grey = np.where(truth(), 90 + rng.normal(0, 12, (HEIGHT, WIDTH)), 205 - rows)
    grey = grey + rng.normal(0, 4, (HEIGHT, WIDTH))
    return np.clip(grey[..., None] + np.array([0, 3, 8]), 0, 255).astype(np.uint8)


def write(path: Path, array: np.ndarray, *, driver="GTiff", transform=None, epsg=None) -> Path:
    """Write (H, W) or (H, W, 3) with a six-number geotransform in GDAL's order."""
    bands = array[..., None] if array.ndim == 2 else array
    kinds = {"uint8": gdal.GDT_Byte, "uint16": gdal.GDT_UInt16, "float32": gdal.GDT_Float32}
    height, width, count = bands.shape
    memory = gdal.GetDriverByName("MEM").Create("", width, height, count, kinds[array.dtype.name])
    for band in range(count):
        memory.GetRasterBand(band + 1).WriteArray(bands[..., band])
    if transform:
        memory.SetGeoTransform(transform)
    if epsg:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(epsg)
        memory.SetProjection(reference.ExportToWkt())
    gdal.GetDriverByName(driver).CreateCopy(str(path), memory)
    return path


def photo(folder: Path, name: str = "cam1_20240115_103000.jpg") -> Path:
    """A plain JPG."""
    return write(folder / name, pixels(), driver="JPEG")


def rotated(folder: Path) -> Path:
    """A GeoTIFF in LV95, half a metre a pixel, turned by 20 degrees."""
    angle, size = np.deg2rad(20), 0.5
    c, s = size * np.cos(angle), size * np.sin(angle)
    return write(
        folder / "rotated.tif", pixels(), transform=(2783000.0, c, s, 1188000.0, s, -c), epsg=LV95
    )


def deep(folder: Path) -> Path:
    """One band of 16 bit, with values as radiometric sensors give them."""
    values = (pixels()[..., 0].astype(np.uint16) * 11 + 3000).astype(np.uint16)
    transform = (2783000.0, 0.5, 0, 1188000.0, 0, -0.5)
    return write(folder / "deep.tif", values, transform=transform, epsg=LV95)
