"""Conversion of raster values to 8-bit RGB, with the same result as `core.image`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from qgis.core import QgsMultiBandColorRenderer

from ..core.errors import ImageError
from ..i18n import tr

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.core import QgsRasterLayer

MAX_SAMPLES = 1_000_000
"""Largest number of pixels of the decimated raster that the stretch is computed from."""
_PERCENTILES = (2.0, 98.0)


@dataclass(frozen=True)
class Stretch:
    """Linear stretch of values to 0..255, the same for all bands, so that colours stay."""

    low: float
    high: float

    def __call__(self, values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Convert values (H, W, C) to uint8; invalid ones become 0."""
        scale = 255.0 / (self.high - self.low)
        scaled = np.where(valid, values, self.low).astype(np.float64)
        scaled -= self.low
        scaled *= scale
        return np.rint(np.clip(scaled, 0, 255, out=scaled), out=scaled).astype(np.uint8)


def compute_stretch(values: NDArray[Any], valid: NDArray[np.bool_]) -> Stretch:
    """Compute the stretch of the 2nd and 98th percentile of the valid values to 0 and 255.

    Raises
    ------
    ImageError
        If the values are complex.
    """
    if values.dtype.kind not in "iuf":
        raise ImageError(tr("The raster has complex values: save it as real numbers."))
    sample = values[valid]
    if sample.size == 0:
        return Stretch(0.0, 1.0)
    sample = sample[:: max(1, sample.size // MAX_SAMPLES)]
    low, high = (float(value) for value in np.percentile(sample, _PERCENTILES))
    return Stretch(low, high if high > low else low + 1.0)


def choose_bands(layer: QgsRasterLayer, colour: list[int]) -> list[int]:
    """Return the red, green and blue band, or the only one.

    Parameters
    ----------
    layer
        Layer whose style assigns bands to red, green and blue.
    colour
        All bands but alpha; taken in order where the style assigns none.
    """
    renderer = layer.renderer()
    if isinstance(renderer, QgsMultiBandColorRenderer):
        shown = [renderer.redBand(), renderer.greenBand(), renderer.blueBand()]
        if set(shown) <= set(colour):
            return shown
    return colour[:3] if len(colour) >= 3 else colour[:1]


def colour_table(entries: dict[int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Return (256, 3) uint8 colours by palette index; black where an index has none."""
    table = np.zeros((256, 3), np.uint8)
    for index, colour in entries.items():
        if 0 <= index < len(table):
            table[index] = colour
    return table
