"""What a request's answer or failure is given to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Receiver:
    """Functions of one request, of which one is called once: with the answer, or why there is none.

    Neither is called if the request is replaced or withdrawn.
    """

    answered: Callable[[Any], None]
    failed: Callable[[str], None]
