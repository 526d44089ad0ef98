"""Synthetic scenes: the same again by seed, and true to their own map."""

from __future__ import annotations

import argparse
import csv
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import shapely
from pyogrio.raw import read
from rasterio.features import rasterize

from core.camera import CameraRecord
from core.datasets import open_dataset
from core.errors import IsegError
from core.image import read_image, read_mask_values
from core.series import list_photos
from training.synthetic import command, make_scene, make_winter, write_scene, write_winter
from training.synthetic.winter import FAINTEST

SIZE = 640, 400
SEEDS = 3, 11, 20


@pytest.fixture(scope="module", params=SEEDS)
def scene(request):
    return make_scene(request.param, *SIZE)


# ------------------------------------------------------------------- a camera of the tests' own


def axes(camera):
    """Right, down and forward in east, north, up, by plain rotations."""
    yaw, pitch, roll = np.radians([camera[f"{name}_deg"] for name in ("yaw", "pitch", "roll")])
    cos, sin = np.cos, np.sin
    turned = np.array([[cos(yaw), sin(yaw), 0], [-sin(yaw), cos(yaw), 0], [0, 0, 1]])
    raised = np.array([[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]])
    rolled = np.array([[cos(roll), 0, sin(roll)], [0, 1, 0], [-sin(roll), 0, cos(roll)]])
    right, forward, up = (turned @ raised @ rolled).T
    return np.stack([right, -up, forward])


def project(camera, points):
    offset = points - np.array([camera["x"], camera["y"], camera["z"]])
    distance = np.hypot(offset[:, 0], offset[:, 1])
    offset[:, 2] -= (1 - camera["refraction_k"]) * distance**2 / (2 * 6_371_000)
    right, down, depth = axes(camera) @ offset.T
    depth[depth <= 0] = np.nan
    u, v = right / depth, down / depth
    stretch = camera["f_px"] * (1 + camera["k1"] * (u**2 + v**2))
    return np.stack([u * stretch + camera["cx"], v * stretch + camera["cy"]], axis=1)


def elevations(scene, x, y):
    cols, rows = ~scene.transform @ (x, y)
    cols, rows = cols - 0.5, rows - 0.5
    c = np.clip(np.floor(cols), 0, scene.dem.shape[1] - 2).astype(int)
    r = np.clip(np.floor(rows), 0, scene.dem.shape[0] - 2).astype(int)
    fc, fr = cols - c, rows - r
    upper = scene.dem[r, c] * (1 - fc) + scene.dem[r, c + 1] * fc
    lower = scene.dem[r + 1, c] * (1 - fc) + scene.dem[r + 1, c + 1] * fc
    return upper * (1 - fr) + lower * fr


def hits(scene, pixels):
    """Where the rays of pixels (N, 2) meet the terrain, and whether they do; (N, 3), (N,)."""
    camera = scene.camera
    bent = (pixels - [camera["cx"], camera["cy"]]) / camera["f_px"]
    straight = bent.copy()
    for _ in range(30):
        straight = bent / (1 + camera["k1"] * (straight**2).sum(axis=1, keepdims=True))
    rays = np.concatenate([straight, np.ones((len(bent), 1))], axis=1) @ axes(camera)
    rays /= np.hypot(rays[:, :1], rays[:, 1:2])
    eye = np.array([camera["x"], camera["y"], camera["z"]])
    before = np.full(len(rays), np.inf)
    found = np.full((len(rays), 3), np.nan)
    drop = (1 - camera["refraction_k"]) / (2 * 6_371_000)
    near = 12.0
    while near < 8000:
        far = near * 1.003
        place = eye + far * rays
        place[:, 2] += drop * far**2
        above = place[:, 2] - elevations(scene, place[:, 0], place[:, 1])
        new = (above <= 0) & np.isnan(found[:, 0]) & np.isfinite(before)
        share = before[new] / (before[new] - above[new])
        found[new] = place[new] - (1 - share[:, None]) * (far - near) * rays[new]
        before, near = above, far
    return found, np.isfinite(found[:, 0])


