"""Starts a worker: ``python -m core.worker``, by a program that speaks `protocol` to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .run import run

if TYPE_CHECKING:
    from .session import PredictorSession


def _session() -> PredictorSession:
    from .session import PredictorSession

    return PredictorSession()


if __name__ == "__main__":
    raise SystemExit(run(_session, "run the models"))
