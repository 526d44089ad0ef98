"""Input views: crop and resize an image for the network, map clicks, and map results back.

Resizing is bilinear with aligned corners, as in the RITM family, unless a window is shrunk to
half its size or less: then pixels are averaged over areas. Otherwise fine texture would alias,
and a 24-megapixel photo take longer to resample than to segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..model.arrays import resize, sample_at
from ..prompts import Click
from .geometry import Roi, Size

_AVERAGED_FROM = 2.0  # times smaller
_Value = TypeVar("_Value", np.float32, np.bool_)


@dataclass(frozen=True)
class InputView:
    """Window ``roi`` of a frame (the image, or an outer view), resized to ``size`` (height, width).

    ``antialias`` allows averaging over areas where the window is shrunk by two or more.
    """

    roi: Roi
    size: Size
    antialias: bool = True

    @property
    def _is_averaged(self) -> bool:
        shrinks = (side / new for side, new in zip(self.roi.size, self.size, strict=True))
        return self.antialias and min(shrinks) >= _AVERAGED_FROM

    @property
    def frame_coordinates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(h,) rows and (w,) columns of the view's pixel centres in the frame."""
        first = (self.roi.row_min, self.roi.col_min)
        rows, cols = (
            start + (np.arange(count) + shift) * step - shift
            for start, count, (shift, step) in zip(first, self.size, self._steps, strict=True)
        )
        return np.asarray(rows), np.asarray(cols)

    def view_coordinates(
        self, rows: NDArray[np.float64], cols: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map rows and columns of the frame to the view: the inverse of `frame_coordinates`."""
        first = (self.roi.row_min, self.roi.col_min)
        down, right = (
            (places - start + shift) / step - shift
            for start, places, (shift, step) in zip(first, (rows, cols), self._steps, strict=True)
        )
        return np.asarray(down), np.asarray(right)

    @property
    def _steps(self) -> list[tuple[float, float]]:
        """Shift and step from view to frame, for rows and columns."""
        pairs = zip(self.roi.size, self.size, strict=True)
        if self._is_averaged:
            return [(0.5, side / new) for side, new in pairs]
        return [(0.0, max(side - 1, 1) / max(new - 1, 1)) for side, new in pairs]

    def resample_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Resample an (H, W, 3) uint8 image to (1, 3, h, w) float, 0 to 1."""
        crop = pixels[self.roi.slices]
        if self._is_averaged:
            return _planes(_shrink(crop, self.size)) / np.float32(255)
        return self._resized(np.asarray(crop, np.float32)) / np.float32(255)

    def crop(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        """Crop a (1, C, H, W) frame to the window and resample it to (1, C, h, w)."""
        rows, cols = self.roi.slices
        return self._resized(frame[0, :, rows, cols].transpose(1, 2, 0))

    def _resized(self, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample (H, W) or (H, W, C) to (1, C, h, w)."""
        same = crop.shape[:2] == self.size
        return _planes(crop if same else resize(np.ascontiguousarray(crop), self.size))

    def resample_guidance(self, frame: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample an (H', W') mask that covers the window to (1, 1, h, w)."""
        return _planes(_shrink(frame, self.size)) if self._is_averaged else self._resized(frame)

    def map_clicks(self, clicks: Sequence[Click]) -> list[Click]:
        """Map clicks from the frame to pixels of the view; they may lie outside it."""
        height, width = self.roi.size
        return [
            Click(
                self.size[0] * (click.row - self.roi.row_min) / height,
                self.size[1] * (click.col - self.roi.col_min) / width,
                click.positive,
            )
            for click in clicks
        ]

    def enlarge(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Resample (h, w) values of the view to the pixels of its window."""
        if values.shape == self.roi.size:
            return values
        if self._is_averaged:
            height, width = self.roi.size
            enlarged = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
            return np.asarray(enlarged, np.float32)
        return resize(values, self.roi.size)


def paste(values: NDArray[_Value], roi: Roi, size: Size) -> NDArray[_Value]:
    """Return zeros of ``size`` with ``values`` at ``roi``."""
    frame = np.zeros(size, values.dtype)
    frame[roi.slices] = values
    return frame


def cut(values: NDArray[np.float32], at: Roi, roi: Roi) -> NDArray[np.float32]:
    """Cut ``roi`` out of a frame of zeros with ``values`` at ``at``."""
    if at == roi:
        return values
    result = np.zeros(roi.size, np.float32)
    top, bottom = max(at.row_min, roi.row_min), min(at.row_max, roi.row_max) + 1
    left, right = max(at.col_min, roi.col_min), min(at.col_max, roi.col_max) + 1
    if top < bottom and left < right:
        result[
            top - roi.row_min : bottom - roi.row_min, left - roi.col_min : right - roi.col_min
        ] = values[top - at.row_min : bottom - at.row_min, left - at.col_min : right - at.col_min]
    return result


def _planes(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return (H, W) or (H, W, C) values as (1, C, H, W) float."""
    channels_last = values.reshape(*values.shape[:2], -1)
    return np.ascontiguousarray(channels_last.transpose(2, 0, 1), np.float32)[None]


def _shrink(values: NDArray[Any], size: Size) -> NDArray[Any]:
    """Average over areas: halve while the result is two times too large, then interpolate."""
    (height, width), factor = values.shape[:2], 1
    reduced = values
    while min(reduced.shape[0] // size[0], reduced.shape[1] // size[1]) >= _AVERAGED_FROM:
        rows, cols = reduced.shape[0] // 2, reduced.shape[1] // 2
        # Whole halvings are ten times faster than any other factor in OpenCV.
        even = reduced[: 2 * rows, : 2 * cols]
        reduced = cv2.resize(even, (cols, rows), interpolation=cv2.INTER_AREA)
        factor *= 2
    return sample_at(reduced, _sources(size[0], height, factor), _sources(size[1], width, factor))


def _sources(count: int, length: int, factor: int) -> NDArray[np.float64]:
    """Return the centres of ``count`` pixels over ``length`` after reduction by ``factor``."""
    centres = (np.arange(count) + 0.5) * length / count
    return np.asarray(centres / factor - 0.5)
