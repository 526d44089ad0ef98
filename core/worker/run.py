"""The life of a worker process. Nothing is imported here before the pipes are out of reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .channel import take_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from .server import RequestHandler


def run(session: Callable[[], RequestHandler], purpose: str) -> int:
    """Serve the program at the other end of stdin and stdout; returns the exit status.

    Parameters
    ----------
    session, purpose
        As `core.worker.server.serve` takes them.
    """
    import os
    import signal
    import sys

    if sys.stdin.isatty():
        print("This is for programs to talk to. For people: python -m core --help")
        return 2
    source, sink = take_over()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the program's, which ends the worker
    from .server import serve

    with os.fdopen(sink, "wb") as stream:
        return serve(source, stream, session, purpose)
