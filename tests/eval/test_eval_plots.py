"""Plots: what is drawn, from results files with curves of unequal length."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from core.errors import IsegError
from core.metrics import NoC
from eval.__main__ import main
from eval.plots import read_results


def document(model="tiny", dataset="grabcut", curves=((0.5, 0.9), (0.7,)), start=None, **settings):
    extra = {} if start is None else {"iou_start": start}
    return {
        "model": model,
        "mode": "NoBRS",
        "dataset": dataset,
        "settings": {"max_clicks": 3, "target_iou": 0.9, **settings},
        "objects": [{"image": "a", "object": "1", "ious": list(ious), **extra} for ious in curves],
    }


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def test_results_of_one_object_or_a_list(tmp_path):
    one = read_results(write(tmp_path / "one.json", document()))
    several = read_results(write(tmp_path / "two.json", [document("a"), document("b")]))
    assert [item.label for item in one] == ["tiny, NoBRS (one)"]
    assert [item.label for item in several] == ["a, NoBRS (two)", "b, NoBRS (two)"]


def test_mean_ious_reach_to_the_last_click_and_keep_ended_curves(tmp_path):
    (result,) = read_results(write(tmp_path / "one.json", document()))
    clicks, means = result.mean_ious()
    assert clicks == [1, 2, 3]
    assert means == pytest.approx([0.6, 0.8, 0.8])


def test_mean_ious_begin_at_zero_clicks_where_there_was_a_start(tmp_path):
    (result,) = read_results(write(tmp_path / "one.json", document(start=0.4)))
    clicks, means = result.mean_ious()
    assert clicks == [0, 1, 2, 3]
    assert means == pytest.approx([0.4, 0.6, 0.8, 0.8])


def test_clicks_per_object(tmp_path):
    (result,) = read_results(write(tmp_path / "one.json", document()))
    assert result.nocs(90) == [NoC(2, True), NoC(3, False)]


def test_plot_draws_two_images_per_data_set(tmp_path):
    first = write(tmp_path / "first.json", [document(), document("other", max_clicks=5)])
    second = write(tmp_path / "second.json", document(dataset="davis", curves=[(0.3,)]))
    out = tmp_path / "plots" / "here"
    assert main(["plot", str(first), str(second), "-o", str(out)]) == 0
    names = ["davis_miou.png", "davis_noc.png", "grabcut_miou.png", "grabcut_noc.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    for name in names:
        image = cv2.imread(str(out / name))
        assert min(image.shape[:2]) > 400
        assert len(np.unique(image.reshape(-1, 3), axis=0)) > 5


def test_plot_shows_the_curves_it_was_given(tmp_path):
    images = []
    for name, ious in (("low", (0.1, 0.2)), ("high", (0.8, 0.9)), ("low_again", (0.1, 0.2))):
        folder = tmp_path / name
        folder.mkdir()
        path = write(folder / "same.json", document(curves=[ious]))
        main(["plot", str(path), "-o", str(folder)])
        images.append(cv2.imread(str(folder / "grabcut_miou.png")))
    assert (images[0] == images[2]).all()
    assert (images[0] != images[1]).any()


def test_plot_of_a_target_below_all_reported_ious(tmp_path):
    path = write(tmp_path / "one.json", document(target_iou=0.5))
    assert main(["plot", str(path), "-o", str(tmp_path)]) == 0


@pytest.mark.parametrize("clicks", [0, -1, 10**30])
def test_numbers_of_clicks_that_nobody_gives_are_refused(tmp_path, clicks):
    content = document()
    content["settings"]["max_clicks"] = clicks
    path = write(tmp_path / "bad.json", content)
    with pytest.raises(IsegError, match=rf"max_clicks is {clicks}"):
        read_results(path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", "null", '{"settings": 3}', '{"model": "x"}'])
def test_a_file_that_is_not_results_is_named(tmp_path, content):
    path = tmp_path / "bad.json"
    path.write_text(content)
    with pytest.raises(IsegError, match=r"bad\.json is not a results file"):
        read_results(path)


def test_a_missing_file_is_named(tmp_path, capsys):
    assert main(["plot", str(tmp_path / "none.json"), "-o", str(tmp_path)]) == 2
    assert "none.json" in capsys.readouterr().err


def test_results_without_objects_are_a_fault_not_a_crash(tmp_path, capsys):
    path = write(tmp_path / "empty.json", document(curves=[]))
    assert main(["plot", str(path), "-o", str(tmp_path)]) == 2
    assert "at least one object" in capsys.readouterr().err


def test_an_unwritable_folder_is_named(tmp_path, capsys):
    path = write(tmp_path / "one.json", document())
    assert main(["plot", str(path), "-o", str(path / "below")]) == 2
    assert "--output" in capsys.readouterr().err


def test_noc_does_not_load_matplotlib():
    code = "import sys, eval.__main__; sys.exit('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
