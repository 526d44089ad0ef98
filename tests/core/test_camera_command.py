"""The commands `python -m core camera ...`, from files to files, in a small world that is known."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from PIL import Image
from rasterio.warp import transform_geom
from shapely.geometry import mapping, shape

from core import arguments
from core.camera import Camera, CameraRecord
from core.camera.gcp_table import read_gcps
from core.camera.turning import as_stored, turned
from core.commands import main
from core.containers import with_orientation
from core.image import read_image, read_mask_values, write_png
from core.mask_image import turn_back
from core.terrain import Terrain

EPSG = 2056
WEST, NORTH, CELL, CELLS = 2_700_000.0, 1_202_500.0, 5.0, (500, 480)
SIZE = (720, 480)
TRUTH = Camera(
    *SIZE, x=2_701_150.0, y=1_200_060.0, z=1012.0, yaw=3.0, pitch=13.0, roll=0.7, f=620.0, k1=-0.05
)


def ground(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A slope of 30 degrees that rises northwards, with ribs, gullies and a jagged top."""
    up = np.clip(y - 1_200_500, 0, None)
    ribs = np.sin(x / 61.0) * 9 + np.sin(x / 23.0 + y / 90.0) * 3
    jags = 60 * np.sin(x / 130.0) + 35 * np.sin(x / 47.0 + 1)
    top = 900 + jags + 0.08 * (x - 2_701_000)
    return 1000 + np.minimum(up * math.tan(math.radians(30)), top) + ribs * np.clip(up / 400, 0, 1)


@pytest.fixture(scope="session")
def terrain() -> Terrain:
    rows, cols = CELLS
    x, y = np.meshgrid(WEST + CELL * np.arange(cols), NORTH - CELL * np.arange(rows))
    return Terrain(ground(x, y).astype(np.float32), WEST, NORTH, CELL)


