"""``pack``: what is packed is read back, layer by layer; shards keep to their size."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from data_fixtures import image_set, photo, rectangle, run, write

from core.datasets import ImageSample, open_dataset
from core.errors import DatasetError
from training.__main__ import main
from training.data.shards import ShardWriter, label_image, shrink

COMMON = {"set": "snow", "mask_kind": "instances", "source": "", "licence": ""}


def rows_of(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_images_masks_and_ignore_come_back(tmp_path):
    root, shape = tmp_path / "in", (60, 80)
    first = rectangle(shape, (10, 30), (20, 60))
    first[30:33, 20:60] = 128
    write(root / "images/a.png", photo())
    write(root / "masks/a_1.png", first)
    write(root / "masks/a_2.png", rectangle(shape, (25, 50), (30, 50)))
    out = tmp_path / "out"
    assert run("pack", root, out, "--set", "snow", "--quality", 100) == 0
    (packed,) = open_dataset("shards", out).images()
    (source,) = open_dataset("images", root).images()
    assert packed.name == "snow__a.jpg"
    assert len(packed.layers) == 2
    for (new, _), (old, _) in zip(packed.objects, source.objects, strict=True):
        assert (packed.mask(new) == source.mask(old)).all()
    assert np.abs(packed.image.astype(int) - source.image).mean() < 3


def test_images_shrink_to_the_longest_side_with_their_proportions(tmp_path):
    root = image_set(tmp_path / "in", ["a", "b"], shape=(300, 400))
    assert run("pack", root, tmp_path / "out", "--longest", 100) == 0
    for row in rows_of(tmp_path / "out"):
        assert (row["width"], row["height"], row["objects"]) == ("100", "75", "1")
    for image in open_dataset("shards", tmp_path / "out").images():
        assert image.image.shape == (75, 100, 3)
        assert (image.mask(1) == 1).sum() == 5 * 10


def test_the_manifest_says_where_everything_lies(tmp_path):
    root = image_set(tmp_path / "in", [f"p{i}" for i in range(9)])
    out = tmp_path / "out"
    options = ("--kind", "binary", "--source-note", "SLF, 2020", "--licence", "CC BY 4.0")
    assert run("pack", root, out, "--shard-mb", 0.006, *options) == 0
    rows = rows_of(out)
    assert list(rows[0]) == [
        "image", "mask", "shard", "set", "mask_kind", "width", "height", "objects", "source",
        "licence",
    ]  # fmt: skip
    assert {(r["set"], r["mask_kind"], r["source"], r["licence"]) for r in rows} == {
        ("out", "binary", "SLF, 2020", "CC BY 4.0")
    }
    shards = sorted(out.glob("*.tar"))
    assert len(shards) > 1
    for shard in shards:
        with tarfile.open(shard) as archive:
            names = archive.getnames()
            payload = sum(512 + member.size for member in archive)
        expected = [f for r in rows if r["shard"] == shard.name for f in (r["image"], r["mask"])]
        assert names == expected
        assert payload <= 6000
    assert [row["image"] for row in rows] != sorted(row["image"] for row in rows)


def test_packing_again_gives_the_same_bytes(tmp_path):
    root = image_set(tmp_path / "in", [f"p{i}" for i in range(5)])
    for name in ("one", "two"):
        assert run("pack", root, tmp_path / name, "--set", "x") == 0
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two


def test_packed_data_can_be_packed_smaller(tmp_path):
    root, shape = tmp_path / "in", (60, 80)
    write(root / "images/a.png", photo())
    for number, rows in enumerate([(0, 30), (20, 50), (40, 60)], 1):
        write(root / f"masks/a_{number}.png", rectangle(shape, rows, (0, 40)))
    assert run("pack", root, tmp_path / "one") == 0
    assert run("pack", tmp_path / "one", tmp_path / "two", "--longest", 40) == 0
    (image,) = open_dataset("shards", tmp_path / "two").images()
    areas = [int((image.mask(number) == 1).sum()) for number, _ in image.objects]
    assert sorted(areas) == [10 * 20, 15 * 20, 15 * 20]


@pytest.mark.parametrize("name", ["a=b", "=", "snow=2024,x"])
def test_a_folder_may_have_an_equals_sign(tmp_path, name, capsys):
    folder = tmp_path / name
    root = image_set(folder / "in", ["a"])
    assert run("pack", f"images={root}", folder / "out") == 0
    assert main(["data", "check", str(folder / "out")]) == 0
    assert "sound" in capsys.readouterr().out


def test_objects_that_shrink_to_nothing_are_counted(tmp_path, capsys):
    root = tmp_path / "in"
    write(root / "images/a.png", photo(400, 400))
    write(root / "masks/a_1.png", rectangle((400, 400), (0, 1), (0, 1)))
    write(root / "masks/a_2.png", rectangle((400, 400), (100, 200), (100, 200)))
    assert run("pack", root, tmp_path / "out", "--longest", 40) == 0
    assert "1 objects in 1 shards; 1 objects shrank to nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ids", "dtype", "values"),
    [
        ([1, 254], np.uint8, [1, 254]),
        ([7, 255], np.uint8, [1, 2]),
        ([65537, 65600], np.uint8, [1, 2]),
        (range(1, 256), np.uint16, list(range(1, 256))),
        ([], np.uint8, []),
    ],
)
def test_label_images_use_8_bits_where_they_suffice(ids, dtype, values):
    layer = np.array([[0, -1, *ids]], np.int32)
    labels = label_image(layer)
    assert labels.dtype == dtype
    assert labels[0, 1] == np.iinfo(dtype).max
    assert labels[0, 2:].tolist() == values


def test_many_objects_come_back_from_16_bits(tmp_path):
    layer = np.zeros((40, 40), np.int32)
    layer[:20] = np.arange(1, 801).reshape(20, 40)
    layer[30:] = -1
    objects = tuple((number, 0) for number in range(1, 801))
    image = ImageSample("a", photo(40, 40), layer[None], objects)
    with ShardWriter(tmp_path / "out", 10**6, COMMON) as writer:
        assert writer.add("a", image, 92) == 800
    (back,) = open_dataset("shards", tmp_path / "out").images()
    assert (back.layers == layer).all()
    assert back.objects == objects


def test_a_image_without_objects_is_kept_with_an_empty_mask(tmp_path):
    image = ImageSample("a", photo(40, 40), np.zeros((0, 40, 40), np.int32), ())
    with ShardWriter(tmp_path / "out", 10**6, COMMON) as writer:
        assert writer.add("a", shrink(image, 20), 92) == 0
    assert rows_of(tmp_path / "out")[0]["objects"] == "0"
    (back,) = open_dataset("shards", tmp_path / "out").images()
    assert back.objects == ()


def test_a_folder_without_manifest_is_unfinished(tmp_path):
    with pytest.raises(RuntimeError), ShardWriter(tmp_path / "out", 10**6, COMMON):
        raise RuntimeError
    with pytest.raises(DatasetError):
        open_dataset("shards", tmp_path / "out")


@pytest.mark.parametrize(("tool", "form"), [("pack", "shards"), ("crops", "images")])
def test_what_is_killed_is_not_taken_for_whole(tmp_path, tool, form):
    """Killed after the first images have been written, and at the very end."""
    root = image_set(tmp_path / "in", [f"p{number}" for number in range(12)])
    source, options = f"images={root}", ["--min-size", "1"] if tool == "crops" else []
    for count in (1, 5, 11):
        out = tmp_path / f"out-{count}"
        program = _KILLED.format(count=count, arguments=[tool, source, str(out), *options])
        done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert any(out.rglob("*"))
        with pytest.raises(DatasetError):
            len(open_dataset(form, out))
        assert run(tool, source, out) == 2  # not into what is half there


_KILLED = """
import os, signal
from training.data import folder, shards
from training.__main__ import main
left = {count}
def killed(write):
    def writing(*args, **more):
        global left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return write(*args, **more)
    return writing
for kind, name in ((shards.ShardWriter, "_store"), (folder.ObjectFolder, "_write_masks")):
    setattr(kind, name, killed(getattr(kind, name)))
main(["data", *{arguments}])
"""


def test_a_part_of_the_shared_pack_packs_again_as_it_is(tmp_path, shared):
    source = open_dataset("shards", shared / "train")
    names = [name for name in source.images().names if name.startswith(("bsds500__10", "ccp__00"))]
    (tmp_path / "list.txt").write_text("\n".join(names))
    chosen = ("--only", tmp_path / "list.txt")
    assert run("pack", shared / "train", tmp_path / "out", "--set", "x", *chosen) == 0
    back = open_dataset("shards", tmp_path / "out")
    assert back.images().names == tuple(f"x__{name}" for name in names)
    places = {name: place for place, name in enumerate(source.images().names)}
    for name, image in zip(names, back.images(), strict=True):
        original = source.images()[places[name]]
        assert image.objects == original.objects
        assert (image.layers == original.layers).all()
