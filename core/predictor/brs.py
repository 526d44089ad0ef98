"""Backpropagating refinement: make the prediction agree with every click.

RGB-BRS and DistMap-BRS (Jang & Kim, CVPR 2019) optimise a bias on the network's input, f-BRS
(Sofiiuk et al., CVPR 2020) a scale and a bias of every channel of its features. L-BFGS-B
minimises the error at the clicks plus a regulariser; the prediction of least loss is taken.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..engine import Engine
from ..engine.pytorch import to_device
from ..model import ClickModel
from ..model.arrays import Floats, click_points
from ..model.layers import height_width
from ..model.network import Level
from ..prompts import Click
from .geometry import Size
from .options import BRSOptions, PredictorOptions
from .solver import Solver, unmirrored_mean, with_mirror

_RADIUS = 1
_EPS = 1e-5
# L-BFGS-B counts evaluations between line searches only; newer SciPy lets one run for dozens.
_LINE_SEARCH_ROOM = 2
_Parameters = NDArray[np.float64]
_Forward = Callable[[Tensor], Tensor]
_Regulariser = Callable[[Tensor], Tensor]
_Features = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class _Solution:
    """State after a click: its parameters, and features that the next may need."""

    parameters: _Parameters
    features: _Features | None


def make_solver(options: PredictorOptions) -> _BRS:
    """Build the solver of ``options.mode``, any but "NoBRS"."""
    mode, flip = options.mode, options.flip
    if mode.startswith("f-BRS"):
        level = cast(Level, mode[-1])
        return FeatureBRS(level, options.brs, flip=flip, reference=options.reference)
    to_rgb = mode == "RGB-BRS"
    return InputBRS(options.brs, to_rgb=to_rgb, flip=flip, reference=options.reference)


class _BRS(Solver):
    """Base of the modes: click limits and optimisation."""

    default_limit: int
    bound_to_window: bool  # whether parameters are useless in another window

    def __init__(self, options: BRSOptions, *, flip: bool, reference: bool) -> None:
        self.options = options
        self.flip = flip
        self.reference = reference
        self.limit = options.net_clicks_limit or self.default_limit

    def solve(
        self,
        engine: Engine,
        image: Floats,
        clicks: Sequence[Click],
        state: _Solution | None,
        *,
        moved: bool,
    ) -> tuple[Floats, _Solution]:
        """Compute the logits; see `Solver.solve`. The next click starts from the parameters."""
        from scipy.optimize import fmin_l_bfgs_b  # a second to load, and few need it

        size = image.shape[2], image.shape[3]
        points = click_points(clicks[: self.limit])
        if self.flip:
            image, points = with_mirror(image, points)
        seen, places = to_device(image, points, engine.device)
        # Published: beyond the limit the features stay those of an earlier click, its mask
        # guidance included.
        outdated = self.reference and len(clicks) > self.limit and not moved
        old = state.features if state is not None and outdated else None
        forward, count, features = self._problem(engine.model, seen, places, old)
        reused = features if self.reference and len(clicks) >= self.limit else None
        start = self._start(state, count, moved=moved)
        if len(clicks) <= self.options.after_clicks:
            with torch.no_grad():
                logits = forward(self._tensor(start, engine))
            return self._mean(logits), _Solution(start, reused)
        squares = self._squares(clicks, size).to(engine.device)
        objective = _Objective(forward, self._regulariser, squares, self.options, engine.device)
        if not self.reference:
            objective.max_evaluations = self.options.max_evaluations + _LINE_SEARCH_ROOM
        solution, _, _ = fmin_l_bfgs_b(
            objective,
            start,
            m=20,
            factr=0,
            pgtol=1e-8,
            maxfun=self.options.max_evaluations,
            maxiter=2 * self.options.max_evaluations,
        )
        return self._mean(objective.best_logits), _Solution(solution, reused)

    @abstractmethod
    def _problem(
        self, model: ClickModel, image: Tensor, points: Tensor, old: _Features | None
    ) -> tuple[_Forward, int, _Features | None]:
        """Return logits as a function of the flat parameters, their number, and the features.

        ``old`` features replace those of ``image``.
        """

    def _start(self, state: _Solution | None, count: int, *, moved: bool) -> _Parameters:
        """Return the initial parameters."""
        useless = moved and self.bound_to_window
        if state is None or useless or state.parameters.size != count:
            return np.zeros(count)
        return state.parameters

    @abstractmethod
    def _regulariser(self, parameters: Tensor) -> Tensor:
        """Compute the penalty on the flat parameters."""

    def _mean(self, logits: Tensor) -> Floats:
        values = logits.cpu().numpy()
        return unmirrored_mean(values) if self.flip else values

    def _squares(self, clicks: Sequence[Click], size: Size) -> Tensor:
        """Draw (2, B, 1, h, w) squares round the positive and negative clicks of the batch."""
        maps = click_squares(clicks, size, clamp=not self.reference)
        batches = [maps]
        if self.flip:
            mirrored = [Click(c.row, size[1] - c.col - 1, c.positive) for c in clicks]
            batches.append(click_squares(mirrored, size, clamp=not self.reference))
        return torch.from_numpy(np.stack(batches, axis=1))[:, :, None]

    @staticmethod
    def _tensor(parameters: _Parameters, engine: Engine) -> Tensor:
        return torch.from_numpy(parameters).float().to(engine.device)


class InputBRS(_BRS):
    """Additive bias on the normalised image, or on the two click maps."""

    default_limit = 5
    bound_to_window = True

    def __init__(self, options: BRSOptions, *, to_rgb: bool, flip: bool, reference: bool) -> None:
        super().__init__(options, flip=flip, reference=reference)
        self.to_rgb = to_rgb

    def _problem(
        self,
        model: ClickModel,
        image: Tensor,
        points: Tensor,
        old: _Features | None,  # noqa: ARG002 - only f-BRS has features
    ) -> tuple[_Forward, int, None]:
        rgb, maps = model.prepare(image, points)
        target = rgb if self.to_rgb else maps[:, -2:]
        shape = (1, *target.shape[1:])

        def forward(parameters: Tensor) -> Tensor:
            bias = parameters.view(shape)
            if self.flip:
                bias = torch.cat([bias, bias.flip(3)])
            if self.to_rgb:
                features = model.encode(rgb + bias, maps, "A")
            else:
                shifted = torch.cat([maps[:, :-2], maps[:, -2:] + bias], dim=1)
                features = model.encode(rgb, shifted, "A")
            return model.enlarge(model.decode(features, "A").instances, height_width(image))

        return forward, int(np.prod(shape)), None

    def _regulariser(self, parameters: Tensor) -> Tensor:
        copies = 2 if self.flip else 1  # the mirrored copy counts, as published
        return self.options.weight * copies * (parameters**2).sum()


class FeatureBRS(_BRS):
    """Scale and bias of each channel of features; only the layers behind them run again."""

    default_limit = 8
    bound_to_window = False

    def __init__(self, level: Level, options: BRSOptions, *, flip: bool, reference: bool) -> None:
        super().__init__(options, flip=flip, reference=reference)
        self.level = level

    def _problem(
        self, model: ClickModel, image: Tensor, points: Tensor, old: _Features | None
    ) -> tuple[_Forward, int, _Features]:
        features = old
        if features is None:
            with torch.no_grad():
                features = model.encode(*model.prepare(image, points), self.level)
        first, *rest = features
        channels = first.shape[1]

        def forward(parameters: Tensor) -> Tensor:
            scale, bias = parameters.view(2, 1, channels, 1, 1)
            changed = (first * (1 + scale) + bias, *rest)
            return model.enlarge(model.decode(changed, self.level).instances, height_width(image))

        return forward, 2 * channels, features

    def _regulariser(self, parameters: Tensor) -> Tensor:
        scale, bias = parameters.chunk(2)
        penalty = (scale**2).sum() + self.options.bias_weight * (bias**2).sum()
        return self.options.weight * penalty


@dataclass
class _Objective:
    """Loss and gradient for L-BFGS-B, with the best prediction so far."""

    forward: _Forward
    regulariser: _Regulariser
    squares: Tensor
    options: BRSOptions
    device: torch.device
    max_evaluations: float = math.inf

    def __post_init__(self) -> None:
        self._best_loss: float | None = None
        self._last_mask: Tensor | None = None
        self._evaluations = 0
        self.best_logits: Tensor

    def __call__(self, parameters: _Parameters) -> tuple[float, _Parameters]:
        if self._best_loss is not None and self._evaluations >= self.max_evaluations:
            return self._best_loss, np.zeros_like(parameters)  # the line search ends at no cost
        variables = torch.from_numpy(parameters).float().to(self.device).requires_grad_()
        logits = self.forward(variables)
        probability = torch.sigmoid(logits)
        positive, negative = self.squares
        misses, leaks = (1 - probability) * positive, probability * negative
        loss = _mean_square(misses, positive) + _mean_square(leaks, negative)
        loss = loss + self.regulariser(variables)
        value = float(loss.detach())
        if self._best_loss is None or value < self._best_loss:
            self._best_loss, self.best_logits = value, logits.detach()
        self._evaluations += 1
        done = self._evaluations >= self.max_evaluations
        if done or self._meets_clicks(misses, leaks) or self._has_converged(probability.detach()):
            return value, np.zeros_like(parameters)  # a zero gradient ends the optimisation
        (gradient,) = torch.autograd.grad(loss, variables)
        return value, gradient.cpu().numpy().astype(np.float64)

    def _meets_clicks(self, misses: Tensor, leaks: Tensor) -> bool:
        threshold = self.options.threshold
        return bool(misses.abs().max() < 1 - threshold and leaks.abs().max() < threshold)

    def _has_converged(self, probability: Tensor) -> bool:
        """Return whether the masks hardly differ from those of the evaluation before."""
        mask = probability > self.options.threshold
        last, self._last_mask = self._last_mask, mask
        if last is None or self.options.min_iou_change <= 0:
            return False
        union = (mask | last).sum(dim=(1, 2, 3))
        overlap = (mask & last).sum(dim=(1, 2, 3))[union > 0] / union[union > 0]
        if overlap.numel() and float(overlap.mean()) > 1 - self.options.min_iou_change:
            self._last_mask = last
            return True
        return False


def _mean_square(difference: Tensor, weight: Tensor) -> Tensor:
    return (difference**2).sum() / (weight.sum() + _EPS)


def click_squares(clicks: Sequence[Click], size: Size, *, clamp: bool) -> NDArray[np.float32]:
    """Draw (2, h, w) maps of 3x3 squares round the positive and the negative clicks.

    Without ``clamp`` as published: squares that reach over the upper or left edge are empty, or
    on the opposite side.
    """
    maps = np.zeros((2, *size), np.float32)
    for click in clicks:
        row, col = round(click.row) - _RADIUS, round(click.col) - _RADIUS
        row_end, col_end = row + 2 * _RADIUS + 1, col + 2 * _RADIUS + 1
        if clamp:
            row, col, row_end, col_end = (max(0, value) for value in (row, col, row_end, col_end))
        maps[0 if click.positive else 1, row:row_end, col:col_end] = 1
    return maps
