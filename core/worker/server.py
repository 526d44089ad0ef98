"""The loop of a worker: a request in, an answer out, until the program closes the pipe."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Protocol

from ..errors import IsegError
from .frames import encode
from .inbox import Inbox
from .protocol import Failure, to_frame


class RequestHandler(Protocol):
    """What computes the answers.

    Attributes
    ----------
    requests, replaces
        As `Inbox` takes them.
    """

    requests: Mapping[str, type]
    replaces: Mapping[type, tuple[type, ...]]

    def answer(self, request: Any, wanted: Callable[[], bool]) -> Any:  # noqa: ANN401
        """The answer to a request; ``wanted`` tells whether anybody still waits for it."""


def serve(source: int, sink: BinaryIO, session: Callable[[], RequestHandler], purpose: str) -> int:
    """Answer requests.

    Parameters
    ----------
    source
        File descriptor to read requests from.
    sink
        Where answers go.
    session
        Makes the session; imports what it needs.
    purpose
        What an environment without that cannot do.

    Returns
    -------
    int
        Exit status: 0 at the end of the requests, 1 if this environment cannot compute, 2 if the
        requests cannot be understood.
    """
    try:
        opened = session()
    except ImportError as error:
        traceback.print_exc()
        _send(sink, encode(to_frame(0, Failure("EngineError", _unsuitable(error, purpose)))))
        return 1
    inbox = Inbox(source, opened.requests, opened.replaces)
    for number, request in inbox:
        _send(sink, _answer(opened, inbox, number, request))
        if number == 0:
            return 2
    return 0


def _answer(session: RequestHandler, inbox: Inbox, number: int, request: Any) -> list[Any]:  # noqa: ANN401
    """The bytes of the answer, in parts."""
    try:
        if isinstance(request, Exception):
            raise request
        answer = session.answer(request, lambda: inbox.wanted(number))
        return encode(to_frame(number, answer))
    except IsegError as error:
        failure = Failure(type(error).__name__, str(error))
    except Exception as error:
        traceback.print_exc()
        text = f"The worker failed at this ({type(error).__name__}: {error}). See its log."
        failure = Failure("EngineError", text)
    return encode(to_frame(number, failure))


def _unsuitable(error: ImportError, purpose: str) -> str:
    return (
        f"The Python interpreter {sys.executable} cannot {purpose} ({error}). Choose the "
        "interpreter of an environment in which this software is installed, such as that of "
        "'make setup'."
    )


def _send(sink: BinaryIO, parts: list[Any]) -> None:
    for part in parts:
        sink.write(part)
    sink.flush()
