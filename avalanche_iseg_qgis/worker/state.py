"""The state of a worker, for the user."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ..i18n import tr

if TYPE_CHECKING:
    from ..core.worker.protocol import Loaded


class WorkerState(Enum):
    """What a user may expect of the worker.

    SLOW: it computes, but has not answered for longer than usual; it may hang.
    """

    OFF = "off"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"
    SLOW = "slow"
    BROKEN = "broken"


def describe(loaded: Loaded, title: str) -> str:
    """Return which model is ready, by its title, and where it computes."""
    kind = loaded.device.partition(":")[0]
    if kind != "cpu":
        return tr("Ready: {} on the GPU ({})").format(title, loaded.device)
    if loaded.threads == 1:
        return tr("Ready: {} on the CPU, 1 thread").format(title)
    return tr("Ready: {} on the CPU, {} threads").format(title, loaded.threads)
