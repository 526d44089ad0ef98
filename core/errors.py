"""Errors for users: each message names the fault and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class IsegError(Exception):
    """Root of all errors that this project raises on purpose.

    Examples
    --------
    >>> from core import IsegError, read_image
    >>> try:
    ...     read_image("missing.jpg")
    ... except IsegError as error:
    ...     print(error)
    Cannot read missing.jpg: No such file or directory. Check the name and whether it may be read.
    """


class CheckpointError(IsegError, ValueError):
    """A model file that cannot be read, is unsafe, or does not fit the architecture it names."""


class ModelNotFoundError(IsegError, LookupError):
    """An unknown model name, or a file that does not exist."""


class DownloadError(IsegError, OSError):
    """A model that could not be downloaded, or whose content is not the published one."""


class ImageError(IsegError, ValueError):
    """An image or mask that cannot be read, or has an unsuitable size or type."""


class PromptError(IsegError, ValueError):
    """A click, box or mask that does not fit the image or the model."""


class DatasetError(IsegError, ValueError):
    """A data set whose files are missing, unpaired or malformed."""


class CameraError(IsegError, ValueError):
    """A camera, control points or a pose that cannot be used; the message says which and why."""


class TerrainError(IsegError, ValueError):
    """A terrain model that cannot be read, or does not reach where it is needed."""


class EngineError(IsegError, RuntimeError):
    """A compute device or inference engine that is missing, or failed."""


class WorkerError(IsegError, RuntimeError):
    """A worker process that did not start, ended, or sent an invalid message."""


class ConfigError(IsegError, ValueError):
    """A training configuration with an unknown name, a wrong value, or parts that do not fit."""


class TrainingError(IsegError, RuntimeError):
    """A training run that cannot start or continue."""


@contextmanager
def write_errors(
    subject: object,
    kind: type[IsegError] = IsegError,
    caught: tuple[type[Exception], ...] = (OSError,),
) -> Iterator[None]:
    """Turn errors of the disk into one that names what could not be written, and what to do."""
    try:
        yield
    except caught as error:
        raise kind(
            f"{subject} could not be written: {getattr(error, 'strerror', None) or error}. Check "
            "that the folder exists, may be written to and has space left, and that no other "
            "program has the file open."
        ) from error
