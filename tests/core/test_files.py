"""Atomic writes: complete or not at all, and nothing left beside."""

from __future__ import annotations

import os

import pytest

from core.files import open_file, replacing, require_file, write_bytes, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.gpkg"
    with replacing(path) as temporary:
        assert (temporary.name, temporary.parent.parent) == ("a.gpkg", tmp_path)
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.gpkg"]


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    write_text(str(path), "größer\r\n")
    assert path.read_bytes() == "größer\r\n".encode()
    write_bytes(path, b"\x00")
    assert path.read_bytes() == b"\x00"


def test_a_failed_block_changes_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half of it")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_disk_that_fails_at_the_end_changes_nothing(tmp_path, monkeypatch):
    def fail(_descriptor):
        raise OSError(5, "Input/output error")

    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_appears_whole_and_replaces_none(tmp_path):
    def write(content):
        with replacing(entry) as temporary:
            temporary.mkdir()
            (temporary / "a.txt").write_text(content)

    entry = tmp_path / "entry"
    write("first")
    with pytest.raises(OSError, match="entry"):
        write("second")
    assert (entry / "a.txt").read_text() == "first"
    assert names(tmp_path) == ["entry"]


def test_a_folder_that_is_missing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_bytes(tmp_path / "none" / "a.txt", b"")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_new_files_have_the_permissions_of_the_user(tmp_path):
    (tmp_path / "plain").write_text("")
    write_text(tmp_path / "a.txt", "")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_pipes_and_devices_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "photo.png")
    for path in (tmp_path / "photo.png", "/dev/zero"):
        with pytest.raises(OSError, match="no file"):
            open_file(path)
    with pytest.raises(FileNotFoundError):
        require_file(tmp_path / "missing")
