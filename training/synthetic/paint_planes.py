"""Images as planes of grey: what is painted over them, colour by colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .paint_fields import Field


def to_planes(image: NDArray[np.uint8]) -> Field:
    """(3, H, W) float32 from an (H, W, 3) uint8 image: planes are quicker to paint on."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)


def to_image(planes: Field) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 from (3, H, W) float32, rounded and cut off at 0 and 255."""
    rounded = np.clip(planes + np.float32(0.5), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(rounded.transpose(1, 2, 0))


def cover(planes: Field, share: Field, paint: Field) -> None:
    """Lay a colour (3, H, W) or (3, 1, 1) over planes where ``share`` (H, W) is up to 1."""
    planes += share * (paint - planes)


def colour(red: float, green: float, blue: float) -> Field:
    """(3, 1, 1) planes of one colour."""
    return np.array([red, green, blue], np.float32)[:, None, None]
