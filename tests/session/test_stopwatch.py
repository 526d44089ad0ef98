"""Seconds of work."""

from __future__ import annotations

from avalanche_iseg_qgis.session.stopwatch import Stopwatch


def test_pauses_do_not_count():
    now = [1000.0]
    watch = Stopwatch(clock=lambda: now[0])
    for at in (1000, 1004, 1010, 1070, 1131, 1135):  # the last gap but one is 61 s
        now[0] = at
        watch.touch()
    assert watch.seconds == 4 + 6 + 60 + 4


def test_nothing_done_takes_no_time():
    assert Stopwatch().seconds == 0
    watch = Stopwatch()
    watch.touch()
    assert watch.seconds == 0
