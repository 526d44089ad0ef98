"""What all data sets share, and the registry."""

from __future__ import annotations

import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest
from dataset_fixtures import blob, folder_set, photo, rotated_photo, write

from core.datasets import DATASETS, ObjectRef, open_dataset
from core.datasets.base import label_annotation, pack_annotation, read_list, shorten
from core.errors import DatasetError

# ------------------------------------------------------------------------------ registry


def test_unknown_name_lists_the_known(tmp_path):
    with pytest.raises(DatasetError, match=r"no data set 'grabcat'.*berkeley.*uibk"):
        open_dataset("grabcat", tmp_path)


def test_missing_folder(tmp_path):
    with pytest.raises(DatasetError, match=r"no folder .*gone: check the path given for grabcut"):
        open_dataset("grabcut", tmp_path / "gone")


@pytest.mark.parametrize("name", ["uibk", "UIBK", "Uibk"])
def test_case_does_not_matter(tmp_path, name):
    assert open_dataset(name, str(folder_set(tmp_path))).name == "uibk"


def test_dash_stands_for_underscore(tmp_path):
    folder_set(tmp_path, images="img", masks="gt")
    assert open_dataset("COCO-MVal", tmp_path).name == "coco_mval"


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_empty_folder_is_an_error_that_names_it(tmp_path, name):
    with pytest.raises(DatasetError, match=str(tmp_path)):
        open_dataset(name, tmp_path)


