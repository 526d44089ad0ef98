"""``objects``: every sound object becomes a mask, every broken entry is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from data_fixtures import photo, rectangle, run, write

from core.datasets import open_dataset
from core.image import read_mask_values
from training.data.scalabel import flatten

SQUARE = [[10, 5, 30, 5, 30, 25, 10, 25]]
SHAPE = (60, 80)


def coco(root, annotations, images=None):
    write(root / "a.jpg", photo())
    write(root / "images" / "b.png", photo(seed=1))
    size = {"height": 60, "width": 80}
    known = [{"id": 1, "file_name": "a.jpg", **size}, {"id": 2, "file_name": "b.png", **size}]
    path = root / "labels.json"
    path.write_text(json.dumps({"images": images or known, "annotations": annotations}))
    return path


def scalabel(root, frames, wrapped=False):
    write(root / "cam2_20220306_1530.jpg", photo())
    path = root / "export.json"
    path.write_text(json.dumps({"frames": frames, "config": {}} if wrapped else frames))
    return path


def outline(vertices, types=None, **more):
    return {"vertices": vertices, "types": types or "L" * len(vertices), "closed": True, **more}


# --- COCO -----------------------------------------------------------------------------------


def test_coco_polygons_become_masks_and_photos_are_copied_once(tmp_path, capsys):
    second = [[40, 30, 60, 30, 60, 50, 40, 50]]
    path = coco(
        tmp_path / "in",
        [
            {"id": 7, "image_id": 1, "segmentation": SQUARE},
            {"id": 8, "image_id": 1, "segmentation": second},
            {"id": 9, "image_id": 2, "segmentation": second + SQUARE},
        ],
    )
    assert run("objects", path, tmp_path / "out") == 0
    assert "3 objects in 2 images" in capsys.readouterr().out
    out = open_dataset("images", tmp_path / "out")
    assert out.check() == []
    assert [(ref.image, ref.object) for ref in out.refs] == [
        ("a.jpg", "1"), ("a.jpg", "2"), ("b.png", "1"),
    ]  # fmt: skip
    expected = rectangle(SHAPE, (5, 25), (10, 30), 1)
    assert (out[0].mask == expected).all()
    assert (out[2].mask == expected + rectangle(SHAPE, (30, 50), (40, 60), 1)).all()
    copied = (tmp_path / "out" / "images" / "a.jpg").read_bytes()
    assert copied == (tmp_path / "in" / "a.jpg").read_bytes()
    assert set(np.unique(read_mask_values(tmp_path / "out/masks/a_1.png"))) == {0, 255}


def test_objects_that_overlap_keep_all_their_pixels(tmp_path):
    larger = [[0, 0, 50, 0, 50, 50, 0, 50]]
    annotations = [{"image_id": 1, "segmentation": s} for s in (SQUARE, larger)]
    run("objects", coco(tmp_path / "in", annotations), tmp_path / "out")
    out = open_dataset("images", tmp_path / "out")
    assert [int((sample.mask == 1).sum()) for sample in out] == [400, 2500]


def test_each_broken_coco_entry_is_named_and_the_others_stand(tmp_path, capsys):
    size = {"height": 60, "width": 80}
    images = [
        {"id": 1, "file_name": "a.jpg", **size},
        {"id": 1, "file_name": "b.png", **size},
        {"file_name": "b.png", **size},
        {"id": 3, "file_name": "gone.jpg", **size},
        {"id": 4, "file_name": "b.png", "height": 61, "width": 80},
    ]
    annotations = [
        {"id": 10, "image_id": 1, "segmentation": SQUARE},
        {"id": 11, "image_id": 99, "segmentation": SQUARE},
        {"id": 12, "image_id": 1},
        {"id": 13, "image_id": 1, "segmentation": [[1, 2, 3, 4]]},
        {"id": 14, "image_id": 1, "segmentation": [[900, 900, 950, 900, 950, 950]]},
        {"id": 15, "image_id": 1, "segmentation": SQUARE, "iscrowd": 1},
        {"id": 16, "image_id": 3, "segmentation": SQUARE},
        {"id": 17, "image_id": 4, "segmentation": SQUARE},
        "no annotation",
    ]
    assert run("objects", coco(tmp_path / "in", annotations, images), tmp_path / "out") == 1
    said = capsys.readouterr()
    for part in (
        "Entry 1 of 'images'", "the id 1 occurs twice",
        "Entry 2 of 'images'", "no 'id'",
        "Entry 1 of 'annotations'", "no image has the id 99",
        "Entry 2 of 'annotations'", "no 'segmentation'",
        "annotation 13", "at least three points",
        "annotation 14", "covers no pixel",
        "Entry 5 of 'annotations'", "crowd",
        "gone.jpg",
        "labels.json has 80 x 61", "b.png has 80 x 60",
        "Entry 8 of 'annotations'",
    ):  # fmt: skip
        assert part in said.err
    assert len(said.err.splitlines()) == 10
    assert "1 objects in 1 images" in said.out
    assert "10 broken" in said.out
    assert len(open_dataset("images", tmp_path / "out")) == 1


def test_one_damaged_photo_does_not_stop_the_others(tmp_path, capsys):
    path = coco(
        tmp_path / "in",
        [{"image_id": number, "segmentation": SQUARE} for number in (1, 2)],
    )
    (tmp_path / "in" / "a.jpg").write_bytes(b"\xff\xd8\xff no more")
    assert run("objects", path, tmp_path / "out") == 1
    assert "a.jpg is cut short" in capsys.readouterr().err
    assert open_dataset("images", tmp_path / "out").images().names == ("b.png",)


def test_folders_in_names_are_kept_apart(tmp_path):
    size = {"height": 60, "width": 80}
    names = ["cam1/x.jpg", "cam2/x.jpg"]
    for name in names:
        write(tmp_path / "in" / name, photo())
    images = [{"id": number, "file_name": name, **size} for number, name in enumerate(names)]
    annotations = [{"image_id": number, "segmentation": SQUARE} for number in (0, 1)]
    assert run("objects", coco(tmp_path / "in", annotations, images), tmp_path / "out") == 0
    assert open_dataset("images", tmp_path / "out").images().names == (
        "cam1__x.jpg", "cam2__x.jpg",
    )  # fmt: skip


def test_a_photo_called_like_anothers_mask_is_renamed(tmp_path):
    size = {"height": 60, "width": 80}
    names = ["x.png", "x_2.png"]
    for seed, name in enumerate(names):
        write(tmp_path / "in" / name, photo(seed=seed))
    images = [{"id": number, "file_name": name, **size} for number, name in enumerate(names)]
    annotations = [{"image_id": i, "segmentation": SQUARE} for i in (0, 0, 1)]
    assert run("objects", coco(tmp_path / "in", annotations, images), tmp_path / "out") == 0
    out = open_dataset("images", tmp_path / "out")
    assert [len(image.objects) for image in out.images()] == [2, 1]
    assert out.check() == []


# --- Scalabel -------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [False, True])
def test_scalabel_frames(tmp_path, capsys, wrapped):
    corners = [[10, 5], [30, 5], [30, 25], [10, 25]]
    labels = [
        {"id": "46", "category": "avalanche", "poly2d": [outline(corners)]},
        {"id": "47", "category": "avalanche", "box2d": {"x1": 0}},
        {"id": "48", "poly2d": [outline(corners, closed=False)]},
    ]
    frames = [
        {"name": "cam2_20220306_1530.jpg", "labels": labels},
        {"name": "cam2_20220306_1530.jpg", "labels": None},
        {"labels": []},
    ]
    path = scalabel(tmp_path / "in", frames, wrapped)
    assert run("objects", path, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "Label 1 of cam2_20220306_1530.jpg" in said
    assert "neither poly2d nor rle" in said
    assert "open line" in said
    assert "Frame 2" in said
    assert "twice" in said
    (sample,) = open_dataset("images", tmp_path / "out")
    assert (sample.mask == rectangle(SHAPE, (5, 25), (10, 30), 1)).all()


def test_images_may_lie_in_a_folder_of_their_own(tmp_path):
    frame = {"name": "cam2_20220306_1530.jpg", "labels": [{"poly2d": [outline([[1, 1], [9, 1], [9, 9]])]}]}  # fmt: skip # noqa: E501
    path = scalabel(tmp_path / "in", [frame])
    (tmp_path / "in" / frame["name"]).rename(tmp_path / frame["name"])
    assert run("objects", path, tmp_path / "none") == 1
    assert run("objects", path, tmp_path / "out", "--images", tmp_path) == 0


@pytest.mark.parametrize("types", ["LCCL", "LCCC"])
def test_curves_are_bezier_whatever_the_letter_of_their_end(types):
    # The quarter circle's well-known approximation: radius 1 to 3e-4.
    k = 0.5522847498
    points = flatten({"vertices": [[1, 0], [1, k], [k, 1], [0, 1]], "types": types})
    assert np.abs(np.hypot(*points.T) - 1).max() < 3e-4
    assert len(points) == 17


def test_a_last_curve_ends_at_the_first_vertex():
    part = {"vertices": [[0, 0], [10, 0], [10, 10], [0, 10]], "types": "LLCC"}
    points = flatten(part)
    assert points[-1] == pytest.approx([0, 0])
    assert points[2:, 0].max() < 10


@pytest.mark.parametrize("types", ["LLC", "CLL", "LL", "LXL"])
def test_types_that_fit_no_outline_are_refused(types):
    with pytest.raises(ValueError, match=r"types|type for each"):
        flatten({"vertices": [[0, 0], [1, 0], [1, 1]], "types": types})


# --- label images ---------------------------------------------------------------------------


def test_label_images_of_16_bits(tmp_path, capsys):
    labels = np.zeros(SHAPE, np.uint16)
    labels[5:10, 5:10] = 3
    labels[20:30, 20:40] = 700
    labels[40:50] = 65535
    write(tmp_path / "in/images/v1.2.a.jpg", photo())
    write(tmp_path / "in/masks/v1.2.a.png", labels)
    assert run("objects", tmp_path / "in", tmp_path / "out", "--ignore", 65535) == 0
    first, second = open_dataset("images", tmp_path / "out")
    for mask, value in ((first.mask, 3), (second.mask, 700)):
        assert ((mask == 1) == (labels == value)).all()
        assert ((mask == -1) == (labels == 65535)).all()
    assert first.ref.image == "v1.2.a.jpg"


def test_broken_label_pairs_are_named(tmp_path, capsys):
    root = tmp_path / "in"
    for stem in ("good", "alone", "colour", "size", "empty"):
        write(root / "images" / f"{stem}.jpg", photo())
    colours = photo(seed=3)
    write(root / "masks" / "good.png", rectangle(SHAPE, (1, 9), (1, 9), 4))
    write(root / "masks" / "stray.png", rectangle(SHAPE, (1, 9), (1, 9), 4))
    write(root / "masks" / "colour.png", colours)
    write(root / "masks" / "size.png", rectangle((50, 80), (1, 9), (1, 9)))
    write(root / "masks" / "empty.png", np.zeros(SHAPE, np.uint8))
    assert run("objects", root, tmp_path / "out") == 1
    said = capsys.readouterr()
    for part in ("alone.jpg has no mask", "stray.png has no image", "colours", "80 x 50"):
        assert part in said.err
    assert "1 objects in 1 images; 1 images without a usable object" in said.out


# --- what cannot be done --------------------------------------------------------------------


@pytest.mark.parametrize("content", ["{", "3", '{"frames": 1}', '{"annotations": []}'])
def test_json_of_another_form_is_refused(tmp_path, capsys, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    assert run("objects", path, tmp_path / "out") == 2
    assert "x.json" in capsys.readouterr().err


def test_a_folder_in_use_is_left_alone(tmp_path, capsys):
    path = coco(tmp_path / "in", [{"image_id": 1, "segmentation": SQUARE}])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    assert run("objects", path, tmp_path / "out") == 2
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]
