"""Solvers: from network input to logits; the BRS modes are in `brs`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..engine import Engine
from ..model.click_maps import flip_points, points_tensor
from ..prompts import Click


class Solver(ABC):
    """Computes logits click by click; each call gets the state after the one before."""

    @abstractmethod
    def solve(
        self,
        engine: Engine,
        image: Tensor,
        clicks: Sequence[Click],
        state: Any,  # noqa: ANN401 - each solver's own
        *,
        moved: bool,
    ) -> tuple[Tensor, Any]:
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
        image: Tensor,
        clicks: Sequence[Click],
        state: Any,  # noqa: ANN401
        *,
        moved: bool,  # noqa: ARG002
    ) -> tuple[Tensor, Any]:
        """Compute the logits; see `Solver.solve`. There is no state."""
        points = points_tensor(clicks)
        if self.flip:
            image, points = with_mirror(image, points)
        logits = engine.compute_logits(image, points)
        return (unmirrored_mean(logits) if self.flip else logits), state


def with_mirror(image: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return a batch of the input and its mirror image."""
    mirrored = flip_points(points, image.shape[3])
    return torch.cat([image, image.flip(3)]), torch.cat([points, mirrored])


def unmirrored_mean(logits: Tensor) -> Tensor:
    """Average the two halves of a batch of `with_mirror`, the second mirrored back."""
    straight, mirrored = logits.chunk(2)
    return 0.5 * (straight + mirrored.flip(3))
