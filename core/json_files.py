"""JSON from files, layers and pipes that nobody vouches for: the one reader of all programs.

Standard library only, since the plugin reads through it inside QGIS, too.
"""

from __future__ import annotations

import json
import re
import tokenize
import zipfile
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from .text_files import LARGEST, decode_text, read_limited

if TYPE_CHECKING:
    import os

MALFORMED = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""Raised by Python where values that were read are of another kind or size than expected."""

DAMAGED = (
    *MALFORMED,
    OSError,
    EOFError,
    MemoryError,
    NotImplementedError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Raised where damaged arrays and archives are read, `MALFORMED` included."""

DEEPEST = 64
"""Levels of lists and objects within each other; more has no meaning in any file of ours."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SHOWN = 200  # characters of a message


def read_json(path: str | os.PathLike[str], most: int = LARGEST) -> Any:  # noqa: ANN401
    """Read a JSON file of at most ``most`` bytes; see `parse_json`.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is too large or no JSON; the message is the part of a sentence that says why.
    """
    return parse_json(read_limited(path, most))


def parse_json(content: str | bytes | bytearray) -> Any:  # noqa: ANN401
    """Return the values of a JSON text.

    A byte order mark is passed over, bytes may be UTF-16. ``NaN`` and ``Infinity`` are read, as
    NumPy writes them: check that numbers are finite where they must be.

    Raises
    ------
    ValueError
        If it is no JSON, an object has a name twice, or values are nested deeper than `DEEPEST`;
        the message is the part of a sentence that says why.
    """
    if not isinstance(content, str):
        content = decode_text(bytes(content))
    try:
        value = json.loads(content.lstrip("\ufeff"), object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON ({error})") from error
    except ValueError as error:
        raise ValueError(str(error)[:_SHOWN]) from error
    if _is_deep(content):
        raise ValueError(_TOO_DEEP)
    return value


_TOO_DEEP = f"its values are nested deeper than {DEEPEST} levels"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"an object in it has the name {name!r} twice: keep one")
    return found


def _is_deep(content: str) -> bool:
    """Return whether valid JSON is nested too deep, by taking innermost brackets away."""
    encoded = content.encode("utf-8", errors="replace")
    brackets = _STRING.sub(b"", encoded).translate(None, _NO_BRACKETS)
    for _ in range(DEEPEST):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


_TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def is_true(value: object) -> bool:
    """Return the truth of a value that may have been written as a number or text.

    Raises
    ------
    ValueError
        If it is neither true nor false, nor 0, 1, "yes" or "no" or the like.
    """
    text = str(int(value) if isinstance(value, float) and value in (0, 1) else value)
    truth = False if value is None else _TRUTHS.get(text.strip().lower())
    if truth is None:
        raise ValueError(f"{text[:_SHOWN]!r} is neither true (1) nor false (0)")
    return truth
