"""Results files: the text table, JSON and CSV, from runs made by hand."""

from __future__ import annotations

import csv
import json

import pytest

from core.datasets import ObjectRef
from core.errors import IsegError
from core.prompts import Click
from eval.overlays import ranking
from eval.report import EvaluationReport, table, write_csv, write_json, write_text
from eval.run import ObjectRun

SETTINGS = {"max_clicks": 3, "target_iou": 0.9, "resize": None, "zoom": "cvpr"}


def make_run(name, ious, start=None, seconds=1.0):
    clicks = tuple(Click(row, 2 * row, row % 2 == 0) for row in range(len(ious)))
    far = (0.1,) * max(0, len(ious) - (start is None))
    return ObjectRun(ObjectRef(name, "1"), clicks, tuple(ious), start, seconds, far)


RUNS = (
    make_run("a.png", [0.7, 0.86, 0.95]),
    make_run("b.png", [0.91], seconds=2.5),
    make_run("c.png", [0.6, 0.5, 0.82], seconds=3.5),
)


def make_report(model="tiny", dataset="grabcut", runs=RUNS, **settings):
    return EvaluationReport(model, "NoBRS", dataset, SETTINGS | settings, tuple(runs))


def test_table_has_the_published_layout():
    assert table([make_report()]).splitlines() == [
        "Eval results for model: tiny",
        "-" * 109,
        "|  BRS Type   |  Dataset  | Image Size  | NoC@80% | NoC@85% | NoC@90% |>=3@85% |>=3@90% "
        "| SPC,s |  Time   |".replace(">=3@85% |>=3@90% ", " >=3@85% | >=3@90% "),
        "-" * 109,
        "|    NoBRS    |  grabcut  |  original   |  2.00   |  2.00   |  2.33   |    1    |    2    "
        "| 1.000 | 0:00:07 |",
        "  never reached + reached at the last click 80%: 0 + 1, 85%: 1 + 0, 90%: 1 + 1; "
        "clicks lowering the IoU by > 0.02: 25.0%; spoilt far from a click: 10.00% of the object",
        "  95 % intervals: NoC@80% 1.00 to 3.00, NoC@85% 1.00 to 3.00, NoC@90% 1.00 to 3.00, "
        "IoU@1 0.737 (0.600 to 0.910)",
    ]


def test_seeds_of_a_noisy_user_are_followed_by_their_spread():
    reports = [
        make_report(dataset=f"grabcut_seed{seed}", runs=[make_run("a.png", ious)])
        for seed, ious in enumerate([[0.81, 0.86, 0.91], [0.6, 0.82, 0.86]])
    ]
    last = table([*reports, make_report(dataset="davis")]).splitlines()[-1]
    assert (
        last == "  grabcut, 2 seeds: NoC@80% 1.50 ± 0.71, NoC@85% 2.50 ± 0.71, NoC@90% 3.00 ± 0.00"
    )
    assert "seeds:" not in table(reports[:1])


def test_table_marks_what_the_target_hides():
    report = make_report(target_iou=0.8, runs=[make_run("a.png", [0.83])])
    row = table([report]).splitlines()[4]
    assert row.split("|")[4:9] == ["  1.00   ", "    ?    ", "    ?    ", "    ?    ", "    ?    "]


def test_table_adds_an_unusual_target():
    report = make_report(target_iou=0.95, runs=[make_run("a.png", [0.7, 0.96])])
    assert table([report]).splitlines()[4].endswith(" NoC@95.0% = 2.00; >=3@95.0% = 0")
    low = make_report(target_iou=0.5, runs=[make_run("a.png", [0.3, 0.4, 0.6])])
    assert table([low]).splitlines()[4].endswith(" NoC@50.0% = 3.00; >=3@50.0% = 1")
    assert table([low]).splitlines()[5].startswith("  clicks lowering")


def test_table_says_nothing_more_if_no_target_stops_the_clicks():
    row = table([make_report(target_iou=1.01)]).splitlines()[4]
    assert row.endswith("|")


def test_table_names_the_size():
    assert "|(3600, 2400) |" in table([make_report(resize=[3600, 2400])])


def test_table_has_a_block_per_model():
    reports = [
        make_report("first", "grabcut"),
        make_report("first", "davis"),
        make_report("second", "grabcut"),
    ]
    text = table(reports)
    assert text.count("Eval results for model:") == 2
    assert text.index("davis") < text.index("second")


