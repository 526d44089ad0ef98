"""One part of a random walk, as a script inside QGIS."""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from pathlib import Path

from qgis import utils


def run_part(make, note) -> None:
    """Walk in a folder of its own; arguments: file for the report, seed, number of steps.

    ``make`` is the class of the walk; ``note`` is called with it and the traceback of what it did
    not catch.
    """
    out, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    interpreter = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="iseg-walk-", ignore_cleanup_errors=True) as folder:
        walk = make(utils.iface, interpreter, Path(folder), seed)

        def write(*, ended: bool = False) -> None:
            out.write_text(json.dumps({**walk.report(), "ended": ended}))

        try:
            walk.run(count, write)
        except Exception:  # of the walk itself, or what it calls
            note(walk, traceback.format_exc())
        write(ended=True)