@pytest.fixture(scope="session")
def world(terrain: Terrain, seen: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with dem.tif, picture.png, gcps.csv and camera.json (the truth)."""
    folder = tmp_path_factory.mktemp("world")
    write_dem(folder / "dem.tif", terrain)
    write_png(folder / "picture.png", painted(seen))
    write_table(folder / "gcps.csv", control_points(terrain))
    covariance = np.diag([1, 1, 1, 0.02, 0.02, 0.02, 1, 0.01]) ** 2
    CameraRecord(
        TRUTH, EPSG, name="slope", image="picture.png", covariance=covariance.tolist()
    ).write(folder / "camera.json")
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def write_dem(path: Path, terrain: Terrain) -> None:
    rows, cols = terrain.heights.shape
    corner = terrain.west - terrain.cell / 2, terrain.north + terrain.cell / 2
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": f"EPSG:{EPSG}"}
    affine = rasterio.transform.from_origin(*corner, terrain.cell, terrain.cell)
    with rasterio.open(path, "w", height=rows, width=cols, transform=affine, **profile) as file:
        file.write(terrain.heights, 1)


@pytest.fixture(scope="session")
def seen(terrain: Terrain) -> np.ndarray:
    """(H, W, 3) ground that the true camera sees, by marching along every ray; NaN in the sky."""
    width, height = SIZE
    v, u = np.mgrid[:height, :width]
    azimuth, tangent = TRUTH.line_of_sight_angles(np.stack([u.ravel(), v.ravel()], axis=1))
    way = np.stack([np.sin(azimuth), np.cos(azimuth), tangent], axis=1)
    ends = np.full(len(azimuth), np.nan)
    going, above, last = np.arange(len(azimuth)), np.full(len(azimuth), 10.0), 60.0
    for distance in 60 * 1.012 ** np.arange(320):
        places = TRUTH.position + distance * way[going]
        gap = places[:, 2] - terrain.sample(places[:, 0], places[:, 1])
        hit, left = gap <= 0, gap > 0  # neither beyond the terrain
        share = above[hit] / (above[hit] - gap[hit])
        ends[going[hit]] = last + share * (distance - last)
        going, above, last = going[left], gap[left], distance
    return (TRUTH.position + ends[:, None] * way).reshape(height, width, 3)


def painted(places: np.ndarray) -> np.ndarray:
    """The true camera's picture: a pattern that lies on the ground, under a blue sky."""
    noise = np.random.default_rng(0).random((300, 300)).astype(np.float32)
    pattern = cv2.GaussianBlur(noise, (0, 0), 1.0) + 0.5 * cv2.GaussianBlur(noise, (0, 0), 3.0)
    pattern = cv2.normalize(pattern, None, 40, 210, cv2.NORM_MINMAX)
    col, row = (places[..., 0] - WEST) / 8, (NORTH - places[..., 1]) / 8
    grey = cv2.remap(pattern, col.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR)
    picture = np.stack([grey, grey, grey * 0.9], axis=2)
    picture[np.isnan(col)] = (110, 160, 235)
    return np.clip(picture, 0, 255).astype(np.uint8)


def control_points(terrain: Terrain) -> list[list[object]]:
    """Ten points with a quarter pixel of noise."""
    rng = np.random.default_rng(3)
    rows = []
    while len(rows) < 10:
        x, y = WEST + 200 + 2000 * rng.random(), 1_200_450 + 1500 * rng.random()
        z = float(terrain.sample(x, y))
        u, v = TRUTH.project([(x, y, z)])[0]
        if 0 <= u < SIZE[0] and 0 <= v < SIZE[1]:
            noise = rng.normal(0, 0.25, 2)
            rows.append([f"P{len(rows)}", u + noise[0], v + noise[1], x, y, z])
    return rows


def write_table(
    path: Path, rows: list[list[object]], head: str = "name,u_px,v_px,x,y,z", mark: str = ","
) -> Path:
    lines = [mark.join("" if cell is None else str(cell) for cell in row) for row in rows]
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


def camera(*options: object) -> int:
    return main(["camera", *map(str, options)])


def solve(world: Path, out: Path, *options: object, gcps: Path | None = None) -> int:
    fixed = ("--image", world / "picture.png", "--crs", "EPSG:2056", "-o", out)
    return camera("solve", gcps or world / "gcps.csv", *fixed, *options)


KNOWN = ("--position", f"{TRUTH.x + 4},{TRUTH.y - 3},{TRUTH.z + 1}", "--focal", "640")


def iou(one: shapely.Geometry, other: shapely.Geometry) -> float:
    return one.intersection(other).area / one.union(other).area


def features(path: Path) -> list[tuple[shapely.Geometry, dict[str, object]]]:
    meta, _, shapes, columns = pyogrio.raw.read(path)
    rows = [dict(zip(meta["fields"], values, strict=True)) for values in zip(*columns, strict=True)]
    return list(zip(shapely.from_wkb(shapes), rows, strict=True))


def write_layer(path: Path, polygons: list[shapely.Geometry], epsg: int = EPSG) -> Path:
    pyogrio.raw.write(
        path,
        np.array([shapely.to_wkb(polygon) for polygon in polygons], dtype=object),
        field_data=[np.array([f"A{i}" for i in range(len(polygons))], dtype=object)],
        fields=["label"],
        geometry_type="Polygon",
        crs=f"EPSG:{epsg}",
        driver="GPKG",
    )
    return path


AVALANCHE = (
    shapely.Point(2_701_200, 1_201_100)
    .buffer(120)
    .union(shapely.box(2_701_150, 1_200_750, 2_701_230, 1_201_100))
)
SECOND = shapely.Point(2_700_850, 1_200_900).buffer(70)


# --- solve ----------------------------------------------------------------------------------


def test_solve_writes_a_camera_that_is_the_true_one(world, tmp_path, capsys):
    out = tmp_path / "camera.json"
    options = ("--dem", world / "dem.tif", "--name", "slope", "--author", "me")
    assert solve(world, out, *KNOWN, *options, "--valid-from", "2026-01-31") == 0
    record = CameraRecord.read(out)
    found = record.camera
    assert np.hypot(found.x - TRUTH.x, found.y - TRUTH.y) < 5
    assert found.yaw == pytest.approx(TRUTH.yaw, abs=0.1)
    assert found.pitch == pytest.approx(TRUTH.pitch, abs=0.1)
    assert found.f == pytest.approx(TRUTH.f, rel=0.01)
    assert (record.name, record.author, record.valid_from) == ("slope", "me", "2026-01-31")
    assert (tmp_path / record.image).resolve() == (world / "picture.png").resolve()
    assert "dem" in record.dem
    content = json.loads(out.read_text())
    named = "epsg width height x y z yaw_deg pitch_deg roll_deg f_px cx cy k1 rms_px loo_rms_px"
    named += " loo_map_median_m loo_map_p90_m"
    assert all(isinstance(content[name], (int, float)) for name in named.split())
    assert content["rms_px"] < 0.5
    assert content["loo_map_median_m"] < 5
    assert len(content["points"]) == 10
    assert np.shape(content["covariance"]) == (8, 8)
    printed = capsys.readouterr().out
    assert "P9" in printed
    assert "true north" in printed


def test_solve_prints_nothing_but_json_on_stdout(world, tmp_path, capsys):
    assert solve(world, tmp_path / "camera.json", *KNOWN, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "camera.json").read_text())


def test_heights_come_from_the_dem_and_the_mast(world, tmp_path, terrain):
    rows = [[*row[:5], None] for row in control_points(terrain)]
    gcps = write_table(tmp_path / "gcps.csv", rows)
    mast = TRUTH.z - float(terrain.sample(TRUTH.x, TRUTH.y))
    out = tmp_path / "camera.json"
    place = ("--position", f"{TRUTH.x},{TRUTH.y}", "--height-above-ground", mast)
    assert solve(world, out, *place, "--dem", world / "dem.tif", gcps=gcps) == 0
    assert CameraRecord.read(out).camera.z == pytest.approx(TRUTH.z, abs=3)


def test_a_size_is_enough_and_sigmas_count(world, tmp_path):
    out = tmp_path / "camera.json"
    size = ("--image-size", "720,480", "--crs", "2056", "-o", out)
    sure = ("--position-sigma", "0.01", "--focal-sigma", "0.01")
    assert camera("solve", world / "gcps.csv", *size, *KNOWN, *sure) == 0
    found = CameraRecord.read(out).camera
    assert found.x == pytest.approx(TRUTH.x + 4, abs=0.1)
    assert found.f == pytest.approx(640, abs=0.2)
    assert camera("solve", world / "gcps.csv", *size, *KNOWN, "--focal-sigma", "20%") == 0
    assert CameraRecord.read(out).camera.f == pytest.approx(TRUTH.f, rel=0.01)


