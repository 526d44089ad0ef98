"""The pipes to the program that started this process, out of everyone else's reach."""

from __future__ import annotations

import os
import sys


def take_over() -> tuple[int, int]:
    """Move stdin and stdout aside, before anything is imported that may print or read.

    Afterwards stdin is empty and stdout goes to stderr, for Python, for native libraries and for
    child processes alike.

    Returns
    -------
    File descriptors to read requests from and to write answers to, both binary.
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
