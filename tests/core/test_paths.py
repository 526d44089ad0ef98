"""Paths of files: texts of any kind, and one path for one file."""

from __future__ import annotations

import os

import pytest

from core.files import is_file, normal_path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 300,
        "/" + "x" * 5000,
        "a\0b",
        "url=https://a.b/?" + "c=d&" * 200,
        "<VRTDataset/>" * 99,
    ],
)
def test_texts_that_are_no_files(text):
    assert not is_file(text)
    assert isinstance(normal_path(text), str)


def test_files(tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(b"")
    assert is_file(file)
    assert is_file(str(file))
    assert not is_file(tmp_path)


def test_one_path_for_one_file(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.jpg").write_bytes(b"")
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "b.jpg").symlink_to(real / "a.jpg")
    same = (
        f"{real}/a.jpg",
        f"{tmp_path}//real//a.jpg",
        f"{tmp_path}/./real/../real/a.jpg",
        f"{tmp_path}/link/a.jpg",
        f"{tmp_path}/b.jpg",
        os.path.relpath(real / "a.jpg"),
    )
    assert {normal_path(path) for path in same} == {normal_path(str(real / "a.jpg"))}
    assert normal_path(f"{tmp_path}/gone/../gone/a.jpg") == normal_path(f"{tmp_path}/gone//a.jpg")
    assert normal_path(f"{real}/b.jpg") != normal_path(f"{real}/a.jpg")
