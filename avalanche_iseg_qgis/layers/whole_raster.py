"""Whether an open raster is all there, by the same rules as in `core.raster_files`."""

from __future__ import annotations

from pathlib import Path

from osgeo import gdal

from ..core.containers import is_whole
from ..core.file_length import holds_all_cells


def is_whole_raster(dataset: gdal.Dataset, path: str) -> bool:
    """Return whether nothing of a raster's file is missing, which GDAL does not notice itself."""
    if not is_whole(path):
        return False
    if dataset.GetMetadataItem("file_compression", "ENVI") not in (None, "0"):
        return True
    bits = 0
    for number in range(1, dataset.RasterCount + 1):
        band = dataset.GetRasterBand(number)
        own = band.GetMetadataItem("NBITS", "IMAGE_STRUCTURE")
        bits += int(own or gdal.GetDataTypeSize(band.DataType))
    return holds_all_cells(
        dataset.GetDriver().ShortName,
        Path(path),
        dataset.GetFileList() or [],
        (dataset.RasterYSize, dataset.RasterXSize),
        bits,
    )
