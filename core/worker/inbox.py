"""Requests, read while the worker works, so that it knows what nobody waits for any more."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ..errors import WorkerError
from .frames import FrameDecoder
from .protocol import REPLACES, REQUESTS, Cancel, from_frame, number_of

_CHUNK = 1 << 20


class Inbox:
    """Iterates over requests with their numbers, until the program closes the pipe.

    A request that cannot be read comes as the error that tells why; with the number 0, if the
    rest of the stream is lost with it.

    Parameters
    ----------
    source
        File descriptor to read from.
    requests
        What is understood, by name.
    replaces
        For the requests that may be given up: of which kinds they make earlier ones stale.
    """

    def __init__(
        self,
        source: int,
        requests: Mapping[str, type] = REQUESTS,
        replaces: Mapping[type, tuple[type, ...]] = REPLACES,
    ) -> None:
        self._source = source
        self._requests, self._replaces = requests, replaces
        self._waiting: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._newest: dict[type, int] = {}  # of each kind, while wanted; never changed in place
        self._closed = False
        Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        while True:
            number, request = self._waiting.get()
            if self._closed and number:
                continue  # nobody is left to read the answer
            if request is None:
                return
            yield number, request

    def wanted(self, number: int) -> bool:
        """Whether anybody waits for the answer to the request, one that may be given up."""
        return not self._closed and number in self._newest.values()

    def _read(self) -> None:
        decoder = FrameDecoder()
        try:
            while data := os.read(self._source, _CHUNK):
                for frame in decoder.feed(data):
                    number = number_of(frame)
                    try:
                        request = from_frame(frame, self._requests)
                    except Exception as error:  # to be told, like any other failure
                        self._waiting.put((number, error))
                        continue
                    self._note(number, request)
            if decoder.pending:
                raise WorkerError("The requests end in the middle of a frame.")
        except Exception as error:  # without this thread, all would wait for ever
            self._waiting.put((0, error))
        self._closed = True
        self._waiting.put((0, None))

    def _note(self, number: int, request: Any) -> None:  # noqa: ANN401
        if isinstance(request, Cancel):
            self._newest = {k: n for k, n in self._newest.items() if n != request.request}
            return
        kind = type(request)
        if kind in self._replaces:
            stale = self._replaces[kind]
            kept = {k: n for k, n in self._newest.items() if k not in stale}
            self._newest = {**kept, kind: number}
        self._waiting.put((number, request))
