"""``python -m eval``: one subcommand per task."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.errors import IsegError

from . import demo, noc, plots


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; 0 if it succeeded, 2 with a message on stderr if the input is at fault."""
    parser = argparse.ArgumentParser(prog="python -m eval", description="Measure models.")
    subparsers = parser.add_subparsers(dest="command", required=True)
    noc.add_parser(subparsers)
    plots.add_parser(subparsers)
    demo.add_parser(subparsers)
    args = parser.parse_args(arguments)
    try:
        args.run(args)
    except IsegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: start again with the same options to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
