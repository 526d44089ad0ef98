"""Versions of a file: webcams write each image over the one before."""

from __future__ import annotations

import stat
from pathlib import Path


def file_version(path: str) -> str:
    """Return a text that differs once a file was written, replaced or touched; "" if it is none.

    Costs one look into the folder. Whether the content is another one is for a checksum to tell.
    """
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # ValueError: a source that can be no path
        return ""
    if not stat.S_ISREG(status.st_mode):
        return ""
    parts = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return "-".join(format(part, "x") for part in parts)
