"""What a worker is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.worker.protocol import (
    ANSWERS,
    Hello,
    Images,
    Load,
    Loaded,
    Outline,
    Outlined,
    Predict,
    Prediction,
    SetImage,
    Skipped,
    Welcome,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class MessageSet:
    """The messages of one kind of worker.

    Attributes
    ----------
    part
        Of `core`, which is the worker.
    hello
        The first request.
    answers
        All that it may say, by name.
    answered_by
        Of each request: what may answer it, and the seconds after which nothing will. One that
        `Skipped` may answer can be called back.
    """

    part: str
    hello: Any
    answers: Mapping[str, type]
    answered_by: Mapping[type, tuple[tuple[type, ...], int]]


SEGMENTATION_MESSAGES = MessageSet(
    "worker",
    Hello(),
    ANSWERS,
    {
        Hello: ((Welcome,), 180),  # a cold disk, a virus scanner, PyTorch
        Load: ((Loaded,), 900),  # it may be downloaded
        SetImage: ((Images,), 120),
        Predict: ((Prediction, Skipped), 300),
        Outline: ((Outlined, Skipped), 300),
    },
)
