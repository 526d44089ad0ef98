"""Images that look the same: copies, recompressed or resized ones, neighbouring frames.

A difference hash (Krawetz 2013) says for 16 x 16 places of a small grey copy whether it gets
brighter to the right: 256 bits that scaling, compression and brightness hardly change.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 256
_SIDE = 16
_BLOCK = 2048


def difference_hash(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(256,) bits of an (H, W, 3) uint8 RGB image."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits: NDArray[np.bool_] = (np.diff(small, axis=1) > 0).ravel()
    return bits


def near_duplicate_pairs(hashes: NDArray[np.bool_], limit: int) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), i < j, of rows in (N, 256) that differ in at most ``limit`` bits."""
    signs = hashes.astype(np.float32) * 2 - 1
    for start in range(0, len(signs), _BLOCK):
        rest = signs[start:]
        # Equal bits give 1, others -1: the product counts them, as fast as the machine can.
        differing = (BITS - rest[:_BLOCK] @ rest.T) / 2
        for first, second in np.argwhere(differing <= limit):
            if first < second:
                yield int(start + first), int(start + second)
