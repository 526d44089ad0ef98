"""Contact sheet: many images small on one page, their objects outlined."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import ImageSample
from core.outline import draw_overlay

from .resize import fitted_shape
from .shards import shrink

_CELL, _CAPTION, _COLUMNS = 240, 16, 6
_COLOURS = (
    (255, 140, 0),
    (0, 160, 60),
    (30, 110, 255),
    (220, 30, 40),
    (200, 0, 200),
    (0, 190, 200),
)


def thumbnail(image: ImageSample) -> NDArray[np.uint8]:
    """(256, 240, 3) uint8 RGB: the image with its objects outlined, its name below."""
    small = shrink(image, _CELL)
    pixels = small.image
    for place, (number, _) in enumerate(small.objects):
        mask = small.mask(number) == 1
        pixels = draw_overlay(pixels, mask, colour=_COLOURS[place % len(_COLOURS)], opacity=0.15)
    cell = np.full((_CELL + _CAPTION, _CELL, 3), 255, np.uint8)
    height, width = fitted_shape(pixels.shape[:2], _CELL, enlarge=False)
    top, left = (_CELL - height) // 2, (_CELL - width) // 2
    cell[top : top + height, left : left + width] = pixels
    # OpenCV's letters are ASCII, 6 pixels wide at this size; the end of a name tells most.
    caption = PurePosixPath(image.name).stem.encode("ascii", "replace").decode()[-38:]
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(cell, caption, (2, _CELL + 11), font, 0.35, (0, 0, 0), 1, cv2.LINE_AA)
    return cell


def contact_sheet(thumbnails: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB page of thumbnails, six in a row."""
    cells = list(thumbnails)
    columns = min(_COLUMNS, len(cells))
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return np.vstack(rows)
