"""Programs of the checkout, run as a user runs them: in a folder of their own."""

from __future__ import annotations

import lzma
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE = Path(__file__).resolve().parent / "made_at_0_1_0"
STAMP = 1_700_000_000  # when files of the fixtures were changed last, as some results depend on it


def environment(folder: Path) -> dict[str, str]:
    """Of a program that starts in a folder: the checkout's code, a cache of its own, one thread."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "AVALANCHE_ISEG_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", *map(str, arguments)]


def run(folder: Path, *arguments, status: int | None = 0) -> subprocess.CompletedProcess:
    """``python -m`` with arguments, in a folder."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
    )
    if status is not None:
        assert done.returncode == status, f"{arguments}: {done.stdout}\n{done.stderr}"
    return done


def lay_out(folder: Path, *names: str) -> Path:
    """Copies of fixtures (files, or folders with what they hold) in a folder, unpacked."""
    for name in names:
        source = MADE / name
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_dir():
                continue
            place = folder / (file.relative_to(source) if source.is_dir() else file.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            if file.suffix == ".xz":
                place = place.with_suffix("")
                place.write_bytes(lzma.decompress(file.read_bytes()))
            else:
                shutil.copy(file, place)
            os.utime(place, (STAMP, STAMP))
    return folder


def pack(source: Path, path: Path) -> None:
    """Write a file as .xz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(source.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
