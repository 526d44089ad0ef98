"""Command line of core: ``python -m core segment ...``, camera, export, merge, models, series."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..cli import run_command
from . import camera, export, merge, models, segment, series


def build_parser(prog: str = "python -m core") -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog=prog, description="Interactive segmentation of snow avalanches."
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    segment.add_parser(subparsers)
    camera.add_parser(subparsers)
    export.add_parser(subparsers)
    merge.add_parser(subparsers)
    models.add_parser(subparsers)
    series.add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None, prog: str = "python -m core") -> int:
    """Run a command and return its exit status; see `core.cli.run_command`."""
    return run_command(lambda: build_parser(prog), argv)
