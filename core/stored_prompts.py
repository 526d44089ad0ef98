"""The prompts of an object as JSON, in the attribute ``prompts`` of its feature.

Names and meanings are a contract (`docs/files.md`): readers pass over names that they do not know.
Standard library and NumPy only, Python 3.9: for QGIS's own process, too.
"""

from __future__ import annotations

import base64
import json
import operator
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import PromptError
from .json_files import MALFORMED, is_true, parse_json
from .prompts import Box, Click, Prompts, Stroke

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VERSION = 1
_LONGEST = 1 << 26  # characters: a start mask takes a few thousand
_MOST_PIXELS = 1 << 28  # larger images are segmented in windows
_LONGEST_SIDE = 1 << 31  # pixels


@dataclass(frozen=True, eq=False)
class MaskPart:
    """The part of a start mask that holds the object.

    Attributes
    ----------
    bits
        (h, w) bool.
    row, col
        Of its first pixel in the image.
    """

    bits: NDArray[np.bool_]
    row: int
    col: int


@dataclass(frozen=True, eq=False)
class StoredPrompts:
    """All prompts of one object, in pixels of the whole image, of which the size is not known."""

    clicks: tuple[Click, ...] = ()
    box: Box | None = None
    mask: MaskPart | None = None
    strokes: tuple[Stroke, ...] = ()

    def to_json(self) -> str:
        """Encode; without strokes as versions did that knew none."""
        box = self.box
        content: dict[str, Any] = {
            "version": _VERSION,
            "clicks": [[c.row, c.col, int(c.positive)] for c in self.clicks],
            "box": [box.row_min, box.row_max, box.col_min, box.col_max] if box else None,
            "mask": encode_mask(self.mask) if self.mask else None,
        }
        if self.strokes:
            content["strokes"] = [stroke.to_json() for stroke in self.strokes]
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> StoredPrompts:
        """Decode what `to_json` has made, or a version before.

        Raises
        ------
        PromptError
            If the text cannot be decoded; the message is the part of a sentence that says why.
        """
        try:
            if len(text) > _LONGEST:
                raise ValueError("the text is too long")
            content = parse_json(text)
            mask, box = content["mask"], content["box"]
            return cls(
                tuple(Click(row, col, is_true(kind)) for row, col, kind in content["clicks"]),
                Box(*box) if box else None,
                decode_mask(mask) if mask else None,
                tuple(Stroke.from_json(stroke) for stroke in content.get("strokes") or ()),
            )
        except (*MALFORMED, zlib.error, MemoryError) as error:
            raise PromptError(str(error)) from error

    def within(self, height: int, width: int) -> Prompts:
        """Return the prompts for an image of this size.

        Raises
        ------
        PromptError
            If the mask is that of a larger image.
        """
        mask = None
        if self.mask is not None:
            bits, row, col = self.mask.bits, self.mask.row, self.mask.col
            if row + bits.shape[0] > height or col + bits.shape[1] > width:
                raise PromptError(
                    f"The stored mask does not lie in the image of {height} rows and {width} "
                    "columns. Give the image that the prompts were made in."
                )
            mask = np.zeros((height, width), np.bool_)
            mask[row : row + bits.shape[0], col : col + bits.shape[1]] = bits
        return Prompts(self.clicks, self.box, mask, self.strokes)


def encode_mask(mask: MaskPart) -> dict[str, Any]:
    """Return a mask as values for JSON, in a few kilobytes."""
    packed = zlib.compress(np.packbits(mask.bits).tobytes(), 9)
    return {
        "at": [mask.row, mask.col],
        "size": list(mask.bits.shape),
        "bits": base64.b64encode(packed).decode(),
    }


def decode_mask(content: dict[str, Any]) -> MaskPart:
    """Return what `encode_mask` has encoded.

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
    return MaskPart(bits, row, col)