def test_import_leaves_out_heavy_modules():
    code = (
        "import sys, core.datasets;"
        "sys.exit(bool({'rasterio', 'scipy', 'skimage', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------------------ the four real sets


@pytest.mark.parametrize(
    ("name", "count", "photos"),
    [
        ("grabcut", 50, "data_GT"),
        ("berkeley", 100, "images"),
        ("davis", 115, "img"),
        ("coco_mval", 200, "img"),
    ],
)
def test_real_sets(shared, name, count, photos):
    dataset = open_dataset(name, shared / name)
    assert len(dataset) == len(dataset.refs) == count
    names = [ref.image for ref in dataset.refs]
    assert names == sorted(path.name for path in (shared / name / photos).iterdir())
    for index in range(0, count, 25):
        sample = dataset[index]
        assert sample.ref == ObjectRef(names[index], "1")
        assert sample.mask.shape == sample.image.shape[:2]
        assert sample.mask.dtype == np.int8
        assert (sample.mask == 1).any()


@pytest.mark.parametrize(
    ("name", "photos", "masks", "has_ignore_value"),
    [
        ("grabcut", "data_GT", "boundary_GT", True),
        ("berkeley", "images", "masks", True),
        ("davis", "img", "gt", False),
        ("coco_mval", "img", "gt", False),
    ],
)
def test_real_masks_as_published_code_reads_them(shared, name, photos, masks, has_ignore_value):
    dataset = open_dataset(name, shared / name)
    mask_paths = sorted((shared / name / masks).iterdir())
    photo_paths = sorted((shared / name / photos).iterdir())
    for index in range(3, len(dataset), 22):
        bgr = cv2.imread(str(mask_paths[index])).astype(np.int32)
        expected = (bgr.max(axis=2) > 0).astype(np.int32)
        if has_ignore_value:
            expected = bgr[:, :, 0].copy()
            expected[expected == 128] = -1
            expected[expected > 128] = 1
        sample = dataset[index]
        assert np.array_equal(sample.mask, expected)
        assert np.array_equal(sample.image, cv2.imread(str(photo_paths[index]))[:, :, ::-1])


def test_grabcut_has_its_ignore_bands(shared):
    dataset = open_dataset("grabcut", shared / "grabcut")
    banded = [bool((dataset[i].mask == -1).any()) for i in range(0, 50, 5)]
    assert any(banded)
    assert not all(banded)


# ------------------------------------------------------------------------------ reading


def test_indices_behave_like_those_of_a_list(tmp_path):
    dataset = open_dataset("uibk", folder_set(tmp_path, stems=("b", "a", "c")))
    assert [sample.ref.image for sample in dataset] == ["a.jpg", "b.jpg", "c.jpg"]
    assert dataset[-1].ref == dataset[2].ref
    with pytest.raises(IndexError):
        dataset[3]


def test_images_are_read_when_asked_for(tmp_path):
    root = folder_set(tmp_path)
    (root / "images" / "b.jpg").write_bytes(b"")
    dataset = open_dataset("uibk", root)
    assert len(dataset) == 2
    assert dataset[0].mask.any()
    with pytest.raises(DatasetError, match=r"b\.jpg is empty \(0 bytes\)"):
        dataset[1]
    assert dataset[0].mask.any()


def test_objects_of_one_image_read_it_once(tmp_path):
    write(tmp_path / "images" / "a.jpg", photo())
    for number in (1, 2):
        write(tmp_path / "masks" / f"a_{number}.png", blob().astype(np.uint8) * 255)
    dataset = open_dataset("images", tmp_path)
    assert len(dataset) == 2
    first = dataset[0]
    (tmp_path / "images" / "a.jpg").unlink()
    assert dataset[1].image is first.image


def test_images_for_training(tmp_path):
    dataset = open_dataset("uibk", folder_set(tmp_path))
    images = dataset.images()
    assert len(images) == 2
    assert images.names == ("a.jpg", "b.jpg")
    image = images[1]
    assert image.name == "b.jpg"
    assert image.image.shape == (12, 16, 3)
    assert image.layers.shape == (1, 12, 16)
    assert image.layers.dtype == np.int32
    assert image.objects == ((1, 0),)
    assert [p.name for p in images] == ["a.jpg", "b.jpg"]
    assert np.array_equal(image.mask(1), dataset[1].mask)
    with pytest.raises(KeyError):
        image.mask(2)


def test_data_sets_travel_to_worker_processes(tmp_path):
    dataset = open_dataset("uibk", folder_set(tmp_path))
    again = pickle.loads(pickle.dumps(dataset))  # noqa: S301
    assert np.array_equal(again[1].mask, dataset[1].mask)


def test_rotated_photo_with_mask_drawn_on_the_stored_pixels(tmp_path):
    rotated_photo(tmp_path / "images" / "a.jpg", 6)
    write(tmp_path / "masks" / "a.png", blob(12, 16).astype(np.uint8) * 255)
    sample = open_dataset("uibk", tmp_path)[0]
    assert sample.image.shape == (16, 12, 3)
    assert np.array_equal(sample.mask, np.rot90(blob(12, 16), -1))


def test_sizes_that_differ_name_both_files(tmp_path):
    root = folder_set(tmp_path)
    write(root / "masks" / "a.png", blob(10, 16).astype(np.uint8) * 255)
    with pytest.raises(DatasetError, match=r"masks/a\.png has 16 x 10 .*a\.jpg has 16 x 12"):
        open_dataset("uibk", root)[0]


def test_empty_mask_concerns_its_own_sample_only(tmp_path):
    root = folder_set(tmp_path)
    write(root / "masks" / "a.png", np.zeros((12, 16), np.uint8))
    dataset = open_dataset("uibk", root)
    with pytest.raises(DatasetError, match=r"Object 1 of .*a\.jpg has no pixel"):
        dataset[0]
    assert dataset[1].mask.any()
    assert dataset.images()[0].objects == ((1, 0),)


# ------------------------------------------------------------------------------ check


def test_check_of_a_sound_set(tmp_path):
    assert open_dataset("uibk", folder_set(tmp_path)).check() == []


def test_check_names_every_fault(tmp_path):
    root = folder_set(tmp_path, stems="abcdef")
    (root / "masks" / "a.png").unlink()
    (root / "images" / "b.jpg").unlink()
    write(root / "masks" / "c.png", blob(9, 9).astype(np.uint8))
    write(root / "masks" / "d.png", np.zeros((12, 16), np.uint8))
    (root / "images" / "e.jpg").write_bytes(b"no image")
    faults = open_dataset("uibk", root).check()
    assert len(faults) == 5
    text = "\n".join(faults)
    assert "a.jpg has no mask" in text
    assert "b.png has no image" in text
    assert "c.png has 9 x 9" in text
    assert "d.jpg has no pixel" in text
    assert "e.jpg as an image" in text
    assert "f.jpg" not in text


# ------------------------------------------------------------------------------ helpers


def test_labels_become_one_layer():
    labels = np.array([[0, 7, 7], [3, 255, 0]], np.uint8)
    annotation = label_annotation(labels, ignore=255)
    assert annotation.objects == ((3, 0), (7, 0))
    assert annotation.layers.tolist() == [[[0, 7, 7], [3, -1, 0]]]
    assert (255, 0) in label_annotation(labels).objects


def test_objects_side_by_side_share_a_layer():
    left, right = blob(cols=(0, 4)).astype(np.int8), blob(cols=(4, 9)).astype(np.int8)
    annotation = pack_annotation([(1, left), (2, right)], (12, 16))
    assert annotation.objects == ((1, 0), (2, 0))
    assert np.array_equal(annotation.layers[0], left + 2 * right)


def test_objects_that_overlap_do_not():
    one, two, three = (blob(cols=c).astype(np.int8) for c in ((0, 4), (3, 9), (9, 12)))
    annotation = pack_annotation([(1, one), (2, two), (3, three)], (12, 16))
    assert annotation.objects == ((1, 0), (2, 1), (3, 0))
    for number, mask in ((1, one), (2, two), (3, three)):
        assert np.array_equal(annotation.layers[dict(annotation.objects)[number]] == number, mask)


def test_ignored_pixels_concern_no_other_object():
    one, two, three = (blob(cols=c).astype(np.int8) for c in ((0, 2), (4, 6), (8, 10)))
    two[11] = -1
    annotation = pack_annotation([(1, one), (2, two), (3, three)], (12, 16))
    assert annotation.objects == ((1, 0), (2, 1), (3, 0))
    assert (annotation.layers[1][11] == -1).all()
    assert (annotation.layers[0] >= 0).all()


def test_image_without_objects_has_no_layers():
    annotation = pack_annotation([], (12, 16))
    assert annotation.layers.shape == (0, 12, 16)
    assert annotation.objects == ()


def test_list_of_names(tmp_path):
    path = tmp_path / "val.txt"
    path.write_text("b\r\na\n\n b \n")
    assert read_list(path) == ["b", "a"]
    with pytest.raises(DatasetError, match=r"test\.txt.*Lists in its folder: val"):
        read_list(tmp_path / "test.txt")


def test_long_lists_are_shortened():
    assert shorten(list("abcde")) == list("abcde")
    assert shorten(list("abcdefg")) == [*"abcde", "... and 2 more"]
