"""Flawed start masks, as of another person or another day."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .metrics import iou

GRID = 6
"""Nodes along each side of the displacement field; few nodes make a smooth displacement."""


def perturb_mask(
    mask: NDArray[np.int8],
    seed: int | np.random.Generator,
    goals: tuple[float, float] = (0.64, 0.76),
) -> NDArray[np.bool_]:
    """Distort an object: shift its outline smoothly, then cut off or add a round part.

    The result, an (H, W) bool mask, has an IoU between the goals, up to 0.04 beside, with objects
    of some 100 pixels or more. The same mask and seed always give the same result.

    Parameters
    ----------
    mask
        (H, W) ground truth: 1 object, 0 background, -1 ignored (background here).
    seed
        Seed or generator of the random displacement and part.
    goals
        Lowest and highest IoU to aim at.
    """
    truth: NDArray[np.bool_] = mask == 1
    if not truth.any():
        return truth
    rng = np.random.default_rng(seed)
    shifted = _shift_outline(truth, rng, least=goals[1] + 0.04)
    return _cut_or_add(shifted, truth, rng, goal=float(rng.uniform(*goals)))


def _shift_outline(
    truth: NDArray[np.bool_], rng: np.random.Generator, least: float
) -> NDArray[np.bool_]:
    """Displace by a smooth random field, as far as the IoU remains above the least."""
    height, width = truth.shape
    nodes = rng.standard_normal((2, GRID, GRID)).astype(np.float32)
    field = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in nodes]
    rows, cols = np.indices(truth.shape, dtype=np.float32)
    amplitude = 0.1 * float(np.sqrt(truth.sum()))
    while amplitude > 0.5:
        source = (cols + amplitude * field[0], rows + amplitude * field[1])
        moved: NDArray[np.bool_] = cv2.remap(truth.view(np.uint8), *source, cv2.INTER_NEAREST) != 0
        if iou(moved, truth.view(np.int8)) > least:
            return moved
        amplitude /= 1.5
    return truth


def _cut_or_add(
    shifted: NDArray[np.bool_], truth: NDArray[np.bool_], rng: np.random.Generator, goal: float
) -> NDArray[np.bool_]:
    """Grow a disc from a pixel of the outline, inwards or outwards, until the IoU meets a goal."""
    rim = shifted & (cv2.erode(shifted.view(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    # An object that fills the image has no rim.
    outline = np.argwhere(rim) if rim.any() else np.argwhere(shifted)
    row, col = outline[rng.integers(len(outline))]
    # Too little can be added to an object that covers most of the image.
    add = bool(rng.integers(2)) and float(truth.mean()) < 0.5
    step = max(0.5, 0.02 * float(np.sqrt(truth.sum())))
    rows, cols = np.ogrid[: truth.shape[0], : truth.shape[1]]
    ring = np.ceil(np.hypot(rows - row, cols - col) / step).astype(np.int64)
    changes = ~shifted if add else shifted
    # IoU by number of rings changed, without building each of the masks.
    sign, rings = (1 if add else -1), int(ring.max()) + 1
    common = np.cumsum(np.bincount(ring[changes & truth], minlength=rings))
    either = np.cumsum(np.bincount(ring[changes & ~truth], minlength=rings))
    ious = (np.count_nonzero(shifted & truth) + sign * common) / (
        np.count_nonzero(shifted | truth) + sign * either
    )
    part: NDArray[np.bool_] = ring <= int(np.argmax(ious <= goal))
    return shifted | part if add else shifted & ~part
