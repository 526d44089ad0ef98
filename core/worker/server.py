"""The loop of a worker: a request in, an answer out, until the program closes the pipe."""

from __future__ import annotations

import sys
import traceback
from typing import Any, BinaryIO

from ..errors import IsegError
from .frames import encode
from .inbox import Inbox
from .protocol import Failure, to_frame


def serve(source: int, sink: BinaryIO) -> int:
    """Answer requests.

    Parameters
    ----------
    source
        File descriptor to read requests from.
    sink
        Where answers go.

    Returns
    -------
    int
        Exit status: 0 at the end of the requests, 1 if this environment cannot compute, 2 if the
        requests cannot be understood.
    """
    try:
        from .session import Session
    except ImportError as error:
        traceback.print_exc()
        _send(sink, 0, Failure("EngineError", _unsuitable(error)))
        return 1
    session = Session()
    inbox = Inbox(source)
    for number, request in inbox:
        answer = _answer(session, inbox, number, request)
        _send(sink, number, answer)
        if number == 0:
            return 2
    return 0


def _answer(session: Any, inbox: Inbox, number: int, request: Any) -> Any:  # noqa: ANN401
    try:
        if isinstance(request, Exception):
            raise request
        return session.answer(request, lambda: inbox.wanted(number))
    except IsegError as error:
        return Failure(type(error).__name__, str(error))
    except Exception as error:
        traceback.print_exc()
        text = f"The worker failed at this ({type(error).__name__}: {error}). See its log."
        return Failure("EngineError", text)


def _unsuitable(error: ImportError) -> str:
    return (
        f"The Python interpreter {sys.executable} cannot run the models ({error}). Choose the "
        "interpreter of an environment in which this software is installed, such as that of "
        "'make setup'."
    )


def _send(sink: BinaryIO, number: int, answer: Any) -> None:  # noqa: ANN401
    for part in encode(to_frame(number, answer)):
        sink.write(part)
    sink.flush()
