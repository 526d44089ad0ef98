"""Shrinking an image and its masks alike: areas averaged, ids taken from the nearest pixel."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Ids = TypeVar("Ids", bound=np.integer[Any])


def fitted_shape(shape: tuple[int, int], longest: int, *, enlarge: bool) -> tuple[int, int]:
    """(H, W) with the same proportions whose longer side is ``longest``, or at most that."""
    scale = longest / max(shape)
    if scale > 1 and not enlarge:
        return shape
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resize_pixels(pixels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Bring an (H, W, 3) image to another (H, W); shrinking averages over areas."""
    if pixels.shape[:2] == shape:
        return pixels
    method = cv2.INTER_AREA if shape[0] <= pixels.shape[0] else cv2.INTER_CUBIC
    resized: NDArray[np.uint8] = cv2.resize(pixels, shape[::-1], interpolation=method)
    return resized


def resize_ids(ids: NDArray[Ids], shape: tuple[int, int]) -> NDArray[Ids]:
    """Bring (H, W) ids to another (H, W): each pixel takes the id at its centre."""
    rows = _centres(ids.shape[0], shape[0])
    cols = _centres(ids.shape[1], shape[1])
    return ids[rows[:, None], cols]


def _centres(before: int, after: int) -> NDArray[np.intp]:
    return ((np.arange(after) + 0.5) * before / after).astype(np.intp)
