"""The two ends of a network in NumPy and OpenCV: clicks and images in, logits out.

The same numbers as `ClickModel.prepare`, `click_maps` and `ClickModel.enlarge`, for engines that do
without PyTorch. Arrays have the layout of its tensors; points are as in `click_maps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..prompts import Click
from .config import LightConfig, ModelConfig
from .light_layout import STRIDE

Size = tuple[int, int]
Floats = NDArray[np.float32]
Points = NDArray[Any]


def resize(values: Floats, size: Size) -> Floats:
    """Resize (H, W) or (H, W, C) bilinearly with aligned corners, as in the RITM family."""
    steps = (
        np.float32(length - 1) / np.float32(max(count - 1, 1))
        for length, count in zip(values.shape[:2], size, strict=True)
    )
    rows, cols = (
        np.arange(n, dtype=np.float32) * step for n, step in zip(size, steps, strict=True)
    )
    return sample_at(values, rows, cols)


def sample_at(values: NDArray[Any], rows: NDArray[Any], cols: NDArray[Any]) -> NDArray[Any]:
    """Sample (H, W) or (H, W, C) bilinearly at (h,) rows and (w,) columns, repeating its edges."""
    x, y = np.meshgrid(cols.astype(np.float32), rows.astype(np.float32))
    sampled = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled).reshape(len(rows), len(cols), *values.shape[2:])


def click_points(clicks: Sequence[Click]) -> NDArray[np.float64]:
    """Return clicks as (1, 2P, 3) points, P = max(1, positives, negatives).

    Double precision as in the published evaluation: whether a pixel lies just within the radius
    of a click between pixels depends on it.
    """
    count = max(1, *(sum(click.positive is sign for click in clicks) for sign in (True, False)))
    points = np.full((1, 2 * count, 3), -1.0)
    used = {True: 0, False: count}
    for order, click in enumerate(clicks):
        points[0, used[bool(click.positive)]] = click.row, click.col, order
        used[bool(click.positive)] += 1
    return points


def flip_points(points: Points, width: int) -> Points:
    """Mirror points horizontally (column -> width - column - 1)."""
    flipped = points.copy()
    flipped[..., 1] = width - points[..., 1] - 1
    # Padding must stay padding; a click up and left of the image may reach its mirror image.
    flipped[(points == -1).all(axis=-1)] = -1
    return flipped


def disk_maps(points: Points, size: Size, radius: float) -> Floats:
    """Draw (B, 2, H, W) maps: 1 within ``radius`` pixels (inclusive) of a click, else 0."""
    maps = np.zeros((len(points), 2, *size), np.float32)
    reach = int(radius) + 1
    for sample, slot in _used(points):
        centre = points[sample, slot, :2]
        first = np.clip(np.floor(centre) - reach, 0, size).astype(int)
        last = np.clip(np.floor(centre) + reach + 1, 0, size).astype(int)
        rows, cols = (np.arange(a, b) for a, b in zip(first, last, strict=True))
        near = _squares(rows, centre[0])[:, None] + _squares(cols, centre[1]) <= radius**2
        sign = int(slot >= points.shape[1] // 2)
        maps[sample, sign, first[0] : last[0], first[1] : last[1]][near] = 1
    return maps


def distance_maps(points: Points, size: Size, norm_radius: float) -> Floats:
    """Draw (B, 2, H, W) maps tanh(2 d / norm_radius), d the distance to a click, 1 without one."""
    nearest = np.full((len(points), 2, *size), 1e6, np.float32)
    rows, cols = (np.arange(side) for side in size)
    for sample, slot in _used(points):
        row, col = points[sample, slot, :2]
        down, across = _squares(rows, row, norm_radius), _squares(cols, col, norm_radius)
        seen = nearest[sample, int(slot >= points.shape[1] // 2)]
        np.minimum(seen, down[:, None] + across, out=seen)
    return np.asarray(np.tanh(2 * np.sqrt(nearest)))


def prepare(config: ModelConfig, image: Floats, points: Points) -> tuple[Floats, Floats]:
    """Return normalised (B, 3, H, W) RGB, (B, c, H, W) maps: see `ClickModel.prepare`."""
    mean, std = np.array([config.norm_mean, config.norm_std], np.float32)[..., None, None]
    rgb = (image[:, :3] - mean) / std
    draw = disk_maps if config.use_disks else distance_maps
    maps = draw(points, (image.shape[2], image.shape[3]), config.norm_radius)
    if config.with_prev_mask:
        mask = image[:, 3:]
        if config.binary_prev_mask:
            mask = (mask > 0.5).astype(np.float32)
        maps = np.concatenate([mask, maps], axis=1)
    if isinstance(config, LightConfig):
        rgb, maps = _pad_to_stride(rgb, "edge"), _pad_to_stride(maps, "constant")
    return rgb, maps


def enlarge(config: ModelConfig, logits: Floats, size: Size) -> Floats:
    """Enlarge (B, 1, h, w) logits from stride 4 to the size of the input."""
    if not isinstance(config, LightConfig):
        return np.stack([resize(sample[0], size) for sample in logits])[:, None]
    height, width = size
    filled = max(width, STRIDE), max(height, STRIDE)
    large = [cv2.resize(x[0], filled, interpolation=cv2.INTER_LINEAR) for x in logits]
    return np.stack(large)[:, None, :height, :width]


def _used(points: Points) -> Sequence[tuple[int, int]]:
    """Return sample and slot of all clicks: two negative coordinates mark an unused row."""
    return [(int(b), int(slot)) for b, slot in np.argwhere(points[..., :2].max(axis=-1) >= 0)]


def _squares(
    pixels: NDArray[np.int_], centre: np.floating[Any], unit: float | None = None
) -> Floats:
    """Return squared distances of pixels from a centre in single precision, over ``unit``."""
    distances = (pixels - centre).astype(np.float32)
    squared = (distances if unit is None else distances / np.float32(unit)) ** 2
    return np.asarray(squared, np.float32)


def _pad_to_stride(x: Floats, mode: str) -> Floats:
    """Pad (B, C, H, W) at the bottom and the right to sides of `STRIDE` or more."""
    down, right = (max(STRIDE - side, 0) for side in x.shape[2:])
    if not down and not right:
        return x
    return np.pad(x, ((0, 0), (0, 0), (0, down), (0, right)), mode)  # type: ignore[call-overload,no-any-return]
