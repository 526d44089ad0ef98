"""Runs inside QGIS (see `run.py`): pytest, in QGIS's own process and event loop."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from qgis.PyQt.QtCore import QTimer


def finish(status: int) -> None:
    """End QGIS at once, unsaved projects included."""
    sys.stdout.flush()
    sys.stderr.flush()
    Path(os.environ["ISEG_STATUS"]).write_text(str(int(status)))
    os._exit(0)


def _run() -> None:
    status = 1
    try:
        import pytest

        sys.argv = ["pytest"]
        sys.path.insert(0, os.environ["ISEG_TESTS"])
        status = pytest.main(
            [
                *("-p", "no:cacheprovider", "--import-mode=importlib"),
                *json.loads(os.environ["ISEG_PYTEST"]),
            ]
        )
    except BaseException:
        traceback.print_exc()
    finally:
        finish(status)


if "ISEG_PYTEST" in os.environ:
    QTimer.singleShot(0, _run)
