"""Packed pictures: what comes out is what went in, and what is broken is named."""

from __future__ import annotations

import io
import tarfile

import cv2
import numpy as np
import pytest
from run_fixtures import blobs, pack

from core.datasets import PictureSample, open_dataset
from core.errors import DatasetError
from training.data.shards import ShardWriter

COMMON = {"set": "s", "mask_kind": "instances", "source": "", "licence": ""}


def test_pictures_come_back(tmp_path):
    dataset = open_dataset("shards", pack(tmp_path / "pack"))
    assert dataset.check() == []
    assert len(dataset.pictures()) == 10
    assert len(dataset) == 20
    for number, picture in enumerate(dataset.pictures()):
        expected = blobs(number)
        assert picture.name == f"blobs__p{number:02d}.jpg"
        assert np.abs(picture.image.astype(int) - expected.image).mean() < 4
        assert np.array_equal(picture.layers, expected.layers)
        assert picture.objects == ((1, 0), (2, 0))
    entry = dataset.entries["blobs__p00.jpg"]
    assert (entry.set, entry.mask_kind) == ("blobs", "instances")


def test_layers_have_ids_of_their_own_and_ignored_pixels(tmp_path):
    layers = np.zeros((2, 40, 50), np.int32)
    layers[0, 5:20, 5:20], layers[0, 30:, :] = 3, -1
    layers[1, 10:30, 10:30] = 3
    picture = PictureSample("", blobs(0).image[:40, :50], layers, ((3, 0), (4, 1)))
    with ShardWriter(tmp_path / "pack", 10**6, COMMON) as writer:
        writer.add("two", picture, 92)
    (found,) = open_dataset("shards", tmp_path / "pack").pictures()
    assert found.objects == ((3, 0), (3 + 65536, 1))
    assert np.array_equal(found.mask(3) == 1, layers[0] == 3)
    assert np.array_equal(found.mask(3) == -1, layers[0] == -1)
    assert np.array_equal(found.mask(3 + 65536) == 1, layers[1] == 3)


def rewrite(folder, change):
    """Write the only shard anew, each member's content changed by name (None drops it)."""
    (path,) = folder.glob("*.tar")
    with tarfile.open(path) as archive:
        members = [(m.name, archive.extractfile(m).read()) for m in archive]
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            content = change(name, content)
            if content is not None:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return folder


def test_missing_members_are_named(tmp_path):
    folder = rewrite(
        pack(tmp_path / "pack"), lambda name, content: None if "p03.png" in name else content
    )
    dataset = open_dataset("shards", folder)
    assert any("blobs__p03.png" in fault for fault in dataset.check())
    with pytest.raises(DatasetError, match=r"blobs__p03\.png"):
        dataset.pictures()


def test_damaged_and_mismatched_members_are_named(tmp_path):
    small = cv2.imencode(".png", np.ones((5, 5), np.uint8))[1].tobytes()

    def change(name, content):
        if "p01.jpg" in name:
            return content[:20]
        return small if "p02.png" in name else content

    faults = open_dataset("shards", rewrite(pack(tmp_path / "pack"), change)).check()
    assert len(faults) == 2
    assert "blobs__p01.jpg" in faults[0]
    assert "damaged" in faults[0]
    assert "blobs__p02.jpg" in faults[1]
    assert "another size" in faults[1]


def test_a_shard_cut_short_is_named(tmp_path):
    folder = pack(tmp_path / "pack")
    (path,) = folder.glob("*.tar")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        faults = open_dataset("shards", folder).check()
    except DatasetError as error:
        faults = [str(error)]
    assert faults
    assert "blobs-000.tar" in faults[0] or "No shard" in faults[0]


def test_manifests_that_do_not_do(tmp_path):
    with pytest.raises(DatasetError, match=r"manifest\.csv"):
        open_dataset("shards", tmp_path)
    (tmp_path / "manifest.csv").write_text("image,mask\na,b\n")
    with pytest.raises(DatasetError, match="lacks the columns shard"):
        open_dataset("shards", tmp_path)
