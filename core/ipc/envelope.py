"""Messages as frames: numbers, message sets, and the messages that all workers share.

Every request has a number, counted up from 1, and gets one answer with the same number; but
`Cancel`, which makes another request's answer `Skipped`. Number 0 is a `Failure` that belongs to
no request: the worker ends with it.

For QGIS's own Python too: standard library and NumPy only, Python 3.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from reprlib import repr as short_repr
from typing import Any

import numpy as np

from ..errors import IsegError, WorkerError
from ..json_files import MALFORMED
from .frames import Frame

# --- messages that all workers share ----------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Hello:
    """The first request: answered with `Welcome`, or `Failure` if the versions differ."""

    protocol: int


@dataclass(frozen=True, eq=False)
class Cancel:
    """The answer to an earlier request that may be skipped is not wanted any more. Not answered."""

    request: int


@dataclass(frozen=True, eq=False)
class Welcome:
    """What the worker is; ``versions`` of "core", "python" and the packages that compute."""

    protocol: int
    versions: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Skipped:
    """The request was cancelled, or a newer one has made it stale."""


@dataclass(frozen=True, eq=False)
class Failure:
    """A request that failed; the worker goes on.

    ``error`` is the name of a class of `core.errors`, ``text`` what a person should read.
    """

    error: str
    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.error, str) or not isinstance(self.text, str):
            raise TypeError("a failure needs the name of an error and a text")


# --- message sets -----------------------------------------------------------------------------


class MessageSet:
    """The messages that one worker understands.

    Parameters
    ----------
    part
        Of `core`, which is the worker.
    version
        Raised with every change that an older program or worker would misunderstand.
    table
        A row for each request but `Cancel`: its name in frames and its class, those of its
        answer, and the seconds after which none is to be expected. The names are a contract, the
        classes not.
    replaces
        For the requests that may be `Skipped`: the kinds of earlier ones that they make stale.

    Attributes
    ----------
    requests, answers
        Classes by name.
    answered_by
        Class of the answer and seconds, by the request's class.
    """

    def __init__(
        self,
        part: str,
        version: int,
        table: Sequence[tuple[str, type, str, type, float]],
        replaces: Mapping[type, tuple[type, ...]],
    ) -> None:
        self.part, self.version, self.replaces = part, version, replaces
        self.requests: dict[str, type] = {"cancel": Cancel}
        self.answers: dict[str, type] = {"skipped": Skipped, "failure": Failure}
        self.answered_by: dict[type, tuple[type, float]] = {}
        for request_name, request, answer_name, answer, seconds in table:
            self.requests[request_name], self.answers[answer_name] = request, answer
            self.answered_by[request] = answer, seconds

    def to_frame(self, number: int, message: Any) -> Frame:  # noqa: ANN401
        """Return the frame of a request or answer with this number."""
        return to_frame(number, message, {**self.requests, **self.answers})

    def accepts(self, request: Any, answer: Any) -> bool:  # noqa: ANN401
        """Whether an answer is one to this request."""
        expected, _ = self.answered_by[type(request)]
        skipped = isinstance(answer, Skipped) and type(request) in self.replaces
        return isinstance(answer, (expected, Failure)) or skipped


def to_frame(number: int, message: Any, known: Mapping[str, type]) -> Frame:  # noqa: ANN401
    """Return the frame of a message, one of the ``known``."""
    names = {kind: name for name, kind in known.items()}
    header: dict[str, Any] = {"type": names[type(message)], "number": number}
    arrays = {}
    for entry in fields(message):
        value = getattr(message, entry.name)
        if isinstance(value, np.ndarray):
            arrays[entry.name] = value
        else:
            header[entry.name] = value
    return Frame(header, arrays)


def number_of(frame: Frame) -> int:
    """Return the number of the request that a frame is, or answers; `WorkerError` without one."""
    number = frame.header.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise WorkerError(f"A message with the number {short_repr(number)}.")
    return number


def from_frame(frame: Frame, known: Mapping[str, type]) -> Any:  # noqa: ANN401
    """Return the message in a frame, one of the ``known``: requests or answers.

    Raises
    ------
    WorkerError
        If it is none of these, or has other fields.
    IsegError
        If its content does not fit.
    """
    content = {**frame.header, **frame.arrays}
    name, _ = content.pop("type", None), content.pop("number", None)
    if not isinstance(name, str) or name not in known:
        raise WorkerError(f"Unknown message {short_repr(name)}; known are {', '.join(known)}.")
    try:
        return known[name](**content)
    except IsegError:
        raise
    except MALFORMED as error:
        raise WorkerError(f"A message {name!r} that cannot be read: {error}.") from error
