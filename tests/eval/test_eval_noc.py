"""The command as it is called: options, files, shards, and going on after a kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from tiny import write_tiny_checkpoint

from core.datasets import ObjectRef
from core.errors import IsegError
from core.metrics import noc
from core.prompts import Click
from eval.__main__ import main
from eval.jobs import zoom_for
from eval.run import ObjectRun
from eval.shards import Journal, Shard

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def command(model_file, image_folder, tmp_path):
    """Arguments of a short evaluation that writes tmp_path/out.json."""
    return [
        "noc",
        *("--model", str(model_file)),
        *("--dataset", f"images={image_folder}"),
        *("--max-clicks", "3", "--target-iou", "1.01", "--zoom", "off", "--no-flip"),
        *("--engine", "torch", "--json", str(tmp_path / "out.json")),
    ]


def read(path):
    return json.loads(Path(path).read_text())


def without_times(document):
    return {k: v for k, v in document.items() if k not in ("seconds", "seconds_per_click")}


def start(*arguments, launcher=("-m", "eval")):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(  # noqa: S603 (own code)
        [sys.executable, *launcher, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_shards(count, arguments):
    launcher = ("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}")
    process = start(*arguments, launcher=(*launcher, "-m", "eval"))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def test_results_file_table_and_clean_up(command, model_file, tmp_path, capsys):
    assert main(command) == 0
    result = read(tmp_path / "out.json")
    assert (result["model"], result["mode"], result["dataset"]) == ("tiny", "NoBRS", "images")
    assert [item["image"] for item in result["objects"]] == [f"{n}.png" for n in range(7)]
    for item in result["objects"]:
        assert len(item["clicks"]) == len(item["ious"]) == 3
        assert [type(value) for value in item["clicks"][0]] == [int, int, bool]
        assert "iou_start" not in item
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


def test_overlays_of_stretched_pictures(command, tmp_path):
    options = ["--reference", "--resize", "40", "30", "--limit", "1"]
    main([*command, *options, "--overlays", str(tmp_path / "pictures")])
    (picture,) = (tmp_path / "pictures").rglob("best_1*.png")
    assert cv2.imread(str(picture)).shape == (30, 40, 3)


# --- shards and journal ----------------------------------------------------------------------


def test_results_do_not_depend_on_the_number_of_shards(command, tmp_path):
    main(command)
    alone = without_times(read(tmp_path / "out.json"))
    for count in (2, 3):
        (tmp_path / "out.json").unlink()
        out = run_shards(count, command)
        assert out.count("Eval results") == 1
        assert without_times(read(tmp_path / "out.json")) == alone
        assert not (tmp_path / "out.json.journal").exists()


def test_a_killed_evaluation_goes_on(command, tmp_path):
    main(command)
    expected = without_times(read(tmp_path / "out.json"))
    (tmp_path / "out.json").unlink()
    lines = stop_midway(command, tmp_path / "out.json.journal" / "rank0.jsonl")
    # As left by two shards, the second killed while writing; a mark shows what is used again.
    first, *rest = [json.loads(line) for line in lines]
    first["seconds"] = 1e6
    folder = tmp_path / "out.json.journal"
    (folder / "rank0.jsonl").write_text(json.dumps(first) + "\n")
    others = "".join(json.dumps(item) + "\n" for item in rest)
    (folder / "rank1.jsonl").write_text(others + lines[0][:50])
    assert main(command) == 0
    result = read(tmp_path / "out.json")
    assert without_times(result) == expected
    assert result["seconds"] > 1e6
    assert not folder.exists()


def stop_midway(command, journal):
    """Start an evaluation, kill it when a few objects are done, return its journal's lines."""
    slow = start(*command)
    while slow.poll() is None:
        lines = journal.read_text().splitlines() if journal.exists() else []
        if len(lines) >= 2:
            slow.send_signal(signal.SIGKILL)
            break
        time.sleep(0.001)
    slow.communicate()
    assert slow.returncode == -signal.SIGKILL, "too fast to be killed midway"
    return [line for line in journal.read_text().splitlines() if line.endswith("}")]


def make_run(name, iou=0.5, start=None):
    return ObjectRun(ObjectRef(name, "1"), (Click(3, 4, False),), (iou,), start, 0.25)


def test_journal_returns_what_was_appended_by_any_rank(tmp_path):
    first, second = (Journal(tmp_path / "out.json", rank) for rank in (0, 1))
    first.append("f", make_run("a"))
    second.append("f", make_run("b", start=0.25))
    for journal in (first, second):
        assert list(journal.read("f").values()) == [make_run("a"), make_run("b", start=0.25)]


def test_journal_of_other_settings_is_not_used(tmp_path):
    journal = Journal(tmp_path / "out.json", 0)
    journal.append("f", make_run("a"))
    journal.append("g", make_run("a", 0.75))
    assert journal.read("g") == {ObjectRef("a", "1"): make_run("a", 0.75)}
    assert journal.read("h") == {}


@pytest.mark.parametrize("cut", range(1, 140, 23))
def test_journal_forgets_a_line_that_was_cut_off_and_only_that(tmp_path, cut):
    journal = Journal(tmp_path / "out.json", 0)
    journal.append("f", make_run("a"))
    journal.append("f", make_run("b"))
    file = tmp_path / "out.json.journal" / "rank0.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    again = Journal(tmp_path / "out.json", 0)
    again.append("f", make_run("c"))
    names = [ref.image for ref in again.read("f")]
    assert names == (["a", "b", "c"] if cut == 1 else ["a", "c"])


def test_journal_cut_off_inside_a_letter_can_be_read(tmp_path):
    journal = Journal(tmp_path / "out.json", 0)
    journal.append("f", make_run("a"))
    file = tmp_path / "out.json.journal" / "rank0.jsonl"
    file.write_bytes(file.read_bytes() + '{"image": "ä'.encode()[:-1])
    assert len(journal.read("f")) == 1


def test_journal_removal_may_come_twice(tmp_path):
    first, second = (Journal(tmp_path / "out.json", rank) for rank in (0, 1))
    first.remove()
    second.remove()
    assert list(tmp_path.iterdir()) == []


def test_journal_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IsegError, match=r"out\.json\.journal.*--json"):
        Journal(tmp_path / "file" / "out.json", 0)


def test_other_options_do_not_reuse_a_journal(command, image_folder, tmp_path):
    run = make_run("0.png", 0.987)
    journal = Journal(tmp_path / "out.json", 0)
    journal.append("of other options", run)
    main([*command, "--limit", "1"])
    assert read(tmp_path / "out.json")["objects"][0]["ious"] != [0.987]


@pytest.mark.parametrize(("count", "total"), [(1, 5), (2, 5), (3, 5), (4, 2)])
def test_shares_cover_everything_once(count, total):
    shares = [list(Shard(rank, count).share(total)) for rank in range(count)]
    assert sorted(index for share in shares for index in share) == list(range(total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


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
    assert not (tmp_path / "out.json").exists()


def test_unwritable_results_show_before_any_work(command, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main([*command, "--json", str(tmp_path / "file" / "out.json")]) == 2
    assert "--json" in capsys.readouterr().err
