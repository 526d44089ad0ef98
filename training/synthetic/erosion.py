"""Rivers and rockfall carve a mountain range: ridges, spurs and couloirs that belong together.

The stream power law (uplift against incision by drainage area) is solved implicitly along the
drainage tree (Braun and Willett 2013), level by level of the tree so that NumPy can do it, and no
slope stays steeper than its rock holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def erode(
    height: NDArray[np.float32],
    cell: float,
    uplift: float,
    erodibility: float,
    steepest: NDArray[np.float32],
    base: NDArray[np.bool_],
    source: float,
    steps: int,
) -> NDArray[np.float32]:
    """Let a landscape age.

    Parameters
    ----------
    height
        (rows, cols) m.
    cell
        Side of a cell, m.
    uplift
        Rise for each step, m.
    erodibility
        Incision of a channel that drains 1 m2 at a gradient of 1, m for each step.
    steepest
        (rows, cols) largest gradient that the rock holds.
    base
        (rows, cols) cells that stay where they are: the valley.
    source
        Area that drains to where a channel begins, m2; above it slopes stay open.
    steps
        Number of steps.

    Returns
    -------
    ndarray
        (rows, cols) float32 m.
    """
    flat, fixed = height.astype(np.float64).ravel(), base.ravel()
    limit = steepest.astype(np.float64).ravel()
    for _ in range(steps):
        receiver, distance = _receivers(flat.reshape(height.shape), cell)
        receiver[fixed] = np.flatnonzero(fixed)
        levels = _levels(receiver)
        area = np.full(flat.size, cell * cell)
        for level in reversed(levels[1:]):
            np.add.at(area, receiver[level], area[level])
        factor = erodibility * np.sqrt(np.maximum(area - source, 0)) / distance
        drop = limit * distance
        flat = np.where(fixed, flat, flat + uplift)
        for level in levels[1:]:
            below, k = flat[receiver[level]], factor[level]
            flat[level] = np.minimum((flat[level] + k * below) / (1 + k), below + drop[level])
    return flat.reshape(height.shape).astype(np.float32)


def _receivers(
    height: NDArray[np.float64], cell: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Flat index of each cell's steepest lower neighbour (itself in a pit), and its distance."""
    rows, cols = height.shape
    framed = np.pad(height, 1, constant_values=np.inf)
    own = np.arange(height.size).reshape(height.shape)
    best = np.zeros(height.shape)
    receiver, distance = own.copy(), np.full(height.shape, cell)
    for row, col in _STEPS:
        length = cell * float(np.hypot(row, col))
        there = framed[1 + row : 1 + row + rows, 1 + col : 1 + col + cols]
        gradient = (height - there) / length
        steeper = gradient > best
        best[steeper] = gradient[steeper]
        receiver[steeper] = own[steeper] + row * cols + col
        distance[steeper] = length
    return receiver.ravel(), distance.ravel()


def _levels(receiver: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Cells by number of steps to their root, roots first."""
    root = receiver
    depth = (receiver != np.arange(receiver.size)).astype(np.int32)
    while True:
        further = root[root]
        if np.array_equal(further, root):
            break
        depth += depth[root]
        root = further
    order = np.argsort(depth, kind="stable")
    return np.split(order, np.cumsum(np.bincount(depth))[:-1])
