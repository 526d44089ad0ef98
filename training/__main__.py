"""``python -m training``: run a configuration, or one of the tools ``data`` and ``synthetic``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.errors import IsegError

_TOOLS = "tools instead of CONFIG: 'data' prepares data sets, 'synthetic' makes alpine scenes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 0 if it succeeded, 2 with a message on stderr if the input is at fault."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if arguments[:1] == ["data"]:
            from . import data

            return data.main(arguments[1:])
        args = _parse(arguments)
        args.run(args)
    except IsegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped: a training goes on with --resume", file=sys.stderr)
        return 130
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    # Only what is asked for is imported: torch takes seconds.
    if arguments[:1] == ["synthetic"]:
        from .synthetic import command

        parser = argparse.ArgumentParser(prog="python -m training")
        command.add_parser(parser.add_subparsers(required=True))
    else:
        from . import run

        parser = argparse.ArgumentParser(
            prog="python -m training", description="Train a model.", epilog=_TOOLS
        )
        run.add_arguments(parser)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
