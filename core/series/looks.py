"""Look of a photo: brightness and detail of its blocks, small enough to keep for each photo.

For QGIS's own Python too: NumPy only, Python 3.9.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS, COLS = 10, 16
"""Blocks of a photo."""

_WIDTH = 160  # pixels to which photos are averaged: snowflakes, noise and compression vanish
_TENTHS = 10.0  # detail is kept in tenths of a grey value, up to 25
_WHITE, _BLACK = 250, 12  # grey values beyond which nothing is told apart


@dataclass(frozen=True, eq=False)
class PhotoLook:
    """Brightness and detail of the blocks of a photo.

    Attributes
    ----------
    brightness
        (`ROWS`, `COLS`) float32, mean grey value, 0 to 255.
    detail
        (`ROWS`, `COLS`) float32, mean difference of neighbouring pixels, grey values.
    white, black
        Share of pixels that are burnt out, or black.
    marks
        (`ROWS`, `COLS`) uint32, checksum of the pixels of each block; 0 where they are all alike.
    """

    brightness: NDArray[np.float32]
    detail: NDArray[np.float32]
    white: float
    black: float
    marks: NDArray[np.uint32]

    def to_json(self) -> dict[str, Any]:
        """Return the look as JSON, of about 1 kB."""
        tenths = np.clip(np.rint(self.detail * _TENTHS), 0, 255).astype(np.uint8)
        return {
            "brightness": _encode(np.rint(self.brightness).astype(np.uint8)),
            "detail": _encode(tenths),
            "white": round(self.white, 4),
            "black": round(self.black, 4),
            "marks": _encode(self.marks.astype("<u4")),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> PhotoLook:
        """Return the look of `to_json`.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a value is missing, or not what it should be.
        """
        return cls(
            _decode(content["brightness"], np.uint8).astype(np.float32),
            _decode(content["detail"], np.uint8).astype(np.float32) / np.float32(_TENTHS),
            float(content["white"]),
            float(content["black"]),
            _decode(content["marks"], np.dtype("<u4")).astype(np.uint32),
        )


def measure_look(pixels: NDArray[np.uint8]) -> PhotoLook:
    """Measure a photo, (H, W, 3) uint8 RGB of any size from 32 x 20 pixels up.

    Raises
    ------
    ValueError
        If it is smaller.
    """
    height, width = pixels.shape[:2]
    if height < 2 * ROWS or width < 2 * COLS:
        raise ValueError(f"a photo of {width} x {height} pixels is too small")
    grey = pixels.mean(axis=2, dtype=np.float32)
    small = _shrink(grey, max(1, min(width // _WIDTH, height // (2 * ROWS))))
    steps = np.zeros_like(small)
    steps[:, :-1] += np.abs(np.diff(small, axis=1))
    steps[:-1] += np.abs(np.diff(small, axis=0))
    steps /= 2
    return PhotoLook(
        _block_means(small),
        _block_means(steps),
        float((grey >= _WHITE).mean()),
        float((grey <= _BLACK).mean()),
        _marks(pixels),
    )


def is_same_picture(look: PhotoLook, before: PhotoLook, share: float = 0.8) -> bool:
    """Return whether two photos are one picture, but for a time stamp.

    Two exposures never give equal pixels where there is texture; a stuck webcam does.
    """
    told = (look.marks > 0) & (before.marks > 0)
    if told.sum() < 5:
        return False
    return bool((look.marks == before.marks)[told].mean() >= share)


def _shrink(grey: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    height, width = (side // factor * factor for side in grey.shape)
    parts = grey[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return np.asarray(parts.mean(axis=(1, 3)), np.float32)


def _edges(length: int, count: int) -> NDArray[np.intp]:
    return np.linspace(0, length, count + 1).round().astype(np.intp)


def _block_means(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, cols = _edges(plane.shape[0], ROWS), _edges(plane.shape[1], COLS)
    sums = np.add.reduceat(np.add.reduceat(plane, rows[:-1], axis=0), cols[:-1], axis=1)
    return np.asarray(sums / np.outer(np.diff(rows), np.diff(cols)), np.float32)


def _marks(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    rows, cols = _edges(pixels.shape[0], ROWS), _edges(pixels.shape[1], COLS)
    marks = np.zeros((ROWS, COLS), np.uint32)
    for row in range(ROWS):
        for col in range(COLS):
            block = pixels[rows[row] : rows[row + 1], cols[col] : cols[col + 1]]
            if np.ptp(block) > 8:
                marks[row, col] = zlib.crc32(np.ascontiguousarray(block).tobytes()) or 1
    return marks


def _encode(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _decode(text: str, dtype: Any) -> NDArray[Any]:  # noqa: ANN401
    array = np.frombuffer(base64.b64decode(text, validate=True), dtype)
    return array.reshape(ROWS, COLS)
