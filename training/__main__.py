"""``python -m training``: run a configuration, or one of the tools.

The tools are ``data``, ``synthetic`` and ``from-mapped``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.cli import run_command

_TOOLS = (
    "tools instead of CONFIG: 'data' prepares data sets, 'synthetic' makes alpine scenes, "
    "'from-mapped' fine-tunes a model on mapped avalanches"
)


def main(arguments: Sequence[str] | None = None, prog: str = "python -m training") -> int:
    """Run a command and return its exit status; see `core.cli.run_command`."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    return run_command(lambda: _build_parser(arguments[:1], prog), arguments)


def _build_parser(tool: Sequence[str], prog: str) -> argparse.ArgumentParser:
    """Build the parser of one tool, or else of training."""
    # Only what is asked for is imported: torch takes seconds.
    parser = argparse.ArgumentParser(prog=prog)
    if tool == ["data"]:
        from . import data

        data.add_parser(parser.add_subparsers(required=True))
    elif tool == ["synthetic"]:
        from .synthetic import command

        command.add_parser(parser.add_subparsers(required=True))
    elif tool == ["from-mapped"]:
        from .mapped import command as from_mapped

        from_mapped.add_parser(parser.add_subparsers(required=True))
    else:
        from . import run

        parser.description, parser.epilog = "Train a model.", _TOOLS
        run.add_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
