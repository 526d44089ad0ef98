"""`python -m core models`: the models of the zoo, their origin, which are present."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `core.commands`."""
    parser = subparsers.add_parser("models", help="list the models that can be used")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:  # noqa: ARG001  (all commands are called alike)
    """Print the list."""
    from ..zoo import describe_models

    print(describe_models())
