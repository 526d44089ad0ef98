"""Packed data sets: what was packed is read, and what is broken is named."""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.datasets import ImageSample, open_dataset
from core.datasets.shards import LAYER_STEP, ShardsDataset
from core.errors import DatasetError
from training.data.shards import ShardWriter

SHAPE = (40, 56)
HEADER = "image,mask,shard\n"


def jpeg(shape=SHAPE, seed=0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (*shape, 3)).astype(np.uint8)
    return cv2.imencode(".jpg", cv2.GaussianBlur(pixels, (0, 0), 4))[1].tobytes()


def png(labels) -> bytes:
    return cv2.imencode(".png", labels)[1].tobytes()


def labels_of(shape=SHAPE, dtype=np.uint8, **objects):
    """Label image with rectangles, ``_ID=(top, bottom, left, right)``."""
    labels = np.zeros(shape, dtype)
    for name, (top, bottom, left, right) in objects.items():
        labels[top:bottom, left:right] = int(name[1:])
    return labels


ONE = {"a.jpg": jpeg(), "a.png": png(labels_of(_1=(5, 20, 8, 30)))}


def shard(folder: Path, files: dict[str, bytes], name="s-000.tar") -> None:
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / name, "w") as archive:
        for member, content in files.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def packed(folder: Path, files: dict[str, bytes], *rows: str, header=HEADER) -> Path:
    """A folder with one shard; rows are ``image,mask``."""
    shard(folder, files)
    lines = [f"{row},s-000.tar\n" for row in rows]
    (folder / "manifest.csv").write_text(header + "".join(lines), encoding="utf-8")
    return folder


def first(folder: Path) -> ImageSample:
    return open_dataset("shards", folder).images()[0]


def test_what_the_writer_packed_is_read(tmp_path):
    layer = labels_of(dtype=np.int32, _1=(2, 10, 2, 20), _7=(20, 30, 5, 15))
    second = labels_of(dtype=np.int32, _3=(5, 25, 10, 40))
    second[25:28] = -1
    soft = cv2.imdecode(np.frombuffer(jpeg(), np.uint8), cv2.IMREAD_COLOR_RGB)
    made = ImageSample("x", soft, np.stack([layer, second]), ((1, 0), (7, 0), (3, 1)))
    common = {"set": "snow", "mask_kind": "regions", "source": "", "licence": ""}
    with ShardWriter(tmp_path / "out", 10**6, common) as writer:
        writer.add("x", made, 98)
    image = first(tmp_path / "out")
    assert image.objects == ((1, 0), (7, 0), (3 + LAYER_STEP, 1))
    for (new, _), (old, _) in zip(image.objects, made.objects, strict=True):
        np.testing.assert_array_equal(image.mask(new), made.mask(old))
    assert np.abs(image.image.astype(int) - soft).mean() < 2  # colours in order
    entries = ShardsDataset("shards", tmp_path / "out", None).entries
    assert [(entry.set, entry.mask_kind) for entry in entries.values()] == [("snow", "regions")]


def test_ids_of_two_masks_are_told_apart_and_may_be_equal(tmp_path):
    files = {**ONE, "b.png": png(labels_of(_1=(5, 25, 20, 50)))}
    dataset = open_dataset("shards", packed(tmp_path, files, "a.jpg,a.png", "a.jpg,b.png"))
    assert [ref.object for ref in dataset.refs] == ["1", str(1 + LAYER_STEP)]
    assert [int((sample.mask == 1).sum()) for sample in dataset] == [15 * 22, 20 * 30]
    assert dataset.check() == []


