"""A tiny model and a tiny data set, both real files."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "core"))

from tiny import write_tiny_checkpoint  # noqa: E402


@pytest.fixture(scope="session")
def threshold() -> float:
    """Near the median of what the tiny model answers: masks are neither empty nor full."""
    return 0.3915


@pytest.fixture(scope="session")
def model_file(tmp_path_factory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny.pth")


@pytest.fixture(scope="session")
def image_folder(tmp_path_factory) -> Path:
    """Seven images of 64 x 80 pixels with one ellipse each, brighter than its surroundings."""
    root = tmp_path_factory.mktemp("data") / "set"
    rng = np.random.default_rng(7)
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(7):
        mask = np.zeros((64, 80), np.uint8)
        centre = (int(rng.integers(25, 55)), int(rng.integers(20, 44)))
        axes = (int(rng.integers(8, 20)), int(rng.integers(6, 15)))
        cv2.ellipse(mask, centre, axes, float(rng.integers(180)), 0, 360, 255, -1)
        noise = rng.integers(0, 90, (64, 80, 3)).astype(np.uint8)
        image = noise + np.where(mask, 150, 40).astype(np.uint8)[..., None]
        cv2.imwrite(str(root / "images" / f"{number}.png"), image)
        cv2.imwrite(str(root / "masks" / f"{number}.png"), mask)
    return root


@pytest.fixture
def command(model_file, image_folder, threshold, tmp_path):
    """Arguments of a short evaluation that writes tmp_path/out.json."""
    return [
        "noc",
        *("--model", str(model_file)),
        *("--dataset", f"images={image_folder}"),
        *("--threshold", str(threshold)),
        *("--max-clicks", "3", "--target-iou", "1.01", "--zoom", "off", "--no-flip"),
        *("--engine", "torch", "--json", str(tmp_path / "out.json")),
    ]
