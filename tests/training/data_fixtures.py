"""Small data sets on disk for the tests of `training.data`, written with OpenCV alone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from training.__main__ import main


def photo(height=60, width=80, seed=0):
    """(H, W, 3) uint8 RGB with soft blotches."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def write(path: Path, array) -> Path:
    """Write grey or RGB in the format of the suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = array if array.ndim == 2 else np.ascontiguousarray(array[:, :, ::-1])
    path.write_bytes(cv2.imencode(path.suffix, bgr)[1].tobytes())
    return path


def rectangle(shape, rows, cols, value=255):
    """(H, W) uint8 with one rectangle."""
    mask = np.zeros(shape, np.uint8)
    mask[slice(*rows), slice(*cols)] = value
    return mask


def image_set(root: Path, stems, shape=(60, 80), seeds=None) -> Path:
    """Images in the ``images`` form with one object each, all different unless seeds say so."""
    for place, stem in enumerate(stems):
        seed = place if seeds is None else seeds[place]
        write(root / "images" / f"{stem}.png", photo(*shape, seed=seed))
        write(root / "masks" / f"{stem}.png", rectangle(shape, (10, 30), (20, 60)))
    return root


def run(*arguments) -> int:
    """Run a sub-command as the command line would."""
    return main(["data", *map(str, arguments)])
