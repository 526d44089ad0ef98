"""Solvers: from network input to logits; the BRS modes are in `brs`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import Engine
from ..model.arrays import Floats, Points, click_points, flip_points
from ..prompts import Click


class Solver(ABC):
    """Computes logits click by click; each call gets the state after the one before."""

    @abstractmethod
    def solve(
        self,
        engine: Engine,
        image: Floats,
        clicks: Sequence[Click],
        state: Any,  # noqa: ANN401 - each solver's own
        *,
        moved: bool,
    ) -> tuple[Floats, Any]:
        """Compute the logits (1, 1, h, w) of a view, and the state for the next click.

        Parameters
        ----------
        image
            (1, 3 or 4, h, w): RGB, 0 to 1, and the mask guidance if the model has it.
        clicks
            In pixels of the view.
        state
            As returned for the previous click, None at the first.
        moved
            Whether the view differs from that of the previous click.
        """


class PlainSolver(Solver):
    """One pass through the network (NoBRS), optionally averaged with a mirrored one."""

    def __init__(self, *, flip: bool) -> None:
        self.flip = flip

    def solve(
        self,
        engine: Engine,
        image: Floats,
        clicks: Sequence[Click],
        state: Any,  # noqa: ANN401
        *,
        moved: bool,  # noqa: ARG002
    ) -> tuple[Floats, Any]:
        """Compute the logits; see `Solver.solve`. There is no state."""
        points = click_points(clicks)
        if self.flip:
            image, points = with_mirror(image, points)
        logits = engine.compute_logits(image, points)
        return (unmirrored_mean(logits) if self.flip else logits), state


def with_mirror(image: Floats, points: Points) -> tuple[Floats, Points]:
    """Return a batch of the input and its mirror image."""
    mirrored = flip_points(points, image.shape[3])
    return np.concatenate([image, image[..., ::-1]]), np.concatenate([points, mirrored])


def unmirrored_mean(logits: Floats) -> Floats:
    """Average the two halves of a batch of `with_mirror`, the second mirrored back."""
    straight, mirrored = np.split(logits, 2)
    return np.float32(0.5) * (straight + mirrored[..., ::-1])
