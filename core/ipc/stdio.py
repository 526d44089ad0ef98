"""The life of a worker process: the pipes to the program that started it, kept from all others.

Nothing is imported here before the pipes are out of reach.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import RequestHandler


def run(make_handler: Callable[[], RequestHandler], purpose: str) -> int:
    """Serve the program at the other end of stdin and stdout; return the exit status.

    The arguments are those of `core.ipc.server.serve`.
    """
    import signal

    if sys.stdin.isatty():
        print("This is for programs to talk to. For people: python -m core --help")
        return 2
    source, sink = take_over()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the program's, which ends the worker
    from .server import serve

    with os.fdopen(sink, "wb") as stream:
        return serve(source, stream, make_handler, purpose)


def take_over() -> tuple[int, int]:
    """Move stdin and stdout aside, before anything is imported that may print or read.

    Afterwards stdin is empty and stdout goes to stderr, for Python, for native libraries and for
    child processes alike. Return the file descriptors to read requests from and to write answers
    to, both binary.
    """
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for channel in (source, sink):
            msvcrt.setmode(channel, os.O_BINARY)
    return source, sink
