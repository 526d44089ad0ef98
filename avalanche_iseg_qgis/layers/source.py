"""Pixel sources of raster layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..core.errors import ImageError
from ..i18n import tr
from .gdal_source import GdalSource
from .provider_source import ProviderSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qgis.core import QgsFeedback, QgsRasterLayer

    from .grid import Grid
    from .pixel_window import PixelWindow


class PixelSource(Protocol):
    """Pixels of one layer as it was when opened, independent of the layer from then on.

    Attributes
    ----------
    grid
        Pixel grid.
    name
        Name of the layer.
    path
        The file, or without one the layer's source without passwords.
    needs_pixel_size
        Whether the layer has no resolution of its own (WMS, XYZ), so that its grid is made with a
        pixel size chosen by the user.
    """

    grid: Grid
    name: str
    path: str
    needs_pixel_size: bool

    def read(self, window: PixelWindow, feedback: QgsFeedback | None = None) -> NDArray[np.uint8]:
        """Read a window that lies in the grid; from any thread.

        Parameters
        ----------
        window
            In pixels of the grid.
        feedback
            If cancelled, reading ends soon: it returns an incomplete array, or raises.

        Returns
        -------
        array
            (height, width, 3) uint8, RGB. 8-bit values are unchanged (palettes applied, one band
            repeated), others stretched by the 2nd and 98th percentile of the whole raster.
            Alpha is ignored; nodata is 0.

        Raises
        ------
        ImageError
            If the file is missing or damaged, or the server does not answer.
        """


def open_source(layer: QgsRasterLayer, pixel_size: float | None = None) -> PixelSource:
    """Open the pixels of any raster layer; only in the main thread.

    Parameters
    ----------
    layer
        Any raster layer.
    pixel_size
        In layer units, for layers without a resolution of their own. Default: 1 m on the ground
        at the centre of the layer.

    Raises
    ------
    ImageError
        If QGIS itself cannot read the layer, or it has no bands, or its file is missing or damaged.
    """
    if not layer.isValid():
        text = tr(
            "QGIS cannot read the layer {}: put its file back, or set it right in the layer's "
            "properties, Source."
        )
        raise ImageError(text.format(layer.name()))
    if layer.bandCount() == 0:
        raise ImageError(tr("The layer {} has no bands: choose another one.").format(layer.name()))
    if layer.providerType() == "gdal":
        return GdalSource(layer)
    return ProviderSource(layer, pixel_size)
