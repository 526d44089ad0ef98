"""QGIS killed, quit, its project closed, its worker killed: a few of the moments of the script."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_lost_at_random_moments(interpreter):
    own = {name: value for name, value in os.environ.items() if not name.startswith("ISEG_")}
    program = [interpreter, ROOT / "scripts" / "random_moments.py", "--count", "6", "--seed", "11"]
    done = subprocess.run(program, env=own, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