def test_the_focal_length_of_the_exif_is_used_and_said(world, tmp_path, capsys):
    photo = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 31  # FocalLengthIn35mmFilm: 620 px of a 3:2 picture
    Image.open(world / "picture.png").save(photo, exif=exif)
    options = ("--image", photo, "--crs", "EPSG:2056", "-o", tmp_path / "c.json")
    assert camera("solve", world / "gcps.csv", *options, *KNOWN[:2]) == 0
    assert "EXIF gives a focal length of 620 px" in capsys.readouterr().err


def test_solve_draws_the_residuals(world, tmp_path):
    plot = tmp_path / "residuals.png"
    assert solve(world, tmp_path / "camera.json", *KNOWN, "--plot", plot) == 0
    assert cv2.imread(str(plot)).shape[1] > 1000


# --- wrong input ----------------------------------------------------------------------------


def refusal(capsys: pytest.CaptureFixture[str], status: int) -> str:
    told = capsys.readouterr()
    assert status == 2
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    return told.err


def swapped(row: list[object]) -> list[object]:
    return [*row[:3], row[4], row[3], row[5]]


def in_feet(row: list[object]) -> list[object]:
    return [*row[:5], row[5] / 0.3048]


def shifted(row: list[object]) -> list[object]:
    return [*row[:3], row[3] + 50_000, *row[4:]]


def wide(row: list[object]) -> list[object]:
    return [row[0], row[1] + 720, *row[2:]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [swapped(row) for row in rows], "exchanged|swap"),
        (lambda rows: [shifted(row) for row in rows], "cover"),
        (lambda rows: [wide(row) for row in rows], "outside|size"),
        (lambda rows: rows[:3], "at least 4|fewer than 4|4 "),
        (lambda rows: [[*rows[0][:3], "far away", *rows[0][4:]], *rows[1:]], "must be a number"),
        (lambda rows: [[r[0], 100 + 40 * i, 200, *r[3:]] for i, r in enumerate(rows)], "line"),
    ],
    ids=["swapped axes", "beyond the DEM", "another size", "three points", "text", "on a line"],
)
def test_wrong_control_points_are_refused_with_help(
    world, tmp_path, terrain, capsys, change, words
):
    gcps = write_table(tmp_path / "gcps.csv", change(control_points(terrain)))
    out = tmp_path / "camera.json"
    told = refusal(capsys, solve(world, out, "--dem", world / "dem.tif", gcps=gcps))
    assert any(word in told for word in words.split("|")), told
    assert not out.exists()


def test_feet_are_told(world, tmp_path, terrain, capsys):
    rows = [in_feet(row) for row in control_points(terrain)]
    gcps = write_table(tmp_path / "gcps.csv", rows)
    solve(world, tmp_path / "camera.json", *KNOWN, "--dem", world / "dem.tif", gcps=gcps)
    assert "feet" in capsys.readouterr().err


def test_degrees_are_told_before_the_dem_is_asked(world, tmp_path, terrain, capsys):
    rows = [
        [*row[:3], 8 + i / 100, 46 - i / 90, row[5]]
        for i, row in enumerate(control_points(terrain))
    ]
    gcps = write_table(tmp_path / "gcps.csv", rows)
    dem = ("--dem", world / "dem.tif")
    assert "degrees" in refusal(capsys, solve(world, tmp_path / "c.json", *dem, gcps=gcps))


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        (lambda row: [*row[:2], SIZE[1] - 1 - row[2], *row[3:]], (), "from the bottom"),
        (lambda row: [row[0], SIZE[0] - 1 - row[1], *row[2:]], KNOWN, "mirrored"),
        (in_feet, (), "feet"),
        (lambda row: row, ("--position", f"{TRUTH.x + 900},{TRUTH.y},{TRUTH.z}"), "stands at"),
    ],
    ids=["v upwards", "mirrored", "feet", "position"],
)
def test_mistakes_are_told_by_the_fit(world, tmp_path, terrain, capsys, change, options, words):
    gcps = write_table(tmp_path / "gcps.csv", [change(row) for row in control_points(terrain)])
    assert words in refusal(capsys, solve(world, tmp_path / "c.json", *options, gcps=gcps))


def test_what_the_points_contradict_is_told(world, tmp_path, capsys):
    wrong = ("--position", f"{TRUTH.x + 100},{TRUTH.y},{TRUTH.z}", "--focal", 2 * TRUTH.f)
    assert solve(world, tmp_path / "c.json", *wrong, "--focal-sigma", "5%") == 0
    told = capsys.readouterr().err
    assert "m from the position given" in told
    assert f"not the {2 * TRUTH.f:.0f} px given" in told


def test_points_behind_the_camera_are_told(world, tmp_path, terrain, capsys):
    """Two points exchanged for their mirror images in the camera."""
    rows = control_points(terrain)
    for row in rows[:2]:
        row[3], row[4] = 2 * TRUTH.x - row[3], 2 * TRUTH.y - row[4]
    gcps = write_table(tmp_path / "gcps.csv", rows)
    solve(world, tmp_path / "camera.json", *KNOWN, gcps=gcps)
    told = "".join(capsys.readouterr())
    assert "P0" in told
    assert "behind" in told or "SUSPECT" in told


def test_missing_columns_are_named(world, tmp_path, terrain, capsys):
    rows = [[*row[:2], *row[3:]] for row in control_points(terrain)]
    gcps = write_table(tmp_path / "gcps.csv", rows, head="name,u_px,x,y,z")
    told = refusal(capsys, solve(world, tmp_path / "c.json", gcps=gcps))
    assert "Its columns are name, u_px, x, y, z" in told
    assert "--columns" in told


