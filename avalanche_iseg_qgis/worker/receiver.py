"""What a request's answer or failure is given to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.worker.protocol import Failure


@dataclass(frozen=True)
class Receiver:
    """Two functions, of which one is called once; neither if the request is withdrawn or replaced.

    Attributes
    ----------
    answered
        Called with the answer.
    failed
        Called with the reason, for people.
    """

    answered: Callable[[Any], None]
    failed: Callable[[str], None]

    def deliver(self, answer: Any) -> None:  # noqa: ANN401
        """Call the function that a worker's answer is for."""
        if isinstance(answer, Failure):
            self.failed(answer.text)
        else:
            self.answered(answer)