def in_view(scene, points):
    """Whether the ray towards each point ends there."""
    found, hit = hits(scene, project(scene.camera, points.copy()))
    eye = np.array([scene.camera["x"], scene.camera["y"]])
    ranges = [np.hypot(*(place[:, :2] - eye).T) for place in (found, points)]
    return hit & (np.abs(ranges[0] - ranges[1]) < 0.01 * ranges[1] + 2)


# ------------------------------------------------------------------------------ truth of a scene


def test_form(scene):
    width, height = SIZE
    assert scene.image.shape == (height, width, 3)
    assert scene.image.dtype == np.uint8
    assert scene.labels.shape == (height, width)
    numbers = [number for number, _, _ in scene.outlines]
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(np.unique(scene.labels)) - {0} == set(numbers)
    assert all(
        kind in ("slab", "loose") and outline.is_valid for _, outline, kind in scene.outlines
    )
    assert scene.image.std() > 10


def test_outlines_on_the_map_appear_where_the_masks_are(scene):
    # Trees may hide some of an avalanche, nothing else may.
    rng = np.random.default_rng(0)
    ious = []
    for number, outline, _ in scene.outlines:
        rows, cols = np.nonzero(scene.labels == number)
        v = rng.integers(max(rows.min() - 20, 0), min(rows.max() + 20, SIZE[1]), 4000)
        u = rng.integers(max(cols.min() - 20, 0), min(cols.max() + 20, SIZE[0]), 4000)
        found, hit = hits(scene, np.stack([u, v], axis=1).astype(float))
        inside = hit & shapely.contains_xy(outline, found[:, 0], found[:, 1])
        label = scene.labels[v, u] == number
        assert (inside & label).sum() > 0.96 * label.sum()
        ious.append((inside & label).sum() / (inside | label).sum())
    assert min(ious) > 0.6
    assert max(ious) > 0.96


def test_control_points_reproject(scene):
    points = scene.control_points
    assert len(points) >= 8
    assert len({name for name, *_ in points}) == len(points)
    values = np.array([values for _, *values in points])
    error = np.hypot(*(project(scene.camera, values[:, 2:].copy()) - values[:, :2]).T)
    assert error.max() < 0.5
    assert np.abs(elevations(scene, values[:, 2], values[:, 3]) - values[:, 4]).max() < 0.05
    assert in_view(scene, values[:, 2:]).all()
    assert np.ptp(values[:, 0]) > 0.5 * SIZE[0]


def test_avalanches_start_on_steep_ground_and_run_down(scene):
    south, east = np.gradient(scene.dem.astype(float), scene.transform.a)
    slope = np.degrees(np.arctan(np.hypot(south, east)))
    for _, outline, _ in scene.outlines:
        inside = rasterize([outline], scene.dem.shape, transform=scene.transform, all_touched=True)
        heights = scene.dem[inside > 0]
        top = (inside > 0) & (scene.dem >= np.percentile(heights, 92))
        assert 28 < np.median(slope[top]) < 50
        assert np.ptp(heights) > 10


def test_terrain_is_alpine(scene):
    south, east = np.gradient(scene.dem.astype(float), scene.transform.a)
    slope = np.degrees(np.arctan(np.hypot(south, east)))
    assert 600 < np.ptp(scene.dem) < 2500
    assert 28 < np.median(slope) < 42  # real: 33 to 36 above the valley floor


# ----------------------------------------------------------------------------------- seeds, sizes


def test_same_seed_same_scene():
    first, second = make_scene(5, *SIZE), make_scene(5, *SIZE)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.labels, second.labels)
    assert np.array_equal(first.dem, second.dem)
    assert first.camera == second.camera
    assert first.control_points == second.control_points
    assert not np.array_equal(first.dem, make_scene(6, *SIZE).dem)


def test_time_of_a_full_scene(capsys):
    start = time.process_time()
    scene = make_scene(1)
    with capsys.disabled():
        print(f"\n1600 x 1000 scene: {time.process_time() - start:.1f} s of processor time")
    assert scene.image.shape == (1000, 1600, 3)


