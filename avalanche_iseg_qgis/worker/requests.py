"""Requests to a worker, and what their answers or failures are given to."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.ipc.envelope import Failure
from ..i18n import tr_core

if TYPE_CHECKING:
    from ..layers.pixel_window import WindowImage


@dataclass(frozen=True)
class Receiver:
    """Functions for the answer and for the reason of a failure, of which one is called once.

    Neither is called if the request is withdrawn or replaced.
    """

    answered: Callable[[Any], None]
    failed: Callable[[str], None]

    def deliver(self, answer: Any) -> None:  # noqa: ANN401
        """Call the function that a worker's answer is for."""
        if isinstance(answer, Failure):
            self.failed(tr_core(answer.text))
        else:
            self.answered(answer)


@dataclass(frozen=True, eq=False)
class WorkerRequest:
    """A message that is to be answered.

    Attributes
    ----------
    key
        What it is for: a newer request of the same key replaces it.
    image
        Pixels that the worker needs first.
    """

    key: Hashable
    message: Any
    receiver: Receiver
    image: WindowImage | None = None
