"""A mask that segmentation starts from, trimmed to the object."""

from __future__ import annotations

import base64
import operator
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import PromptError
from ..i18n import tr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..layers.pixel_window import PixelWindow


_MOST_PIXELS = 1 << 28  # larger images are segmented in windows
_LONGEST_SIDE = 1 << 31  # pixels


@dataclass(frozen=True, eq=False)
class StartMask:
    """A mask, in pixels of the whole image.

    Attributes
    ----------
    bits
        (h, w) bool; every edge of it touches the object.
    row, col
        Of its first pixel.
    """

    bits: NDArray[np.bool_]
    row: int
    col: int

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

    def to_json(self) -> dict[str, Any]:
        """Encode for the prompts of a feature, in a few kilobytes."""
        packed = zlib.compress(np.packbits(self.bits).tobytes(), 9)
        return {
            "at": [self.row, self.col],
            "size": list(self.bits.shape),
            "bits": base64.b64encode(packed).decode(),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> StartMask:
        """Decode what `to_json` has made.

        Raises
        ------
        ValueError
            If place, size and bits do not fit each other, or the mask is larger than any image.
        KeyError, TypeError, OverflowError, zlib.error
            If it is damaged otherwise.
        """
        row, col, height, width = map(operator.index, (*content["at"], *content["size"]))
        inside = min(row, col) >= 0 and max(row, col) < _LONGEST_SIDE
        if not inside or min(height, width) < 1 or height * width > _MOST_PIXELS:
            raise ValueError("a mask of a size or at a place that no image has")
        needed = (height * width + 7) // 8
        unpacked = zlib.decompressobj().decompress(base64.b64decode(content["bits"]), needed + 1)
        if len(unpacked) != needed:
            raise ValueError("a mask with other bits than its size needs")
        packed = np.frombuffer(unpacked, np.uint8)
        bits = np.unpackbits(packed, count=height * width).reshape(height, width) > 0
        return cls(bits, row, col)
