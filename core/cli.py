"""What every command line does alike: parse, run, report errors, return an exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from .errors import IsegError


def run_command(
    build_parser: Callable[[], argparse.ArgumentParser], argv: Sequence[str] | None = None
) -> int:
    """Parse arguments and run the command that they name.

    Parameters
    ----------
    build_parser
        Makes the parser. The parsed arguments hold the command as ``run``, which is called with
        them and returns an exit status, or None for 0. They may hold ``stopped``: how to go on
        after Ctrl-C.
    argv
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status: the command's own; 2 if the input is at fault, 130 if the user pressed
        Ctrl-C (each with one line on stderr), 141 if stdout was closed, as by ``| head``.
    """
    args = argparse.Namespace()
    try:
        build_parser().parse_args(argv, args)
        status: int | None = args.run(args)
        sys.stdout.flush()
    except IsegError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped" + (f": {args.stopped}" if "stopped" in args else ""), file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Python flushes stdout once more when it ends, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status or 0
