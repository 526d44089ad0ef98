"""Values of command line options: clicks, boxes and numbers in the notation that users type."""

from __future__ import annotations

import argparse
import math

from ..errors import PromptError
from ..prompts import Box, Click


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


def not_negative(text: str) -> float:
    """Read a finite number from 0 up."""
    value = _number(text)
    if not 0 <= value < math.inf:
        raise _fault(text, "a number from 0 up")
    return value


def probability(text: str) -> float:
    """Read a number from 0 to 1."""
    value = _number(text)
    if not 0 <= value <= 1:
        raise _fault(text, "a number from 0 to 1")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _fault(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r} is not {expected}")
