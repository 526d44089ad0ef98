"""How an input becomes logits: the plain network here, the optimising modes in `brs`."""

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
    """Answers one click after another; `solve` returns what the next call must be given."""

    @abstractmethod
    def solve(
        self,
        engine: Engine,
        image: Tensor,
        clicks: Sequence[Click],
        carry: Any,  # noqa: ANN401 - each solver's own
        *,
        moved: bool,
    ) -> tuple[Tensor, Any]:
        """Logits of a view.

        Parameters
        ----------
        image
            (1, 3 or 4, h, w): RGB in 0..1 and, where the model wants it, the previous mask.
        clicks
            In pixels of the view.
        carry
            What the previous click returned, None at the first.
        moved
            Whether the view is another one than at the previous click.

        Returns
        -------
        (1, 1, h, w) logits, and the carry for the next click.
        """


class PlainSolver(Solver):
    """One pass through the network (NoBRS), averaged with the mirrored one if asked for."""

    def __init__(self, *, flip: bool) -> None:
        self.flip = flip

    def solve(
        self,
        engine: Engine,
        image: Tensor,
        clicks: Sequence[Click],
        carry: Any,  # noqa: ANN401
        *,
        moved: bool,  # noqa: ARG002
    ) -> tuple[Tensor, Any]:
        """See `Solver.solve`; carries nothing."""
        points = points_tensor(clicks)
        if self.flip:
            image, points = with_mirror(image, points)
        logits = engine.compute_logits(image, points)
        return (unmirrored_mean(logits) if self.flip else logits), carry


def with_mirror(image: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """A batch of the input and its mirror image."""
    mirrored = flip_points(points, image.shape[3])
    return torch.cat([image, image.flip(3)]), torch.cat([points, mirrored])


def unmirrored_mean(logits: Tensor) -> Tensor:
    """Mean of the two halves of a batch that `with_mirror` made, the second turned back."""
    straight, mirrored = logits.chunk(2)
    return 0.5 * (straight + mirrored.flip(3))
