"""Where the pixels of a raster layer come from."""

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
    """Pixels of one layer, as it was when opened; knows nothing of the layer any more.

    Attributes
    ----------
    grid
        Its pixels, and where they lie.
    name
        Of the layer.
    path
        The file, or the layer's source without passwords where there is none.
    needs_pixel_size
        Whether the layer has no resolution of its own (WMS, XYZ): its grid is then made with a
        pixel size that was chosen.
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
            Cancelled: reading ends soon; what it returns is not complete, or it raises.

        Returns
        -------
        array
            (height, width, 3) uint8, RGB. 8-bit values as they are (palettes applied, one band
            repeated), others stretched by the 2nd and 98th percentile of the whole raster.
            Alpha is left out; nodata is 0.

        Raises
        ------
        ImageError
            A file that vanished or is damaged, a server that does not answer.
        """


def open_source(layer: QgsRasterLayer, pixel_size: float | None = None) -> PixelSource:
    """Open a layer's pixels; only in the main thread.

    Parameters
    ----------
    layer
        Any raster layer.
    pixel_size
        In layer units, for layers without a resolution of their own. Default: 1 m on the ground
        in the middle of the layer.

    Raises
    ------
    ImageError
        A layer that QGIS itself cannot read, without bands, or whose file is gone or damaged.
    """
    if not layer.isValid():
        raise ImageError(
            tr(
                "QGIS cannot read the layer {}: put its file back, or set it right in the layer's "
                "properties, Source."
            ).format(layer.name())
        )
    if layer.bandCount() == 0:
        raise ImageError(tr("The layer {} has no bands: choose another one.").format(layer.name()))
    if layer.providerType() == "gdal":
        return GdalSource(layer)
    return ProviderSource(layer, pixel_size)
