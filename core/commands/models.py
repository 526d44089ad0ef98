"""`python -m core models`: the models of the zoo, their origin, which are present."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `core.commands`."""
    parser = subparsers.add_parser("models", help="list the models that can be used")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:  # noqa: ARG001  (all commands are called alike)
    """Print the list."""
    from ..zoo import describe_models

    print(describe_models())
    return 0
