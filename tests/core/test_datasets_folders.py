"""Image and mask folders: pairing, mask encodings, several objects in an image."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
from dataset_fixtures import blob, folder_set, photo, write, write_palette

from core.datasets import ObjectRef, open_dataset
from core.datasets.folders import (
    FolderDataset,
    Layout,
    decode_any,
    decode_bright,
    decode_positive,
)
from core.errors import DatasetError

# ------------------------------------------------------------------------------ encodings


def test_bright_has_an_ignore_value():
    values = np.array([[0, 1, 127, 128, 129, 255]], np.uint8)
    assert decode_bright(values).tolist() == [[0, 0, 0, -1, 1, 1]]


def test_bright_and_positive_look_at_blue():
    rgb = np.array([[[255, 255, 0], [0, 0, 255], [0, 0, 128]]], np.uint8)
    assert decode_bright(rgb).tolist() == [[0, 1, -1]]
    assert decode_positive(rgb).tolist() == [[0, 1, 1]]


def test_any_looks_at_all_channels():
    rgb = np.array([[[1, 0, 0], [0, 0, 255], [0, 0, 0]]], np.uint8)
    assert decode_any(rgb).tolist() == [[1, 1, 0]]
    assert decode_any(np.array([[0, 128]], np.uint8)).tolist() == [[0, 1]]


@pytest.mark.parametrize("decode", [decode_bright, decode_any, decode_positive])
def test_encodings_give_int8(decode):
    assert decode(np.zeros((2, 3), np.uint16)).dtype == np.int8


def test_davis_palette_masks_merge_all_objects(tmp_path):
    write(tmp_path / "img" / "0.jpg", photo())
    indices = blob().astype(np.uint8)
    indices[10, 10] = 2
    write_palette(tmp_path / "gt" / "0.png", indices)
    assert np.array_equal(open_dataset("davis", tmp_path)[0].mask, indices > 0)


def test_avalanche_masks_may_be_dark_and_have_alpha(tmp_path):
    write(tmp_path / "images" / "a.jpg", photo())
    rgba = np.dstack([blob() * np.uint8(1)] * 3 + [np.full((12, 16), 255, np.uint8)])
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), rgba)
    assert np.array_equal(open_dataset("slf", tmp_path)[0].mask, blob())


def test_avalanche_with_an_ignored_value(tmp_path):
    write(tmp_path / "images" / "a.jpg", photo())
    values = blob().astype(np.uint8) * 255
    values[11] = 128
    write(tmp_path / "masks" / "a.png", values)
    layout = Layout("images", "masks", partial(decode_positive, ignore=128))
    mask = FolderDataset("glide", tmp_path, layout)[0].mask
    assert (mask[11] == -1).all()
    assert np.array_equal(mask == 1, blob())
    assert (open_dataset("slf", tmp_path)[0].mask[11] == 1).all()


# ------------------------------------------------------------------------------ pairing


@pytest.mark.parametrize("name", ["slf", "uibk", "avalanche"])
def test_stray_files_are_passed_over(tmp_path, name):
    root = folder_set(tmp_path)
    for stray in ("Thumbs.db", ".DS_Store", "._a.jpg", "desktop.ini", "notes.txt"):
        (root / "images" / stray).write_bytes(b"stray")
        (root / "masks" / stray).write_bytes(b"stray")
    (root / "images" / "sub").mkdir()
    dataset = open_dataset(name, root)
    assert [ref.image for ref in dataset.refs] == ["a.jpg", "b.jpg"]
    assert dataset.check() == []


def test_pairing_is_by_name_not_by_order(tmp_path):
    root = folder_set(tmp_path, stems="abc")
    (root / "masks" / "a.png").unlink()
    dataset = open_dataset("uibk", root)
    for use in (len, lambda d: d[0], lambda d: d.images(), lambda d: d.refs):
        with pytest.raises(DatasetError, match=r"a\.jpg has no mask in .*masks: add it or remove"):
            use(dataset)


def test_mask_without_image(tmp_path):
    root = folder_set(tmp_path)
    write(root / "masks" / "z.png", blob().astype(np.uint8))
    with pytest.raises(DatasetError, match=r"z\.png has no image in .*images"):
        len(open_dataset("uibk", root))


def test_many_faults_are_counted(tmp_path):
    root = folder_set(tmp_path, stems="abcdefgh")
    for stem in "abcdefg":
        (root / "masks" / f"{stem}.png").unlink()
    dataset = open_dataset("uibk", root)
    with pytest.raises(DatasetError, match=r"a\.jpg[\s\S]*e\.jpg[\s\S]*and 2 more"):
        len(dataset)
    assert len(dataset.check()) == 7


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_names_that_differ_in_type_only(tmp_path, folder):
    root = folder_set(tmp_path)
    write(root / folder / "a.bmp", photo())
    with pytest.raises(DatasetError, match=r"a\.bmp .*differ in type only|a\.bmp and a\."):
        len(open_dataset("uibk", root))


def test_dots_and_capitals_in_names(tmp_path):
    write(tmp_path / "images" / "cam2.2022-03-06.x.jpg", photo())
    (tmp_path / "images" / "cam2.2022-03-06.x.jpg").rename(
        tmp_path / "images" / "cam2.2022-03-06.x.JPG"
    )
    write(tmp_path / "masks" / "cam2.2022-03-06.x.png", blob().astype(np.uint8))
    assert open_dataset("uibk", tmp_path)[0].ref.image == "cam2.2022-03-06.x.JPG"


@pytest.mark.parametrize("missing", ["img", "gt"])
def test_missing_folder_is_named(tmp_path, missing):
    folder_set(tmp_path, images="img", masks="gt")
    (tmp_path / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=rf"no folder .*{missing}: check"):
        open_dataset("davis", tmp_path)


def test_splits_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="uibk has no splits, but 'train' was asked for"):
        open_dataset("uibk", folder_set(tmp_path), split="train")


# ------------------------------------------------------------------------------ several objects


def test_numbered_masks(tmp_path):
    for stem in ("cam", "cam_1"):
        write(tmp_path / "images" / f"{stem}.jpg", photo())
    for name, columns in {"cam_10": 9, "cam_2": 5, "cam_1": 3, "cam_1_0": 7}.items():
        values = blob(cols=(0, columns)).astype(np.uint8) * 255
        write(tmp_path / "masks" / f"{name}.png", values)
    dataset = open_dataset("images", tmp_path)
    # cam_1.png belongs to cam_1.jpg, whose name it bears, and not to cam.jpg.
    assert dataset.refs == (
        ObjectRef("cam.jpg", "1"),
        ObjectRef("cam.jpg", "2"),
        ObjectRef("cam_1.jpg", "1"),
        ObjectRef("cam_1.jpg", "2"),
    )
    widths = [int((sample.mask == 1).any(axis=0).sum()) for sample in dataset]
    assert widths == [5, 9, 3, 7]


def test_overlapping_objects_stay_whole(tmp_path):
    write(tmp_path / "images" / "a.jpg", photo())
    masks = [blob(cols=(0, 6)), blob(cols=(4, 9)), blob(cols=(9, 12))]
    for number, mask in enumerate(masks):
        write(tmp_path / "masks" / f"a_{number}.png", mask.astype(np.uint8) * 255)
    dataset = open_dataset("images", tmp_path)
    assert all(np.array_equal(dataset[i].mask, mask) for i, mask in enumerate(masks))
    assert dataset.images()[0].layers.shape == (2, 12, 16)


def test_ignore_band_of_one_of_several_objects(tmp_path):
    write(tmp_path / "images" / "a.jpg", photo())
    banded = blob().astype(np.uint8) * 255
    banded[10] = 128
    write(tmp_path / "masks" / "a_1.png", banded)
    write(tmp_path / "masks" / "a_2.png", blob(rows=(9, 12)).astype(np.uint8) * 255)
    first, second = open_dataset("images", tmp_path)
    assert (first.mask[10] == -1).all()
    assert (second.mask >= 0).all()


def test_numbered_masks_of_differing_size_name_the_culprit(tmp_path):
    write(tmp_path / "images" / "a.jpg", photo())
    write(tmp_path / "masks" / "a_1.png", blob().astype(np.uint8) * 255)
    write(tmp_path / "masks" / "a_2.png", blob(6, 8).astype(np.uint8) * 255)
    with pytest.raises(DatasetError, match=r"a_2\.png has 8 x 6"):
        open_dataset("images", tmp_path)[0]


def test_numbered_masks_are_for_images_only(tmp_path):
    write(tmp_path / "images" / "a.jpg", photo())
    write(tmp_path / "masks" / "a_1.png", blob().astype(np.uint8))
    with pytest.raises(DatasetError, match=r"a_1\.png has no image"):
        len(open_dataset("uibk", tmp_path))


@pytest.mark.parametrize("name", ["a\nb", "%d", "!a", "a?*", " a ", "zip:"])
def test_names_of_numbered_masks_may_be_any(tmp_path, name):
    write(tmp_path / "images" / f"{name}.png", photo())
    for number in (1, 2):
        write(tmp_path / "masks" / f"{name}_{number}.png", blob().astype(np.uint8) * 255)
    dataset = open_dataset("images", tmp_path)
    assert dataset.check() == []
    assert len(dataset) == 2