@pytest.mark.parametrize("arguments", [(-1,), (0, 63, 400), (0, 400, 10)])
def test_wrong_seed_or_size(arguments):
    with pytest.raises(IsegError, match="seed"):
        make_scene(*arguments)


# ------------------------------------------------------------------------------------------ files


def test_files(tmp_path):
    scene = make_scene(3, *SIZE)
    write_scene(scene, tmp_path / "scene")
    folder = tmp_path / "scene"
    assert np.abs(read_image(folder / "picture.jpg").pixels.astype(int) - scene.image).mean() < 8
    assert np.array_equal(read_mask_values(folder / "labels.png"), scene.labels)
    for number, _, _ in scene.outlines:
        mask = read_mask_values(folder / "masks" / f"picture_{number}.png")
        assert np.array_equal(mask == 255, scene.labels == number)
    with rasterio.open(folder / "dem.tif") as dem:
        assert dem.crs.to_epsg() == 2056
        assert dem.transform == scene.transform
        assert np.array_equal(dem.read(1), scene.dem)
    assert json.loads((folder / "camera.json").read_text()) == scene.camera
    with (folder / "gcps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [name for name, *_ in scene.control_points]
    assert float(rows[0]["u_px"]) == pytest.approx(scene.control_points[0][1], abs=1e-3)
    meta, _, geometry, (numbers, kinds) = read(folder / "outlines.gpkg", layer="outlines")
    assert "2056" in meta["crs"]
    assert list(numbers) == [number for number, _, _ in scene.outlines]
    assert list(kinds) == [kind for _, _, kind in scene.outlines]
    assert shapely.from_wkb(geometry[0]).equals(scene.outlines[0][1])


def run(*arguments):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["synthetic", *map(str, arguments)])
    args.run(args)


def test_command_makes_a_data_set(tmp_path):
    out = tmp_path / "out"
    run(out, "--count", 2, "--seed", 7, "--size", "320x200", "--workers", 2)
    dataset = open_dataset("iseg", out)
    assert dataset.check() == []
    expected = [make_scene(seed, 320, 200) for seed in (7, 8)]
    masks = [scene.labels == n for scene in expected for n, _, _ in scene.outlines]
    assert len(dataset) == len(masks)
    assert all(np.array_equal(s.mask == 1, m) for s, m in zip(dataset, masks, strict=True))
    assert (out / "scene_000002" / "outlines.gpkg").is_file()
    with pytest.raises(IsegError, match="not an empty folder"):
        run(out)


# ----------------------------------------------------------------------------------------- winter


@pytest.fixture(scope="module")
def winter():
    made = make_winter(1, 14, 480, 300)
    return made, list(made.photos())


def test_a_winter_shows_avalanches_from_their_release_on(winter):
    made, photos = winter
    assert len(photos) == 14
    assert len(made.releases) >= 3
    shown = set()
    for photo in photos:
        seen = set(np.unique(photo.labels)) - {0}
        released = {k for k, (_, at) in made.releases.items() if at <= photo.taken_at}
        assert set(photo.strengths) == released
        assert seen <= {k for k in released if photo.strengths[k] >= FAINTEST}
        shown |= seen
    assert shown
    strengths = [photo.strengths.get(1, 0) for photo in photos]
    first = next(i for i, s in enumerate(strengths) if s)
    assert strengths[first:] == sorted(strengths[first:], reverse=True)


