"""Shards and journal: same results for any number, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.datasets import ObjectRef
from core.errors import IsegError
from core.prompts import Click
from eval.__main__ import main
from eval.run import ObjectRun
from eval.shards import Journal, Shard

ROOT = Path(__file__).resolve().parents[2]


def read(path):
    return json.loads(Path(path).read_text())


def without_times(document):
    return {k: v for k, v in document.items() if k not in ("seconds", "seconds_per_click")}


def start(*arguments, launcher=("-m", "eval")):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
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


@pytest.mark.parametrize("cut", range(1, 110, 18))
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
