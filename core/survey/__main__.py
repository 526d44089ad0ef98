"""Starts a worker: ``python -m core.survey``, by a program that speaks `protocol` to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..worker.run import run

if TYPE_CHECKING:
    from .session import CameraSession


def _session() -> CameraSession:
    from .session import CameraSession

    return CameraSession()


if __name__ == "__main__":
    raise SystemExit(run(_session, "compute with cameras and terrain"))
