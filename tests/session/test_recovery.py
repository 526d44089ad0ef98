"""Unfinished work on disk: written soon, offered when its QGIS has ended, never to two."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from avalanche_iseg_qgis.core.errors import PromptError
from avalanche_iseg_qgis.core.prompts import Box, Click
from avalanche_iseg_qgis.session.draft import FeatureRef
from avalanche_iseg_qgis.session.prompt_set import PromptSet
from avalanche_iseg_qgis.session.recovery_files import RecoveryFiles
from avalanche_iseg_qgis.session.start_mask import StartMask
from avalanche_iseg_qgis.session.stored_draft import StoredDraft

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 1, 10, 31, tzinfo=timezone.utc)
MASK = StartMask.of(np.random.default_rng(5).random((20, 30)) > 0.4, 5, 6)
PROMPTS = {
    "clicks": PromptSet((Click(1.25, 2.5), Click(3, 4, positive=False))),
    "box": PromptSet((), Box(1, 20, 2, 30)),
    "mask": PromptSet((Click(5, 6),), None, MASK),
    "strokes": PromptSet((Click(5, 6),)).with_stroke([(1.25, 2), (3, 9)], 4.5, False),
    "strokes alone": PromptSet().with_stroke([(1, 2)], 3, True).with_stroke([(9, 9)], 2, True),
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "profile" / "drafts"


def number(value: int):
    return lambda: json.dumps({"number": value})


def numbers(files: RecoveryFiles) -> dict[str, int]:
    return {kept.name: kept.content["number"] for kept in files.orphans()[0]}


def other_qgis(folder: Path, code: str) -> subprocess.Popen:
    """Another process that keeps files and goes on until it is killed."""
    text = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from avalanche_iseg_qgis.session.recovery_files import RecoveryFiles\n"
        "files = RecoveryFiles(Path(sys.argv[1]))\n" + code
    )
    return subprocess.Popen(
        [sys.executable, "-c", text, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_nothing_is_written_without_need(folder):
    files = RecoveryFiles(folder)
    assert files.orphans() == ([], [])
    files.close()
    assert not folder.exists()


def test_what_is_put_is_offered_to_the_next_and_dropped_is_not(folder):
    files = RecoveryFiles(folder)
    for value in range(30):
        files.put("a", number(value))
    files.put("b", number(7))
    files.drop("b")
    files.drop("never there")
    assert files.flush()
    assert files.orphans()[0] == []  # its own
    assert numbers(RecoveryFiles(folder)) == {}  # of one that lives
    files.put("c", number(8))
    files.close()
    assert numbers(RecoveryFiles(folder)) == {"a": 29, "c": 8}


def test_a_change_is_on_the_disk_soon_and_costs_the_caller_nothing(folder):
    files = RecoveryFiles(folder)
    start = time.perf_counter()
    files.put("a", lambda: json.dumps({"number": 1, "text": "x" * 10_000_000}))
    assert time.perf_counter() - start < 0.5  # of a shared machine
    files.flush()
    start = time.perf_counter()
    files.put("a", number(2))
    while '"number": 2' not in next(folder.glob("*.a.json")).read_text()[:20]:
        time.sleep(0.005)
    assert time.perf_counter() - start < 10.0  # of a shared machine; 50 ms and the writing
    files.close()


def test_it_is_written_before_what_it_replaces_goes(folder):
    files = RecoveryFiles(folder)
    files.put("draft", number(1))
    files.flush()
    seen = []
    files.put("draft", number(2))
    files.put("features", lambda: seen.append(len(list(folder.glob("*.draft.json")))) or "{}")
    files.drop("draft")
    files.close()
    assert seen == [1]
    assert [kept.name for kept in RecoveryFiles(folder).orphans()[0]] == ["features"]


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment(folder, seed):
    process = other_qgis(
        folder,
        "for value in range(10**6):\n"
        "    files.put('a', lambda v=value: json.dumps({'number': v, 'rest': 'x' * 3_000_000}))\n"
        "    print(value, flush=True)\n"
        "    time.sleep(0.01)\n",
    )
    for _ in range(30):
        process.stdout.readline()
    time.sleep(float(np.random.default_rng(seed).uniform(0, 0.3)))
    files = RecoveryFiles(folder)
    assert files.orphans()[0] == []  # it lives
    process.send_signal(signal.SIGKILL)
    said = [int(line) for line in process.stdout.read().split()]
    process.wait()
    (kept,), damaged = files.orphans()
    assert not damaged
    assert kept.content["number"] <= said[-1] + 1
    assert kept.content["number"] >= said[0] - 30  # some tenths of a second
    assert len(kept.content["rest"]) == 3_000_000
    files.close()


def test_two_at_once_share_nothing(folder):
    gone = RecoveryFiles(folder)
    gone.put("lost", number(5))
    gone.close()
    other = other_qgis(
        folder,
        "print([kept.name for kept in files.orphans()[0]], flush=True)\n"
        "files.put('own', lambda: '{\"number\": 6}')\n"
        "files.flush()\n"
        "print('kept', flush=True)\n"
        "time.sleep(1000)\n",
    )
    try:
        assert other.stdout.readline().strip() == "['lost']"
        assert other.stdout.readline().strip() == "kept"
        files = RecoveryFiles(folder)
        assert numbers(files) == {}  # both are the other's
    finally:
        other.kill()
        other.wait()
    assert numbers(files) == {"lost": 5, "own": 6}
    files.close()


def test_restored_or_given_up(folder):
    gone = RecoveryFiles(folder)
    for name in ("a", "b"):
        gone.put(name, number(1))
    gone.close()
    files = RecoveryFiles(folder)
    first, second = files.orphans()[0]
    files.adopt(first)
    files.put(first.name, number(2))
    files.remove(second)
    files.close()
    assert numbers(RecoveryFiles(folder)) == {first.name: 2}


DAMAGED = [b"", b"{", b"[1]", b"\xff\xfe\x00", b"[" * 100_000, b'{"a": ', b"null"]


def test_damaged_files_are_set_aside(folder):
    gone = RecoveryFiles(folder)
    gone.put("fine", number(3))
    gone.close()
    token = next(folder.glob("*.fine.json")).name.partition(".")[0]
    for place, content in enumerate(DAMAGED):
        (folder / f"{token}.bad{place}.json").write_bytes(content)
    (folder / "without-a-lock.json").write_text("{")
    files = RecoveryFiles(folder)
    found, damaged = files.orphans()
    assert [kept.name for kept in found] == ["fine"]
    assert len(damaged) == len(DAMAGED) + 1
    assert all(path.exists() and path.suffix == ".damaged" for path in damaged)
    assert files.orphans()[1] == []
    files.close()


def test_what_cannot_be_written_is_said_and_tried_again(tmp_path):
    folder = tmp_path / "drafts"
    folder.write_text("a file where the folder should be")
    files = RecoveryFiles(folder)
    files.put("a", number(1))
    files.flush()
    assert files.error
    folder.unlink()
    files.put("a", number(2))
    files.close()
    assert files.error == ""
    assert numbers(RecoveryFiles(folder)) == {"a": 2}


def test_nothing_is_left_of_what_was_finished(folder):
    for _ in range(3):
        files = RecoveryFiles(folder)
        files.put("a", number(1))
        files.flush()
        files.drop("a")
        files.close()
    RecoveryFiles(folder).orphans()
    assert list(folder.iterdir()) == []


# --- what is kept of an object ----------------------------------------------------------------


def kept(rig, prompts, feature_ref=None) -> StoredDraft:
    image = rig.open()
    rig.session.reopen(prompts, feature_ref or FeatureRef("layer", 3, "uuid"), 12.5)
    return StoredDraft.of(image, 0.0, NOW)


def content_with(stored, **values):
    """A stored draft with other values; without `undone`, as older versions wrote it."""
    content = json.loads(stored.to_json())
    del content["undone"]
    return {**content, **values}


@pytest.mark.parametrize("kind", PROMPTS)
def test_an_object_survives(rig, kind):
    before = kept(rig, PROMPTS[kind])
    after = StoredDraft.from_json(json.loads(before.to_json()))
    draft = after.draft()
    assert after.prompts.clicks == before.prompts.clicks
    assert after.prompts.box == before.prompts.box
    assert after.prompts.strokes == before.prompts.strokes
    if before.prompts.mask is not None:
        assert np.array_equal(after.prompts.mask.bits, MASK.bits)
        assert (after.prompts.mask.row, after.prompts.mask.col) == (MASK.row, MASK.col)
    assert replace(after, prompts=before.prompts).to_json() == before.to_json()
    assert draft.feature_ref == FeatureRef("layer", 3, "uuid")
    assert draft.stopwatch.seconds == 12.5
    assert StoredDraft.from_json(content_with(before, undone=3)).draft().stopwatch.undone == 3
    assert StoredDraft.from_json(content_with(before)).draft().stopwatch.undone == 0
    assert draft.history.is_changed  # it is not dropped without a question
    states = [draft.prompts]
    while draft.history.can_undo:
        draft.undo()
        states.append(draft.prompts)
    assert draft.prompts.empty
    given = [bool(prompts.mask or prompts.box) for prompts in states[:1]]
    count = len(after.prompts.clicks) + len(after.prompts.strokes) + sum(given)
    assert len(states) == count + 1  # one by one


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompts", "{"),
        ("prompts", 5),
        ("prompts", None),
        ("key", None),
        ("size", [3]),
        ("size", "large"),
        ("size", [1e400, 3]),
        ("feature_ref", {"layer": 3}),
        ("feature_ref", [1]),
        ("changed_at", "yesterday"),
        ("changed_at", 7),
        ("seconds", "x"),
        ("sha256", 5),
        ("pixel_size", {}),
    ],
)
def test_a_damaged_object_is_refused(rig, name, value):
    content = json.loads(kept(rig, PROMPTS["clicks"]).to_json())
    with pytest.raises(PromptError):
        StoredDraft.from_json({**content, name: value})
    del content[name]
    with pytest.raises(PromptError):
        StoredDraft.from_json(content)


def test_the_session_tells_of_every_change_of_an_object(rig):
    image = rig.open()
    rig.changed.clear()
    steps = [
        rig.click,
        lambda: rig.session.set_box(Box(1, 9, 1, 9)),
        lambda: rig.session.move_click(0, 3, 3),
        rig.session.undo,
        rig.session.redo,
        rig.session.remove_last_click,
        rig.session.finish,
        rig.session.discard,
        lambda: rig.session.start_from(MASK),
        lambda: rig.session.drop(image.key),
    ]
    for count, step in enumerate(steps, 1):
        step()
        assert rig.changed == [image] * count, count
    assert rig.session.prompts.empty
    draft = rig.outlined()
    rig.session.finish()
    rig.changed.clear()
    rig.session.accept(image)
    assert rig.changed == [image]
    assert image.draft is not draft
    rig.session.drop("unknown")
