"""The command `python -m core segment`, from files to files, with a tiny random network."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from shapely.geometry import shape
from tiny import write_tiny_checkpoint

from core import arguments
from core.commands import main
from core.engine import load_model
from core.image import read_image, write_png
from core.outline import draw_overlay, mask_to_polygons
from core.predictor import Predictor
from core.prompts import Box, Click, Prompts

HEIGHT, WIDTH = 90, 120
TRANSFORM = (2.0, 0.0, 2_700_000.0, 0.0, -2.0, 1_200_000.0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny.pth")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    noise = np.random.default_rng(0).random((HEIGHT, WIDTH, 3)) * 255
    return cv2.GaussianBlur(noise, (0, 0), 8).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path, pixels: np.ndarray) -> Path:
    write_png(tmp_path / "photo.png", pixels)
    return tmp_path / "photo.png"


@pytest.fixture
def raster(tmp_path: Path, pixels: np.ndarray) -> Path:
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "crs": "EPSG:2056"}
    affine = rasterio.Affine(*TRANSFORM)
    path = tmp_path / "ortho.tif"
    with rasterio.open(
        path, "w", height=HEIGHT, width=WIDTH, transform=affine, **profile
    ) as target:
        target.write(np.moveaxis(pixels, -1, 0))
    return path


def probability(model: Path, pixels: np.ndarray, prompts: Prompts) -> np.ndarray:
    predictor = Predictor(load_model(model))
    predictor.set_image(pixels)
    return predictor.predict(prompts).probability


def middle(values: np.ndarray) -> float:
    """A threshold that a random network's answer crosses, far from rounding's reach."""
    inside = np.unique(values[values > 0])
    half = len(inside) // 2
    gaps = np.diff(inside[half - 20 : half + 20])
    widest = half - 20 + int(gaps.argmax())
    return float((inside[widest] + inside[widest + 1]) / 2)


def segment(*options: object) -> int:
    return main(["segment", *map(str, options)])


def read_png(path: Path) -> np.ndarray:
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return stored if stored.ndim == 2 else stored[..., ::-1]


PROMPTS = {
    "a click": (["--click", "60,40"], Prompts([Click(40, 60)])),
    "two clicks in one option": (
        ["--click", "60,40,+", "10,20.5,-"],
        Prompts([Click(40, 60), Click(20.5, 10, positive=False)]),
    ),
    "two click options": (
        ["--click", "60,40", "--click", "10,20,-"],
        Prompts([Click(40, 60), Click(20, 10, positive=False)]),
    ),
    "a box": (["--box", "100,70,20,10"], Prompts(box=Box(10, 70, 20, 100))),
    "a box and a click": (
        ["--box", "20,10,100,70", "--click", "60,40"],
        Prompts([Click(40, 60)], Box(10, 70, 20, 100)),
    ),
}


@pytest.mark.parametrize("case", PROMPTS)
def test_mask_is_that_of_the_predictor(
    case: str, model: Path, photo: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    options, prompts = PROMPTS[case]
    expected = probability(model, pixels, prompts)
    threshold = middle(expected)
    out = tmp_path / "mask.png"
    common = ["--engine", "torch", "--device", "cpu", "--threshold", threshold]
    assert segment(photo, "--model", model, *options, *common, "--out", out) == 0
    mask = read_png(out)
    assert set(np.unique(mask)) == {0, 255}
    np.testing.assert_array_equal(mask > 0, expected > threshold)


def test_clicks_given_at_once_equal_clicks_given_one_by_one(
    model: Path, photo: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    clicks = [Click(40, 60), Click(20, 10, positive=False), Click(70, 100)]
    predictor = Predictor(load_model(model))
    predictor.set_image(pixels)
    for count in (1, 2, 3):
        expected = predictor.predict(Prompts(clicks[:count])).probability
    threshold = middle(expected)
    out = tmp_path / "mask.png"
    texts = ["60,40", "10,20,-", "100,70,+"]
    options = ["--click", *texts, "--threshold", threshold, "--out", out]
    assert segment(photo, "--model", model, *options) == 0
    np.testing.assert_array_equal(read_png(out) > 0, expected > threshold)


@pytest.fixture
def settings(model: Path, pixels: np.ndarray) -> list[object]:
    """Options of one click whose mask is neither empty nor full."""
    threshold = middle(probability(model, pixels, Prompts([Click(40, 60)])))
    return ["--model", model, "--click", "60,40", "--threshold", threshold]


def test_all_kinds_of_files_at_once(
    raster: Path, settings: list[object], pixels: np.ndarray, tmp_path: Path
) -> None:
    names = ["mask.png", "mask.tif", "a.gpkg", "a.geojson", "my_Overlay.png"]
    outs = [tmp_path / name for name in names]
    tolerance = ["--tolerance", 0]
    assert segment(raster, *settings, *tolerance, "--out", *outs[:2], "--out", *outs[2:]) == 0
    mask = read_png(outs[0]) > 0
    with rasterio.open(outs[1]) as stored:
        assert tuple(stored.transform)[:6] == TRANSFORM
        assert stored.crs.to_epsg() == 2056
        np.testing.assert_array_equal(stored.read(1) > 0, mask)
    _, _, geometries, _ = pyogrio.raw.read(outs[2], layer="avalanches")
    outline = shapely.from_wkb(geometries[0])
    again = rasterio.features.rasterize(
        [outline], out_shape=mask.shape, transform=rasterio.Affine(*TRANSFORM)
    )
    np.testing.assert_array_equal(again > 0, mask)
    (feature,) = json.loads(outs[3].read_text(encoding="utf-8"))["features"]
    lon, lat = shape(feature["geometry"]).centroid.coords[0]
    assert (lon, lat) == pytest.approx((8.75, 46.94), abs=0.01)
    np.testing.assert_array_equal(read_png(outs[4]), draw_overlay(pixels, mask, [Click(40, 60)]))


def test_plain_photo_gives_pixels_with_rows_upwards(
    photo: Path, settings: list[object], tmp_path: Path
) -> None:
    outs = [tmp_path / name for name in ("mask.png", "a.geojson", "a.gpkg")]
    assert segment(photo, *settings, "--tolerance", 0, "--out", *outs) == 0
    mask = read_png(outs[0]) > 0
    (feature,) = json.loads(outs[1].read_text(encoding="utf-8"))["features"]
    expected = shapely.transform(mask_to_polygons(mask, tolerance=0), lambda xy: xy * [1, -1])
    assert shape(feature["geometry"]).equals(expected)
    assert feature["properties"]["area_m2"] is None
    assert "no CRS" in feature["properties"]["coordinates"]
    meta, _, geometries, _ = pyogrio.raw.read(outs[2])
    assert shapely.from_wkb(geometries[0]).equals(expected)
    assert "2056" not in str(meta["crs"])


def test_summary_as_json(
    raster: Path, settings: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = [tmp_path / "m.png", tmp_path / "a.gpkg"]
    assert segment(raster, *settings, "--tolerance", 0, "--json", "--out", *outs) == 0
    summary = json.loads(capsys.readouterr().out)
    area = int((read_png(outs[0]) > 0).sum())
    assert summary["area_px"] == area
    assert summary["area_m2"] == pytest.approx(4 * area, rel=1e-3)
    assert summary["clicks"] == 1
    assert summary["seconds"] >= 0
    assert summary["model"] == "tiny"
    assert summary["out"] == [str(path) for path in outs]
    meta, _, _, fields = pyogrio.raw.read(outs[1])
    attributes = dict(zip(meta["fields"], (column[0] for column in fields), strict=True))
    assert attributes == {key: summary[key] for key in summary if key != "out"}


def test_summary_for_people(
    photo: Path, settings: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert segment(photo, *settings, "--out", tmp_path / "m.png") == 0
    output = capsys.readouterr().out
    assert f"{(read_png(tmp_path / 'm.png') > 0).sum()} px" in output
    assert "m²" not in output
    assert f"wrote {tmp_path / 'm.png'}" in output


def test_tolerance_and_min_area_shape_the_outline_only(
    model: Path, photo: Path, tmp_path: Path
) -> None:
    start = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(start, (60, 45), 30, 255, cv2.FILLED)
    start[2:5, 2:5] = 255
    write_png(tmp_path / "start.png", start)
    masks, outlines = [], []
    for number, options in enumerate(([], ["--tolerance", 4], ["--min-area", 9.5])):
        outs = [tmp_path / f"{number}.png", tmp_path / f"{number}.gpkg"]
        common = ["--model", model, "--mask", tmp_path / "start.png", "--out", *outs]
        assert segment(photo, *common, *options) == 0
        masks.append(read_png(outs[0]))
        outlines.append(shapely.from_wkb(pyogrio.raw.read(outs[1])[2][0]))
    for mask in masks:
        np.testing.assert_array_equal(mask, start)
    plain, coarse, large = outlines
    assert shapely.get_num_coordinates(coarse) < shapely.get_num_coordinates(plain)
    assert [len(outline.geoms) for outline in outlines] == [2, 2, 1]
    assert plain.area - large.area == pytest.approx(9)


def test_the_threshold_is_by_default_the_models_own(
    model: Path, photo: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    expected = probability(model, pixels, Prompts(box=Box(10, 70, 20, 100)))
    own = load_model(model).threshold
    for number, (options, threshold) in enumerate((([], own), (["--threshold", 0], 0.0))):
        out = tmp_path / f"{number}.png"
        box = ["--box", "20,10,100,70", *options]
        assert segment(photo, "--model", model, *box, "--out", out) == 0
        np.testing.assert_array_equal(read_png(out) > 0, expected > threshold)
    assert read_png(tmp_path / "1.png").any()


def test_mask_alone_becomes_an_outline(model: Path, raster: Path, tmp_path: Path) -> None:
    start = np.zeros((HEIGHT, WIDTH), np.uint8)
    start[20:50, 30:80] = 7
    write_png(tmp_path / "start.png", start)
    outs = [tmp_path / "again.png", tmp_path / "a.gpkg"]
    options = ["--mask", tmp_path / "start.png", "--out", *outs]
    assert segment(raster, "--model", model, *options) == 0
    np.testing.assert_array_equal(read_png(outs[0]) > 0, start > 0)
    outline = shapely.from_wkb(pyogrio.raw.read(outs[1])[2][0])
    assert outline.bounds == (2_700_060, 1_199_900, 2_700_160, 1_199_960)


def test_mask_guides_the_clicks(
    model: Path, photo: Path, pixels: np.ndarray, tmp_path: Path
) -> None:
    start = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    start[20:50, 30:80, 2] = 255
    write_png(tmp_path / "start.png", start)
    expected = probability(model, pixels, Prompts([Click(40, 60)], mask=start.any(axis=2)))
    threshold = middle(expected)
    options = ["--click", "60,40", "--mask", tmp_path / "start.png", "--threshold", threshold]
    out = tmp_path / "m.png"
    assert segment(photo, "--model", model, *options, "--out", out) == 0
    np.testing.assert_array_equal(read_png(out) > 0, expected > threshold)


def test_an_empty_mask_is_written_with_a_warning(
    model: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = [tmp_path / name for name in ("m.png", "a.gpkg", "a.geojson")]
    options = ["--click", "60,40", "--threshold", 1, "--json"]
    assert segment(photo, "--model", model, *options, "--out", *outs) == 0
    captured = capsys.readouterr()
    assert "the mask is empty" in captured.err
    assert json.loads(captured.out)["area_px"] == 0
    assert all(path.exists() for path in outs)


@pytest.mark.filterwarnings("ignore:The given matrix is equal to Affine.identity")
def test_crs_without_georeference_is_not_trusted(
    raster: Path, settings: list[object], tmp_path: Path
) -> None:
    with rasterio.open(raster, "r+") as target:
        target.transform = rasterio.Affine.identity()
    assert read_image(raster).crs_wkt is not None
    assert read_image(raster).transform is None
    assert segment(raster, *settings, "--out", tmp_path / "a.geojson") == 0
    (feature,) = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))["features"]
    _, top, right, _ = shape(feature["geometry"]).bounds
    assert "no CRS" in feature["properties"]["coordinates"]
    assert -HEIGHT <= top < 0 < right <= WIDTH


# ---------------------------------------------------------------- faults


def fault(capsys: pytest.CaptureFixture[str], *options: object) -> str:
    assert segment(*options) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    return captured.err


def test_without_prompts_nothing_can_be_done(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = fault(capsys, photo, "--out", tmp_path / "m.png")
    assert "--click, --box or --mask" in message


def test_sizes_of_a_wrong_mask_are_named(
    model: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_png(tmp_path / "small.png", np.ones((20, 30), np.uint8))
    options = ["--model", model, "--mask", tmp_path / "small.png", "--out", tmp_path / "m.png"]
    message = fault(capsys, photo, *options)
    for part in ("small.png", "30 x 20", f"{WIDTH} x {HEIGHT}", "photo.png"):
        assert part in message
    assert not (tmp_path / "m.png").exists()


@pytest.mark.parametrize("name", ["mask.jpg", "outline.shp", "outline", "nowhere/mask.png"])
def test_unsuitable_output_is_refused_before_any_work(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model", "none", "--click", "1,1", "--out", tmp_path / name]
    # Neither image nor model are there: the output is looked at first.
    assert name.split("/")[0] in fault(capsys, tmp_path / "none.png", *options)


@pytest.mark.parametrize("which", ["photo", "mask"])
def test_inputs_are_not_overwritten(
    which: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = tmp_path / "start.png"
    write_png(start, np.ones((HEIGHT, WIDTH), np.uint8))
    target = photo if which == "photo" else start
    before = target.read_bytes()
    out = target.parent / ".." / target.parent.name / target.name
    assert "its own input" in fault(capsys, photo, "--mask", start, "--out", out)
    assert target.read_bytes() == before


def test_missing_image_model_and_click_outside(
    model: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", tmp_path / "m.png"]
    missing = tmp_path / "none.png"
    assert "none.png" in fault(capsys, missing, "--model", model, "--click", "1,1", *out)
    assert "nomodel" in fault(capsys, photo, "--model", "nomodel", "--click", "1,1", *out)
    assert "500" in fault(capsys, photo, "--model", model, "--click", "500,1", *out)


@pytest.mark.parametrize(
    "options",
    [
        ["--click", "1"],
        ["--click", "1,2,3"],
        ["--click", "1,2,"],
        ["--click", "nan,2"],
        ["--click", "a,b"],
        ["--box", "1,2,3"],
        ["--box", "1,2,3,inf"],
        ["--click", "1,1", "--threshold", "1.5"],
        ["--click", "1,1", "--threshold", "nan"],
        ["--click", "1,1", "--tolerance", "-1"],
        ["--click", "1,1", "--min-area", "much"],
        ["--click", "1,1", "--engine", "steam"],
    ],
)
def test_malformed_options_are_quoted(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        segment("photo.png", *options, "--out", "m.png")
    assert stop.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert options[-2] in message
    assert repr(options[-1]) in message


def test_clicks_and_boxes_are_read_column_first() -> None:
    assert arguments.click("3,4.5") == Click(4.5, 3, positive=True)
    assert arguments.click("3,4,+") == Click(4, 3, positive=True)
    assert arguments.click("0,0,-") == Click(0, 0, positive=False)
    assert arguments.click("-0.5,2") == Click(2, -0.5, positive=True)
    assert arguments.box("9,8,1,2") == Box(2, 8, 1, 9)
    with pytest.raises(argparse.ArgumentTypeError, match=r"COL,ROW,COL,ROW"):
        arguments.box("1;2;3;4")


@pytest.mark.parametrize("text", ["0", "00", "-1", "+1", "1.0", "1e3", "", " 1", "1\n", "1_0", "٣"])
def test_what_is_no_natural_number(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="whole number from 1 up"):
        arguments.natural(text)


def test_numbers_are_read() -> None:
    assert [arguments.natural(text) for text in ("1", "007", "10")] == [1, 7, 10]
    assert arguments.positive("1e-3") == 0.001
    assert np.isnan(arguments.number("much"))
    for text in ("0", "-1", "inf", "nan", "much"):
        with pytest.raises(argparse.ArgumentTypeError, match="greater than 0"):
            arguments.positive(text)


# ---------------------------------------------------------------- as a program


def core(*options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "core", *map(str, options)]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)


def test_help_explains_files_and_clicks() -> None:
    done = core("segment", "--help")
    assert done.returncode == 0
    for word in ("COL,ROW", "*.geojson", "*overlay*.png", "--tolerance", "--json", "default"):
        assert word in done.stdout


def test_help_and_faults_do_not_load_torch() -> None:
    code = (
        "import sys; from core.commands import build_parser, main; build_parser().format_help();"
        "main(['segment', 'a.png', '--out', 'm.png']); print('torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "False"


def test_program_ends_with_2_and_no_traceback(photo: Path, tmp_path: Path) -> None:
    done = core("segment", photo, "--click", "1,1", "--out", tmp_path / "m.bmp")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_command_is_needed() -> None:
    assert core().returncode == 2


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    for name in ("coco_lvis_h18_itermask", "slf_uibk", "default"):
        assert name in listed
