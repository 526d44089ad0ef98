"""Overlays: images with mask, clicks and box drawn on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..prompts import Box, Click

RGB = tuple[int, int, int]

ORANGE: RGB = (255, 140, 0)
GREEN: RGB = (0, 160, 60)
RED: RGB = (220, 30, 40)
BLUE: RGB = (30, 110, 255)
WHITE: RGB = (255, 255, 255)


def draw_overlay(
    pixels: NDArray[np.uint8],
    mask: NDArray[Any],
    clicks: Iterable[Click] = (),
    box: Box | None = None,
    *,
    colour: RGB = ORANGE,
    opacity: float = 0.35,
) -> NDArray[np.uint8]:
    """Draw a mask and its prompts on a copy of an image.

    Parameters
    ----------
    pixels
        (H, W, 3) uint8 RGB, as the result.
    mask
        (H, W) bool, or numbers of which non-zero ones are the object: tinted, thinly outlined.
    clicks
        Discs with a white rim: green with a plus if positive, red with a minus if negative.
        Their size follows the image's.
    box
        Drawn as a frame.
    colour
        Of the mask. Other masks can be laid over the result with other colours.
    opacity
        Of the tint, 0 to 1; 0 leaves only the outline.

    Raises
    ------
    ImageError
        If the sizes of image and mask differ.
    """
    if pixels.shape[:2] != np.shape(mask):
        raise ImageError(
            f"The mask's shape {np.shape(mask)} is not that of the image, {pixels.shape[:2]}: "
            "overlay a mask of the same image."
        )
    result = np.ascontiguousarray(pixels).copy()
    longest = max(pixels.shape[:2])
    _tint(result, np.asarray(mask) != 0, colour, opacity, rim=max(1, round(longest / 1000)))
    if box is not None:
        _draw_box(result, box, width=max(1, round(longest / 500)))
    for click in clicks:
        _draw_click(result, click, radius=max(4, round(longest / 120)))
    return result


def _tint(
    image: NDArray[np.uint8], mask: NDArray[np.bool_], colour: RGB, opacity: float, rim: int
) -> None:
    """Tint the mask and paint its innermost `rim` pixels; the image's edge gets no rim."""
    kernel = np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)
    outline = mask & (cv2.erode(mask.view(np.uint8), kernel) == 0)
    for channel, value in enumerate(colour):
        # One table per channel: no floating-point copy of a large image.
        table = np.rint((1 - opacity) * np.arange(256) + opacity * value).astype(np.uint8)
        plane = image[..., channel]
        plane[mask] = table[plane[mask]]
        plane[outline] = value


def _draw_box(image: NDArray[np.uint8], box: Box, width: int) -> None:
    first = (round(box.col_min), round(box.row_min))
    last = (round(box.col_max), round(box.row_max))
    cv2.rectangle(image, first, last, WHITE, 3 * width)
    cv2.rectangle(image, first, last, BLUE, width)


def _draw_click(image: NDArray[np.uint8], click: Click, radius: int) -> None:
    """Draw a disc with a sign, which distinguishes the clicks without colour vision."""
    row, col = round(click.row), round(click.col)
    arm, width = radius // 2, max(1, radius // 4)
    colour = GREEN if click.positive else RED
    cv2.circle(image, (col, row), radius + width, WHITE, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(image, (col, row), radius, colour, cv2.FILLED, cv2.LINE_AA)
    cv2.line(image, (col - arm, row), (col + arm, row), WHITE, width)
    if click.positive:
        cv2.line(image, (col, row - arm), (col, row + arm), WHITE, width)
