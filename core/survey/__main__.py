"""Starts a camera worker: ``python -m core.survey``, by a program that sends requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ipc.stdio import run

if TYPE_CHECKING:
    from .handler import CameraHandler


def _make_handler() -> CameraHandler:
    from .handler import CameraHandler

    return CameraHandler()


if __name__ == "__main__":
    raise SystemExit(run(_make_handler, "compute with cameras and terrain"))