@pytest.mark.parametrize(("dtype", "ignored"), [(np.uint8, 255), (np.uint16, 65535)])
def test_the_greatest_value_is_ignored_and_no_object(tmp_path, dtype, ignored):
    labels = labels_of(dtype=dtype, _1=(0, 8, 0, 8), _254=(10, 20, 10, 20))
    labels[30:] = ignored
    second = labels_of(dtype=dtype, _2=(0, 20, 0, 20))
    second[:, 50:] = ignored
    files = {"a.jpg": jpeg(), "a.png": png(labels), "b.png": png(second)}
    image = first(packed(tmp_path, files, "a.jpg,a.png", "a.jpg,b.png"))
    assert image.objects == ((1, 0), (254, 0), (2 + LAYER_STEP, 1))
    assert image.layers.dtype == np.int32
    assert ((image.layers[0] == -1) == (labels == ignored)).all()
    assert ((image.layers[1] == -1) == (second == ignored)).all()
    assert (image.mask(254) == -1).sum() == 10 * 56


def test_sixteen_bits_hold_ids_beyond_254(tmp_path):
    labels = labels_of(dtype=np.uint16, _255=(0, 8, 0, 8), _40000=(10, 20, 10, 20))
    files = {"a.jpg": jpeg(), "a.png": png(labels)}
    image = first(packed(tmp_path, files, "a.jpg,a.png"))
    assert image.objects == ((255, 0), (40000, 0))
    assert (image.mask(40000) == 1).sum() == 100


def test_an_image_without_objects_is_an_image(tmp_path):
    files = {"a.jpg": jpeg(), "a.png": png(labels_of())}
    dataset = open_dataset("shards", packed(tmp_path, files, "a.jpg,a.png"))
    assert len(dataset) == 0
    assert dataset.images()[0].objects == ()
    assert dataset.check() == []


def test_images_of_all_shards_come_in_the_order_of_their_names(tmp_path):
    names = [f"p{number}" for number in range(5)]
    for number, name in enumerate(reversed(names)):
        labels = labels_of(**{f"_{1 + int(name[1:])}": (0, 10, 0, 10)})
        shard(tmp_path, {f"{name}.jpg": jpeg(), f"{name}.png": png(labels)}, f"s-{number}.tar")
    rows = [f"{name}.jpg,{name}.png,any.tar\n" for name in names[::-1]]
    (tmp_path / "manifest.csv").write_text(HEADER + "".join(rows))
    images = open_dataset("shards", tmp_path).images()
    assert images.names == tuple(f"{name}.jpg" for name in names)
    assert [image.objects[0][0] for image in images] == [1, 2, 3, 4, 5]


# ------------------------------------------------------------------- what is broken


@pytest.mark.parametrize("absent", ["a.jpg", "a.png"])
def test_a_missing_member_is_named_before_anything_is_read(tmp_path, absent):
    files = {name: content for name, content in ONE.items() if name != absent}
    dataset = open_dataset("shards", packed(tmp_path, files, "a.jpg,a.png"))
    assert any(f"holds {absent}" in fault for fault in dataset.check()[:1])
    with pytest.raises(DatasetError, match=f"No shard of .* holds {absent}"):
        dataset.images()


@pytest.mark.parametrize("content", [b"", b"nothing", jpeg()[:40]])
def test_a_damaged_jpeg_is_named(tmp_path, content):
    files = {**ONE, "a.jpg": content, "b.jpg": jpeg(), "b.png": ONE["a.png"]}
    dataset = open_dataset("shards", packed(tmp_path, files, "a.jpg,a.png", "b.jpg,b.png"))
    (fault,) = dataset.check()
    assert fault.startswith("a.jpg in")
    assert "s-000.tar is damaged: pack or copy it again" in fault
    assert dataset.images()[1].objects == ((1, 0),)


def test_a_damaged_mask_is_named(tmp_path):
    files = {**ONE, "a.png": ONE["a.png"][:30]}
    with pytest.raises(DatasetError, match=r"a\.png in .* is damaged"):
        first(packed(tmp_path, files, "a.jpg,a.png"))


def test_a_mask_of_another_size_is_named(tmp_path):
    files = {**ONE, "a.jpg": jpeg((56, 40))}
    with pytest.raises(DatasetError, match=r"a\.jpg .*another size than its masks"):
        first(packed(tmp_path, files, "a.jpg,a.png"))


