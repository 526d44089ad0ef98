"""Patches of a photo matched in another photo of the same place.

Orientation correlation (Fitch et al. 2002) of the brightness gradient's direction, doubled so that
edges from light to dark and from dark to light are equal: sun and new snow change the brightness
of slopes, but less where edges run.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Plane = NDArray[np.float32]

SIDE = 128
"""Side of a patch, pixels."""

_CELLS = (13, 8)  # columns and rows of cells with one patch each
_MOST = 60  # patches
_CLEAR = 0.6  # share of a patch that must be usable
_SHARPENING = 0.5  # 0 is correlation, 1 phase correlation
_PEAK = 1.1  # ratio to the highest value elsewhere
_AROUND = 4  # pixels that belong to a peak


def edge_field(photo: NDArray[np.uint8]) -> NDArray[np.complex64]:
    """Compute edges (H, W) of a photo (H, W, 3): strength 0 to 1, doubled direction as phase."""
    grey = cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1)
    across, along = cv2.Sobel(grey, -1, 1, 0), cv2.Sobel(grey, -1, 0, 1)
    strength = np.hypot(across, along)
    usual = cv2.GaussianBlur(strength, (0, 0), SIDE / 8) + 2  # 2: JPEG's own edges stay weak
    doubled = (across + 1j * along) ** 2 / (strength + 1e-6)
    return np.asarray(doubled / (strength + usual), np.complex64)


def select_patches(field: NDArray[np.complex64], usable: NDArray[np.bool_]) -> Floats:
    """Select patches spread over the photo, with edges in more than one direction.

    Given the `edge_field` (H, W) and the pixels of terrain (H, W), return the centres (N, 2) of the
    patches, whole pixels, best first.
    """
    height, width = usable.shape
    ground = usable.astype(np.float32)
    half = (SIDE // 2, SIDE // 2)
    energy = cv2.boxFilter(np.abs(field) * ground, -1, half)
    aligned = np.hypot(
        cv2.boxFilter(field.real * ground, -1, half), cv2.boxFilter(field.imag * ground, -1, half)
    )
    # The smaller eigenvalue of the structure tensor: motion along an edge cannot be measured.
    score = np.where(cv2.boxFilter(ground, -1, (SIDE, SIDE)) > _CLEAR, energy - aligned, 0)
    lefts = np.linspace(SIDE // 2, width - SIDE // 2, _CELLS[0] + 1).astype(int)
    tops = np.linspace(SIDE // 2, height - SIDE // 2, _CELLS[1] + 1).astype(int)
    found = []
    for top, bottom in pairwise(tops):
        for left, right in pairwise(lefts):
            cell = score[top:bottom, left:right]
            if cell.size and cell.max() > 0:
                row, col = divmod(int(cell.argmax()), cell.shape[1])
                found.append((float(cell[row, col]), left + col, top + row))
    found.sort(reverse=True)
    return np.array([spot[1:] for spot in found[:_MOST]], np.float64).reshape(-1, 2)


def match_patches(
    old: NDArray[np.complex64], new: NDArray[np.complex64], at: Floats, guess: Floats
) -> tuple[Floats, Floats]:
    """Match patches of one `edge_field` in another, up to `SIDE` / 4 pixels from a guess.

    Given centres (N, 2) in `old` and expected centres in `new` (NaN where unknown), return the
    centres in both (M, 2) of the patches with a distinct peak.
    """
    at, guess = np.rint(at), np.rint(guess)
    fits = _inside(at, old.shape) & _inside(guess, new.shape)
    at, guess = at[fits], guess[fits]
    window = np.hanning(SIDE).astype(np.float32)
    taper = window[:, None] * window
    spectra = [_spectra(photo, places, taper) for photo, places in ((old, at), (new, guess))]
    cross = spectra[1] * spectra[0].conj()
    cross /= np.abs(cross) ** np.float32(_SHARPENING) + 1e-6
    heights = fft.fftshift(fft.ifft2(cross).real, axes=(1, 2))
    shift, distinct = _peaks(heights)
    return at[distinct], (guess + shift)[distinct]


def _inside(middles: Floats, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    room = np.array(shape[::-1]) - SIDE // 2
    return np.asarray(((middles >= SIDE // 2) & (middles <= room)).all(axis=1))


def _spectra(photo: NDArray[np.complex64], middles: Floats, taper: Plane) -> NDArray[np.complex64]:
    """Compute the Fourier transforms (N, SIDE, SIDE) of patches."""
    corners = middles.astype(int) - SIDE // 2
    patches = [photo[row : row + SIDE, col : col + SIDE] for col, row in corners]
    stack = np.stack(patches) if patches else np.zeros((0, SIDE, SIDE), np.complex64)
    stack = (stack - stack.mean(axis=(1, 2), keepdims=True)) * taper
    return np.asarray(fft.fft2(stack))


def _peaks(heights: Plane) -> tuple[Floats, NDArray[np.bool_]]:
    """Find shifts (u, v) (N, 2) of the highest peaks, and whether these are distinct and near."""
    offsets = np.arange(-2, 3)
    shifts, distinct = np.zeros((len(heights), 2)), np.zeros(len(heights), bool)
    for index, surface in enumerate(heights):
        row, col = divmod(int(surface.argmax()), SIDE)
        if max(abs(row - SIDE // 2), abs(col - SIDE // 2)) > SIDE // 4:
            continue
        near = np.maximum(surface[row - 2 : row + 3, col - 2 : col + 3], 0)
        shifts[index] = (near.sum(axis=0) @ offsets, near.sum(axis=1) @ offsets) / near.sum()
        shifts[index] += (col - SIDE // 2, row - SIDE // 2)
        peak = surface[row, col]
        around = slice(row - _AROUND, row + _AROUND + 1), slice(col - _AROUND, col + _AROUND + 1)
        elsewhere = surface.copy()
        elsewhere[around] = 0
        distinct[index] = peak > _PEAK * elsewhere.max()
    return shifts, distinct
