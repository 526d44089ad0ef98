"""Writes orthophotos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import IsegError
from ..files import write_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray


def write_orthophoto(
    path: Path, colours: NDArray[np.uint8], transform: Sequence[float], epsg: int
) -> None:
    """Write a GeoTIFF with tiles and overviews; it appears complete or not at all.

    Parameters
    ----------
    path
        Of the file; it replaces one that is there.
    colours
        (R, C, 4) red, green, blue and opacity.
    transform
        Affine (a, b, c, d, e, f, ...) from cell corners to the map.
    epsg
        CRS of the map.

    Raises
    ------
    IsegError
        If it cannot be written.
    """
    from affine import Affine
    from rasterio.enums import ColorInterp
    from rasterio.io import MemoryFile

    rows, cols, bands = colours.shape
    # In memory: writing TIFFs to a full disk, GDAL may cut them short without a word.
    with MemoryFile() as file:
        with file.open(
            driver="COG",
            dtype="uint8",
            count=bands,
            height=rows,
            width=cols,
            crs=f"EPSG:{epsg}",
            transform=Affine(*tuple(transform)[:6]),
            compress="deflate",
            photometric="rgb",
        ) as target:
            target.write(np.moveaxis(colours, -1, 0))
            target.colorinterp = [
                getattr(ColorInterp, n) for n in ("red", "green", "blue", "alpha")
            ]
        content = bytes(file.getbuffer())
    try:
        write_bytes(path, content)
    except OSError as error:
        raise IsegError(
            f"{path} could not be written: {error.strerror or error}. Check that the folder may "
            "be written to and has space left."
        ) from error