def test_masks_of_two_sizes_are_named(tmp_path):
    files = {**ONE, "b.png": png(labels_of((41, 56)))}
    with pytest.raises(DatasetError, match=r"masks of a\.jpg"):
        first(packed(tmp_path, files, "a.jpg,a.png", "a.jpg,b.png"))


@pytest.mark.parametrize(
    "mask",
    [
        ("a.png", png(np.zeros((*SHAPE, 3), np.uint8))),
        ("a.tif", cv2.imencode(".tif", np.zeros(SHAPE, np.float32))[1].tobytes()),
    ],
)
def test_masks_in_colour_or_with_fractions_are_named(tmp_path, mask):
    name, content = mask
    with pytest.raises(DatasetError, match=r"masks of a\.jpg .*label images"):
        first(packed(tmp_path, {"a.jpg": jpeg(), name: content}, f"a.jpg,{name}"))


@pytest.mark.parametrize("cut", [100, 1500, 2048])
def test_a_shard_cut_short_is_named(tmp_path, cut):
    files = {**ONE, "b.jpg": jpeg(seed=1), "b.png": ONE["a.png"]}
    packed(tmp_path, files, "a.jpg,a.png", "b.jpg,b.png")
    whole = (tmp_path / "s-000.tar").read_bytes()
    (tmp_path / "s-000.tar").write_bytes(whole[:cut])
    with pytest.raises(DatasetError, match=r"s-000\.tar|No shard of"):
        open_dataset("shards", tmp_path).images()


def test_a_manifest_that_is_missing_or_lacks_columns_is_named(tmp_path):
    shard(tmp_path, ONE)
    with pytest.raises(DatasetError, match=r"Cannot read .*manifest\.csv"):
        open_dataset("shards", tmp_path)
    (tmp_path / "manifest.csv").write_text("image,set\na.jpg,x\n")
    with pytest.raises(DatasetError, match=r"manifest\.csv lacks the columns mask, shard"):
        open_dataset("shards", tmp_path)
    (tmp_path / "manifest.csv").write_bytes(b"image,mask,shard\n\xff\xfe,a.png,s\n")
    with pytest.raises(DatasetError, match=r"Cannot read .*manifest\.csv"):
        open_dataset("shards", tmp_path)
    (tmp_path / "manifest.csv").write_text("")
    with pytest.raises(DatasetError, match="lacks the columns image, mask, shard"):
        open_dataset("shards", tmp_path)


def test_a_manifest_without_rows_holds_no_images(tmp_path):
    with pytest.raises(DatasetError, match="holds no images"):
        open_dataset("shards", packed(tmp_path, ONE)).images()


def test_a_row_without_a_mask_is_named(tmp_path):
    shard(tmp_path, ONE)
    (tmp_path / "manifest.csv").write_text(HEADER + "a.jpg\n")
    with pytest.raises(DatasetError, match="line 2, names no image or no mask"):
        open_dataset("shards", tmp_path)


def test_there_are_no_splits(tmp_path):
    with pytest.raises(DatasetError, match="no splits"):
        open_dataset("shards", packed(tmp_path, ONE, "a.jpg,a.png"), "train")


# ------------------------------------------------------------------- the shared pack


def test_the_shared_training_pack(shared):
    folder = shared / "train"
    if not folder.is_dir():
        pytest.skip(f"no shared training pack at {folder}")
    dataset = ShardsDataset("shards", folder, None)
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    images = dataset.images()
    assert set(images.names) == {row["image"] for row in rows}
    for index in range(0, len(images), len(images) // 25):
        image = images[index]
        mine = [row for row in rows if row["image"] == image.name]
        assert len(image.layers) == len(mine)
        assert image.image.shape == (int(mine[0]["height"]), int(mine[0]["width"]), 3)
        for layer, row in enumerate(mine):
            assert sum(place == layer for _, place in image.objects) == int(row["objects"])
        assert all((image.mask(number) == 1).any() for number, _ in image.objects)
