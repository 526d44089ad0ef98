"""Atomic writes: a file or folder gets its name only once it is complete.

Standard library only, since the plugin writes through it inside QGIS, too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether this is the path of a file; no error for texts that no file system takes.

    Sources of layers may be URLs or queries, of any length.
    """
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading; see `require_file`."""
    require_file(path)
    return Path(path).open("rb")


def require_file(path: str | os.PathLike[str]) -> None:
    """Raise an OSError unless a path names a file or a folder.

    A pipe would be waited for, a device read without end.
    """
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(None, "it is a pipe or a device, no file", str(path))


def normal_path(path: str | os.PathLike[str]) -> str:
    """Return a path that is the same for all paths of one file.

    Links, ``.``, ``..`` and doubled slashes are resolved, on Windows letter case and backslashes.
    """
    try:
        return os.path.normcase(os.path.realpath(path))
    except (OSError, ValueError):
        return os.path.normcase(os.path.normpath(path))


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to write to, and move what was written to ``path`` when the block ends.

    The temporary path has the same name, in a new folder ``.writing-…`` beside ``path``: only
    within a file system is a move atomic, and drivers see the right suffix. If the block raises,
    ``path`` stays as it is. The temporary folder is removed in either case.

    A file replaces one that exists, after its content has reached the disk (fsync). A folder is
    moved without that, and only where no other one is.

    Raises
    ------
    OSError
        If the file cannot be written or moved.
    """
    path = Path(path)
    folder = tempfile.mkdtemp(prefix=".writing-", dir=path.parent)
    try:
        temporary = Path(folder, path.name)
        yield temporary
        move(temporary, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move(source: Path, target: Path) -> None:
    """Give a complete file or folder its name, so that even a power failure leaves no other.

    The content of a file reaches the disk (fsync) before its name does; then the folder's entry.

    Raises
    ------
    OSError
        If it cannot be moved.
    """
    if source.is_file():
        with source.open("rb+") as file:
            os.fsync(file.fileno())
    source.replace(target)
    if os.name == "posix":  # elsewhere folders cannot be opened
        with contextlib.suppress(OSError):  # some network drives cannot do it
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file atomically; see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 file atomically, line ends as they are; see `replacing`."""
    write_bytes(path, text.encode("utf-8"))


def visible_files(folder: Path, *suffixes: str) -> Sequence[Path]:
    """Return the files of a folder with one of the suffixes, in the order of their names.

    Names that begin with a dot are passed over: file managers leave such files beside the real ones
    (``._dem.tif``). Suffixes are in lower case, those of files in any.

    Raises
    ------
    OSError
        If the folder cannot be read.
    """
    paths = (path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    return sorted(path for path in paths if not path.name.startswith("."))
