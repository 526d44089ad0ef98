"""The API reference built from docstrings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import core

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_has_every_public_name(tmp_path):
    subprocess.run([sys.executable, ROOT / "scripts" / "api.py", tmp_path], cwd=ROOT, check=True)
    page = (tmp_path / "core.html").read_text(encoding="utf-8")
    missing = [name for name in core.__all__ if f'id="{name}"' not in page]
    assert missing == ["__version__"] or missing == []
    assert (tmp_path / "core" / "camera.html").is_file()
