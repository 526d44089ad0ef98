"""A worker for scripts: starts it, asks, waits for the answer."""

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
from ..prompts import Prompts
from .frames import FrameDecoder, encode
from .launch import FOLDER, command, environment
from .protocol import (
    ANSWERS,
    Failure,
    Forget,
    Hello,
    Images,
    Load,
    Loaded,
    Outline,
    Outlined,
    Predict,
    Prediction,
    SetImage,
    Welcome,
    from_frame,
    number_of,
    to_frame,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CHUNK = 1 << 20
_LAST_WORDS = 1500  # characters of the log in an error
_SECONDS_TO_START = 180.0  # a cold disk, a virus scanner, PyTorch
_SECONDS_TO_END = 10.0
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows only

_Answer = TypeVar("_Answer")


class Worker:
    """A running worker; a context manager.

    A `WorkerError` means that this worker is of no more use; another can be started and asked the
    same again. All other errors are about the request, and the worker goes on.

    Parameters
    ----------
    interpreter
        Python of an environment in which the models run.

    Attributes
    ----------
    welcome
        What the worker is.

    Raises
    ------
    WorkerError, EngineError
        If no worker can be started with this interpreter.
    """

    welcome: Welcome

    def __init__(self, interpreter: str | Path = sys.executable) -> None:
        self._interpreter = interpreter
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._decoder = FrameDecoder(skip_foreign=True)
        self._arrived: list[tuple[int, Any]] = []
        self._number = 0
        self._process = self._started(command(interpreter))
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)
        limit = Timer(_SECONDS_TO_START, self._process.kill)
        limit.start()
        try:
            self.welcome = self._ask(Hello(), Welcome)
        except IsegError:
            self.close()
            raise
        finally:
            limit.cancel()

    def __enter__(self) -> Worker:
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

    def load_model(
        self, model: str, *, device: str = "auto", engine: str = "auto", threads: int | None = None
    ) -> Loaded:
        """Load a model and warm it up; see `protocol.Load`.

        Raises
        ------
        ModelNotFoundError, DownloadError, CheckpointError, EngineError, WorkerError
        """
        if Path(model).is_file():
            model = str(Path(model).absolute())  # the worker runs in another folder
        return self._ask(Load(model, device, engine, threads), Loaded)

    def set_image(self, image: str, pixels: NDArray[np.uint8]) -> Images:
        """Hand over a picture, (H, W, 3) uint8 RGB, under a name; returns which are held.

        Raises
        ------
        ImageError, WorkerError
        """
        return self._ask(SetImage(image, pixels), Images)

    def predict(self, image: str, prompts: Prompts, **settings: Any) -> Prediction:  # noqa: ANN401
        """Predict from all prompts of one object; settings as in `protocol.Predict`.

        Raises
        ------
        PromptError, ImageError, EngineError, WorkerError
        """
        return self._ask(Predict.of(image, prompts, **settings), Prediction)

    def outline(self, image: str, prompts: Prompts, **settings: Any) -> Outlined:  # noqa: ANN401
        """Outline what is predicted from the prompts; settings as in `protocol.Outline`.

        Raises
        ------
        PromptError, ImageError, EngineError, WorkerError
        """
        return self._ask(Outline.of(image, prompts, **settings), Outlined)

    def forget(self, image: str) -> Images:
        """Drop a picture; returns which are still held.

        Raises
        ------
        WorkerError
        """
        return self._ask(Forget(image), Images)

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

    def send(self, request: Any) -> int:  # noqa: ANN401
        """Send a request of `protocol`, not waiting for the answer; returns its number.

        Raises
        ------
        WorkerError
            If the worker has ended.
        """
        self._number += 1
        try:
            for part in encode(to_frame(self._number, request)):
                self._requests.write(part)
            self._requests.flush()
        except (OSError, ValueError) as error:  # ValueError: closed
            raise self._ended() from error
        return self._number

    def receive(self) -> tuple[int, Any]:
        """Wait for the next answer; returns the number of its request, and itself.

        Raises
        ------
        WorkerError
            If the worker has ended, or says what cannot be understood.
        """
        while not self._arrived:
            try:
                data = os.read(self._answers.fileno(), _CHUNK)
            except (OSError, ValueError) as error:
                raise self._ended() from error
            if not data:
                raise self._ended()
            try:
                for frame in self._decoder.feed(data):
                    self._arrived.append((number_of(frame), from_frame(frame, ANSWERS)))
            except WorkerError as error:
                raise WorkerError(
                    f"What should be a worker cannot be understood. {error} Check that "
                    f"{self._interpreter} is a Python interpreter, and start another worker."
                ) from error
        return self._arrived.pop(0)

    def _ask(self, request: Any, expected: type[_Answer]) -> _Answer:  # noqa: ANN401
        sent = self.send(request)
        number, answer = self.receive()
        if isinstance(answer, Failure):
            kind = getattr(errors, answer.error, WorkerError)
            raise kind(answer.text)
        if number != sent or not isinstance(answer, expected):
            raise WorkerError(
                f"The worker answers {type(answer).__name__} ({number}) to "
                f"{type(request).__name__} ({sent}). Start another one."
            )
        return answer

    def _started(self, program: list[str]) -> subprocess.Popen[bytes]:
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

    def _ended(self) -> WorkerError:
        """The error that tells how the worker ended."""
        if self._log.closed:
            return WorkerError("This worker has been closed. Start another one.")
        try:
            code = str(self._process.wait(_SECONDS_TO_END))
        except subprocess.TimeoutExpired:
            code = "none yet"
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LAST_WORDS))
        words = self._log.read().decode(errors="replace").strip()
        return WorkerError(
            f"The worker has ended (exit status {code}). Start another one and ask again; if it "
            "ends again, check the interpreter, the installation and the free memory."
            + (f" Its last words:\n{words}" if words else "")
        )
