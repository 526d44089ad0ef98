"""Near field drawn in the photo: masks to rings of pixels, which cameras keep, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rings = Sequence[Sequence[tuple[float, float]]]
"""Polygons of pixel centres (u, v)."""

_EXACT = 1.0  # pixels


def outline_near_field(mask: NDArray[np.bool_]) -> Rings:
    """Outline a mask (H, W) to a pixel; its holes belong to it."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    simple = (cv2.approxPolyDP(ring, _EXACT, closed=True).reshape(-1, 2) for ring in found)
    return tuple(tuple((float(u), float(v)) for u, v in ring.tolist()) for ring in simple)


def near_field_mask(rings: Rings, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask (H, W) of rings in a photo of ``size`` (width, height)."""
    mask = np.zeros(size[::-1], np.uint8)
    for ring in rings:
        cv2.fillPoly(mask, [np.rint(np.array(ring)).astype(np.int32)], 1)
    return mask.view(np.bool_)
