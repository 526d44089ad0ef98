"""``stats`` and ``check``: numbers that can be worked out by hand, sheets that show outlines."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from data_fixtures import image_set, photo, rectangle, run, write

from core.datasets import ImageSample
from core.datasets.base import pack_annotation
from core.image import read_image
from training.data.contact_sheet import contact_sheet, thumbnail
from training.data.measures import measure_image


def sample(grey, *masks):
    annotation = pack_annotation(enumerate(masks, 1), grey.shape)
    pixels = np.repeat(grey[:, :, None], 3, axis=2)
    return ImageSample("a.jpg", pixels, annotation.layers, annotation.objects)


def box(shape, rows, cols):
    return rectangle(shape, rows, cols, 1).astype(np.int8)


def test_measures_of_a_rectangle():
    mask = box((100, 200), (20, 40), (50, 130))
    mask[60:70] = -1
    (found,) = measure_image(sample(np.full((100, 200), 90, np.uint8), mask))
    assert (found.area, found.height, found.width, found.aspect) == (1600, 20, 80, 4)
    assert found.area_share == pytest.approx(0.08)
    assert found.ignore_share == pytest.approx(0.1)
    assert found.parts == 1
    assert not found.at_edge
    assert found.contrast == 0


def test_parts_and_edges():
    mask = box((50, 50), (0, 10), (10, 20)) + box((50, 50), (30, 40), (10, 20))
    (found,) = measure_image(sample(np.zeros((50, 50), np.uint8), mask))
    assert found.parts == 2
    assert found.at_edge


def test_contrast_has_a_sign_and_is_in_units_of_spread():
    rng = np.random.default_rng(0)
    noise = rng.normal(100, 10, (200, 200))
    mask = box((200, 200), (50, 150), (50, 150))
    for step in (-30, 20):
        grey = np.clip(noise + step * mask, 0, 255).astype(np.uint8)
        (found,) = measure_image(sample(grey, mask))
        assert found.contrast == pytest.approx(step / 10, abs=0.15)


def test_an_object_that_fills_the_image_has_no_contrast():
    (found,) = measure_image(sample(photo()[..., 0], np.ones((60, 80), np.int8)))
    assert found.contrast is None


def test_the_command_writes_numbers_and_a_sheet(tmp_path, capsys):
    root = image_set(tmp_path / "in", [f"slope{i}" for i in range(8)])
    sheet, numbers = tmp_path / "sheet.png", tmp_path / "stats.json"
    assert run("stats", root, "--sheet", sheet, "--json", numbers, "--count", 7) == 0
    assert "median" in capsys.readouterr().out
    content = json.loads(numbers.read_text())
    assert (content["pictures"], content["objects"]) == (8, 8)
    assert content["quantiles"]["area"] == dict.fromkeys(content["quantiles"]["area"], 800)
    assert content["quantiles"]["aspect"]["median"] == 2
    assert read_image(sheet).pixels.shape == (2 * 256, 6 * 240, 3)


def test_thumbnails_show_outlines_in_different_colours():
    grey = np.full((480, 480), 128, np.uint8)
    masks = (box(grey.shape, (50, 200), (50, 200)), box(grey.shape, (300, 450), (300, 450)))
    cell = thumbnail(sample(grey, *masks))
    assert cell.shape == (256, 240, 3)
    assert tuple(cell[25, 60]) == (255, 140, 0)
    assert tuple(cell[150, 180]) == (0, 160, 60)
    assert tuple(cell[120, 120]) == (128, 128, 128)
    assert (cell[240:] < 128).any()
    assert contact_sheet([cell] * 2).shape == (256, 480, 3)


def test_check_names_every_broken_pair(tmp_path, capsys):
    root = image_set(tmp_path / "in", ["a", "b"])
    assert run("check", root) == 0
    write(root / "images" / "lonely.png", photo())
    write(root / "masks" / "a.png", np.zeros((60, 80), np.uint8))
    write(root / "masks" / "b.png", np.zeros((61, 80), np.uint8))
    assert run("check", root) == 1
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 3
    for part in ("lonely.png has no mask", "a.png has no pixel", "80 x 61"):
        assert part in said.err
    assert "3 faults" in said.out


@pytest.mark.parametrize("source", ["nothing/here", "nofamily=.", "slf=nowhere"])
def test_sources_that_are_not_there_are_told(tmp_path, capsys, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    assert run("check", source) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_shared_evaluation_sets_are_sound(shared):
    assert run("check", f"grabcut={shared / 'grabcut'}") == 0


@pytest.mark.parametrize("value", ["0", "-3", "x", "1.5"])
def test_numbers_that_make_no_sense_are_refused(tmp_path, value):
    with pytest.raises(SystemExit):
        run("pack", tmp_path, tmp_path / "out", "--longest", value)


def test_data_tools_load_no_torch():
    code = "import sys, training.data; print({'torch', 'matplotlib', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
