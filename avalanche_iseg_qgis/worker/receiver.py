"""What a request's answer or failure is given to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.ipc.envelope import Failure


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
            self.failed(answer.text)
        else:
            self.answered(answer)
