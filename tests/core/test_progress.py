"""Progress that a program reads, line by line."""

from __future__ import annotations

import pytest

from core.progress import LINES, show_progress


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([(0, 4), (1, 4), (2, 4), (4, 4)], ["  0", " 25", " 50", "100"]),
        ([(n, 1000) for n in range(1001)], [f"{n:3d}" for n in range(101)]),
        ([(0, 0)], ["  0"]),
        ([(1, 2), (2, 2), (1, 3)], [" 50", "100", " 33"]),  # another round
    ],
)
def test_each_percent_is_a_line(monkeypatch, capsys, steps, expected):
    monkeypatch.setenv(LINES, "lines")
    report = show_progress("register")
    for done, total in steps:
        report(done, total)
    assert capsys.readouterr().err.splitlines() == [f"[{each} %] register" for each in expected]


def test_without_a_terminal_nothing_is_said(monkeypatch, capsys):
    monkeypatch.delenv(LINES, raising=False)
    show_progress("register")(1, 2)
    assert capsys.readouterr().err == ""
