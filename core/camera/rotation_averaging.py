"""Joint refinement of the rotations of many photos of one place, from their registrations.

Each registration gives the rotation between two photos with its covariance. Least squares over all
of them, sparse and with robust weights: where several ways lead from photo to photo, errors do not
add up, and a registration that contradicts the others loses its weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu
from scipy.spatial.transform import Rotation

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray
    from scipy.sparse import csc_matrix

    Floats = NDArray[np.float64]

AGREES = 25.0
"""Squared error of a registration, in units of its covariance, up to which it agrees."""

_STEPS, _ENOUGH = 40, 1e-9  # iterations; radians by which the last one may change anything
_STRICTER = 3.0  # times by which the weights of errors get stricter in each of the first ones
_BLOCK = 300  # columns of the inverse at a time


@dataclass(frozen=True, eq=False)
class RotationEdge:
    """A registration: the axes of photo ``new`` are ``rotation`` (3, 3) times those of ``old``.

    ``covariance`` (3, 3) is that of the rotation vector, rad^2.
    """

    old: int
    new: int
    rotation: Floats
    covariance: Floats


@dataclass(frozen=True, eq=False)
class RotationNetwork:
    """Result of `refine_rotations`.

    Attributes
    ----------
    rotations
        (N, 3, 3) from world to camera.
    sigmas
        (N,) standard deviation of the rotation against the fixed ones, radians, of the worst axis.
    errors
        (E,) squared error of each edge, in units of its covariance; see `AGREES`.
    """

    rotations: Floats
    sigmas: Floats
    errors: Floats


def refine_rotations(
    start: Floats, edges: Sequence[RotationEdge], fixed: Collection[int]
) -> RotationNetwork:
    """Refine rotations (N, 3, 3) so that they agree with the edges.

    Every photo is joined to a fixed one by edges; the fixed ones stay as they are.
    """
    rotations = np.array(start, np.float64)
    free = np.array([index for index in range(len(rotations)) if index not in fixed], int)
    if not len(free) or not edges:
        return RotationNetwork(rotations, np.zeros(len(rotations)), _errors(rotations, edges)[1])
    place = np.full(len(rotations), -1)
    place[free] = np.arange(len(free))
    # Graduated: first all edges count alike, so that a wrong one in the start is found.
    loose = max(1.0, float(_errors(rotations, edges)[1].max()) / AGREES)
    for _ in range(_STEPS):
        vectors, errors = _errors(rotations, edges)
        weights = _weights(errors / loose)
        matrix, right = _normal_equations(rotations, edges, vectors, weights, place)
        step = splu(matrix).solve(right).reshape(-1, 3)
        rotations[free] = Rotation.from_rotvec(step).as_matrix() @ rotations[free]
        if loose == 1 and np.abs(step).max() < _ENOUGH:
            break
        loose = max(1.0, loose / _STRICTER)
    vectors, errors = _errors(rotations, edges)
    matrix, _ = _normal_equations(rotations, edges, vectors, _weights(errors), place)
    sigmas = np.zeros(len(rotations))
    sigmas[free] = _worst_sigmas(matrix)
    return RotationNetwork(rotations, sigmas, errors)


def _weights(errors: Floats) -> Floats:
    """Return Geman and McClure's weights of squared errors."""
    return 1 / (1 + errors / AGREES) ** 2


def _errors(rotations: Floats, edges: Sequence[RotationEdge]) -> tuple[Floats, Floats]:
    """Return the rotation vectors (E, 3) by which edges are missed, and their squares (E,)."""
    if not edges:
        return np.empty((0, 3)), np.empty(0)
    old, new = (rotations[[getattr(edge, end) for edge in edges]] for end in ("old", "new"))
    measured = np.array([edge.rotation for edge in edges])
    missed = new @ old.transpose(0, 2, 1) @ measured.transpose(0, 2, 1)
    vectors = Rotation.from_matrix(missed).as_rotvec()
    information = np.linalg.inv(_covariances(edges))
    return vectors, np.einsum("ei,eij,ej->e", vectors, information, vectors)


def _covariances(edges: Sequence[RotationEdge]) -> Floats:
    """Return the covariances (E, 3, 3) about the axes of the new photos."""
    return np.array([e.rotation @ e.covariance @ e.rotation.T for e in edges])


def _normal_equations(
    rotations: Floats,
    edges: Sequence[RotationEdge],
    vectors: Floats,
    weights: Floats,
    place: NDArray[np.int_],
) -> tuple[csc_matrix, Floats]:
    """Return matrix and right side of the normal equations for rotations of the free photos."""
    information = np.linalg.inv(_covariances(edges)) * weights[:, None, None]
    blocks: list[tuple[int, int, Floats]] = []
    size = 3 * int((place >= 0).sum())
    right = np.zeros(size)
    for edge, vector, inner in zip(edges, vectors, information, strict=True):
        turn = rotations[edge.new] @ rotations[edge.old].T
        ends = ((place[edge.old], -turn), (place[edge.new], np.eye(3)))
        for row, by in ends:
            if row < 0:
                continue
            right[3 * row : 3 * row + 3] -= by.T @ inner @ vector
            blocks += [(row, col, by.T @ inner @ other) for col, other in ends if col >= 0]
    rows, cols = (np.array([block[axis] for block in blocks]) for axis in (0, 1))
    values = np.array([block[2] for block in blocks])
    inside = np.arange(3)
    at_rows = np.broadcast_to((3 * rows)[:, None, None] + inside[:, None], values.shape)
    at_cols = np.broadcast_to((3 * cols)[:, None, None] + inside, values.shape)
    matrix = coo_matrix((values.ravel(), (at_rows.ravel(), at_cols.ravel())), shape=(size, size))
    return matrix.tocsc(), right


def _worst_sigmas(matrix: csc_matrix) -> Floats:
    """Return the largest standard deviation of each photo, (F,), from the normal equations."""
    solver, size = splu(matrix), matrix.shape[0]
    found = []
    for start in range(0, size, _BLOCK):
        columns = np.arange(start, min(start + _BLOCK, size))
        units = np.zeros((size, len(columns)))
        units[columns, np.arange(len(columns))] = 1
        inverse = solver.solve(units)[columns]
        parts = [inverse[k : k + 3, k : k + 3] for k in range(0, len(columns), 3)]
        found.append(np.linalg.eigvalsh(np.array(parts))[:, -1])
    return np.asarray(np.sqrt(np.maximum(np.concatenate(found), 0)))
