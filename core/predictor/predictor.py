"""The predictor: `set_image` once, `predict` after every prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..engine import Engine, LoadedModel
from ..errors import ImageError, PromptError
from ..prompts import BOX_GUIDANCE, Box, Click, Prompts
from .brs import make_solver
from .geometry import Roi, Size
from .mask_correction import MaskCorrection
from .options import PredictorOptions
from .planning import (
    PlanState,
    ViewPlan,
    needs_second_pass,
    plan_view,
    roi_of_box,
)
from .prediction import Prediction
from .published import plan_published_view
from .refinement_view import blend, refinement_view, resample
from .view import InputView, cut
from .windows import predict_in_windows

_FINDING = 3  # clicks, the first of which find the object: its outline comes after


@dataclass(frozen=True)
class _Step:
    """The state after a number of clicks: enough to show it again, and to go on from it."""

    prediction: Prediction
    memory: PlanState
    carry: Any = None


class Predictor:
    """Turns prompts into probabilities, for one image at a time.

    What `predict` returns is a function of the image and the prompts alone: clicks are taken
    one after another, each guided by the mask before it, however they arrive. Handing it one
    more click costs one pass through the network (two at most with ``skip_clicks=0``); taking
    clicks back, or giving the same again, costs none; changing an earlier prompt replays the
    later ones.

    Not safe for use from several threads at once.

    Parameters
    ----------
    model
        From `core.engine.load_model`.
    options
        See `PredictorOptions`.
    """

    # The object in hand: its prompts, the state before any click and after each, and the
    # prediction last shown, which keeps what was rendered of it.
    _box: Box | None
    _mask: NDArray[Any] | None
    _clicks: tuple[Click, ...]
    _steps: list[_Step]
    _shown: Prediction | None
    _kept: MaskCorrection | None  # what clicks have not changed, if that is to be kept

    def __init__(self, model: LoadedModel, options: PredictorOptions | None = None) -> None:
        self.model = model
        self.options = options or PredictorOptions()
        self._planned = _with_view_of(model, self.options)
        if self.options.mode != "NoBRS" and len(model.stages) > 1:
            raise PromptError(f"Multi-stage models work in the mode NoBRS only: {model.name}.")
        self._solver = make_solver(self.options)
        self._pixels: NDArray[np.uint8] | None = None
        self._forget()

    def set_image(self, pixels: NDArray[np.uint8]) -> None:
        """Take an image; all prompts start anew.

        Parameters
        ----------
        pixels
            (H, W, 3) uint8, RGB. Not copied, and not to be changed while it is in use.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ImageError(
                f"The image needs shape (H, W, 3) and 8 bits, got {pixels.shape} {pixels.dtype}."
            )
        if 0 in pixels.shape:
            raise ImageError("The image is empty.")
        self._pixels = pixels
        self._forget()

    def predict(self, prompts: Prompts) -> Prediction:
        """Predict from all prompts of one object.

        A mask to start from guides the first click and then evolves; without any click it is
        returned as it is. A box is looked at enlarged; models that do not know
        boxes take its centre for a click where there is no positive one. Without prompts nothing
        is found.

        Returns
        -------
        Prediction
            Probabilities for the whole image; a threshold may still be chosen.

        Raises
        ------
        PromptError
            If there is no image, or a prompt does not fit it.
        """
        self.prepare(prompts)
        count = len(prompts.clicks)
        prediction = self._show(self._steps[count])
        if self._kept is None or count == 0:
            return prediction
        answers = [step.prediction.compact() for step in self._steps[1:count]]
        return self._kept.apply(self._clicks[:count], [*answers, prediction])

    def prepare(self, prompts: Prompts, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Do all of `predict` but the rendering.

        Parameters
        ----------
        wanted
            Asked before every click that is new; what was done before it said no is kept.

        Returns
        -------
        bool
            Whether it was wanted to the end.

        Raises
        ------
        PromptError
            As `predict`.
        """
        self._check(prompts)
        clicks = tuple(self._on_pixels(click) for click in prompts.clicks)
        if not self._continues(prompts):
            self._forget()
            self._box, self._mask = prompts.box, prompts.mask
            self._steps = [self._start()]
            if self._mask is not None and self.options.correct_mask and not self.options.reference:
                self._kept = MaskCorrection(self._steps[0].prediction.crop, self.model.threshold)
        common = _common_prefix(self._clicks, clicks)
        if common < len(clicks):
            del self._steps[common + 1 :]
            self._clicks = clicks[:common]
            for count in range(common + 1, len(clicks) + 1):
                if not wanted():
                    return False
                self._steps.append(self._next(clicks[:count]))
                self._clicks = clicks[:count]
        return True

    @property
    def _size(self) -> Size:
        height, width = self._image.shape[:2]
        return height, width

    @property
    def _image(self) -> NDArray[np.uint8]:
        if self._pixels is None:
            raise PromptError("Give the predictor an image (set_image) before predicting.")
        return self._pixels

    def _forget(self) -> None:
        self._box, self._mask = None, None
        self._clicks = ()
        self._steps = []
        self._shown = None
        self._kept = None

    def _check(self, prompts: Prompts) -> None:
        height, width = self._size
        for click in prompts.clicks:
            if not (-0.5 <= click.row <= height - 0.5 and -0.5 <= click.col <= width - 0.5):
                raise PromptError(
                    f"The click at row {click.row:g}, column {click.col:g} lies outside the "
                    f"image of {height} rows and {width} columns."
                )
        if prompts.mask is not None and prompts.mask.shape != self._size:
            raise PromptError(
                f"The mask has {prompts.mask.shape[0]} rows and {prompts.mask.shape[1]} columns, "
                f"the image {height} and {width}. Use a mask of the same image."
            )
        box = prompts.box
        if box is not None and not (
            box.row_min <= height - 1
            and box.col_min <= width - 1
            and min(box.row_max, box.col_max) >= 0
        ):
            raise PromptError(f"The box lies outside the image of {height} x {width} pixels.")

    def _on_pixels(self, click: Click) -> Click:
        """The click, within the centres of the outermost pixels: the network drops what is not."""
        height, width = self._size
        row, col = min(max(click.row, 0), height - 1), min(max(click.col, 0), width - 1)
        return Click(row, col, click.positive)

    def _continues(self, prompts: Prompts) -> bool:
        """Whether box and mask are those that the steps so far were made with."""
        if not self._steps or prompts.box != self._box:
            return False
        if prompts.mask is self._mask:
            return True
        if prompts.mask is None or self._mask is None:
            return False
        return bool(np.array_equal(prompts.mask, self._mask))

    def _start(self) -> _Step:
        """The state before any click."""
        if self._mask is not None:
            if not self._stage(1).model.config.with_prev_mask:
                raise PromptError(
                    f"The model '{self.model.name}' cannot start from a mask. Choose one that "
                    'was trained with mask guidance ("itermask").'
                )
            start = np.clip(np.asarray(self._mask, np.float32), 0, 1)
            if np.isnan(start).any():
                raise PromptError("The mask has values that are no numbers (NaN). Fill them in.")
            return _Step(Prediction(self._size, start, ()), PlanState())
        nothing = Prediction(
            self._size, np.zeros((1, 1), np.float32), (InputView(Roi.whole(self._size), (1, 1)),)
        )
        if self._box is None or self.options.reference:
            return _Step(nothing, PlanState())
        guide = self._guidance_of(self._box) if self.model.knows_boxes else nothing
        return self._answer(_Step(guide, PlanState()), (self._centre(self._box),))

    def _guidance_of(self, box: Box) -> Prediction:
        """The previous mask that stands for a box."""
        inside = np.full((2, 2), BOX_GUIDANCE, np.float32)
        return Prediction(self._size, inside, (InputView(roi_of_box(box, self._size), (2, 2)),))

    def _centre(self, box: Box) -> Click:
        """A click in the middle of what the box covers of the image: it stands for the box.

        Models that know boxes find more with it, too (IoU 0.73 against 0.46 on Berkeley).
        """
        roi = roi_of_box(box, self._size)
        return Click((roi.row_min + roi.row_max) / 2, (roi.col_min + roi.col_max) / 2)

    def _show(self, step: _Step) -> Prediction:
        """The step's prediction, rendered parts kept for the latest only."""
        if self._shown is None or self._shown.coarse is not step.prediction.coarse:
            self._shown = step.prediction.compact()
        return self._shown

    def _next(self, clicks: tuple[Click, ...]) -> _Step:
        """The state after ``map_clicks``, from that before the last of them."""
        before = self._steps[-1]
        if (
            self._box is not None
            and not self.options.reference
            and not any(c.positive for c in clicks)
        ):
            clicks = (self._centre(self._box), *clicks)
        if self.options.reference:
            return self._published_answer(before, clicks)
        return self._answer(before, clicks)

    def _answer(self, before: _Step, clicks: tuple[Click, ...]) -> _Step:
        step, where = self._look(before, before, clicks)
        known = step.prediction.coarse_object_box(self._zoom_threshold)
        if needs_second_pass(where, known, self._size, self._planned.zoom):
            step, _ = self._look(step, before, clicks)
        return self._look_closer(step, clicks)

    def _look(
        self, known: _Step, guide: _Step, clicks: tuple[Click, ...]
    ) -> tuple[_Step, ViewPlan]:
        """One pass where what is ``known`` says to look, under the mask guidance of ``guide``."""
        threshold, prediction = self._zoom_threshold, known.prediction
        where = plan_view(
            self._size,
            clicks,
            self._box,
            prediction.coarse_object_box(threshold),
            prediction.is_cut_off(threshold),
            known.memory,
            self._planned,
            from_mask=self._mask is not None,
        )
        return self._pass(where, guide, clicks), where

    def _look_closer(self, step: _Step, clicks: tuple[Click, ...]) -> _Step:
        """The step, with a closer look round the latest click where that is asked for."""
        zoom = self._planned.zoom
        if zoom is None or not zoom.refine or (len(clicks) < _FINDING and self._mask is None):
            return step
        part = refinement_view(step.prediction.views[0], clicks[-1])
        if part is None:
            return step
        answer = self._pass(ViewPlan((part,), (part,), step.memory), step, clicks)
        return replace(step, prediction=blend(step.prediction, answer.prediction))

    def _published_answer(self, before: _Step, clicks: tuple[Click, ...]) -> _Step:
        options, size, threshold = self._planned, self._size, self._zoom_threshold
        first_click = len(self._steps) == 1
        # The published demo shows the network a loaded mask at every click.
        guide = before if self._mask is None else self._steps[0]
        box = None if first_click else self._show(before).object_box(threshold)
        first = plan_published_view(size, clicks, self._box, box, before.memory, options)
        step = self._pass(first, guide, clicks, before.carry)
        again = self._show(step).object_box(threshold)
        twice = self._mask is not None and first_click
        if twice or needs_second_pass(first, again, size, options.zoom):
            second = plan_published_view(size, clicks, self._box, again, first.state, options)
            step = self._pass(second, guide, clicks, step.carry)
        return step

    @property
    def _zoom_threshold(self) -> float:
        return self.options.zoom.threshold if self.options.zoom else 0.5

    def _pass(
        self,
        where: ViewPlan,
        guide: _Step,
        clicks: tuple[Click, ...],
        carry: Any = None,  # noqa: ANN401
    ) -> _Step:
        """One pass through the network (in BRS modes: one optimisation)."""
        engine = self._stage(len(clicks))
        image, seen = self._input(where, engine, guide.prediction, clicks)
        carry = guide.carry if carry is None else carry

        def answer(part: Tensor, part_clicks: Sequence[Click]) -> Tensor:
            nonlocal carry
            logits, carry = self._solver.solve(engine, part, part_clicks, carry, moved=where.moved)
            return torch.sigmoid(logits).cpu()

        if self.options.windows is None:
            probability = answer(image, seen)
        else:
            overlap = self.options.window_overlap
            probability = predict_in_windows(image, seen, self.options.windows, overlap, answer)
        prediction = Prediction(self._size, probability[0, 0].numpy(), where.outputs)
        return _Step(prediction, where.state, carry)

    def _stage(self, clicks: int) -> Engine:
        """The engine in charge of this number of clicks; a loaded mask counts as one."""
        count = max(1, clicks + (self._mask is not None))
        return self.model.stages[min(count, len(self.model.stages)) - 1]

    def _input(
        self, where: ViewPlan, engine: Engine, guide: Prediction, clicks: Sequence[Click]
    ) -> tuple[Tensor, list[Click]]:
        """The network's image (1, 3 or 4, h, w), and the clicks in its pixels."""
        views = where.inputs or (_identity(self._size),)
        image = views[0].resample_image(self._image)
        if engine.model.config.with_prev_mask:
            image = torch.cat([image, self._guidance(views[0], guide)], dim=1)
        seen = views[0].map_clicks(clicks)
        for view in views[1:]:
            image, seen = view.crop(image), view.map_clicks(seen)
        return image, seen

    def _guidance(self, view: InputView, guide: Prediction) -> Tensor:
        """(1, 1, h, w) previous mask in a view."""
        if not guide.coarse.any():
            return torch.zeros(1, 1, *view.size)
        if guide.views == (view,) and not self.options.reference:
            return torch.from_numpy(guide.coarse)[None, None]  # seen through the same window
        zoom = self._planned.zoom
        if zoom and zoom.refine and guide.views and guide.roi.encloses(view.roi):
            return torch.from_numpy(resample(guide.coarse, guide.views[0], view))[None, None]
        shown = self._shown
        if shown is None or shown.coarse is not guide.coarse:
            shown = guide.compact()
        return view.resample_guidance(cut(shown.crop, shown.roi, view.roi))


def _with_view_of(model: LoadedModel, options: PredictorOptions) -> PredictorOptions:
    """The options, with what they leave to the model: where to look first, and at what size."""
    zoom = options.zoom
    if zoom is None or zoom.target_size is not None:
        return options
    skip = 0 if model.has_second_pass and not options.reference else zoom.skip_clicks
    closer = model.has_refinement_view and not options.reference and options.mode == "NoBRS"
    zoom = replace(zoom, target_size=model.view_size, skip_clicks=skip, refine=closer)
    if not options.reference:
        zoom = replace(zoom, overview_size=model.overview_size)
    return replace(options, zoom=zoom)


def _identity(size: Size) -> InputView:
    return InputView(Roi.whole(size), size)


def _common_prefix(first: Sequence[Click], second: Sequence[Click]) -> int:
    """Number of clicks at the start that two sequences share."""
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count
