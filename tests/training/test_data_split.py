"""``split``: whatever belongs to one photo, or camera, stays on one side."""

from __future__ import annotations

import json
from itertools import chain

import cv2
import numpy as np
import pytest
from data_fixtures import image_set, photo, run, write

from core.errors import DatasetError
from training.data.near_duplicates import difference_hash, near_duplicate_pairs
from training.data.photos import CAMERA, camera_keys, linked_groups, photo_key
from training.data.split import assign


def sides_of(path):
    splits = json.loads(path.read_text())["splits"]
    return {name: side for side, names in splits.items() for name in names}


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("cam2_20220306_1530-id242_46.jpg", "cam2_20220306_1530-id242"),
        ("cam2_20220306_1530-id242.jpg", "cam2_20220306_1530-id242"),
        ("20220306_1530_46_2.jpg", "20220306_1530"),
        ("20220306_1530.jpg", "20220306_1530"),
        ("cam_20220306.jpg", "cam_20220306"),
        ("images/slope_12.jpg", "slope"),
        ("2008_000123.jpg", "2008_000123"),
        ("bear_00012.jpg", "bear_00012"),
        ("set__78019.jpg", "set__78019"),
        ("17.jpg", "17"),
        ("cam1/x_3.jpg", "cam1__x"),
    ],
)
def test_photos_of_copies_and_crops(name, key):
    assert photo_key(name) == key


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("cam2_20220306_1530-id242_46.jpg", ["1:cam2", "2:id242"]),
        ("20220306_1530-id242.jpg", ["2:id242"]),
        ("cam2_20220306_1530_46.jpg", ["1:cam2"]),
        ("north/a.jpg", ["folder:north"]),
    ],
)
def test_cameras_of_names_and_folders(name, keys):
    assert camera_keys(name, CAMERA) == keys


def test_a_name_without_camera_is_refused():
    with pytest.raises(DatasetError, match="--camera-pattern"):
        camera_keys("images/a.jpg", CAMERA)


def test_items_are_linked_through_others():
    assert linked_groups(["a", "bc", "d", "ca", "e", "ed"]) == [[0, 1, 3], [2, 4, 5]]


# --- images that look the same --------------------------------------------------------------


def test_recompressed_shrunk_and_brightened_copies_are_alike_and_others_not():
    base = photo(600, 800)
    _, encoded = cv2.imencode(".jpg", base, [cv2.IMWRITE_JPEG_QUALITY, 60])
    copies = [
        base,
        cv2.imdecode(encoded, cv2.IMREAD_COLOR),
        cv2.resize(base, (301, 226), interpolation=cv2.INTER_AREA),
        (base * 0.8 + 30).astype(np.uint8),
    ]
    images = [*copies, photo(600, 800, seed=1), base[:, ::-1]]
    hashes = np.array([difference_hash(image) for image in images])
    found = list(near_duplicate_pairs(hashes, 16))
    assert sorted(found) == [(i, j) for i in range(4) for j in range(i + 1, 4)]


def test_pairs_are_those_of_plain_counting():
    rng = np.random.default_rng(0)
    hashes = rng.random((2100, 256)) < 0.5
    hashes[2099] = hashes[3]
    hashes[2099, :5] ^= True
    hashes[2050] = hashes[2060]
    assert list(near_duplicate_pairs(hashes, 5)) == [(3, 2099), (2050, 2060)]
    assert list(near_duplicate_pairs(hashes, 4)) == [(2050, 2060)]


# --- dealing --------------------------------------------------------------------------------


def test_shares_are_met_and_seeds_matter():
    groups = [[f"p{i}_{j}" for j in range(i % 4 + 1)] for i in range(100)]
    first = assign(groups, {"test": 0.1, "val": 0.2}, seed=0)
    assert [len(first[side]) for side in ("train", "test", "val")] == [175, 25, 50]
    assert sorted(chain(*first.values())) == sorted(chain(*groups))
    for group in groups:
        assert sum(group[0] in names for names in first.values()) == 1
        assert any(set(group) <= set(names) for names in first.values())
    assert assign(groups[::-1], {"test": 0.1, "val": 0.2}, seed=0) == first
    assert assign(groups, {"test": 0.1, "val": 0.2}, seed=1) != first


def test_a_wanted_side_is_never_empty():
    groups = [["a"] * 10, ["b"] * 9, ["c"] * 11]
    sides = assign(groups, {"val": 0.05}, seed=0)
    assert sides["val"] == ["b"] * 9
    assert len(sides["train"]) == 21


@pytest.mark.parametrize("groups", [[["a", "b"]], []])
def test_too_few_groups_are_refused(groups):
    with pytest.raises(DatasetError, match="groups"):
        assign(groups, {"val": 0.2}, seed=0)


# --- the command ----------------------------------------------------------------------------


