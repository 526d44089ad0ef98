"""Values of command line options: numbers, clicks and boxes in the notation that users type."""

from __future__ import annotations

import argparse
import math
import re

from .errors import PromptError
from .prompts import Box, Click


def click(text: str) -> Click:
    """Read ``COL,ROW`` or ``COL,ROW,+`` (on the object) or ``COL,ROW,-`` (background)."""
    position, sign = (text[:-2], text[-1]) if text.endswith((",+", ",-")) else (text, "+")
    try:
        col, row = (float(value) for value in position.split(","))
        return Click(row, col, positive=sign == "+")
    except (ValueError, PromptError):
        raise _fault(text, "COL,ROW or COL,ROW,+ or COL,ROW,-") from None


def box(text: str) -> Box:
    """Read ``COL,ROW,COL,ROW``: opposite corners in any order."""
    try:
        col0, row0, col1, row1 = (float(value) for value in text.split(","))
        return Box.from_corners((row0, col0), (row1, col1))
    except (ValueError, PromptError):
        raise _fault(text, "COL,ROW,COL,ROW") from None


def number(text: str) -> float:
    """Read a number; what is none becomes NaN, which lies in no range."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def natural(text: str) -> int:
    """Read a whole number from 1 up."""
    if not re.fullmatch(r"0*[1-9]\d*", text, re.ASCII):
        raise _fault(text, "a whole number from 1 up")
    return int(text)


def positive(text: str) -> float:
    """Read a finite number greater than 0."""
    value = number(text)
    if not 0 < value < math.inf:
        raise _fault(text, "a number greater than 0")
    return value


def not_negative(text: str) -> float:
    """Read a finite number from 0 up."""
    value = number(text)
    if not 0 <= value < math.inf:
        raise _fault(text, "a number from 0 up")
    return value


def probability(text: str) -> float:
    """Read a number from 0 to 1."""
    value = number(text)
    if not 0 <= value <= 1:
        raise _fault(text, "a number from 0 to 1")
    return value


def _fault(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r} is not {expected}")
