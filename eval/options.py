"""Values of command line options."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from core.arguments import number


def between_0_and_1(text: str) -> float:
    """Read a number greater than 0 and less than 1."""
    value = number(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def zoom(text: str) -> str:
    """Read ``own``, ``cvpr``, ``off`` or ``fixedN``."""
    if not re.fullmatch(r"own|cvpr|off|fixed0*[1-9]\d*", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not own, cvpr, fixedN (such as fixed400) or off"
        )
    return text


def dataset_folder(text: str) -> tuple[str, Path]:
    """Read ``NAME=DIR``."""
    name, sign, folder = text.partition("=")
    if not (name and sign and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR, such as grabcut=data/GrabCut")
    return name, Path(folder)
