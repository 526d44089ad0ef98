"""Starts a segmentation worker: ``python -m core.worker``, by a program that sends requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ipc.stdio import run

if TYPE_CHECKING:
    from .handler import SegmentationHandler


def _make_handler() -> SegmentationHandler:
    from .handler import SegmentationHandler

    return SegmentationHandler()


if __name__ == "__main__":
    raise SystemExit(run(_make_handler, "run the models"))
