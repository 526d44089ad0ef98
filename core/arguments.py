"""Parsers of values on command lines, and a check of them."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from .errors import IsegError, PromptError
from .files import normal_path
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


def refuse_overwriting(path: Path, inputs: Iterable[Path | None]) -> None:
    """Raise an IsegError if ``--out`` is one of the inputs, by whatever path; None is none."""
    if normal_path(path) in [normal_path(given) for given in inputs if given is not None]:
        raise IsegError(f"--out {path} would overwrite its own input: choose another name.")


def number(text: str) -> float:
    """Read a number; text that is none becomes NaN, which lies in no range."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def natural(text: str) -> int:
    """Read a whole number from 1 up."""
    if not re.fullmatch(r"0*[1-9]\d*", text, re.ASCII):
        raise _fault(text, "a whole number from 1 up")
    return int(text)


def natural_or_zero(text: str) -> int:
    """Read a whole number from 0 up."""
    if not re.fullmatch(r"\d+", text, re.ASCII):
        raise _fault(text, "a whole number from 0 up")
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


def crs(text: str) -> int:
    """Read ``EPSG:2056`` or ``2056``: the number of a coordinate reference system."""
    match = re.fullmatch(r"(?:EPSG:)?(\d{4,6})", text.strip(), re.ASCII | re.IGNORECASE)
    if match is None:
        raise _fault(text, "EPSG:N, such as EPSG:2056")
    return int(match[1])


def size(text: str) -> tuple[int, int]:
    """Read ``W,H``: width and height in pixels."""
    width, _, height = text.partition(",")
    try:
        return natural(width), natural(height)
    except argparse.ArgumentTypeError:
        raise _fault(text, "W,H in pixels, such as 1920,1080") from None


def heading(text: str) -> float:
    """Read degrees from 0 to 360."""
    value = number(text)
    if not 0 <= value <= 360:
        raise _fault(text, "degrees from 0 to 360")
    return value


def names(text: str) -> tuple[str, ...]:
    """Read names between commas."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise _fault(text, "names between commas, such as name,u,v,x,y,z")
    return found


def corner(text: str) -> tuple[int, int]:
    """Read ``LEFT,TOP``: the column and row of a pixel, from 0."""
    values = _numbers(text)
    if len(values) != 2 or not all(value.is_integer() and value >= 0 for value in values):
        raise _fault(text, "LEFT,TOP in whole pixels, such as 240,0")
    return int(values[0]), int(values[1])


def position(text: str) -> tuple[float, float, float | None]:
    """Read ``X,Y,Z`` or ``X,Y``: map coordinates in metres, without Z None."""
    values = _numbers(text)
    if len(values) not in (2, 3):
        raise _fault(text, "X,Y,Z or X,Y in metres")
    return values[0], values[1], values[2] if len(values) == 3 else None


def sigmas(text: str) -> tuple[float, float, float]:
    """Read ``SX,SY,SZ`` or one number for all three: standard deviations in metres."""
    values = _numbers(text)
    values = values * 3 if len(values) == 1 else values
    if len(values) != 3 or min(values) <= 0:
        raise _fault(text, "SX,SY,SZ or one number, in metres and greater than 0")
    return values[0], values[1], values[2]


class Sigma(NamedTuple):
    """A standard deviation: in units of the value itself, or (`share`) as a fraction of it."""

    value: float
    share: bool

    def of(self, value: float) -> float:
        """Return the sigma as a fraction of ``value``."""
        return self.value if self.share else self.value / value


def sigma(text: str) -> Sigma:
    """Read ``10%`` or a number in the units of the value itself."""
    value = number(text.rstrip("% "))
    if not 0 < value < math.inf:
        raise _fault(text, "a share such as 10%% or a number of pixels, greater than 0")
    return Sigma(value / 100, share=True) if "%" in text else Sigma(value, share=False)


def moment(text: str) -> str:
    """Check a date, or a date and time, of ISO 8601; return it as typed."""
    try:
        datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise _fault(text, "a date or time such as 2026-01-31 or 2026-01-31T08:00:00Z") from None
    return text


def _numbers(text: str) -> list[float]:
    """Read finite numbers between commas; an empty list if one is not."""
    values = [number(part) for part in text.split(",")]
    return values if all(map(math.isfinite, values)) else []


def _fault(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r} is not {expected}")