def test_copies_and_look_alikes_stay_together(tmp_path):
    stems = [f"cam{i}_2022030{i}_1200-id{i}_{j}" for i in range(1, 9) for j in (1, 12)]
    seeds = list(range(len(stems)))
    root = image_set(tmp_path / "in", [*stems, "renamed"], seeds=[*seeds, 5])
    assert run("split", root, tmp_path / "s.json", "--val", 0.3, "--test", 0.2) == 0
    sides = sides_of(tmp_path / "s.json")
    assert len(sides) == 17
    assert set(sides.values()) == {"train", "val", "test"}
    for first, second in zip(stems[::2], stems[1::2], strict=True):
        assert sides[f"{first}.png"] == sides[f"{second}.png"]
    assert sides["renamed.png"] == sides[f"{stems[5]}.png"]


def test_the_same_seed_gives_the_same_lists(tmp_path):
    root = image_set(tmp_path / "in", [f"slope{i}" for i in range(12)])
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        assert run("split", root, tmp_path / name, "--seed", seed) == 0
    texts = [(tmp_path / n / "val.txt").read_text() for n in ("one", "two", "three")]
    assert texts[0] == texts[1] != texts[2]
    train = (tmp_path / "one" / "train.txt").read_text().splitlines()
    assert len(train) == 10
    assert not (tmp_path / "one" / "test.txt").exists()


def test_by_camera_links_place_and_number(tmp_path):
    stems = [f"cam{i}_2022030{j}_1200" for i in range(5) for j in (1, 2, 3)]
    stems += ["cam0_20220309_1200-id7", "20220310_1200-id7", "other_20220311_1200"]
    root = image_set(tmp_path / "in", stems)
    out = tmp_path / "s.json"
    assert run("split", root, out, "--by", "camera", "--val", 0.3) == 0
    sides = sides_of(out)
    for i in range(5):
        assert len({side for name, side in sides.items() if name.startswith(f"cam{i}_")}) == 1
    assert sides["20220310_1200-id7.png"] == sides["cam0_20220301_1200.png"]


def test_patterns_can_be_given(tmp_path, capsys):
    root = image_set(tmp_path / "in", ["a-1", "a-2", "b-1", "b-2", "c-1"])
    out = tmp_path / "s.json"
    pattern = ("--camera-pattern", r"(.)-\d")
    assert run("split", root, out, "--by", "camera", *pattern) == 0
    sides = sides_of(out)
    assert sides["a-1.png"] == sides["a-2.png"]
    assert "3 groups" in capsys.readouterr().out
    assert run("split", root, out, "--photo-pattern", r"(.)-\d") == 0
    assert "3 groups" in capsys.readouterr().out
    assert run("split", root, out, "--by", "camera") == 2
    assert "--camera-pattern" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run("split", root, out, "--camera-pattern", "no group")


def test_lists_choose_images_for_the_other_commands(tmp_path, capsys):
    root = image_set(tmp_path / "in", [f"slope{i}" for i in range(6)])
    assert run("split", root, tmp_path / "lists") == 0
    capsys.readouterr()
    assert run("stats", root, "--only", tmp_path / "lists" / "val.txt") == 0
    assert "pictures: 1\n" in capsys.readouterr().out
    (tmp_path / "wrong.txt").write_text("slope1.png\nelsewhere.png\n")
    assert run("stats", root, "--only", tmp_path / "wrong.txt") == 2
    assert "elsewhere.png" in capsys.readouterr().err


def test_split_copies_of_the_shared_photos(tmp_path, shared):
    # Three Berkeley photographs occur under two or three names.
    assert run("split", f"berkeley={shared / 'berkeley'}", tmp_path / "s.json", "--val", 0.5) == 0
    sides = sides_of(tmp_path / "s.json")
    same = [
        {side for name, side in sides.items() if name.startswith(p)} for p in ("189011", "239007")
    ]
    assert [len(found) for found in same] == [1, 1]
    assert len({name for name in sides if name.startswith("189011")}) > 1


def test_folders_of_cameras(tmp_path):
    names = [f"{camera}/{i}.png" for camera in ("north", "south", "west") for i in range(3)]
    size = {"height": 60, "width": 80}
    for seed, name in enumerate(names):
        write(tmp_path / "in" / name, photo(seed=seed))
    square = [[10, 5, 30, 5, 30, 25, 10, 25]]
    content = {
        "images": [{"id": i, "file_name": name, **size} for i, name in enumerate(names)],
        "annotations": [{"image_id": i, "segmentation": square} for i in range(len(names))],
    }
    (tmp_path / "in" / "annotations.json").write_text(json.dumps(content))
    out = tmp_path / "s.json"
    assert run("split", f"coco_json={tmp_path / 'in'}", out, "--by", "camera") == 0
    sides = sides_of(out)
    for camera in ("north", "south", "west"):
        assert len({side for name, side in sides.items() if name.startswith(camera)}) == 1
