"""COCO-style JSON: polygons, run lengths, malformed files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dataset_fixtures import blob, coco_set, photo, rotated_photo, write

from core.datasets import ObjectRef, open_dataset
from core.datasets.coco_json import decode_segmentation
from core.errors import DatasetError

SQUARE = [3, 2, 9, 2, 9, 6, 3, 6]  # covers blob(): columns 3..8, rows 2..5


def annotation(image_id=4, segmentation=(SQUARE,), **more):
    return {"image_id": image_id, "segmentation": segmentation, **more}


# ------------------------------------------------------------------------------ segmentations


def test_polygon_covers_the_pixels_whose_centres_it_holds():
    assert np.array_equal(decode_segmentation([SQUARE], (12, 16)), blob())


def test_polygons_of_one_object_are_united():
    right = [8.0, 2.0, 12.0, 2.0, 12.0, 6.0, 8.0, 6.0]
    mask = decode_segmentation([SQUARE, right], (12, 16))
    assert np.array_equal(mask, blob(cols=(3, 12)))


def test_polygon_area_is_kept():
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    points = np.stack([80 + 50.3 * np.cos(angles), 70 + 41.7 * np.sin(angles)], axis=1)
    area = decode_segmentation([points.ravel().tolist()], (140, 160)).sum()
    assert area == pytest.approx(np.pi * 50.3 * 41.7, rel=0.005)


def test_polygon_beyond_the_edge_is_cut():
    mask = decode_segmentation([[-5, -5, 30, -5, 30, 3, -5, 3]], (12, 16))
    assert np.array_equal(mask, blob(rows=(0, 3), cols=(0, 16)))


@pytest.mark.parametrize(
    "polygon", [[], [1, 2], [1, 2, 3, 4], [1, 2, 3], [0, 0, 5, 0, float("nan"), 5]]
)
def test_malformed_polygons(polygon):
    with pytest.raises(ValueError):
        decode_segmentation([polygon], (12, 16))


def test_plain_run_lengths_go_down_the_columns():
    mask = decode_segmentation({"size": [2, 3], "counts": [1, 2, 3]}, (2, 3))
    assert mask.tolist() == [[False, True, False], [True, False, False]]


def test_run_lengths_may_begin_with_the_object():
    assert decode_segmentation({"size": [2, 2], "counts": [0, 4]}, (2, 2)).all()


def test_compressed_run_lengths_as_pycocotools_writes_them():
    rows, cols = np.mgrid[:40, :50]
    expected = ((rows - 18) ** 2 / 200 + (cols - 30) ** 2 / 150 < 1) | ((rows > 33) & (cols < 9))
    # pycocotools.mask.encode of the same mask
    counts = "R16R1000000000000000f:OWE8J4M2N2N2N2O0O2O000O2O0001N10001N101N2N2N2N3L6H\\8"
    mask = decode_segmentation({"size": [40, 50], "counts": counts}, (40, 50))
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [2, 3], "counts": [1, 2]},
        {"size": [2, 3], "counts": [9, -3]},
        {"size": [3, 2], "counts": [1, 5]},
        {"size": [2, 3], "counts": "zz"},
        {"size": [2, 3], "counts": "ö"},
    ],
)
def test_malformed_run_lengths(segmentation):
    with pytest.raises(ValueError):
        decode_segmentation(segmentation, (2, 3))


# ------------------------------------------------------------------------------ data set


def test_objects_are_numbered_within_their_image(tmp_path):
    second = [10, 8, 14, 8, 14, 11, 10, 11]
    coco_set(tmp_path, [annotation(4, id=0), annotation(9, id=1), annotation(4, [second], id=2)])
    dataset = open_dataset("coco_json", tmp_path)
    assert dataset.refs == (
        ObjectRef("a.jpg", "1"),
        ObjectRef("b.jpg", "1"),
        ObjectRef("b.jpg", "2"),
    )
    assert np.array_equal(dataset[1].mask, blob())
    assert np.array_equal(dataset[2].mask, blob(rows=(8, 11), cols=(10, 14)))
    assert dataset.check() == []


def test_crowds_are_left_out_and_empty_images_stay(tmp_path):
    runs = {"size": [12, 16], "counts": [0, 192]}
    coco_set(tmp_path, [annotation(4), annotation(9, runs, iscrowd=1)])
    dataset = open_dataset("coco_json", tmp_path)
    assert [ref.image for ref in dataset.refs] == ["b.jpg"]
    empty = dataset.images()[0]
    assert empty.name == "a.jpg"
    assert empty.objects == ()
    assert empty.layers.shape == (0, 12, 16)


def test_overlapping_objects_stay_whole(tmp_path):
    other = [6, 3, 12, 3, 12, 9, 6, 9]
    coco_set(tmp_path, [annotation(4), annotation(4, [other])])
    first, second = open_dataset("coco_json", tmp_path)
    assert np.array_equal(first.mask, blob())
    assert np.array_equal(second.mask, blob(rows=(3, 9), cols=(6, 12)))


def test_images_beside_the_file_and_in_subfolders(tmp_path):
    write(tmp_path / "cam2" / "x.jpg", photo())
    size = {"height": 12, "width": 16}
    content = {
        "images": [{"id": 1, "file_name": "cam2/x.jpg", **size}],
        "annotations": [annotation(1)],
    }
    (tmp_path / "labels.json").write_text(json.dumps(content))
    dataset = open_dataset("coco_json", tmp_path)
    assert dataset[0].ref.image == "cam2/x.jpg"


def test_which_json(tmp_path):
    coco_set(tmp_path, [annotation(4)], name="one.json")
    assert len(open_dataset("coco_json", tmp_path)) == 1
    coco_set(tmp_path, [], name="two.json")
    with pytest.raises(DatasetError, match=r"holds 2 \.json files: call the one"):
        open_dataset("coco_json", tmp_path)
    coco_set(tmp_path, [annotation(4), annotation(9)])
    assert len(open_dataset("coco_json", tmp_path)) == 2


def test_rotated_photo_annotated_as_stored(tmp_path):
    coco_set(tmp_path, [annotation(9)])
    rotated_photo(tmp_path / "images" / "a.jpg", 8)
    sample = open_dataset("coco_json", tmp_path)[0]
    assert sample.image.shape == (16, 12, 3)
    assert np.array_equal(sample.mask, np.rot90(blob()))


def test_size_in_the_file_must_be_that_of_the_image(tmp_path):
    coco_set(tmp_path, [annotation(4)], height=100)
    with pytest.raises(DatasetError, match=r"annotations\.json has 16 x 100 .*b\.jpg has 16 x 12"):
        open_dataset("coco_json", tmp_path)[0]


def test_missing_image(tmp_path):
    coco_set(tmp_path, [annotation(4), annotation(9)])
    (tmp_path / "images" / "b.jpg").unlink()
    dataset = open_dataset("coco_json", tmp_path)
    assert dataset[0].mask.any()
    with pytest.raises(DatasetError, match=r"b\.jpg: No such file"):
        dataset[1]


def test_image_listed_twice(tmp_path):
    path = coco_set(tmp_path, []) / "annotations.json"
    path.write_text(path.read_text().replace("b.jpg", "a.jpg"))
    with pytest.raises(DatasetError, match=r"lists the image a\.jpg twice"):
        len(open_dataset("coco_json", tmp_path))


def test_malformed_object_is_named(tmp_path):
    coco_set(tmp_path, [annotation(4), annotation(4, [[1, 2, 3]])])
    dataset = open_dataset("coco_json", tmp_path)
    with pytest.raises(DatasetError, match=r"Object 2 of b\.jpg .* malformed segmentation"):
        dataset[0]


def test_object_without_polygons_is_empty(tmp_path):
    coco_set(tmp_path, [annotation(4, [])])
    assert "Object 1 of" in open_dataset("coco_json", tmp_path).check()[0]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"images": []}',
        '{"images": [{"id": 1}], "annotations": []}',
        '{"images": [], "annotations": [{"image_id": 5, "segmentation": []}]}',
        '{"images": [], "annotations": [7]}',
        '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}',
    ],
)
def test_malformed_file(tmp_path, content):
    (tmp_path / "annotations.json").write_text(content)
    with pytest.raises(DatasetError, match=r"annotations\.json is not in COCO's form"):
        open_dataset("coco_json", tmp_path)


def test_splits_are_refused(tmp_path):
    coco_set(tmp_path, [])
    with pytest.raises(DatasetError, match="has no splits"):
        open_dataset("coco_json", tmp_path, split="val")
