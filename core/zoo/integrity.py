"""Check of a file against published checksums."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

_BLOCK = 1 << 20  # bytes read at once


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


def integrity_error(
    path: Path, *, git_blob: str | None = None, sha256: str | None = None, size: int | None = None
) -> str | None:
    """Describe how a file differs from the published one; None if it does not.

    Parameters
    ----------
    path
        File to check.
    git_blob
        Expected git blob id, 40 hex digits: SHA-1 of "blob", a space, the length in decimal, a
        zero byte and the content.
    sha256
        Expected SHA-256 of the content, 64 hex digits.
    size
        Expected length in bytes.

    Returns
    -------
    str or None
        Part of a sentence, such as "it has 9 bytes instead of 12". What is None is not checked.

    Notes
    -----
    Each of the two hashes reads the file once (40 MB: about 0.1 s, little beside loading the
    model). SHA-1 detects damage, not forgery: read model files as plain data only.
    """
    try:
        length = path.stat().st_size
        if size is not None and length != size:
            return f"it has {length} bytes instead of {size}"
        blob = hashlib.sha1(b"blob %d\0" % length, usedforsecurity=False)
        return _mismatch(path, blob, "git blob id", git_blob) or _mismatch(
            path, hashlib.sha256(), "SHA-256", sha256
        )
    except OSError as fault:
        return f"it cannot be read ({fault})"


def _mismatch(path: Path, digest: _Hash, label: str, expected: str | None) -> str | None:
    """Describe a hash of the content other than the expected one; None is not checked."""
    if expected is None:
        return None
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    found = digest.hexdigest()
    return None if found == expected.lower() else f"its {label} is {found} instead of {expected}"
