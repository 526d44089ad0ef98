"""From the plugin's layers to what is learnt from: outlines, images, days, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import shapely
from data_fixtures import photo, write
from mapped_fixtures import MAP, attributes, in_layer, package, prompts, winter

from core.datasets import open_dataset
from core.datasets.mapped import draw_outline
from core.errors import DatasetError, TrainingError
from core.series import NameRule
from training.mapped.dealing import (
    ASIDE,
    CHOOSE,
    LEAST_ASIDE,
    LEAST_DAYS,
    LEAST_OUTLINES,
    TRAIN,
    ImageDay,
    deal_days,
    gather_days,
)
from training.mapped.images import LONGEST, ImageOutlines, OutlinedObject, cut_images, find_images
from training.mapped.outlines import choose_outlines, read_outlines
from training.mapped.preparing import write_dataset

UTC = NameRule("", "UTC")
SQUARE = shapely.box(10, 20, 40, 50)
RING = SQUARE.difference(shapely.box(20, 30, 30, 40))
PARTS = shapely.MultiPolygon([RING, shapely.box(50, 20, 60, 30)])


def silent(_: float) -> None:
    pass


def images_of(path: Path, rule: NameRule = UTC, folders=()) -> list[ImageOutlines]:
    return find_images(read_outlines([path]), list(folders), rule)[0]


def mask_of(image: ImageOutlines, place: int = 0) -> np.ndarray:
    height, width = cv2.imread(str(image.path)).shape[:2]
    return draw_outline(image.objects[place].parts, height, width)


# --- outlines ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [SQUARE, RING, PARTS], ids=["square", "hole", "parts"])
def test_parts_and_holes_are_kept(tmp_path, shape):
    path = write(tmp_path / "a_2024-01-01_1030.png", photo(96, 120))
    file = package(tmp_path / "a.gpkg", [(in_layer(shape), attributes(path, 1))])
    mask = mask_of(images_of(file)[0])
    points = shapely.points(*np.meshgrid(np.arange(120) + 0.5, np.arange(96) + 0.5))
    assert (mask == shapely.contains(shape, points)).all()


@pytest.mark.parametrize("beside", [(-20, 0), (0, -30), (95, 0), (0, 60), (-20, 60)])
def test_what_lies_beyond_the_image_is_cut_off(tmp_path, beside):
    path = write(tmp_path / "a_2024-01-01_1030.png", photo(96, 120))
    moved = shapely.transform(SQUARE, lambda xy: xy + beside)
    file = package(tmp_path / "a.gpkg", [(in_layer(moved), attributes(path, 1))])
    inside = moved.intersection(shapely.box(0, 0, 120, 96)).area
    assert mask_of(images_of(file)[0]).sum() == inside > 100


def test_an_outline_beside_the_image_is_left_out_and_told(tmp_path):
    path = write(tmp_path / "a_2024-01-01_1030.png", photo(96, 120))
    far = shapely.transform(SQUARE, lambda xy: xy + 500)
    features = [(in_layer(shape), attributes(path, n)) for n, shape in enumerate((SQUARE, far))]
    images, faults = find_images(read_outlines([package(tmp_path / "a.gpkg", features)]), [], UTC)
    assert [len(image.objects) for image in images] == [1]
    assert len(faults) == 1
    assert path.name in faults[0]


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_photo_is_learnt_as_it_is_shown(tmp_path, turn):
    from PIL import Image as PilImage

    stored = np.zeros((60, 80, 3), np.uint8)
    stored[10:30, 15:55] = 255
    path = tmp_path / "a_2024-01-01_1030.jpg"
    tags = PilImage.Exif()
    tags[0x0112] = turn
    PilImage.fromarray(stored).save(path, quality=100, exif=tags)
    clicks = prompts((19, 34, 1), (50, 70, 0))
    shape = in_layer(shapely.box(15, 10, 55, 30))
    file = package(tmp_path / "a.gpkg", [(shape, attributes(path, 1, prompts=clicks))])
    (image,) = images_of(file)
    ((pixels, (item,)),) = cut_images(image)
    bright = pixels[:, :, 0] > 127
    assert (draw_outline(item.parts, *bright.shape) == bright).mean() > 0.99
    for row, col, positive in item.clicks:
        assert bright[round(row), round(col)] == positive


def test_an_outline_on_the_map_is_learnt_in_its_raster(tmp_path):
    pixels = photo(96, 120)
    transform = rasterio.Affine(2.0, 0, 2_690_000, 0, -2.0, 1_180_000)
    path = tmp_path / "ortho_2024-01-01_1030.tif"
    profile = {"driver": "GTiff", "width": 120, "height": 96, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", crs="EPSG:2056", transform=transform, **profile) as target:
        target.write(np.moveaxis(pixels, 2, 0))
    on_map = shapely.transform(RING, lambda xy: xy * (2, -2) + (2_690_000, 1_180_000))
    values = attributes(path, 1, prompts=prompts((25, 15, 1)))
    file = package(tmp_path / "a.gpkg", [(on_map, values)], layer=MAP, crs="EPSG:2056")
    (image,) = images_of(file)
    assert mask_of_array(image, 96, 120).sum() == 800
    assert image.objects[0].clicks.tolist() == [[25, 15, 1]]


def mask_of_array(image: ImageOutlines, height: int, width: int) -> np.ndarray:
    return draw_outline(image.objects[0].parts, height, width)


def test_the_outline_in_pixels_is_learnt_with_the_review_of_its_twin_on_the_map(tmp_path):
    path = write(tmp_path / "a_2024-01-01_1030.png", photo(96, 120))
    inside = attributes(path, 1, review="")
    file = package(tmp_path / "a.gpkg", [(in_layer(SQUARE), inside)])
    far = shapely.box(2_690_000, 1_180_000, 2_690_100, 1_180_100)
    accepted = attributes(path, 1)
    package(file, [(far, accepted)], layer=MAP, crs="EPSG:2056", append=True)
    (outline,) = choose_outlines(read_outlines([file]), with_unreviewed=False)
    assert outline.crs is None
    assert mask_of(images_of(file)[0]).sum() == 900


def test_of_the_same_outline_in_two_files_the_one_changed_last_counts(tmp_path):
    path = write(tmp_path / "a_2024-01-01_1030.png", photo(96, 120))
    for name, day, shape in (("a", "02", SQUARE), ("b", "03", RING), ("c", "01", SQUARE)):
        values = attributes(path, 1, modified_at=f"2024-02-{day}T00:00:00Z")
        package(tmp_path / f"{name}.gpkg", [(in_layer(shape), values)])
    files = [tmp_path / f"{name}.gpkg" for name in "abc"]
    (outline,) = read_outlines(files)
    assert outline.file.name == "b.gpkg"


# --- review -----------------------------------------------------------------------------------


def reviewed(tmp_path, *verdicts, **more):
    path = write(tmp_path / "a_2024-01-01_1030.png", photo(96, 120))
    features = []
    for number, verdict in enumerate(verdicts):
        values = attributes(path, number, review=verdict, **more)
        if verdict is Ellipsis:
            del values["review"]
        features.append((in_layer(SQUARE), values))
    return read_outlines([package(tmp_path / "a.gpkg", features)])


@pytest.mark.parametrize(
    ("verdicts", "some", "all_of_them"),
    [
        (("accepted", "", None, "rejected"), 1, 3),
        (("accepted", "accepted"), 2, 2),
        (("Accepted ", "rejected"), 1, 1),
        (("rejected", ""), None, 1),
        (("", None), None, 2),
        (("rejected", "rejected"), None, None),
        ((..., ...), None, 2),
    ],
)
def test_only_accepted_outlines_are_learnt_from(tmp_path, verdicts, some, all_of_them):
    outlines = reviewed(tmp_path, *verdicts)
    for with_unreviewed, count in ((False, some), (True, all_of_them)):
        if count is None:
            with pytest.raises(TrainingError, match=r"--all|nothing to learn"):
                choose_outlines(outlines, with_unreviewed=with_unreviewed)
        else:
            assert len(choose_outlines(outlines, with_unreviewed=with_unreviewed)) == count


@pytest.mark.parametrize(
    ("verdict", "words"), [(..., "no field 'review'"), ("", "none is accepted")]
)
def test_what_was_not_reviewed_is_said(tmp_path, verdict, words):
    with pytest.raises(TrainingError, match=words) as caught:
        choose_outlines(reviewed(tmp_path, verdict), with_unreviewed=False)
    assert "a.gpkg" in str(caught.value)
    assert "--all" in str(caught.value)


@pytest.mark.parametrize("part", ["release", "track", "deposit"])
def test_parts_of_avalanches_are_not_learnt(tmp_path, part):
    with pytest.raises(TrainingError, match="whole avalanche"):
        choose_outlines(reviewed(tmp_path, "accepted", part=part), with_unreviewed=True)


def test_other_layers_are_refused_by_name(tmp_path):
    file = package(tmp_path / "other.gpkg", [(SQUARE, {"name": "lake"})], layer="lakes")
    with pytest.raises(TrainingError, match=r"other\.gpkg has no layer of the plugin"):
        read_outlines([file])


# --- images -----------------------------------------------------------------------------------


def test_images_are_found_in_folders_below(tmp_path):
    file = winter(tmp_path / "there", 2)
    (tmp_path / "moved" / "2024" / "01").mkdir(parents=True)
    for path in (tmp_path / "there").glob("*.jpg"):
        path.rename(tmp_path / "moved" / "2024" / "01" / path.name)
    with pytest.raises(TrainingError, match="--photos"):
        images_of(file)
    assert len(images_of(file, folders=[tmp_path / "moved"])) == 2


def test_an_image_that_was_replaced_is_left_out(tmp_path):
    file = winter(tmp_path, 3)
    first = sorted(tmp_path.glob("*.jpg"))[0]
    write(first, photo(96, 120, seed=99))
    images, faults = find_images(read_outlines([file]), [], UTC)
    assert len(images) == 2
    assert len(faults) == 2
    assert all(first.name in fault for fault in faults)


@pytest.mark.parametrize(
    ("name", "values", "camera", "day"),
    [
        ("hut_2024-01-05_1030.png", {}, "hut", "2024-01-05"),
        ("hut_2024-01-05_1030.png", {"camera_id": "north"}, "north", "2024-01-05"),
        ("IMG_0001.png", {"observed_at": "2024-01-06T09:00:00Z"}, "ridge", "2024-01-06"),
        ("IMG_0001.png", {}, "ridge", ""),
    ],
)
def test_camera_and_day(tmp_path, name, values, camera, day):
    path = write(tmp_path / "ridge" / name, photo(96, 120))
    file = package(tmp_path / "a.gpkg", [(in_layer(SQUARE), attributes(path, 1, **values))])
    (image,) = images_of(file)
    assert (image.camera, image.day) == (camera, day)


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", "2024-01-05"), ("+09:00", "2024-01-06"), ("-09:00", "2024-01-05")]
)
def test_days_are_those_of_the_zone(tmp_path, zone, day):
    path = write(tmp_path / "a.png", photo(96, 120))
    values = attributes(path, 1, observed_at="2024-01-05T20:00:00Z")
    file = package(tmp_path / "a.gpkg", [(in_layer(SQUARE), values)])
    assert images_of(file, NameRule("", zone))[0].day == day


@pytest.mark.parametrize(("width", "wide"), [(5200, 300), (5200, 900), (1601, 40)])
def test_of_a_large_image_the_part_round_each_avalanche_is_learnt(tmp_path, width, wide):
    image = np.zeros((1200, width, 3), np.uint8)
    left = width - wide - 200 if width > 2000 else 30
    image[400:600, left : left + wide] = 255
    path = write(tmp_path / "a_2024-01-01_1030.png", image)
    clicks = prompts((500, left + wide / 2, 1))
    shape = in_layer(shapely.box(left, 400, left + wide, 600))
    file = package(tmp_path / "a.gpkg", [(shape, attributes(path, 1, prompts=clicks))])
    ((pixels, (item,)),) = cut_images(images_of(file)[0])
    assert max(pixels.shape) <= LONGEST
    bright = pixels[:, :, 0] > 127
    assert (draw_outline(item.parts, *bright.shape) != bright).sum() < 0.02 * bright.sum()
    row, col, _ = item.clicks[0]
    assert bright[round(row), round(col)]


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"clicks": 3}', '{"clicks": [[1, 2]]}'])
def test_damaged_prompts_leave_an_outline_without_clicks(tmp_path, damaged):
    path = write(tmp_path / "a_2024-01-01_1030.png", photo(96, 120))
    values = attributes(path, 1, prompts=damaged)
    file = package(tmp_path / "a.gpkg", [(in_layer(SQUARE), values)])
    assert images_of(file)[0].objects[0].clicks.shape == (0, 3)


# --- days -------------------------------------------------------------------------------------


def day(name: str, outlines: int, camera: str = "hut", avalanche: str = "") -> ImageDay:
    items = [
        OutlinedObject(f"{name}-{n}", avalanche or f"{name}-{n}", [], np.zeros((0, 3)))
        for n in range(outlines)
    ]
    return ImageDay(name, [ImageOutlines(Path(f"{name}.jpg"), camera, name, items)])


@pytest.mark.parametrize(
    "counts",
    [[5] * 4, [2] * 10, [1] * 20, [20, 2, 2, 2, 2], [3, 9, 4, 4, 1], [1] * 60, [10] * 12],
)
def test_whole_days_are_kept_aside(counts):
    days = [day(f"2024-01-{number:02d}", count) for number, count in enumerate(counts, 1)]
    sides = deal_days(days)
    names = [item.name for side in (TRAIN, CHOOSE, ASIDE) for item in sides[side]]
    assert sorted(names) == [item.name for item in days]
    kept = sum(item.outlines for item in sides[ASIDE])
    assert kept >= LEAST_ASIDE
    assert kept <= sum(counts) / 2
    assert len(sides[ASIDE]) >= 2
    assert sides[TRAIN]
    # Always the same, in whatever order they come.
    again = deal_days(days[::-1])
    assert {side: {d.name for d in again[side]} for side in again} == {
        side: {d.name for d in sides[side]} for side in sides
    }


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([5, 5, 5], ["15 outlines on 3 days", "5 more outlines on 1 more days"]),
        ([10, 10, 10], ["30 outlines on 3 days", "accept 1 more days"]),
        ([1] * (LEAST_OUTLINES - 1), ["19 outlines on 19 days", "accept 1 more outlines"]),
        ([], ["0 outlines on 0 days"]),
        ([1], ["1 outline on 1 day "]),
        ([40, 1, 1, 1], ["2024-01-01 alone has 40 of 43"]),
        ([30, 2, 1, 1], ["too few days to keep some aside"]),
    ],
)
def test_what_would_be_noise_is_refused(counts, words):
    days = [day(f"2024-01-{number:02d}", count) for number, count in enumerate(counts, 1)]
    with pytest.raises(TrainingError) as caught:
        deal_days(days)
    for text in words:
        assert text in str(caught.value)


def test_a_day_is_one_for_all_cameras(tmp_path):
    files = [winter(tmp_path, LEAST_DAYS, camera=name) for name in ("hut", "peak", "lift")]
    images = find_images(read_outlines(files), [], UTC)[0]
    days = gather_days(images)
    assert len(days) == LEAST_DAYS
    assert all(len({image.camera for image in item.images}) == 3 for item in days)


def test_images_without_a_time_are_days_of_their_own_but_copies_stay_together(tmp_path):
    features = []
    for number in range(4):
        path = write(tmp_path / f"p{number}.png", photo(96, 120, seed=number))
        features.append((in_layer(SQUARE), attributes(path, number)))
    image = np.clip(photo(96, 120, seed=1).astype(int) + 9, 0, 255).astype(np.uint8)
    brighter = write(tmp_path / "again.png", image)
    features.append((in_layer(SQUARE), attributes(brighter, 9)))
    days = gather_days(images_of(package(tmp_path / "a.gpkg", features)))
    found = [sorted(image.path.name for image in item.images) for item in days]
    assert sorted(found) == [["again.png", "p1.png"], ["p0.png"], ["p2.png"], ["p3.png"]]


# --- the data set -----------------------------------------------------------------------------


def test_the_data_set_has_sides_masks_and_clicks(tmp_path):
    days = gather_days(images_of(winter(tmp_path, 12)))
    write_dataset(tmp_path / "data", deal_days(days), silent)
    whole = open_dataset("mapped", tmp_path / "data")
    assert len(whole) == 24
    assert whole.check() == []
    parts = [open_dataset("mapped", tmp_path / "data", side) for side in (TRAIN, CHOOSE, ASIDE)]
    assert sum(map(len, parts)) == 24
    known = [{entry["day"] for entry in part.entries.values()} for part in parts]
    assert not known[0] & known[1] | known[0] & known[2] | known[1] & known[2]
    for image in whole.images():
        for number, _ in image.objects:
            first, second = image.clicks[number]
            mask = image.mask(number)
            assert (first.positive, second.positive) == (True, False)
            assert mask[round(first.row), round(first.col)] == 1
            assert mask[round(second.row), round(second.col)] == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": "other", "version": 1, "images": []}',
        '{"format": "avalanche-iseg mapped", "version": 1, "images": [{"image": "a.jpg"}]}',
        '{"format": "avalanche-iseg mapped", "version": 1, "images": [{"image": "a.jpg", "side": '
        '"train", "objects": [{"parts": [], "clicks": []}]}]}',
    ],
)
def test_a_damaged_data_set_is_named(tmp_path, content):
    (tmp_path / "mapped.json").write_text(content)
    with pytest.raises(DatasetError, match=r"mapped\.json"):
        open_dataset("mapped", tmp_path)


def test_the_index_holds_no_numpy(tmp_path):
    days = gather_days(images_of(winter(tmp_path, 10)))
    write_dataset(tmp_path / "data", deal_days(days), silent)
    content = json.loads((tmp_path / "data" / "mapped.json").read_text())
    assert {entry["camera"] for entry in content["images"]} == {"hut"}
