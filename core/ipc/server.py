"""The loop of a worker: a request in, an answer out, until the program closes the pipe."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Protocol

from ..errors import IsegError, WorkerError
from ..version import __version__
from .envelope import Failure, Hello, MessageSet, Welcome, to_frame
from .frames import encode
from .queue import RequestQueue


class RequestHandler(Protocol):
    """What computes the answers, one after another.

    Attributes
    ----------
    message_set
        What it answers.
    """

    message_set: MessageSet

    def welcome(self) -> Welcome:
        """Return what the worker is."""

    def answer(self, request: Any, is_wanted: Callable[[], bool]) -> Any:  # noqa: ANN401
        """Return the answer to a request, any but `Hello` and `Cancel`.

        ``is_wanted`` tells whether the answer to a request that may be skipped is still wanted.
        After an error the handler goes on as before.
        """


def serve(
    source: int, sink: BinaryIO, make_handler: Callable[[], RequestHandler], purpose: str
) -> int:
    """Answer requests.

    Parameters
    ----------
    source
        File descriptor to read requests from.
    sink
        Where answers go.
    make_handler
        Imports what it needs.
    purpose
        What an environment without that cannot do.

    Returns
    -------
    int
        Exit status: 0 at the end of the requests, 1 if this environment cannot compute, 2 if the
        requests cannot be understood.
    """
    try:
        handler = make_handler()
    except ImportError as error:
        traceback.print_exc()
        text = (
            f"The Python interpreter {sys.executable} cannot {purpose} ({error}). Choose that of "
            "an environment with its packages: in QGIS, “Set up…” makes one, in a checkout "
            "'make setup'."
        )
        _send(sink, encode(to_frame(0, Failure("EngineError", text), {"failure": Failure})))
        return 1
    queue = RequestQueue(source, handler.message_set)
    for number, request in queue:
        _send(sink, _answer(handler, queue, number, request))
        if number == 0:
            return 2
    return 0


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of "core", "python" and the packages; "" of one that is not installed."""
    own = {"core": __version__, "python": platform.python_version()}
    return {**own, **{package: _version(package) for package in packages}}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _answer(handler: RequestHandler, queue: RequestQueue, number: int, request: Any) -> list[Any]:  # noqa: ANN401
    """Return the bytes of the answer, in parts."""
    message_set = handler.message_set
    try:
        if isinstance(request, Exception):
            raise request
        if isinstance(request, Hello):
            _check_version(request, message_set)
            answer: Any = handler.welcome()
        else:
            answer = handler.answer(request, lambda: queue.is_wanted(number))
        return encode(message_set.to_frame(number, answer))
    except IsegError as error:
        failure = Failure(type(error).__name__, str(error))
    except Exception as error:
        traceback.print_exc()
        text = f"The worker failed at this ({type(error).__name__}: {error}). See its log."
        failure = Failure("EngineError", text)
    return encode(message_set.to_frame(number, failure))


def _check_version(request: Hello, message_set: MessageSet) -> None:
    if request.protocol != message_set.version:
        raise WorkerError(
            f"The worker speaks version {message_set.version} of its protocol, the program version "
            f"{request.protocol}. Update the older of the two."
        )


def _send(sink: BinaryIO, parts: list[Any]) -> None:
    for part in parts:
        sink.write(part)
    sink.flush()
