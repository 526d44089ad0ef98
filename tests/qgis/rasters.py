"""Rasters of all kinds, made by GDAL, and what `core.image` makes of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
from osgeo import gdal, osr

LV95 = 2056
_TYPES = {
    "uint8": gdal.GDT_Byte,
    "uint16": gdal.GDT_UInt16,
    "int16": gdal.GDT_Int16,
    "float32": gdal.GDT_Float32,
    "complex64": gdal.GDT_CFloat32,
}
UPRIGHT = (2_600_000.0, 0.5, 0.0, 1_200_000.0, 0.0, -0.5)


def texture(height=300, width=400, bands=3, top=255, seed=3) -> np.ndarray:
    """(H, W, C) float: smooth, so that JPEG changes little, and different in every band."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, bands)
    waves = [np.sin(rows / 23 + p) + np.cos(cols / 31 - 2 * p) for p in phases]
    return (np.stack(waves, -1) + 2) / 4 * top


def write(
    path: Path,
    values: np.ndarray,
    *,
    driver="GTiff",
    options=(),
    transform=None,
    epsg=None,
    nodata=None,
    alpha=False,
    palette=None,
) -> Path:
    """Write (H, W, C)."""
    height, width, count = values.shape
    memory = gdal.GetDriverByName("MEM").Create("", width, height, count, _TYPES[str(values.dtype)])
    if transform:
        memory.SetGeoTransform(transform)
    if epsg:
        reference = osr.SpatialReference()
        reference.ImportFromEPSG(epsg)
        memory.SetProjection(reference.ExportToWkt())
    for index in range(count):
        band = memory.GetRasterBand(index + 1)
        band.WriteArray(np.ascontiguousarray(values[..., index]))
        if nodata is not None:
            band.SetNoDataValue(nodata)
    if alpha:
        memory.GetRasterBand(count).SetColorInterpretation(gdal.GCI_AlphaBand)
    if palette is not None:
        table = gdal.ColorTable()
        for index, colour in enumerate(palette):
            table.SetColorEntry(index, tuple(int(value) for value in colour))
        memory.GetRasterBand(1).SetColorTable(table)
    assert gdal.GetDriverByName(driver).CreateCopy(str(path), memory, options=list(options))
    return path


def by_core(interpreter: Path, paths: list[Path]) -> list[np.ndarray]:
    """What `core.image.read_image` makes of files, in the worker's own environment."""
    code = (
        "import json, sys, numpy\n"
        "from core.image import read_image\n"
        "for path in json.loads(sys.argv[1]):\n"
        "    numpy.save(path + '.core.npy', read_image(path).pixels)\n"
    )
    subprocess.run(
        [str(interpreter), "-c", code, json.dumps([str(path) for path in paths])],
        cwd=Path(__file__).resolve().parents[2],
        env={"PATH": "/usr/bin:/bin"},
        check=True,
    )
    return [np.load(f"{path}.core.npy") for path in paths]
