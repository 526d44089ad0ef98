"""Starts a worker: ``python -m core.worker``, by a program that speaks `protocol` to it."""

from .channel import take_over


def main() -> int:
    """Serve the program at the other end of stdin and stdout; returns the exit status."""
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
        return serve(source, stream)


if __name__ == "__main__":
    raise SystemExit(main())
