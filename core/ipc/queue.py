"""The queue of requests, read while the worker computes, so that it knows which became stale."""

from __future__ import annotations

import os
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ..errors import WorkerError
from .envelope import Cancel, MessageSet, from_frame, number_of
from .frames import FrameDecoder

_CHUNK = 1 << 20


class RequestQueue:
    """Iterates over requests with their numbers, until the program closes the pipe.

    A request that cannot be read comes as the error that tells why; with the number 0, if the
    rest of the stream is lost with it.

    Parameters
    ----------
    source
        File descriptor to read from.
    message_set
        What is understood.
    """

    def __init__(self, source: int, message_set: MessageSet) -> None:
        self._source = source
        self._message_set = message_set
        self._waiting: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._newest: dict[type, int] = {}  # of each kind, while wanted; never changed in place
        self._closed = False
        Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        while True:
            number, request = self._waiting.get()
            if self._closed and number:
                continue  # no program is left to read the answer
            if request is None:
                return
            yield number, request

    def is_wanted(self, number: int) -> bool:
        """Whether the answer to a request that may be skipped is still wanted."""
        return not self._closed and number in self._newest.values()

    def _read(self) -> None:
        decoder = FrameDecoder()
        try:
            while data := os.read(self._source, _CHUNK):
                for frame in decoder.feed(data):
                    number = number_of(frame)
                    try:
                        request = from_frame(frame, self._message_set.requests)
                    except Exception as error:  # answered like any other failure
                        self._waiting.put((number, error))
                        continue
                    self._add(number, request)
            if decoder.pending:
                raise WorkerError("The requests end in the middle of a frame.")
        except Exception as error:  # without this thread, all would wait for ever
            self._waiting.put((0, error))
        self._closed = True
        self._waiting.put((0, None))

    def _add(self, number: int, request: Any) -> None:  # noqa: ANN401
        if isinstance(request, Cancel):
            self._newest = {k: n for k, n in self._newest.items() if n != request.request}
            return
        kind, replaces = type(request), self._message_set.replaces
        if kind in replaces:
            kept = {k: n for k, n in self._newest.items() if k not in replaces[kind]}
            self._newest = {**kept, kind: number}
        self._waiting.put((number, request))
