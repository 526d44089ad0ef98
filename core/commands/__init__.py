"""Command line of core: ``python -m core segment ...``, ``... camera ...``, ``... models``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import IsegError
from . import camera, models, segment


def build_parser() -> argparse.ArgumentParser:
    """Parser of all commands; ``run`` of the parsed arguments is the command's function."""
    parser = argparse.ArgumentParser(
        prog="python -m core", description="Interactive segmentation of snow avalanches."
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    segment.add_parser(subparsers)
    camera.add_parser(subparsers)
    models.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status: 0, or 2 where the input is at fault (with a message on stderr).
    """
    args = build_parser().parse_args(argv)
    try:
        status: int = args.run(args)
    except IsegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return status