def test_what_is_no_table_is_refused(world, tmp_path, capsys):
    gcps = tmp_path / "gcps.csv"
    gcps.write_text("name,u_px,v_px,x,y,z\n" + 200_000 * "a")
    assert "line 2" in refusal(capsys, solve(world, tmp_path / "camera.json", gcps=gcps))


def test_semicolons_and_a_byte_order_mark_are_read(world, tmp_path, terrain):
    rows = control_points(terrain)
    gcps = write_table(tmp_path / "g.csv", rows, "\ufeffname;u_px;v_px;x;y;z", ";")
    assert solve(world, tmp_path / "camera.json", *KNOWN, gcps=gcps) == 0


@pytest.mark.parametrize("coding", ["utf-8-sig", "cp1252", "utf-16"])
def test_decimal_commas_are_read(world, tmp_path, terrain, coding):
    """As Excel writes tables in Switzerland, Austria and Germany; "Unicode text" has tabs."""
    mark = "\t" if coding == "utf-16" else ";"
    rows = [[f"Tür {i}", *row[1:]] for i, row in enumerate(control_points(terrain))]
    plain = write_table(tmp_path / "plain.csv", rows)
    lines = ["NAME,u_px,v_px,x,y,z,remark", *plain.read_text(encoding="utf-8").splitlines()[1:]]
    lines = [line.replace(",", mark).replace(".", ",") for line in lines]
    gcps = tmp_path / "gcps.csv"
    gcps.write_bytes("\r\n".join(lines).encode(coding))
    assert read_gcps(gcps) == read_gcps(plain)
    assert solve(world, tmp_path / "camera.json", *KNOWN, gcps=gcps) == 0


def test_empty_heights_need_a_dem(world, tmp_path, terrain, capsys):
    rows = [[*row[:5], None] for row in control_points(terrain)]
    gcps = write_table(tmp_path / "gcps.csv", rows)
    told = refusal(capsys, solve(world, tmp_path / "camera.json", *KNOWN, gcps=gcps))
    assert "DEM" in told


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("-o", "/nowhere/camera.json"), "folder"),
        (("-o", "camera.txt"), ".json"),
        (("--position-sigma", "5"), "--position"),
        (("--focal-sigma", "5%"), "--focal"),
        (("--dem", "missing.tif"), "missing.tif"),
        (("--crs", "EPSG:4326"), "metres"),
    ],
)
def test_wrong_options_are_refused_with_help(world, tmp_path, capsys, options, word):
    assert word in refusal(capsys, solve(world, tmp_path / "camera.json", *options))


@pytest.mark.parametrize(
    "option",
    [
        ("--crs", "LV95"),
        ("--image-size", "720x480"),
        ("--position", "2701150"),
        ("--position-sigma", "1,2"),
        ("--focal-sigma", "much"),
        ("--valid-from", "yesterday"),
    ],
)
def test_options_that_cannot_be_read_are_refused(world, tmp_path, capsys, option):
    with pytest.raises(SystemExit) as stop:
        camera("solve", world / "gcps.csv", "-o", tmp_path / "camera.json", *option)
    assert stop.value.code == 2
    assert "is not" in capsys.readouterr().err


# --- check ----------------------------------------------------------------------------------


def test_check_measures_independent_points(world, capsys):
    options = ("--dem", world / "dem.tif", "--json")
    assert camera("check", world / "camera.json", world / "gcps.csv", *options) == 0
    check = json.loads(capsys.readouterr().out)["check"]
    assert check["rms_px"] < 0.6  # the noise of the points
    assert check["map_median_m"] < 5
    assert len(check["points"]) == 10


