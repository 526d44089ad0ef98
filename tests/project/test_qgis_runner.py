"""tests/qgis/run.py ends all that it has started, also when it is ended itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[1] / "qgis"
CODE = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
import run
run.end_when_asked()
child = subprocess.Popen(
    ["sh", "-c", "sleep 1000 & sh -c 'sleep 1000 & echo $! ; wait' & echo $! ; wait"],
    start_new_session=True,
)
try:
    child.wait()
finally:
    run.end_group(child)
"""


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_nothing_is_left_running(number):
    with subprocess.Popen(
        [sys.executable, "-c", CODE, str(RUN)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as runner:
        pids = [int(runner.stdout.readline()) for _ in range(2)]
        assert all(map(is_there, pids))
        runner.send_signal(number)
        runner.wait(30)
    end = time.monotonic() + 10
    while any(map(is_there, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_there, pids))
