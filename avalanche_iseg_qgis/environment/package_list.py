"""The list of packages that the workers need: the only place that reads it."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parents[1] / "worker" / "requirements.txt"
"""The list that comes with the plugin, written by ``scripts/requirements.py``."""
PYTORCH_FILE = FILE.with_name("requirements-pytorch.txt")
"""The list with PyTorch, which published models need."""

# PyPI's PyTorch for Linux brings gigabytes of CUDA; macOS has no other build than PyPI's.
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class PackageList:
    """What the file says.

    Attributes
    ----------
    path
        The file, in the form that pip reads.
    packages
        Names, in lower case.
    oldest, newest
        Versions of Python, (major, minor), for which there are packages.
    download_mb, disk_mb
        Size of the packages on the net and on disk, megabytes; 0 where the list does not say.
    fingerprint
        Tells lists apart that ask for other packages.
    """

    path: Path
    packages: tuple[str, ...]
    oldest: tuple[int, int]
    newest: tuple[int, int]
    download_mb: int
    disk_mb: int
    fingerprint: str

    @classmethod
    def read(cls, path: Path = FILE) -> PackageList:
        """Read a list; raises `OSError` if it cannot be read."""
        text = path.read_text(encoding="utf-8")
        wanted = [line.strip() for line in text.splitlines()]
        wanted = [line for line in wanted if line and not line.startswith("#")]
        names = [re.match(r"[A-Za-z0-9][\w.-]*", line) for line in wanted]
        python = re.search(r"^# Python: (\d+)\.(\d+) to (\d+)\.(\d+)", text, re.MULTILINE)
        first, minor, last, most = map(int, python.groups()) if python else (3, 10, 3, 14)
        size = re.search(r"^# Size: (\d+) MB to download, (\d+) MB on disk", text, re.MULTILINE)
        download, disk = map(int, size.groups()) if size else (0, 0)
        return cls(
            path=path,
            packages=tuple(dict.fromkeys(name[0].lower() for name in names if name)),
            oldest=(first, minor),
            newest=(last, most),
            download_mb=download,
            disk_mb=disk,
            fingerprint=hashlib.sha256("\n".join(wanted).encode()).hexdigest(),
        )

    def pip_arguments(self, platform: str = sys.platform) -> list[str]:
        """Return pip's arguments that name the packages, and an index beside PyPI."""
        arguments = ["-r", str(self.path)]
        if "torch" in self.packages and platform != "darwin":
            arguments += ["--extra-index-url", _CPU_INDEX]
        return arguments
