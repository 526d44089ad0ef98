"""Fixtures of the tests of `core`."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Networks are tiny here: more threads would only get in each other's way."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def parity_checkpoints(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints that the research code wrote: h18s, random weights, and trained a little."""
    unpacked = tmp_path_factory.mktemp("parity") / "h18s_rand.pth"
    unpacked.write_bytes(lzma.decompress((shared / "parity/h18s_rand.pth.xz").read_bytes()))
    return {"h18s_rand": unpacked, "h18s_warm": shared / "parity/h18s_warm_fp16.pth"}
