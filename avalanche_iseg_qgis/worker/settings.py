"""What a user chooses about the worker and about outlines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerSettings:
    """How predictions are computed.

    Attributes
    ----------
    interpreter
        Python of the worker's environment; "" looks for one, see `find_interpreter`.
    model
        A name of the zoo or the path of a file.
    device
        "auto", or one of `core.worker.protocol.Welcome.devices`.
    threads
        0 takes half the cores.
    """

    interpreter: str = ""
    model: str = "default"
    device: str = "auto"
    threads: int = 0


@dataclass(frozen=True)
class ShapeSettings:
    """How an outline is made: the fields of `core.worker.protocol.Outline` of the same names."""

    threshold: float = 0.5
    tolerance: float = 1.25
    smoothing: float = 0.0
    min_area: float = 0.0
    fill_holes: float = 0.0
    largest_only: bool = False
    clicked_only: bool = False
