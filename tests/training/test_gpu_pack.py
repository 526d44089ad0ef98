"""The pack for a GPU machine: a sound part of every shard."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from core.datasets import ImageSample, open_dataset
from training.data.shards import ShardWriter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from gpu_pack import copy_shards  # noqa: E402


def test_images_come_with_their_masks_from_every_shard(tmp_path):
    rng = np.random.default_rng(0)
    common = {"set": "made", "mask_kind": "instances", "source": "", "licence": "CC0"}
    with ShardWriter(tmp_path / "all", 120_000, common) as writer:
        for number in range(30):
            pixels = rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)
            layer = np.zeros((2, 60, 80), np.int32)  # two masks an image
            layer[0, 10:30, 10:30], layer[1, 20:50, 20:50] = 1, 2
            objects = ((1, 0), (2, 1))
            writer.add(f"p{number}", ImageSample(f"p{number}", pixels, layer, objects), 92)
    total = sum(file.stat().st_size for file in (tmp_path / "all").glob("*.tar"))
    (tmp_path / "part").mkdir()
    copy_shards(tmp_path / "all", tmp_path / "part", total // 2)
    names = {file.name for file in (tmp_path / "all").glob("*.tar")}
    assert len(names) > 1
    assert {file.name for file in (tmp_path / "part").glob("*.tar")} == names
    copied = sum(file.stat().st_size for file in (tmp_path / "part").glob("*.tar"))
    assert 0.4 * total < copied < 0.75 * total
    dataset = open_dataset("shards", tmp_path / "part")
    assert not dataset.check()
    images = dataset.images()
    assert 10 < len(images) < 25
    assert all(len(image.layers) == 2 for image in images)
