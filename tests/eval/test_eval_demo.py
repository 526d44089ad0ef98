"""``python -m eval demo``: an image is mapped through the worker, and the result is on disk."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio.features
import shapely
from tiny import tiny_model

from core.datasets import ExportImage, ExportObject, export_dataset, open_dataset
from core.image import write_png
from core.metrics import iou
from core.model import native
from core.outline import draw_overlay
from eval.__main__ import main
from eval.demo import COLOURS

SHAPE = (96, 128)


def box(rows, cols):
    mask = np.zeros(SHAPE, np.bool_)
    mask[slice(*rows), slice(*cols)] = True
    return mask


LARGE, SECOND, TINY = box((20, 60), (10, 60)), box((30, 80), (75, 115)), box((2, 8), (2, 8))


def shown(*masks):
    """(H, W, 3) noise, brighter where there is an object."""
    image = np.random.default_rng(3).integers(30, 110, (*SHAPE, 3)).astype(np.uint8)
    image[np.any(masks, axis=0)] += 120
    return image


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Image ``a`` with two objects and a glimpse of a third, ``b`` with the glimpse alone."""
    root = tmp_path_factory.mktemp("data")
    images = []
    for name, masks in (("a", (LARGE, SECOND, TINY)), ("b", (TINY,))):
        write_png(root / f"{name}.png", shown(*masks))
        objects = [ExportObject(mask, {"name": "x"}) for mask in masks]
        images.append(ExportImage(root / f"{name}.png", objects))
    export_dataset(root / "set", images)
    return root / "set"


@pytest.fixture(scope="module")
def model(tmp_path_factory, threshold) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    native.write(path, tiny_model(), {"threshold": threshold})
    return path


def arguments(data, out, *more, model="absent.pth"):
    return ["demo", "--dataset", f"iseg={data}", "--model", str(model), "--out", str(out), *more]


@pytest.fixture(scope="module")
def run(data, model, tmp_path_factory):
    """Folder with the result of a run, and what was printed."""
    out = tmp_path_factory.mktemp("out") / "new" / "folder"
    with redirect_stdout(io.StringIO()) as printed:
        assert main(arguments(data, out, "--clicks", "3", "--target", "0.95", model=model)) == 0
    return out, printed.getvalue().splitlines()


@pytest.fixture(scope="module")
def mapped(run):
    return run[0]


def test_outlines_are_one_feature_for_each_object(mapped):
    assert sorted(path.name for path in mapped.iterdir()) == [
        *("avalanches.gpkg", "labels.png", "overlay.png", "truth.png"),
    ]
    assert [name for name, _ in pyogrio.list_layers(mapped / "avalanches.gpkg")] == ["avalanches"]
    meta, _, geometries, columns = pyogrio.raw.read(mapped / "avalanches.gpkg")
    assert meta["fields"].tolist() == ["name", "clicks", "iou"]
    names, clicks, ious = columns
    assert names.tolist() == ["1", "2"]  # not the glimpse
    assert clicks.tolist() == [3, 3]
    labels = cv2.imread(str(mapped / "labels.png"), cv2.IMREAD_UNCHANGED)
    assert iou(labels == 2, SECOND.astype(np.int8)) == pytest.approx(ious[1], abs=0.001)
    for geometry, truth, reached in zip(geometries, (LARGE, SECOND), ious, strict=True):
        outline = shapely.transform(shapely.from_wkb(geometry), lambda xy: xy * (1, -1))
        drawn = rasterio.features.rasterize([outline], out_shape=SHAPE).astype(bool)
        assert 0 < reached < 1
        assert iou(drawn, truth.astype(np.int8)) == pytest.approx(reached, abs=0.05)


def test_images_show_what_was_found_and_what_is_true(mapped, data):
    original = open_dataset("iseg", data).images()[0].image
    truth = cv2.imread(str(mapped / "truth.png"), cv2.IMREAD_COLOR_RGB)
    expected = draw_overlay(
        draw_overlay(original, LARGE, colour=COLOURS[0]), SECOND, colour=COLOURS[1]
    )
    np.testing.assert_array_equal(truth, expected)
    found = cv2.imread(str(mapped / "overlay.png"), cv2.IMREAD_COLOR_RGB)
    assert found.shape == original.shape
    assert 0.01 < (found != original).any(axis=2).mean() < 0.95


def test_clicks_and_iou_are_told(run):
    out, told = run
    ious = [re.fullmatch(rf"avalanche {n}: 3 clicks, IoU (0\.\d+)", told[n - 1]) for n in (1, 2)]
    mean = sum(float(match[1]) for match in ious) / 2
    total = re.fullmatch(r"2 avalanches, 3\.0 clicks each, mean IoU (0\.\d+)", told[2])
    assert float(total[1]) == pytest.approx(mean, abs=0.0011)
    assert str(out / "overlay.png") in told[3]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--picture", "3"], "There are 2 images, not 3"),
        (["--picture", "2"], r"b\.png shows nothing to map: choose another image"),
        ([], "absent.pth"),
    ],
)
def test_faults_of_the_input_are_told(data, tmp_path, capsys, more, message):
    assert main(arguments(data, tmp_path / "out", *more)) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.glob("out/*"))


def test_a_file_in_the_place_of_the_folder_is_told(data, tmp_path, capsys):
    (tmp_path / "out").touch()
    assert main(arguments(data, tmp_path / "out")) == 2
    assert f"Cannot write to {tmp_path / 'out'}" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--picture", "0"], ["--clicks", "none"], ["--target", "1.5"]])
def test_arguments_that_make_no_sense_are_refused(data, tmp_path, more):
    with pytest.raises(SystemExit) as stop:
        main(arguments(data, tmp_path / "out", *more))
    assert stop.value.code == 2
