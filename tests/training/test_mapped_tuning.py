"""A fine-tuning from mapped avalanches, from the command line to the model in the list."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from mapped_fixtures import winter
from run_fixtures import LIGHT, ROOT, command, environment, train

from core.datasets import ImageSample
from core.engine import load_model
from core.model.checkpoint import load_checkpoint
from core.model.config import LightConfig
from core.model.native import read_header, write
from core.model.network import build_model
from core.prompts import Click
from core.zoo.cache import own_dir
from training.__main__ import main
from training.config import SampleSettings
from training.initial_weights import initialise
from training.mapped import command as from_mapped
from training.mapped.dealing import ASIDE
from training.mapped.measuring import ClickedObject, compare, open_side
from training.mapped.tuning import choose_share, mean_of, samples_for
from training.windows import WindowRecipe

ABOUT = {"view": [64, 64], "overview": [64, 64], "threshold": 0.5, "licence": "CC0"}
OPTIONS = ("--samples", "40", "--zone", "UTC")


def network(seed: int):
    model = build_model(LightConfig(channels=LIGHT["channels"]))
    initialise(model, torch.Generator().manual_seed(seed))
    return model.eval()


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> tuple[Path, Path]:
    """A GeoPackage of 10 days with 20 outlines, and a model to start from."""
    folder = tmp_path_factory.mktemp("given")
    write(folder / "parent.safetensors", network(1), ABOUT)
    return winter(folder / "photos", 10), folder / "parent.safetensors"


@pytest.fixture(scope="module")
def finished(given, tmp_path_factory):
    """Folder of a fine-tuning that has ended, and what it said."""
    out = tmp_path_factory.mktemp("runs") / "hut-2024"
    done = train("from-mapped", given[0], "--model", given[1], "--out", out, *OPTIONS)
    assert done.returncode == 0, done.stderr
    return out, done


def test_report_and_card_say_what_was_done(finished):
    out, done = finished
    report = json.loads((out / "report.json").read_text())
    text = (out / "report.txt").read_text()
    assert done.stdout == text
    assert report["parent"] == "parent"
    assert report["conclusion"] in text
    sides = report["sides"]
    days = [day for side in sides.values() for day in side["days"]]
    assert sorted(days) == [f"2024-01-{day:02d}" for day in range(1, 11)]
    assert sum(side["outlines"] for side in sides.values()) == 20
    assert set(report["gains"]) == {"NoC@85", "NoC@90", "IoU@1"}
    for gain in report["gains"].values():
        low, high = gain["interval"]
        assert low <= gain["by"] <= high
    assert len(report["before"]["ious"]) == len(report["after"]["ious"]) == sides[ASIDE]["outlines"]
    for name in report["gains"]:
        assert name in text


def test_progress_is_told_from_first_to_last(finished):
    _, done = finished
    told = [line for line in done.stderr.splitlines() if line.startswith("[")]
    percents = [int(line[1:4]) for line in told]
    assert percents == sorted(percents)
    assert percents[0] == 0
    assert percents[-1] == 100
    assert any("training" in line for line in told)


def test_the_model_is_listed_with_its_card_unless_nothing_was_gained(finished, given):
    out, _ = finished
    report = json.loads((out / "report.json").read_text())
    file, listed = out / "hut-2024.safetensors", own_dir() / "hut-2024.safetensors"
    if report["verdict"] == "none":
        assert not file.exists()
        assert not listed.exists()
        return
    _, about = read_header(file)
    assert {key: about[key] for key in ABOUT} == ABOUT
    assert about["fine_tuned"] == {k: v for k, v in report.items() if k not in ("before", "after")}
    assert load_model(file).threshold == 0.5
    card = file.with_suffix(".md").read_text()
    for word in ("parent", "hut", "CC0", "NoC@85", report["conclusion"]):
        assert word in card
    assert listed.exists() == (report["verdict"] != "worse")
    tuned = load_checkpoint(out / "run" / "checkpoints" / "last.safetensors").stages[0]
    mean = mean_of(load_checkpoint(given[1]).stages[0], tuned, report["share"]).state_dict()
    found = load_checkpoint(file).stages[0].state_dict()
    assert all(torch.equal(found[name], mean[name]) for name in mean)


def test_the_same_call_again_does_no_work_twice(finished, given):
    out, done = finished
    before = (out / "run" / "checkpoints" / "last.safetensors").stat().st_mtime_ns
    again = train("from-mapped", given[0], "--model", given[1], "--out", out, *OPTIONS)
    assert again.returncode == 0, again.stderr
    assert again.stdout == done.stdout
    assert (out / "run" / "checkpoints" / "last.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--samples", "80"), "samples differ"),
        (("--samples", "40", "--name", "other"), "name differ"),
        (("--samples", "40", "--all"), "all differ"),
    ],
)
def test_other_options_need_another_folder(finished, given, capsys, options, words):
    call = ["from-mapped", given[0], "--model", given[1], "--out", finished[0], "--zone", "UTC"]
    assert main(list(map(str, [*call, *options]))) == 2
    assert words in capsys.readouterr().err


def test_a_stopped_fine_tuning_goes_on_bit_for_bit(finished, given, tmp_path):
    out = tmp_path / "stopped"
    call = ["from-mapped", given[0], "--model", given[1], "--out", out, *OPTIONS]
    process = subprocess.Popen(
        command(*call), cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("[") and "training" in line and int(line[1:4]) > 15:
            process.send_signal(signal.SIGTERM)
            break
    said = process.stderr.read()
    assert process.wait(60) == 130
    assert "go on" in said
    assert not list(out.glob("*.safetensors"))
    again = train(*call)
    assert again.returncode == 0, again.stderr
    name = Path("run") / "checkpoints" / "last.safetensors"
    assert (out / name).read_bytes() == (finished[0] / name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{few}"], "too few to learn from"),
        (["{none}"], "no such file"),
        (["{file}", "--photos", "{none}"], "There is no folder"),
        (["{file}", "--model", "{none}"], "There is no model"),
        (["{file}", "--zone", "Mars"], "time zone"),
        (["{file}", "--rule", "{{what}}"], "field"),
        (["{file}", "--name", "a/b"], "no name for a file"),
        (["{file}", "--general", "{none}"], "no folder"),
    ],
)
def test_what_does_not_fit_is_one_sentence(given, tmp_path, capsys, arguments, words):
    few = tmp_path / "few"
    if "{few}" in arguments:
        few = winter(few, 3)
    places = {"few": few, "none": tmp_path / "none", "file": given[0]}
    filled = [text.format(**places) for text in arguments]
    call = [
        "from-mapped",
        "--model",
        given[1],
        "--out",
        tmp_path / "out",
        "--samples",
        "8",
        *filled,
    ]
    assert main(list(map(str, call))) == 2
    (said,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert words in said


def test_missing_packages_are_named(given, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        from_mapped, "PACKAGES", {**from_mapped.PACKAGES, "no_such_module": "no-such-package"}
    )
    assert main(["from-mapped", str(given[0]), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    for words in ("no-such-package", "pip install", "Set up"):
        assert words in said
    assert not (tmp_path / "out").exists()


# --- weights ----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_mean_lies_on_the_way(share):
    old, new = network(1), network(2)
    mean = mean_of(old, new, share).state_dict()
    for name, value in old.state_dict().items():
        expected = value + share * (new.state_dict()[name] - value)
        assert torch.allclose(mean[name].double(), expected.double(), atol=1e-6)


def test_weights_that_are_no_gain_are_not_taken(finished, given):
    parent = load_model(given[1], engine="torch")
    old = load_checkpoint(given[1]).stages[0]
    dataset = open_side(finished[0] / "data", ASIDE)
    broken = network(3)
    for parameter in broken.parameters():
        parameter.data.zero_()
    share, tried = choose_share(old, old, parent, dataset, lambda _: None)
    assert share == 0
    assert len(set(tried.values())) == 1
    _, tried = choose_share(old, broken, parent, dataset, lambda _: None)
    assert set(tried) == {0.0, 0.25, 0.5, 0.75, 1.0}


def test_samples_grow_with_outlines_within_limits():
    counts = [samples_for(outlines) for outlines in (1, 14, 40, 80, 10_000)]
    assert counts == sorted(counts)
    assert counts[0] == counts[1] == 960
    assert counts[-1] == 3840
    assert all(count % 8 == 0 for count in counts)


# --- gains ------------------------------------------------------------------------------------


def clicked(counts, days=4):
    """Objects that reach 0.95 at these clicks, spread over days."""
    return [
        ClickedObject((0.5,) * (count - 1) + (0.95,), f"day {n % days}", str(n))
        for n, count in enumerate(counts)
    ]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ([5] * 12, [3] * 12, "better"),
        ([3] * 12, [5] * 12, "worse"),
        ([3] * 12, [3] * 12, "chance"),
        ([5, 2] * 6, [2, 5] * 6, "chance"),
        ([9, 3, 3, 3, 3, 3, 3, 3], [3] * 8, "chance"),
    ],
)
def test_a_gain_is_told_from_chance(before, after, verdict):
    gain = compare(clicked(before), clicked(after))["NoC@85"]
    assert gain.verdict == verdict
    assert gain.by == pytest.approx(np.mean(before) - np.mean(after))
    assert gain.interval[0] <= gain.by <= gain.interval[1]


def test_what_is_a_gain_on_one_day_alone_is_chance():
    before = [ClickedObject((0.5, 0.95), day, "") for day in "aaaaaaaabbbb"]
    after = [ClickedObject((0.95,) if item.day == "a" else (0.5, 0.95), item.day, "")
             for item in before]  # fmt: skip
    gain = compare(before, after)["NoC@85"]
    assert gain.by > 0.6
    assert gain.verdict == "chance"


# --- samples ----------------------------------------------------------------------------------


def test_samples_start_from_clicks_that_were_stored():
    labels = np.zeros((120, 160), np.int32)
    labels[30:90, 40:120] = 1
    image = np.zeros((120, 160, 3), np.uint8)
    image[labels > 0] = 255
    clicks = {1: (Click(60, 50), Click(45, 110), Click(10, 10, positive=False))}
    sample = ImageSample("a", image, labels[None], ((1, 0),), clicks)
    recipe = WindowRecipe(SampleSettings("windows", (96, 96), stored_clicks=1.0))
    counts = set()
    for seed in range(60):
        made = recipe(sample, np.random.default_rng(seed))
        half = len(made.points) // 2
        used = made.points[made.points[:, 0] >= 0]
        assert len(used) >= 1
        for place, (row, col, _) in enumerate(made.points):
            if row >= 0:
                assert made.mask[round(float(row)), round(float(col))] == (place < half)
        counts.add(len(used))
    assert {1, 2, 3} <= counts


def test_without_stored_clicks_samples_are_drawn_as_before():
    labels = np.zeros((120, 160), np.int32)
    labels[30:90, 40:120] = 1
    sample = ImageSample("a", np.zeros((120, 160, 3), np.uint8), labels[None], ((1, 0),))
    for share in (0.0, 1.0):
        recipe = WindowRecipe(SampleSettings("windows", (96, 96), stored_clicks=share))
        made = recipe(sample, np.random.default_rng(5))
        assert (made.points[:, 0] >= 0).any()
