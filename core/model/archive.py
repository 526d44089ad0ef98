"""Archives of weights: refused before they fill the memory."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

from ..errors import CheckpointError
from ..json_files import DAMAGED

MOST_INFLATED = 20
"""Times that the content of an archive of weights may be larger than the archive."""


def refuse_bomb(path: Path) -> None:
    """Refuse a zip archive, as PyTorch and NumPy write them, that is far larger in memory.

    Other files pass: their readers say what is wrong.

    Raises
    ------
    CheckpointError
        If it announces so much; weights can hardly be compressed at all.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            content = sum(entry.file_size for entry in archive.infolist())
        packed = path.stat().st_size
    except (*DAMAGED, struct.error):
        return
    if content > MOST_INFLATED * packed:
        raise CheckpointError(
            f"it announces {content} bytes of content in {packed}, which weights never do: get it "
            "again, from its source"
        )
