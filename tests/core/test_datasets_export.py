"""The project's own form: export and reading back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dataset_fixtures import blob, photo, rotated_photo, write

from core.datasets import ExportImage, ExportObject, ObjectRef, export_dataset, open_dataset
from core.errors import DatasetError
from core.image import read_mask_values

LEFT, RIGHT = blob(cols=(0, 5)), blob(cols=(8, 14))


def image(folder, name="a.jpg", masks=(LEFT, RIGHT), split=None, seed=0):
    path = write(folder / name, photo(seed=seed))
    return ExportImage(path, [ExportObject(mask) for mask in masks], split)


# ------------------------------------------------------------------------------ there and back


def test_objects_come_back(tmp_path):
    exported = [image(tmp_path, "b.jpg"), image(tmp_path, "a.jpg", [RIGHT], seed=3)]
    index = export_dataset(tmp_path / "out", exported)
    assert index == tmp_path / "out" / "iseg.json"
    dataset = open_dataset("iseg", tmp_path / "out")
    assert dataset.refs == (
        ObjectRef("images/a.jpg", "1"),
        ObjectRef("images/b.jpg", "1"),
        ObjectRef("images/b.jpg", "2"),
    )
    masks = [sample.mask for sample in dataset]
    assert all(np.array_equal(m, e) for m, e in zip(masks, (RIGHT, LEFT, RIGHT), strict=True))
    assert dataset.check() == []


def test_form_of_the_index(tmp_path):
    path = write(tmp_path / "a.jpg", photo())
    objects = [ExportObject(LEFT, {"type": "slab", "size": 2.5}), ExportObject(RIGHT)]
    index = export_dataset(tmp_path / "out", [ExportImage(path, objects, "train")])
    assert json.loads(index.read_text(encoding="utf-8")) == {
        "format": "avalanche-iseg",
        "version": 1,
        "pictures": [
            {
                "image": "images/a.jpg",
                "mask": "masks/a.png",
                "split": "train",
                "objects": [{"id": 1, "type": "slab", "size": 2.5}, {"id": 2}],
            }
        ],
    }
    assert (tmp_path / "out" / "images" / "a.jpg").read_bytes() == path.read_bytes()
    labels = read_mask_values(tmp_path / "out" / "masks" / "a.png")
    assert labels.dtype == np.uint8
    assert np.array_equal(labels, LEFT + 2 * RIGHT)


def test_splits(tmp_path):
    exported = [
        image(tmp_path, "a.jpg", split="train"),
        image(tmp_path, "b.jpg", split="val"),
        image(tmp_path, "c.jpg"),
    ]
    export_dataset(tmp_path / "out", exported)
    assert len(open_dataset("iseg", tmp_path / "out")) == 6
    assert open_dataset("iseg", tmp_path / "out", "val").images().names == ("images/b.jpg",)
    with pytest.raises(DatasetError, match="no split 'test'; its splits: train, val"):
        open_dataset("iseg", tmp_path / "out", "test")


def test_images_of_the_same_name(tmp_path):
    exported = [
        image(tmp_path / "cam1", "x.jpg", [LEFT]),
        image(tmp_path / "cam2", "x.png", [RIGHT], seed=5),
        image(tmp_path / "cam3", "X.jpg", [RIGHT]),
    ]
    export_dataset(tmp_path / "out", exported)
    dataset = open_dataset("iseg", tmp_path / "out")
    assert set(dataset.images().names) == {"images/x.jpg", "images/x_2.png", "images/X_3.jpg"}
    assert np.array_equal(dataset.images().names, sorted(dataset.images().names))
    by_name = {sample.ref.image: sample for sample in dataset}
    assert np.array_equal(by_name["images/x.jpg"].mask, LEFT)
    assert np.array_equal(by_name["images/x_2.png"].image, photo(seed=5))


def test_later_objects_lie_on_top(tmp_path):
    export_dataset(tmp_path / "out", [image(tmp_path, masks=[blob(), blob(cols=(6, 12))])])
    first, second = open_dataset("iseg", tmp_path / "out")
    assert np.array_equal(first.mask, blob(cols=(3, 6)))
    assert np.array_equal(second.mask, blob(cols=(6, 12)))


def test_more_than_254_objects_need_16_bits(tmp_path):
    masks = []
    for number in range(300):
        mask = np.zeros((20, 20), bool)
        mask.flat[number] = True
        masks.append(mask)
    path = write(tmp_path / "a.png", photo(20, 20))
    export_dataset(tmp_path / "out", [ExportImage(path, [ExportObject(m) for m in masks])])
    dataset = open_dataset("iseg", tmp_path / "out")
    assert read_mask_values(tmp_path / "out" / "masks" / "a.png").dtype == np.uint16
    assert len(dataset) == 300
    assert np.array_equal(dataset[299].mask, masks[299])


def test_masks_of_rotated_photos_may_be_as_shown_or_as_stored(tmp_path):
    path = rotated_photo(tmp_path / "o.jpg", 6)
    shown, stored = blob(16, 12, (1, 3), (0, 2)), blob(12, 16, (8, 10), (8, 12))
    export_dataset(
        tmp_path / "out", [ExportImage(path, [ExportObject(shown), ExportObject(stored)])]
    )
    first, second = open_dataset("iseg", tmp_path / "out")
    assert first.image.shape == (16, 12, 3)
    assert np.array_equal(first.mask, shown)
    assert np.array_equal(second.mask, np.rot90(stored, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_highest_value_is_ignored(tmp_path, dtype):
    export_dataset(tmp_path / "out", [image(tmp_path)])
    labels = (LEFT + 2 * RIGHT).astype(dtype)
    labels[11] = np.iinfo(dtype).max
    write(tmp_path / "out" / "masks" / "a.png", labels)
    sample = open_dataset("iseg", tmp_path / "out")[0]
    assert (sample.mask[11] == -1).all()
    assert np.array_equal(sample.mask == 1, LEFT)


# ------------------------------------------------------------------------------ faulty exports


def export_error(tmp_path, images, match):
    with pytest.raises(DatasetError, match=match):
        export_dataset(tmp_path / "out", images)
    assert not (tmp_path / "out" / "iseg.json").exists()


def test_folder_in_use(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    export_error(tmp_path, [image(tmp_path)], "out is not empty: export into a new one")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_empty_folder_may_be_used(tmp_path):
    (tmp_path / "out").mkdir()
    assert export_dataset(tmp_path / "out", [image(tmp_path)]).is_file()


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"Cannot export to .*file/out"):
        export_dataset(tmp_path / "file" / "out", [image(tmp_path)])


def test_mask_of_another_size(tmp_path):
    match = r"mask of object 2 has 8 x 6 .*a\.jpg has 16 x 12"
    export_error(tmp_path, [image(tmp_path, masks=[LEFT, blob(6, 8)])], match)


def test_hidden_and_empty_objects(tmp_path):
    masks = [LEFT, LEFT, RIGHT & LEFT]
    export_error(tmp_path, [image(tmp_path, masks=masks)], r"Objects \[1, 3\] of .*a\.jpg")


def test_image_without_objects(tmp_path):
    export_error(tmp_path, [image(tmp_path, masks=[])], r"a\.jpg has no objects: leave it out")


def test_missing_image(tmp_path):
    missing = ExportImage(tmp_path / "gone.jpg", [ExportObject(LEFT)])
    export_error(tmp_path, [missing], r"gone\.jpg: No such file")


@pytest.mark.parametrize(
    ("attributes", "match"),
    [
        ({"id": 3}, "'id' is taken"),
        ({"size": float("nan")}, "cannot be kept as JSON"),
        ({"mask": np.zeros(3)}, "cannot be kept as JSON"),
    ],
)
def test_unsuitable_attributes(tmp_path, attributes, match):
    path = write(tmp_path / "a.jpg", photo())
    item = ExportImage(path, [ExportObject(LEFT, attributes)])
    export_error(tmp_path, [item], rf"a\.jpg.*{match}")


# ------------------------------------------------------------------------------ faulty data sets


def broken(tmp_path, change):
    """An exported set whose index went through ``change``."""
    index = export_dataset(tmp_path / "out", [image(tmp_path)])
    content = json.loads(index.read_text())
    change(content)
    index.write_text(json.dumps(content))
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c.update(version=2), "version 2, not avalanche-iseg 1"),
        (lambda c: c.update(format="coco"), "is coco version 1"),
        (lambda c: c.pop("pictures"), "Cannot read .*as an exported data set"),
        (lambda c: c.update(pictures=[3]), "Cannot read .*as an exported data set"),
        (lambda c: c["pictures"][0].pop("mask"), "lacks 'image', 'mask' or 'objects'"),
        (lambda c: c["pictures"][0]["objects"][0].pop("id"), "lacks 'image', 'mask' or 'objects'"),
        (lambda c: c["pictures"][0].update(objects=[{"id": 1}] * 2), "must be unique"),
        (lambda c: c["pictures"][0].update(objects=[{"id": 0}]), "at least 1"),
        (lambda c: c["pictures"][0].update(image="../a.jpg"), r"\.\./a\.jpg lies outside"),
        (lambda c: c["pictures"][0].update(mask="/a.png"), "lies outside"),
    ],
)
def test_malformed_index(tmp_path, change, match):
    root = broken(tmp_path, change)
    with pytest.raises(DatasetError, match=match):
        open_dataset("iseg", root)


def test_image_listed_twice(tmp_path):
    root = broken(tmp_path, lambda c: c["pictures"].append(c["pictures"][0]))
    with pytest.raises(DatasetError, match=r"images/a\.jpg twice"):
        len(open_dataset("iseg", root))


def test_index_that_is_no_json(tmp_path):
    (tmp_path / "iseg.json").write_text("{")
    with pytest.raises(DatasetError, match=r"iseg\.json as an exported data set"):
        open_dataset("iseg", tmp_path)


def test_labels_that_the_index_does_not_list(tmp_path):
    root = broken(tmp_path, lambda c: c["pictures"][0]["objects"].pop())
    with pytest.raises(DatasetError, match=r"a\.png holds ids \[2\] unlisted"):
        open_dataset("iseg", root)[0]


def test_listed_object_without_pixels(tmp_path):
    root = broken(tmp_path, lambda c: c["pictures"][0]["objects"].append({"id": 9}))
    dataset = open_dataset("iseg", root)
    assert len(dataset) == 3
    assert dataset.check() == [
        f"Object 9 of {root / 'images' / 'a.jpg'} has no pixel: draw it or remove it."
    ]


def test_mask_in_colour(tmp_path):
    export_dataset(tmp_path / "out", [image(tmp_path)])
    write(tmp_path / "out" / "masks" / "a.png", photo())
    with pytest.raises(DatasetError, match=r"a\.png holds colours"):
        open_dataset("iseg", tmp_path / "out")[0]