def test_the_drift_of_a_winter_is_that_of_its_cameras(winter):
    # Places that one photo shows, found on the terrain and projected into another one.
    made, photos = winter
    first = next(p for p in photos if (p.labels > 0).sum() > 500)
    last = next(p for p in reversed(photos) if (p.labels > 0).sum() > 500)
    turn = [last.camera[f"{name}_deg"] - first.camera[f"{name}_deg"] for name in ("yaw", "pitch")]
    assert 0.1 < np.hypot(*turn) < 1
    rows, cols = np.nonzero(first.labels)
    chosen = np.random.default_rng(0).integers(len(rows), size=400)
    pixels = np.stack([cols[chosen], rows[chosen]], axis=1).astype(float)
    scene = SimpleNamespace(camera=first.camera, dem=made.dem, transform=made.transform)
    places, hit = hits(scene, pixels)
    moved = np.rint(project(last.camera, places[hit].copy())).astype(int)
    inside = ((moved >= 0) & (moved < (480, 300))).all(axis=1)
    before = first.labels[rows[chosen], cols[chosen]][hit][inside]
    after = last.labels[moved[inside, 1], moved[inside, 0]]
    lying = np.isin(before, np.unique(last.labels))
    assert (before == after)[lying].mean() > 0.9


def test_weather_of_a_winter_looks_like_it(winter):
    _, photos = winter
    means = {p.weather: p.image.mean() for p in photos}
    assert means["night"] < 30 < means["clear"]
    detail = {p.weather: np.abs(np.diff(p.image.astype(int), axis=1)).mean() for p in photos}
    assert detail["haze"] < detail["clear"]


def test_a_winter_comes_again_and_is_written(winter, tmp_path, monkeypatch):
    made, photos = winter
    again = make_winter(1, 14, 480, 300)
    assert again.releases == made.releases
    assert np.array_equal(next(again.photos()).image, photos[0].image)
    monkeypatch.setattr(type(made._world), "photos", lambda self: iter(photos))
    write_winter(made, tmp_path / "w")
    files = sorted((tmp_path / "w" / "photos").iterdir())
    assert len(files) == 14
    listing = list_photos([tmp_path / "w" / "photos"])
    assert [photo.taken_at for photo in listing.photos] == [photo.taken_at for photo in photos]
    masks = [read_mask_values(tmp_path / "w" / "masks" / f"{path.stem}.png") for path in files]
    assert all(np.array_equal(m, p.labels) for m, p in zip(masks, photos, strict=True))
    with (tmp_path / "w" / "avalanches.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["released_at"] for row in rows] == [
        at.isoformat() for _, at in made.releases.values()
    ]
    record = CameraRecord.read(tmp_path / "w" / "camera.json")
    assert (tmp_path / "w" / record.image).is_file()


@pytest.fixture(scope="module")
def year():
    made = make_winter(2, 30, 320, 200, year=True)
    return made, list(made.photos())


def test_the_camera_of_a_year_is_aimed_anew_twice(year):
    _, photos = year
    assert [photo.view for photo in photos] == [1] * 10 + [2] * 10 + [3] * 10
    assert 300 < (photos[-1].taken_at - photos[0].taken_at).days < 366
    yaws = np.array([photo.camera["yaw_deg"] for photo in photos])
    turns = np.abs((np.diff(yaws) + 180) % 360 - 180)
    assert (turns[[9, 19]] > 2 * np.delete(turns, [9, 19]).max()).all(), turns


def test_snow_of_a_year_melts(year):
    _, photos = year
    clear = [p for p in photos if p.weather == "clear" and 9 < p.taken_at.hour < 16]
    warm = {p.taken_at.month: (p.image[-60:, :, 0] / (p.image[-60:, :, 2] + 9.0)) for p in clear}
    summer = [np.median(ratio) for month, ratio in warm.items() if 7 <= month <= 9]
    winter = [np.median(ratio) for month, ratio in warm.items() if month <= 3]
    assert min(summer) > 1.1 * max(winter)  # grass instead of snow


def test_a_year_needs_a_winter(tmp_path):
    arguments = SimpleNamespace(out=tmp_path / "x", year=True, winter=None)
    with pytest.raises(IsegError, match="--winter"):
        command.run(arguments)


@pytest.mark.parametrize("arguments", [(-1, 5), (0, 0), (0, 5, 30, 400)])
def test_a_winter_that_cannot_be(arguments):
    with pytest.raises(IsegError, match="winter"):
        make_winter(*arguments)
