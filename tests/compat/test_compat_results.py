"""Models, evaluations and trainings begun with 0.1.0 go on."""

from __future__ import annotations

import csv
import json

import pytest
import rasterio
from make import NOC, came_to
from running import MADE, lay_out, run


def test_a_model_file_segments(tmp_path):
    """Its own threshold, and what it says about how to look, are in force."""
    folder = lay_out(tmp_path, "project", "models")
    photo = "cam1_20240115_103000.jpg"
    command = ["core", "segment", photo, "--click", "160,118", "30,40,-", "--engine", "torch"]
    command += ["--model", "tiny.safetensors", "--json", "--out", "mask.png"]
    told = json.loads(run(folder, *command).stdout)
    then = json.loads((MADE / "eval" / "segment.json").read_text())
    assert told.keys() == then.keys()
    assert told["area_px"] == pytest.approx(then["area_px"], rel=0.01)
    with rasterio.open(folder / "mask.png") as file:
        mask = file.read(1) > 0
    with rasterio.open(MADE / "eval" / "mask.png") as file:
        expected = file.read(1) > 0
    assert (mask == expected).mean() > 0.99
    assert 0.02 < expected.mean() < 0.98


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """An evaluation that goes on behind its second object; one figure in the journal is wrong."""
    folder = lay_out(tmp_path_factory.mktemp("noc"), "models", "eval")
    for name in ("noc.json", "noc.csv", "noc.txt"):
        (folder / name).unlink()
    (folder / "fingerprint.py").write_text(FINGERPRINT)
    fingerprint = run(folder, "fingerprint", *NOC[1:]).stdout.strip()
    lines = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    lines[0]["ious"][0] = 0.123456
    journal = folder / "noc.json.journal"
    journal.mkdir()
    with (journal / "rank0.jsonl").open("w") as file:
        for line in lines:
            file.write(json.dumps({**line, "fingerprint": fingerprint}) + "\n")
    run(folder, *NOC)
    return folder


# Of the same command today: an evaluation goes on with the same program and settings only.
FINGERPRINT = """
import argparse, sys
from eval import noc
from eval.jobs import plan
parser = argparse.ArgumentParser()
noc.add_parser(parser.add_subparsers())
args = parser.parse_args(sys.argv[1:])
args.engine = noc._engine(args)
print(plan(args)[0].fingerprint)
"""


def test_a_killed_evaluation_goes_on_from_its_journal(resumed):
    now, then = (json.loads((at / "noc.json").read_text()) for at in (resumed, MADE / "eval"))
    assert now["objects"][0]["ious"][0] == 0.123456  # taken from the journal
    assert not (resumed / "noc.json.journal").exists()
    assert [key for key in now if key in then] == list(then)
    settings = {key: now["settings"][key] for key in then["settings"]}
    assert {**settings, "versions": 0} == {**then["settings"], "versions": 0}
    for entry, was in zip(now["objects"][1:], then["objects"][1:], strict=True):
        assert [key for key in entry if key in was] == list(was)
        assert (entry["image"], entry["object"]) == (was["image"], was["object"])
        assert len(entry["clicks"]) == len(was["clicks"])
        assert entry["ious"] == pytest.approx(was["ious"], abs=0.02)
    for name in ("noc", "failures", "iou_at"):
        assert list(now[name]) == list(then[name])


def test_its_table_has_the_same_columns(resumed):
    with (resumed / "noc.csv").open() as new, (MADE / "eval" / "noc.csv").open() as old:
        now, then = list(csv.reader(new)), list(csv.reader(old))
    assert now[0] == then[0]
    assert [row[:6] for row in now] == [row[:6] for row in then]
    text = (resumed / "noc.txt").read_text()
    assert text.splitlines()[:2] == (MADE / "eval" / "noc.txt").read_text().splitlines()[:2]


def test_results_of_then_are_plotted(tmp_path):
    folder = lay_out(tmp_path, "eval")
    run(folder, "eval", "plot", "noc.json", "-o", "plots")
    assert list((folder / "plots").iterdir())


def test_a_killed_training_goes_on_from_its_checkpoint(tmp_path):
    folder = lay_out(tmp_path, "training")
    done = run(folder, "training", "run.yaml", "--out", "out", "--resume")
    assert "from step 4" in done.stderr + (folder / "out" / "logs" / "train.log").read_text()
    now, then = came_to(folder / "out"), json.loads((MADE / "training/expected.json").read_text())
    assert now["header"] == then["header"]
    assert now["losses"].keys() == then["losses"].keys() == {"5", "6", "7", "8"}
    for step, loss in then["losses"].items():
        # Processors round differently, until a click on the network's own answer moves by a pixel.
        near = 5e-4 if step in ("5", "6") else 0.06
        assert float(now["losses"][step]) == pytest.approx(float(loss), abs=near), step
    assert now["sums"].keys() == then["sums"].keys()
    for name, sums in then["sums"].items():
        assert now["sums"][name] == pytest.approx(sums, rel=1e-2, abs=0.2), name
    files = {path.name for path in (folder / "out").iterdir()}
    assert files - {"run.lock"} == {"checkpoints", "logs", "vis", "config.yaml"}
    kept = {path.name for path in (folder / "out" / "checkpoints").iterdir()}
    assert {"last_checkpoint.pt", "last.safetensors"} <= kept
