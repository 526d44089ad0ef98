"""COCO-style JSON: polygons, run lengths, malformed files."""

from __future__ import annotations

import json
import re

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
        '{"images": 7, "annotations": []}',
        '{"images": [], "annotations": 7}',
    ],
)
def test_malformed_file(tmp_path, content):
    (tmp_path / "annotations.json").write_text(content)
    with pytest.raises(DatasetError, match=r"annotations\.json is not in COCO's form"):
        open_dataset("coco_json", tmp_path)


@pytest.mark.parametrize(
    ("images", "annotations", "fault"),
    [
        ([{"id": 1}], [], "Entry 0 of 'images' in .*: it has no 'file_name'"),
        ([{"id": 1, "file_name": "a.jpg"}], [], "Entry 0 of 'images' in .*: it has no 'height'"),
        ([None], [], "Entry 0 of 'images'"),
        ([{"id": [1], "file_name": "a.jpg", "height": 2, "width": 2}], [], "unhashable"),
        ([], [7], "Entry 0 of 'annotations'"),
        ([], [{"image_id": 5, "segmentation": []}], "no image has the id 5"),
        ([], [{"image_id": [5], "segmentation": []}], "Entry 0 of 'annotations'"),
        ([], [{"image_id": 5}], "it has no 'segmentation'"),
    ],
)
def test_each_malformed_entry_is_told(tmp_path, images, annotations, fault):
    content = {"images": images, "annotations": annotations}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    dataset = open_dataset("coco_json", tmp_path)
    (found,) = dataset.check()
    assert re.search(fault, found)
    with pytest.raises(DatasetError, match=fault):
        len(dataset)


def test_splits_are_refused(tmp_path):
    coco_set(tmp_path, [])
    with pytest.raises(DatasetError, match="has no splits"):
        open_dataset("coco_json", tmp_path, split="val")


# ------------------------------------------------------------------ what check says of the file


def coco_file(folder, images=({},), annotations=({},), encoding="utf-8", **more):
    """One photo of 16 x 12 pixels per entry, in ``images``; what is given changes the entries."""
    listed = []
    for number, changes in enumerate(images, 1):
        write(folder / "images" / f"{number}.png", photo())
        entry = {"id": number, "file_name": f"{number}.png", "height": 12, "width": 16}
        listed.append({**entry, **changes})
    drawn = [
        {"id": number, "category_id": 1, "image_id": 1, "segmentation": [SQUARE], **changes}
        for number, changes in enumerate(annotations, 1)
    ]
    content = {"images": listed, "annotations": drawn, **more}
    (folder / "annotations.json").write_text(json.dumps(content), encoding=encoding)
    return open_dataset("coco_json", folder)


@pytest.mark.parametrize("crowd", [0, "0", False, "false", None, ""])
def test_texts_of_crowds_that_are_none(tmp_path, crowd):
    dataset = coco_file(tmp_path, annotations=[{"iscrowd": crowd}])
    assert (len(dataset), dataset.check(), dataset.notes) == (1, [], ())


@pytest.mark.parametrize("crowd", [1, "1", True, "true"])
def test_crowds_are_told(tmp_path, crowd):
    dataset = coco_file(tmp_path, annotations=[{"iscrowd": crowd}, {}])
    assert (len(dataset), dataset.check()) == (1, [])
    assert "1 crowd regions" in dataset.notes[0]


def test_a_crowd_that_may_be_one_is_an_error(tmp_path):
    (fault,) = coco_file(tmp_path, annotations=[{"iscrowd": "perhaps"}]).check()
    assert "Entry 0 of 'annotations'" in fault
    assert "'perhaps' is neither" in fault


def test_double_ids_are_told(tmp_path):
    dataset = coco_file(tmp_path, [{}, {"id": 1}], [{}])
    assert "gives the id 1 to two images" in dataset.check()[0]
    twice = [{"id": 3, "name": "a"}, {"id": 3, "name": "b"}]
    dataset = coco_file(tmp_path, annotations=[{"id": 7}, {"id": 7}], categories=twice)
    assert (len(dataset), dataset.check()) == (2, [])
    assert "annotations have the same id (7)" in dataset.notes[0]
    assert "categories have the same id (3)" in dataset.notes[1]


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "..\\x.png", "a/../../x.png"])
def test_images_outside_the_folder_are_told(tmp_path, name):
    write(tmp_path / "x.png", photo())
    folder = tmp_path / "set"
    folder.mkdir()
    faults = coco_file(folder, [{"file_name": name}, {}], [{}, {"image_id": 2}]).check()
    assert "lies outside" in faults[0]
    assert len(faults) == 1


@pytest.mark.parametrize("name", ["images\\1.png", "images/1.png", ".\\1.png", "1.png"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_names_of_windows(tmp_path, name, encoding):
    dataset = coco_file(tmp_path, [{"file_name": name}], encoding=encoding)
    assert (len(dataset), dataset.check()) == (1, [])
    assert dataset.refs[0].image in ("1.png", "images/1.png")


@pytest.mark.parametrize("objects", [[], [{}]], ids=["without objects", "with an object"])
@pytest.mark.parametrize("size", [(12, 15), (24, 32), (10**6, 10**6)])
def test_sizes_that_differ_are_told_in_little_memory(tmp_path, size, objects):
    dataset = coco_file(tmp_path, [{"height": size[0], "width": size[1]}], objects)
    assert "give both the same size" in dataset.check()[0]


@pytest.mark.parametrize("size", [(0, 16), (-1, 16), (10**30, 16), (1e400, 16), ("x", 16)])
def test_sizes_that_no_image_has(tmp_path, size):
    fault, *_ = coco_file(tmp_path, [{"height": size[0], "width": size[1]}]).check()
    assert "Entry 0 of 'images'" in fault


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        5,
        "abc",
        [5],
        [["a"]],
        [[1, 2, 3]],
        [[1, 2, 3, 4, 5, 1e400]],
        [[1, 2, 3, 4, 5, float("nan")]],
        [[1, 2, 3, 4, 5, 10**400]],
        [[1e300, 0, 0, 1e300, 5, 5]],
        {},
        {"size": [12, 16]},
        {"size": 5, "counts": []},
        {"size": [12, 16], "counts": [1.5, 190.5]},
        {"size": [12, 16], "counts": [2**62] * 4 + [192]},
        {"size": [12, 16], "counts": [-1, 193]},
        {"size": [12, 16], "counts": [[192]]},
        {"size": [12, 16], "counts": "o" * 100_000},
        {"size": [12, 16], "counts": "é"},
        {"size": [12, 16], "counts": "\x01"},
        {"size": [12, 16], "counts": "P6o"},
        {"size": [16, 12], "counts": [192]},
        {"size": [10**9, 10**9], "counts": [10**18]},
        {"size": [12, 16], "counts": None},
    ],
)
def test_damaged_outlines_are_named(tmp_path, segmentation):
    dataset = coco_file(tmp_path, annotations=[{"segmentation": segmentation}])
    faults = dataset.check()
    assert len(faults) == 1
    assert "Object 1 of 1.png" in faults[0]
    assert "malformed segmentation" in faults[0]