def test_table_without_any_click():
    report = make_report(runs=[make_run("a.png", [], start=0.95)])
    assert "|   ?   |" in table([report])


def test_json_of_one_report_is_the_documented_object(tmp_path):
    write_json(tmp_path / "out.json", [make_report()])
    content = json.loads((tmp_path / "out.json").read_text())
    assert list(content) == [
        "model",
        "mode",
        "dataset",
        "settings",
        "objects",
        "noc",
        "failures",
        "iou_at",
        "noc_interval",
        "iou_at_interval",
        "lowering_share",
        "far_damage",
        "seconds_per_click",
        "seconds",
    ]
    assert content["objects"][0] == {
        "image": "a.png",
        "object": "1",
        "clicks": [[0, 0, True], [1, 2, False], [2, 4, True]],
        "ious": [0.7, 0.86, 0.95],
        "far": [0.1, 0.1],
    }
    assert content["noc"] == pytest.approx({"80": 2.0, "85": 2.0, "90": 7 / 3})
    assert content["failures"] == {
        "80": {"never_reached": 0, "reached_at_last_click": 1},
        "85": {"never_reached": 1, "reached_at_last_click": 0},
        "90": {"never_reached": 1, "reached_at_last_click": 1},
    }
    assert content["iou_at"] == pytest.approx({"1": 2.21 / 3, "2": 2.27 / 3, "3": 2.68 / 3})
    assert content["noc_interval"]["90"] == pytest.approx([1.0, 3.0])
    assert content["iou_at_interval"]["1"] == pytest.approx([0.6, 0.91])
    assert content["far_damage"] == pytest.approx(0.1)
    assert content["seconds"] == 7.0
    assert content["seconds_per_click"] == 1.0


def test_json_has_null_for_what_could_not_be_measured(tmp_path):
    runs = [make_run("a.png", [], start=0.83)]
    write_json(tmp_path / "out.json", [make_report(target_iou=0.8, runs=runs)])
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["noc"] == {"80": 0.0, "85": None, "90": None}
    assert content["failures"]["90"] is None
    assert content["noc_interval"]["90"] is None
    assert content["far_damage"] is None
    assert content["iou_at"]["0"] == 0.83
    assert content["seconds_per_click"] is None
    assert content["objects"][0]["iou_start"] == 0.83


def test_json_of_several_reports_is_a_list(tmp_path):
    write_json(tmp_path / "out.json", [make_report("a"), make_report("b")])
    content = json.loads((tmp_path / "out.json").read_text())
    assert [item["model"] for item in content] == ["a", "b"]


def test_csv_has_a_row_per_object(tmp_path):
    started = make_report(runs=[make_run("x, y.png", [0.92], start=0.7)], max_clicks=2)
    write_csv(tmp_path / "out.csv", [make_report(), started])
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    names = ["model", "mode", "dataset", "image", "object"]
    assert rows[0] == [*names, "iou_start", "iou_1", "iou_2", "iou_3"]
    assert rows[1] == ["tiny", "NoBRS", "grabcut", "a.png", "1", "", "0.7", "0.86", "0.95"]
    assert rows[2][6:] == ["0.91", "", ""]
    assert rows[4][3:] == ["x, y.png", "1", "0.7", "0.92", "", ""]


def test_text_is_written_whole_and_folders_are_made(tmp_path):
    path = tmp_path / "new" / "folder" / "out.txt"
    write_text(path, "é\n")
    write_text(path, "ü\n")
    assert path.read_bytes() == "ü\n".encode()
    assert [item.name for item in path.parent.iterdir()] == ["out.txt"]


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IsegError, match=r"file/out\.txt.*choose another place"):
        write_text(tmp_path / "file" / "out.txt", "")


def test_runs_survive_json():
    for run in (*RUNS, make_run("d.png", [], start=0.95)):
        record = json.loads(json.dumps(run.to_json() | {"seconds": run.seconds}))
        assert ObjectRun.from_json(record) == run


def test_ranking_is_by_clicks_then_by_the_last_iou():
    runs = [
        make_run("a", [0.5, 0.6, 0.7]),
        make_run("b", [0.95]),
        make_run("c", [0.5, 0.6, 0.8]),
        make_run("d", [], start=0.9),
        make_run("e", [0.97]),
    ]
    assert ranking(runs) == [3, 4, 1, 2, 0]