def test_check_finds_a_pose_that_is_off(world, tmp_path, capsys):
    record = CameraRecord.read(world / "camera.json")
    turned = replace(TRUTH, yaw=TRUTH.yaw + math.degrees(10 / TRUTH.f))
    record.with_camera(turned).write(tmp_path / "camera.json")
    assert camera("check", tmp_path / "camera.json", world / "gcps.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["check"]["rms_px"] == pytest.approx(10, abs=2)


def test_check_reports_and_draws(world, tmp_path, capsys):
    plots = [tmp_path / "residuals.png", tmp_path / "skyline.png"]
    options = ("--dem", world / "dem.tif", "--plot-residuals", plots[0], "--plot-skyline", plots[1])
    assert camera("check", world / "camera.json", world / "gcps.csv", *options) == 0
    printed = capsys.readouterr().out
    assert "heading    3.97 deg from true north (grid convergence +0.97 deg)" in printed
    assert "horizontal field of view 61.2 deg" in printed
    assert all(cv2.imread(str(plot)).shape[1] > 1000 for plot in plots)


def test_check_refuses_what_is_no_camera(world, tmp_path, capsys):
    (tmp_path / "camera.json").write_text('{"epsg": 2056}')
    assert "is missing" in refusal(capsys, camera("check", tmp_path / "camera.json"))
    picture = write_other_shape(tmp_path / "other.png")
    plot = ("--image", picture, "--plot-residuals", tmp_path / "plot.png")
    assert camera("check", world / "camera.json", world / "gcps.csv", *plot) == 2
    assert "another shape" in capsys.readouterr().err


def write_other_shape(path: Path) -> Path:
    write_png(path, np.full((300, 300, 3), 90, np.uint8))
    return path


# --- between picture and map ----------------------------------------------------------------


def between(world: Path, command: str, given: object, out: Path, *options: object) -> int:
    pose = ("--camera", world / "camera.json", "--dem", world / "dem.tif", "-o", out)
    return camera(command, *(given if isinstance(given, tuple) else (given,)), *pose, *options)


@pytest.fixture(scope="session")
def labels(seen: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A label image of both avalanches."""
    image = np.zeros(seen.shape[:2], np.uint8)
    for value, polygon in ((3, AVALANCHE), (7, SECOND)):
        image[shapely.contains_xy(polygon, seen[..., 0], seen[..., 1])] = value
    path = tmp_path_factory.mktemp("labels") / "labels.png"
    write_png(path, image)
    return path


def test_labels_become_avalanches_with_attributes(world, labels, tmp_path, terrain, capsys):
    out = tmp_path / "map.gpkg"
    assert between(world, "to-map", labels, out) == 0
    assert pyogrio.read_info(out)["layer_name"] == "avalanches"
    assert rasterio.crs.CRS.from_string(pyogrio.read_info(out)["crs"]).to_epsg() == EPSG
    (first, values), (second, _) = features(out)
    assert iou(first, AVALANCHE) > 0.95
    assert iou(second, SECOND) > 0.95
    assert values["source_id"] == 3
    assert values["camera_id"] == "slope"
    assert values["pose_id"] == CameraRecord.read(world / "camera.json").pose_id
    assert values["area_m2"] == pytest.approx(AVALANCHE.area, rel=0.03)
    assert values["slope_mean_deg"] == pytest.approx(30, abs=2)
    assert values["aspect_8"] == "S"
    assert values["z_max"] == pytest.approx(float(terrain.sample(2_701_200, 1_201_220)), abs=15)
    assert 0 < values["sigma_map_m"] < 50
    assert values["vis_frac"] > 0.9
    assert "wrote" in capsys.readouterr().out


def test_every_vertex_with_its_error_ellipse(world, labels, tmp_path):
    out, table = tmp_path / "map.gpkg", tmp_path / "vertices.csv"
    assert between(world, "to-map", labels, out, "--vertices", table) == 0
    lines = list(csv.DictReader(table.open()))
    (first, values), (second, _) = features(out)
    count = len(shapely.get_coordinates(first)) + len(shapely.get_coordinates(second))
    assert len(lines) == count - sum(len(p.interiors) + 1 for o in (first, second) for p in o.geoms)
    assert {line["uuid"] for line in lines} >= {values["uuid"]}
    for line in lines:
        assert first.union(second).boundary.distance(
            shapely.Point(float(line["x"]), float(line["y"]))
        ) == pytest.approx(0, abs=0.02)
    known = [line for line in lines if line["sigma_m"]]
    assert len(known) > 0.9 * len(lines)
    for line in known:
        major, minor, sigma = (float(line[name]) for name in ("major_m", "minor_m", "sigma_m"))
        assert major >= minor > 0
        assert sigma == pytest.approx(np.hypot(major, minor), abs=0.02)


def test_the_same_outline_as_mask_as_geojson_and_in_another_size(world, labels, tmp_path):
    mask = tmp_path / "mask.png"
    found = read_mask_values(labels) == 3
    write_png(mask, np.where(found, np.uint8(255), np.uint8(0)))
    half = tmp_path / "half.png"
    grey = cv2.resize(found.astype(np.uint8) * 255, None, fx=0.5, fy=0.5)
    assert len(np.unique(grey)) > 2
    write_png(half, grey)
    drawn = tmp_path / "drawn.geojson"
    write_pixels(drawn, found)
    out = tmp_path / "map.gpkg"
    assert between(world, "to-map", (mask, drawn, half), out) == 0
    (of_mask, _), (of_outline, values), (of_half, _) = features(out)
    assert iou(of_mask, of_outline) > 0.99
    assert iou(of_mask, of_half) > 0.93
    assert values["image_name"] == "picture.png"


def write_pixels(path: Path, mask: np.ndarray) -> None:
    """As `core segment` writes outlines of plain pictures."""
    from core.outline import mask_to_polygons, pixel_to_map, write_outline

    polygons = pixel_to_map(mask_to_polygons(mask, tolerance=0), None)
    write_outline(path, polygons, crs_wkt=None, properties={"image": "some/picture.png"})


def test_other_crs_and_geojson(world, labels, tmp_path):
    utm = tmp_path / "utm.gpkg"
    assert between(world, "to-map", labels, utm, "--crs", "EPSG:32632") == 0
    back = shape(transform_geom("EPSG:32632", "EPSG:2056", mapping(features(utm)[0][0])))
    assert iou(back, AVALANCHE) > 0.95
    degrees = tmp_path / "degrees.geojson"
    assert between(world, "to-map", labels, degrees) == 0
    longitude, latitude = features(degrees)[0][0].centroid.coords[0]
    assert (longitude, latitude) == pytest.approx((8.77, 46.95), abs=0.05)


def test_outlines_of_the_map_become_masks_and_back(world, labels, tmp_path, capsys):
    degrees = [
        shape(transform_geom("EPSG:2056", "EPSG:4326", mapping(polygon)))
        for polygon in (AVALANCHE, shapely.Point(2_701_150, 1_199_000).buffer(50), SECOND)
    ]
    layer = write_layer(tmp_path / "old.gpkg", degrees, epsg=4326)
    assert between(world, "to-image", layer, tmp_path / "masks") == 0
    told = capsys.readouterr()
    assert "2 of 3" in told.out
    assert "outline 2" in told.err
    lines = (tmp_path / "masks/index.csv").read_text().splitlines()
    assert lines[0] == "file,fid,pixels,label"
    assert [line.split(",")[0] for line in lines[1:]] == ["0001.png", "", "0003.png"]
    assert [line.split(",")[3] for line in lines[1:]] == ["A0", "A1", "A2"]
    truth = read_mask_values(labels)
    mask = read_mask_values(tmp_path / "masks/0001.png")
    assert set(np.unique(mask)) == {0, 255}
    assert ((mask > 0) & (truth == 3)).sum() / ((mask > 0) | (truth == 3)).sum() > 0.97
    assert between(world, "to-image", layer, tmp_path / "all.png") == 0
    assert set(np.unique(read_mask_values(tmp_path / "all.png"))) == {0, 1, 3}


def test_what_cannot_be_put_on_the_map_is_refused(world, tmp_path, capsys):
    out = tmp_path / "map.gpkg"
    empty, sky, other = (tmp_path / f"{name}.png" for name in ("empty", "sky", "other"))
    write_png(empty, np.zeros(SIZE[::-1], np.uint8))
    assert "is empty" in refusal(capsys, between(world, "to-map", empty, out))
    above = np.zeros(SIZE[::-1], np.uint8)
    above[:5, 300:400] = 1
    write_png(sky, above)
    assert between(world, "to-map", sky, out) == 2
    assert "sky" in capsys.readouterr().err
    write_other_shape(other)
    assert "another shape" in refusal(capsys, between(world, "to-map", other, out))
    photo = world / "picture.png"
    assert "photograph" in refusal(capsys, between(world, "to-map", photo, out))
    flipped = tmp_path / "flipped.geojson"
    flipped.write_text(json.dumps(mapping(shapely.box(100, 100, 200, 200))))
    assert "negative" in refusal(capsys, between(world, "to-map", flipped, out))
    assert "no such file" in refusal(capsys, between(world, "to-map", tmp_path / "no.geojson", out))
    assert not out.exists()


def test_a_dem_of_another_place_is_refused(world, labels, tmp_path, terrain, capsys):
    write_dem(tmp_path / "far.tif", replace(terrain, west=WEST + 90_000))
    pose = ("--camera", world / "camera.json", "--dem", tmp_path / "far.tif")
    told = refusal(capsys, camera("to-map", labels, *pose, "-o", tmp_path / "map.gpkg"))
    assert "cover" in told


def test_the_orthophoto_shows_each_place_in_its_colour(world, tmp_path, terrain):
    ortho = tmp_path / "ortho.tif"
    assert between(world, "drape", world / "picture.png", ortho, "--cell", 2) == 0
    picture = cv2.cvtColor(cv2.imread(str(world / "picture.png")), cv2.COLOR_BGR2RGB)
    places = np.array([(2_701_160.0, 1_200_900.0), (2_701_300.0, 1_201_050.0)])
    heights = terrain.sample(*places.T)
    u, v = TRUTH.project(np.column_stack([places, heights])).round().astype(int).T
    with rasterio.open(ortho) as file:
        assert file.crs.to_epsg() == EPSG
        assert file.count == 4
        assert file.is_tiled
        assert file.overviews(1)
        assert file.res == (2, 2)
        colours = np.array(list(file.sample(places)))
        assert next(file.sample([(2_701_150, 1_199_990)]))[3] == 0  # behind the camera
    assert (colours[:, 3] == 255).all()
    assert np.abs(colours[:, :3].astype(int) - picture[v, u]).max() < 40


# --- pictures without control points --------------------------------------------------------


def moved(world: Path, out: Path, turn: tuple[float, float, float]) -> tuple[Path, Camera]:
    """The true picture as the camera takes it after a turn (yaw, pitch, roll in degrees)."""
    angles = np.add((TRUTH.yaw, TRUTH.pitch, TRUTH.roll), turn)
    now = replace(TRUTH, yaw=angles[0], pitch=angles[1], roll=angles[2])
    v, u = np.mgrid[: SIZE[1], : SIZE[0]]
    rays = now.pixel_rays(np.stack([u.ravel(), v.ravel()], axis=1))
    col, row = (
        TRUTH.project_rays(rays @ TRUTH.rotation_matrix().T)
        .astype(np.float32)
        .reshape(*u.shape, 2)
        .T
    )
    before = cv2.imread(str(world / "picture.png"))
    cv2.imwrite(str(out), cv2.remap(before, col.T, row.T, cv2.INTER_CUBIC, borderMode=2))
    return out, now


def test_register_follows_a_webcam_that_moved(world, tmp_path):
    picture, now = moved(world, tmp_path / "new.png", (0.3, -0.2, 0.1))
    out = tmp_path / "new.json"
    options = ("--camera", world / "camera.json", "--dem", world / "dem.tif", "-o", out)
    assert camera("register", picture, *options) == 0
    record = CameraRecord.read(out)
    assert record.camera.yaw == pytest.approx(now.yaw, abs=0.03)
    assert record.camera.pitch == pytest.approx(now.pitch, abs=0.03)
    assert record.pose_id != CameraRecord.read(world / "camera.json").pose_id
    assert record.image == "new.png"
    assert record.drift_deg == pytest.approx(0.37, abs=0.03)


def test_register_refuses_another_view_unless_forced(world, tmp_path, capsys):
    noise = np.random.default_rng(1).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
    write_png(tmp_path / "other.png", cv2.GaussianBlur(noise, (0, 0), 4))
    out = tmp_path / "new.json"
    options = ("--camera", world / "camera.json", "-o", out)
    assert camera("register", tmp_path / "other.png", *options) == 2
    assert "--force" in capsys.readouterr().err
    assert not out.exists()


def test_register_leaves_out_what_is_marked(world, tmp_path, capsys):
    picture, _ = moved(world, tmp_path / "new.png", (0.3, -0.2, 0.1))
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, :360] = 255
    write_png(tmp_path / "roof.png", mask)
    pose = ("--camera", world / "camera.json", "--force")
    kept = []
    for options in ((), ("--foreground", tmp_path / "roof.png")):
        assert camera("register", picture, *pose, "-o", tmp_path / "new.json", *options) == 0
        kept.append(int(capsys.readouterr().out.split(" patches")[0].split()[-1]))
    assert kept[1] < kept[0]
    write_other_shape(tmp_path / "roof.png")
    told = camera("register", picture, *pose, "-o", tmp_path / "x.json", *options)
    assert "300 x 300" in refusal(capsys, told)


def test_register_takes_a_part_of_the_picture(world, tmp_path, capsys):
    turned, now = moved(world, tmp_path / "new.png", (0.2, -0.1, 0.0))
    left, top, width, height = 90, 40, 560, 380
    part = cv2.imread(str(turned))[top : top + height, left : left + width]
    cv2.imwrite(str(tmp_path / "part.png"), part)
    out = tmp_path / "part.json"
    options = ("--camera", world / "camera.json", "-o", out)
    told = refusal(capsys, camera("register", tmp_path / "part.png", *options))
    assert "--crop" in told
    assert camera("register", tmp_path / "part.png", *options, "--crop", f"{left},{top}") == 0
    found = CameraRecord.read(out).camera
    assert (found.width, found.height) == (width, height)
    place = now.position + 1000 * now.pixel_rays([[300.0, 200.0]])
    (drawn,), (here,) = found.project(place), now.project(place)
    assert np.add(drawn, (left, top)) == pytest.approx(here, abs=0.5)
    capsys.readouterr()
    beyond = camera("register", tmp_path / "part.png", *options, "--crop", "700,0")
    assert "reaches beyond" in refusal(capsys, beyond)


def test_register_needs_a_reference(world, tmp_path, capsys):
    CameraRecord(TRUTH, EPSG).write(tmp_path / "bare.json")
    options = ("--camera", tmp_path / "bare.json", "-o", tmp_path / "new.json")
    assert "--reference" in refusal(capsys, camera("register", world / "picture.png", *options))


def test_the_skyline_tells_where_a_camera_looks(world, tmp_path):
    out = tmp_path / "camera.json"
    place = ("--position", f"{TRUTH.x},{TRUTH.y},{TRUTH.z}", "--crs", "EPSG:2056", "--focal", 620)
    dem = ("--dem", world / "dem.tif", "-o", out)
    assert camera("skyline", world / "picture.png", *place, *dem) == 0
    found = CameraRecord.read(out)
    assert found.camera.yaw == pytest.approx(TRUTH.yaw, abs=0.5)
    assert found.camera.pitch == pytest.approx(TRUTH.pitch, abs=0.5)
    assert "skyline alone" in found.warnings[0]


def test_the_skyline_needs_a_place(world, tmp_path, capsys):
    options = ("--dem", world / "dem.tif", "-o", tmp_path / "camera.json")
    told = refusal(capsys, camera("skyline", world / "picture.png", *options))
    assert "--position, --crs, --focal" in told


# --- values of options ----------------------------------------------------------------------


def test_a_spread_is_a_share_or_in_units():
    assert arguments.sigma("10%").of(2000) == pytest.approx(0.1)
    assert arguments.sigma("50").of(2000) == pytest.approx(0.025)


def test_places_and_sizes_are_read():
    assert arguments.position("1,2") == (1, 2, None)
    assert arguments.position("-1.5,2,3") == (-1.5, 2, 3)
    assert arguments.sigmas("4") == (4, 4, 4)
    assert arguments.size("1920,1080") == (1920, 1080)
    assert arguments.crs("epsg:2056") == arguments.crs("2056") == 2056


# --- photos that EXIF turns -------------------------------------------------------------------


def write_turned(world: Path, folder: Path, orientation: int) -> CameraRecord:
    """A photo that is displayed as picture.png, but stored in another orientation."""
    stored = turn_back(read_image(world / "picture.png").pixels, orientation)
    write_png(folder / "turned.png", stored)
    content = (folder / "turned.png").read_bytes()
    (folder / "turned.png").write_bytes(with_orientation(content, orientation))
    record = CameraRecord.read(world / "camera.json")
    return replace(record, image="turned.png", orientation=orientation)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_photo_is_posed_as_it_is_displayed(world, tmp_path, orientation):
    write_turned(world, tmp_path, orientation)
    out = tmp_path / "camera.json"
    options = (world / "gcps.csv", "--crs", "EPSG:2056", "-o", out, *KNOWN)
    assert camera("solve", *options, "--image", tmp_path / "turned.png") == 0
    record = CameraRecord.read(out)
    assert (record.camera.width, record.camera.height) == SIZE
    assert record.camera.yaw == pytest.approx(TRUTH.yaw, abs=0.1)
    assert record.orientation == orientation


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("made_by", ["core", "plugin", "earlier core", "earlier plugin"])
def test_masks_and_outlines_of_a_turned_photo(world, labels, tmp_path, orientation, made_by):
    """Whoever posed the camera and drew the outline, it lies in the same place on the map."""
    from core.outline import mask_to_polygons, pixel_to_map, write_outline

    record = write_turned(world, tmp_path, orientation)
    size = SIZE[::-1] if orientation > 4 else SIZE
    stored = as_stored(record, orientation, size)
    record = {
        "core": record,
        "plugin": turned(stored, orientation),
        "earlier core": replace(record, orientation=1),
        "earlier plugin": stored,
    }[made_by]
    record.write(tmp_path / "camera.json")
    shown = np.where(read_mask_values(labels) == 3, 255, 0).astype(np.uint8)
    write_png(tmp_path / "shown.png", shown)
    write_png(tmp_path / "of_qgis.png", turn_back(shown, orientation))
    tagged = with_orientation((tmp_path / "of_qgis.png").read_bytes(), orientation)
    (tmp_path / "tagged.png").write_bytes(tagged)
    polygons = mask_to_polygons(shown > 0, tolerance=0)
    image = read_image(tmp_path / "turned.png")
    in_qgis = pixel_to_map(polygons, image.qgis_transform)
    for name, outline, properties in (
        ("segment", in_qgis, {"orientation": orientation}),
        ("plugin", in_qgis, {"prompts": "{}"}),
        ("earlier", pixel_to_map(polygons, None), {"clicks": 1}),
    ):
        write_outline(tmp_path / f"{name}.geojson", outline, crs_wkt=None, properties=properties)
    names = ["shown.png", "tagged.png", "segment.geojson", "plugin.geojson", "earlier.geojson"]
    names += ["of_qgis.png"] if orientation > 4 else []
    out = tmp_path / "map.gpkg"
    files = [tmp_path / name for name in names]
    options = ("--camera", tmp_path / "camera.json", "--dem", world / "dem.tif", "-o", out)
    assert camera("to-map", *files, *options) == 0
    (first, _), *others = features(out)
    assert iou(first, AVALANCHE) > 0.9
    for name, (found, _) in zip(names[1:], others, strict=True):
        assert iou(found, first) > 0.99, name


def test_outlines_without_an_orientation_of_exif_are_as_displayed(world, tmp_path):
    """NULL in a file that was put together, and columns of that name for the slope."""
    write_turned(world, tmp_path, 6).write(tmp_path / "camera.json")
    left, top, right, bottom = 300, 250, 380, 300  # in the photo as displayed
    shown = shapely.box(left, -bottom, right, -top)
    stored = shapely.box(top, left - SIZE[0], bottom, right - SIZE[0])
    values = {"merged": (6, None), "letters": ("NE", "NE"), "degrees": (270, math.nan)}
    for name, (first, second) in values.items():
        features_of = [(stored if first == 6 else shown, first), (shown, second)]
        content = {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": mapping(outline),
                    "properties": {"orientation": value},
                }
                for outline, value in features_of
            ],
        }
        (tmp_path / f"{name}.geojson").write_text(json.dumps(content))
    out = tmp_path / "map.gpkg"
    files = [tmp_path / f"{name}.geojson" for name in values]
    options = ("--camera", tmp_path / "camera.json", "--dem", world / "dem.tif", "-o", out)
    assert camera("to-map", *files, *options) == 0
    (first, _), *others = features(out)
    assert len(others) == 5
    assert all(iou(found, first) > 0.99 for found, _ in others)


def test_a_camera_of_the_photo_as_stored_serves_what_is_displayed(world, tmp_path):
    record = write_turned(world, tmp_path, 6)
    as_stored(record, 6, SIZE[::-1]).write(tmp_path / "camera.json")
    out, photo = tmp_path / "ortho.tif", tmp_path / "turned.png"
    files = ("--camera", tmp_path / "camera.json", "--dem", world / "dem.tif", "-o", out)
    assert camera("drape", photo, *files, "--cell", "20") == 0
    expected = tmp_path / "expected.tif"
    files = ("--camera", world / "camera.json", "--dem", world / "dem.tif", "-o", expected)
    assert camera("drape", world / "picture.png", *files, "--cell", "20") == 0
    with rasterio.open(out) as found, rasterio.open(expected) as wanted:
        assert found.transform == wanted.transform
        assert (found.read() != wanted.read()).mean() < 0.01


def test_a_camera_of_the_photo_as_stored_is_checked_by_the_photo_that_is_named(
    world, tmp_path, capsys
):
    record = write_turned(world, tmp_path, 6)
    (tmp_path / "cameras").mkdir()
    as_stored(record, 6, SIZE[::-1]).write(tmp_path / "cameras" / "camera.json")
    files = (tmp_path / "cameras" / "camera.json", world / "gcps.csv")
    options = ("--image", tmp_path / "turned.png", "--plot-residuals", tmp_path / "plot.png")
    assert camera("check", *files, *options, "--json") == 0
    assert json.loads(capsys.readouterr().out)["check"]["rms_px"] < 0.6
