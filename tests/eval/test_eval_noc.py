"""The command as it is called: options, files, shards, and going on after a kill."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from tiny import tiny_model, write_tiny_checkpoint

from core.metrics import noc
from core.model import native
from eval.__main__ import main
from eval.jobs import zoom_for

ROOT = Path(__file__).resolve().parents[2]


def read(path):
    return json.loads(Path(path).read_text())


def without_times(document):
    return {k: v for k, v in document.items() if k not in ("seconds", "seconds_per_click")}


def test_results_file_table_and_clean_up(command, model_file, tmp_path, capsys):
    assert main(command) == 0
    result = read(tmp_path / "out.json")
    assert (result["model"], result["mode"], result["dataset"]) == ("tiny", "NoBRS", "images")
    assert [item["image"] for item in result["objects"]] == [f"{n}.png" for n in range(7)]
    for item in result["objects"]:
        assert len(item["clicks"]) == len(item["ious"]) == 3
        assert [type(value) for value in item["clicks"][0]] == [int, int, bool]
        assert "iou_start" not in item
    assert len({iou for item in result["objects"] for iou in item["ious"]}) > 7
    assert set(result["noc"]) == set(result["failures"]) == {"80", "85", "90"}
    assert list(result["iou_at"]) == ["1", "2", "3"]
    assert result["settings"]["zoom"] == "off"
    assert result["settings"]["flip"] is False
    counts = [noc(item["ious"], 0.8, 3).count for item in result["objects"]]
    assert result["noc"]["80"] == pytest.approx(sum(counts) / 7)
    printed = capsys.readouterr().out
    assert printed.startswith("Eval results for model: tiny")
    assert (tmp_path / "out.txt").read_text() == printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "out.txt"]


def test_limit_takes_the_first_objects(command, tmp_path):
    main([*command, "--limit", "2"])
    assert [item["image"] for item in read(tmp_path / "out.json")["objects"]] == ["0.png", "1.png"]


def test_limit_beyond_the_data_set_takes_all(command, tmp_path):
    main([*command, "--limit", "99", "--max-clicks", "1"])
    assert len(read(tmp_path / "out.json")["objects"]) == 7


def test_several_models_and_data_sets_give_a_list(command, image_folder, tmp_path, capsys):
    other = write_tiny_checkpoint(tmp_path / "other.pth", seed=3)
    second = tmp_path / "second"
    shutil.copytree(image_folder, second)
    more = ["--model", str(other), "--dataset", f"images={second}", "--limit", "1"]
    csv = ["--csv", str(tmp_path / "out.csv")]
    assert main([*command, *more, *csv]) == 0
    results = read(tmp_path / "out.json")
    assert [(item["model"], item["dataset"]) for item in results] == [
        ("tiny", "images_set"),
        ("tiny", "images_second"),
        ("other", "images_set"),
        ("other", "images_second"),
    ]
    assert results[0]["objects"] == results[1]["objects"]
    assert results[0]["objects"] != results[2]["objects"]
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 5
    assert capsys.readouterr().out.count("Eval results for model:") == 2


def test_models_of_one_name_are_told_apart(command, tmp_path):
    (tmp_path / "x").mkdir()
    twin = write_tiny_checkpoint(tmp_path / "x" / "tiny.pth", seed=3)
    main([*command, "--model", str(twin), "--limit", "1", "--max-clicks", "1"])
    names = [item["model"] for item in read(tmp_path / "out.json")]
    assert len(set(names)) == 2
    assert all(name.startswith("tiny@") for name in names)


def test_the_threshold_is_the_models_own(command, tmp_path):
    path = tmp_path / "own.safetensors"
    native.write(path, tiny_model(), {"threshold": 0.37})
    at = command.index("--threshold")
    bare = [*command[:at], *command[at + 2 :], "--limit", "1", "--max-clicks", "1"]
    for options, expected in (([], 0.37), (["--threshold", "0.2"], 0.2), (["--reference"], 0.49)):
        bare[bare.index("--model") + 1] = str(path)
        assert main([*bare, *options]) == 0
        assert read(tmp_path / "out.json")["settings"]["threshold"] == expected
    assert main([*command, "--limit", "1"]) == 0
    published = [*bare[:1], "--model", command[2], *bare[3:]]
    assert main(published) == 0
    assert read(tmp_path / "out.json")["settings"]["threshold"] == 0.49


def test_a_noisy_user_is_evaluated_with_every_seed(command, tmp_path, capsys):
    noisy = [*command, "--user", "noisy", "--seed", "5", "--seeds", "2", "--limit", "2"]
    assert main(noisy) == 0
    results = read(tmp_path / "out.json")
    assert [item["dataset"] for item in results] == ["images_seed5", "images_seed6"]
    assert [item["settings"]["seed"] for item in results] == [5, 6]
    assert results[0]["objects"] != results[1]["objects"]
    assert "images, 2 seeds: NoC@80%" in capsys.readouterr().out
    assert main([*command, "--seeds", "2"]) == 2
    assert "--user noisy" in capsys.readouterr().err


def test_box_and_mask_are_recorded(command, tmp_path):
    for option, key in (("--box", "box"), ("--from-mask", "from_mask")):
        main([*command, option, "--limit", "2"])
        result = read(tmp_path / "out.json")
        assert result["settings"][key] is True
        for item in result["objects"]:
            assert 0 <= item["iou_start"] <= 1
            assert len(item["ious"]) == 3


@pytest.mark.parametrize(
    "options",
    [
        ["--reference"],
        ["--reference", "--resize", "40", "40"],
        ["--resize", "40", "40"],
        ["--zoom", "fixed64"],
        ["--zoom", "cvpr", "--flip"],
        ["--limit-longest-side", "48"],
        ["--mode", "f-BRS-B"],
    ],
)
def test_every_option_runs_and_is_recorded(command, tmp_path, options):
    assert main([*command, *options, "--limit", "1", "--max-clicks", "2"]) == 0
    result = read(tmp_path / "out.json")
    assert len(result["objects"][0]["ious"]) == 2
    if "--mode" in options:
        assert result["mode"] == "f-BRS-B"
    if "--resize" in options:
        assert result["settings"]["resize"] == [40, 40]
    if "--zoom" in options:
        assert result["settings"]["zoom"] == options[1]


def test_overlays_show_the_best_and_the_worst(command, tmp_path):
    folder = tmp_path / "pictures"
    options = ["--overlays", str(folder), "--overlay-count", "2", "--limit", "3"]
    assert main([*command, *options]) == 0
    objects = read(tmp_path / "out.json")["objects"]
    order = [str(i) for i in sorted(range(3), key=lambda i: -objects[i]["ious"][-1])]
    names = sorted(path.name for path in (folder / "tiny_NoBRS_images").iterdir())
    assert names == [
        f"best_1_{order[0]}_1.png",
        f"best_2_{order[1]}_1.png",
        f"worst_1_{order[2]}_1.png",
        f"worst_2_{order[1]}_1.png",
    ]
    drawn = cv2.imread(str(folder / "tiny_NoBRS_images" / names[0]))
    plain = cv2.imread(str(Path(command[4].partition("=")[2]) / "images" / f"{order[0]}.png"))
    assert drawn.shape == plain.shape
    assert (drawn != plain).any()


def test_overlays_of_stretched_images(command, tmp_path):
    options = ["--reference", "--resize", "40", "30", "--limit", "1"]
    main([*command, *options, "--overlays", str(tmp_path / "pictures")])
    (image,) = (tmp_path / "pictures").rglob("best_1*.png")
    assert cv2.imread(str(image)).shape == (30, 40, 3)


# --- options ---------------------------------------------------------------------------------


def test_zoom_of_the_published_protocol():
    assert (zoom_for("cvpr", "grabcut").target_size, zoom_for("cvpr", "grabcut").skip_clicks) == (
        400,
        1,
    )
    assert zoom_for("cvpr", "DAVIS").target_size == 600
    fixed = zoom_for("fixed320", "davis")
    assert (fixed.target_size, fixed.skip_clicks) == ((320, 320), -1)
    assert zoom_for("off", "davis") is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--threshold", "1.5"], "between 0 and 1"),
        (["--threshold", "nan"], "between 0 and 1"),
        (["--max-clicks", "0"], "whole number from 1 up"),
        (["--limit", "-1"], "whole number from 1 up"),
        (["--limit", "two"], "whole number from 1 up"),
        (["--target-iou", "-0.5"], "greater than 0"),
        (["--target-iou", "inf"], "greater than 0"),
        (["--zoom", "fixed"], "fixedN"),
        (["--zoom", "closer"], "fixedN"),
        (["--resize", "10", "0"], "whole number from 1 up"),
        (["--dataset", "grabcut"], "NAME=DIR"),
        (["--dataset", "=here"], "NAME=DIR"),
        (["--mode", "BRS"], "invalid choice"),
    ],
)
def test_faulty_options_are_explained(command, capsys, options, fault):
    with pytest.raises(SystemExit) as stop:
        main([*command, *options])
    assert stop.value.code == 2
    assert fault in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--model", "no_such_model"], "no_such_model"),
        (["--dataset", "nonsense=."], "nonsense"),
        (["--dataset", "images=no_such_folder"], "no_such_folder"),
    ],
)
def test_faulty_input_is_a_message_without_traceback(command, capsys, tmp_path, options, fault):
    assert main([*command, *options]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert fault in err
    assert list(tmp_path.iterdir()) == []


def test_unwritable_results_show_before_any_work(command, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main([*command, "--json", str(tmp_path / "file" / "out.json")]) == 2
    assert "--json" in capsys.readouterr().err


@pytest.mark.parametrize("subcommand", [[], ["noc"], ["plot"]])
def test_help_tells_what_there_is(capsys, subcommand):
    with pytest.raises(SystemExit) as stop:
        main([*subcommand, "--help"])
    assert stop.value.code == 0
    words = {"noc": "OUT.journal", "plot": "mIoU@k"}
    assert words.get("".join(subcommand), "noc") in capsys.readouterr().out
