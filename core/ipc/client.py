"""A blocking client for scripts: starts a worker, sends requests, waits for the answers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, TypeVar, cast

from .. import errors
from ..errors import IsegError, WorkerError
from .envelope import Failure, Hello, MessageSet, Welcome, from_frame, number_of
from .frames import FrameDecoder, encode
from .launch import FOLDER, command, environment

if TYPE_CHECKING:
    from typing import Self

_CHUNK = 1 << 20
_LOG_END = 1500  # characters of the log in an error
_SECONDS_TO_END = 10.0
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows only

_Answer = TypeVar("_Answer")


class WorkerClient:
    """A running worker; a context manager. Each kind of worker has a class of its own.

    A `WorkerError` means that this worker is of no more use; another can be started and asked the
    same again. All other errors are about the request, and the worker goes on.

    Parameters
    ----------
    interpreter
        Python of an environment in which the worker runs.

    Attributes
    ----------
    message_set
        What the worker understands.
    welcome
        What the worker is.

    Raises
    ------
    WorkerError, EngineError
        If no worker can be started with this interpreter.
    """

    message_set: MessageSet
    welcome: Welcome

    def __init__(self, interpreter: str | Path = sys.executable) -> None:
        self._interpreter = interpreter
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._decoder = FrameDecoder(skip_foreign=True)
        self._arrived: list[tuple[int, Any]] = []
        self._number = 0
        self._process = self._start(command(interpreter, self.message_set.part))
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        expected, seconds = self.message_set.answered_by[Hello]
        limit = Timer(seconds, self._process.kill)
        limit.start()
        try:
            self.welcome = self.ask(Hello(self.message_set.version), expected)
        except IsegError:
            self.close()
            raise
        finally:
            limit.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    def ask(self, request: Any, expected: type[_Answer]) -> _Answer:  # noqa: ANN401
        """Send a request and wait for its answer, which is of the ``expected`` class.

        Raises
        ------
        IsegError
            The failure of the request, by its class; `WorkerError` if the worker has ended, or
            answers something else.
        """
        sent = self.send(request)
        number, answer = self.receive()
        if isinstance(answer, Failure):
            kind = getattr(errors, answer.error, WorkerError)
            known = isinstance(kind, type) and issubclass(kind, IsegError)
            raise (kind if known else WorkerError)(answer.text)
        if number != sent or not isinstance(answer, expected):
            raise WorkerError(
                f"The worker answers {type(answer).__name__} ({number}) to "
                f"{type(request).__name__} ({sent}). Start another one."
            )
        return answer

    def send(self, request: Any) -> int:  # noqa: ANN401
        """Send a request and return its number; raise `WorkerError` if the worker has ended."""
        self._number += 1
        try:
            for part in encode(self.message_set.to_frame(self._number, request)):
                self._requests.write(part)
            self._requests.flush()
        except (OSError, ValueError) as error:  # ValueError: closed
            raise self._error_at_end() from error
        return self._number

    def receive(self) -> tuple[int, Any]:
        """Wait for the next answer; return the number of its request, and itself.

        Raises
        ------
        WorkerError
            If the worker has ended, or its output cannot be understood.
        """
        while not self._arrived:
            try:
                data = os.read(self._answers.fileno(), _CHUNK)
            except (OSError, ValueError) as error:
                raise self._error_at_end() from error
            if not data:
                raise self._error_at_end()
            try:
                for frame in self._decoder.feed(data):
                    answer = from_frame(frame, self.message_set.answers)
                    self._arrived.append((number_of(frame), answer))
            except IsegError as error:
                raise WorkerError(
                    f"What should be a worker cannot be understood. {error} Check that "
                    f"{self._interpreter} is a Python interpreter, and start another worker."
                ) from error
        return self._arrived.pop(0)

    def close(self) -> None:
        """End the worker, at once if it has nothing to do. Does nothing the second time."""
        if self._log.closed:
            return
        with contextlib.suppress(OSError):  # what is left to write has no reader
            self._requests.close()
        self._answers.close()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _start(self, program: list[str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603
                program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                cwd=FOLDER,
                env=environment(os.environ),
                creationflags=_NO_WINDOW,
            )
        except OSError as error:
            self._log.close()
            raise WorkerError(
                f"No worker can be started with {program[0]} ({error.strerror}). Choose the Python "
                "interpreter of an environment in which this software is installed."
            ) from error

    def _error_at_end(self) -> WorkerError:
        """Return the error that says how the worker ended."""
        if self._log.closed:
            return WorkerError("This worker has been closed. Start another one.")
        try:
            code = str(self._process.wait(_SECONDS_TO_END))
        except subprocess.TimeoutExpired:
            code = "none yet"
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_END))
        log = self._log.read().decode(errors="replace").strip()
        return WorkerError(
            f"The worker has ended (exit status {code}). Start another one and ask again; if it "
            "ends again, check the interpreter, the installation and the free memory."
            + (f" The end of its log:\n{log}" if log else "")
        )
