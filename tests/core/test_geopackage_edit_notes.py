"""Notes beside a GeoPackage of who is editing it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from core.geopackage.edit_notes import STALE_AFTER, OwnNote, notes_of_others

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "Lawinen 2026.gpkg"
    path.touch()
    return path


def note_of(file: Path, who: str, *, age: float = 0.0, **more: object) -> Path:
    """A note of somebody on another computer."""
    path = file.with_name(f"{file.name}.{who}@pc7-12.editing")
    content = {
        "who": who, "user": who, "computer": "pc7", "process": 12,
        "since": "2026-01-01T08:00:00+00:00", **more,
    }  # fmt: skip
    path.write_text(json.dumps(content), encoding="utf-8")
    moment = path.stat().st_mtime - age
    os.utime(path, (moment, moment))
    return path


def test_others_are_named_and_oneself_is_not(file):
    own = OwnNote(file, "Ben Müller")
    assert own.write()
    note_of(file, "Anna")
    (note,) = notes_of_others(file)
    assert (note.who, note.computer, note.is_stale) == ("Anna", "pc7", False)
    assert not note.is_own_account
    own.remove()
    assert not own.path.exists()
    own.remove()  # harmless


def test_a_note_that_is_not_renewed_is_stale(file):
    note_of(file, "Anna", age=STALE_AFTER + 60)
    note_of(file, "Cleo", age=STALE_AFTER - 60)
    newest, oldest = notes_of_others(file)
    assert (newest.who, newest.is_stale) == ("Cleo", False)
    assert (oldest.who, oldest.is_stale) == ("Anna", True)


def test_clocks_of_a_share_are_compared_with_each_other(file):
    """The disk is an hour behind this computer."""
    own = OwnNote(file, "Ben")
    own.write()
    for path in (own.path, note_of(file, "Anna")):
        moment = path.stat().st_mtime - 3600
        os.utime(path, (moment, moment))
    assert not notes_of_others(file)[0].is_stale


def test_a_qgis_of_ones_own_that_was_killed_is_recognised_at_once(file):
    code = "import os, sys; from core.geopackage.edit_notes import OwnNote\n"
    code += "OwnNote(sys.argv[1], 'me').write(); os._exit(1)"
    subprocess.run([sys.executable, "-c", code, str(file)], cwd=ROOT, check=False)
    assert len(list(file.parent.glob("*.editing"))) == 1
    assert notes_of_others(file) == []
    assert list(file.parent.glob("*.editing")) == []


def test_another_qgis_of_ones_own_is_known_as_such(file):
    account = json.loads(_written(file))["user"]
    process = os.getppid()
    note_of(file, "me", user=account, computer=platform.node(), process=process)
    assert notes_of_others(file)[0].is_own_account


def _written(file: Path) -> str:
    own = OwnNote(file, "me")
    own.write()
    text = own.path.read_text(encoding="utf-8")
    own.remove()
    return text


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"who": 1}', "\0" * 100, "null"])
def test_damaged_notes_are_passed_over(file, text):
    note_of(file, "Anna").write_text(text)
    assert notes_of_others(file) == []


def test_files_of_other_geopackages_are_no_notes(file):
    note_of(file.with_name("Lawinen.gpkg"), "Anna")
    note_of(file.with_name("Lawinen 2026.gpkg2"), "Anna")
    assert notes_of_others(file) == []


def test_where_no_note_can_be_written_nothing_happens(tmp_path):
    own = OwnNote(tmp_path / "gone" / "a.gpkg", "Ben")
    assert not own.write()
    own.remove()
    assert notes_of_others(tmp_path / "gone" / "a.gpkg") == []
