"""A mask that segmentation starts from, trimmed to the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import PromptError
from ..core.stored_prompts import MaskPart
from ..i18n import tr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..layers.pixel_window import PixelWindow


@dataclass(frozen=True, eq=False)
class StartMask(MaskPart):
    """A mask, in pixels of the whole image; every edge of its ``bits`` touches the object."""

    @classmethod
    def of(cls, bits: NDArray[Any], row: int = 0, col: int = 0) -> StartMask:
        """Trim any (h, w) array whose upper left pixel is at (row, col).

        Raises
        ------
        PromptError
            If it is empty.
        """
        bits = np.asarray(bits) != 0
        rows, cols = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
        if not rows.size:
            raise PromptError(
                tr("The mask to start from is empty: choose one that lies in the image.")
            )
        part = bits[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        return cls(np.ascontiguousarray(part), row + int(rows[0]), col + int(cols[0]))

    def within(self, window: PixelWindow) -> NDArray[np.bool_]:
        """Return the mask in a window that contains it: (height, width) bool."""
        whole = np.zeros((window.height, window.width), np.bool_)
        row, col = self.row - window.row, self.col - window.col
        whole[row : row + self.bits.shape[0], col : col + self.bits.shape[1]] = self.bits
        return whole
