"""The predictor: `set_image` once, `predict` after every prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import Engine, LoadedModel
from ..errors import ImageError, PromptError
from ..model.arrays import Floats
from ..prompts import BOX_GUIDANCE, Box, Click, Prompts, Stroke
from .geometry import Roi, Size
from .mask_correction import MaskCorrection
from .options import PredictorOptions
from .painting import StrokeArea, paint, stroke_area
from .planning import PlanState, ViewPlan, needs_second_pass, plan_view, roi_of_box
from .prediction import Prediction
from .published import plan_published_view
from .refinement_view import blend, refinement_view, resample
from .solver import PlainSolver, Solver
from .view import InputView, cut
from .windows import predict_in_windows

_Given = tuple[tuple[Stroke, ...], Click]
_FIRST_REFINED = 3  # clicks: the first two find the object, later ones refine its outline


@dataclass(frozen=True)
class _Step:
    """State after a number of clicks: its prediction, and what the next click continues from.

    ``painted`` is the prediction with the strokes before the next click, if there are any.
    """

    prediction: Prediction
    plan_state: PlanState
    solver_state: Any = None
    painted: Prediction | None = None

    @property
    def guidance(self) -> Prediction:
        """The mask that the next click is to correct."""
        return self.painted or self.prediction


class Predictor:
    """Predictor of object probabilities from prompts, for one image at a time.

    `predict` depends on the image and the prompts alone: clicks are processed one after another,
    each guided by the mask before it. One more click costs one pass through the network (two
    with ``skip_clicks=0`` or a refinement view); fewer or the same clicks cost none, and strokes
    neither; a change of an earlier prompt repeats the later clicks.

    Not thread-safe.

    Parameters
    ----------
    model
        From `core.engine.load_model`.
    options
        See `PredictorOptions`.

    Examples
    --------
    >>> import numpy as np
    >>> from core.engine import load_model
    >>> from core.predictor import Predictor
    >>> from core.prompts import Click, Prompts
    >>> predictor = Predictor(load_model("default"))
    >>> predictor.set_image(np.zeros((60, 80, 3), np.uint8))
    >>> prediction = predictor.predict(Prompts([Click(30, 40)]))
    >>> prediction.mask(threshold=0.5).shape
    (60, 80)
    """

    # Prompts of the current object (each click with the strokes right before it), the states
    # before any click and after each, and the last rendered prediction.
    _box: Box | None
    _mask: NDArray[Any] | None
    _given: tuple[_Given, ...]
    _areas: dict[Stroke, StrokeArea]
    _steps: list[_Step]
    _rendered: Prediction | None
    _correction: MaskCorrection | None  # of the start mask, with ``correct_mask``

    def __init__(self, model: LoadedModel, options: PredictorOptions | None = None) -> None:
        self.model = model
        self.options = options or PredictorOptions()
        self._settings = _complete(self.options, model)
        if self.options.mode != "NoBRS" and len(model.stages) > 1:
            raise PromptError(f"Multi-stage models work in the mode NoBRS only: {model.name}.")
        self._solver = _solver(self.options)
        self._pixels: NDArray[np.uint8] | None = None
        self._reset()

    def set_image(self, pixels: NDArray[np.uint8]) -> None:
        """Set the image; all prompts start anew.

        Parameters
        ----------
        pixels
            (H, W, 3) uint8, RGB. Not copied: do not change it while it is in use.

        Raises
        ------
        ImageError
            If shape or type are wrong.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise ImageError(
                f"The image needs shape (H, W, 3) and 8 bits, got {pixels.shape} {pixels.dtype}."
            )
        if 0 in pixels.shape:
            raise ImageError("The image is empty.")
        self._pixels = pixels
        self._reset()

    def predict(self, prompts: Prompts) -> Prediction:
        """Predict the probabilities of the whole image from all prompts of one object.

        A start mask guides the first click and then evolves; without any click it is returned
        unchanged. A box sets the input view; models that were not trained on boxes get its centre
        as a click where there is no positive one. Strokes make probabilities 1 and 0, and are part
        of the mask guidance of later clicks; a later click that contradicts one wins where it is
        made (see `painting.paint`). Without prompts all probabilities are 0.

        Raises
        ------
        PromptError
            If there is no image, or a prompt does not fit it.
        """
        self.prepare(prompts)
        count = len(prompts.clicks)
        clicks = [click for _, click in self._given[:count]]
        prediction = self._render(self._steps[count])
        if self._correction is not None and count:
            predictions = [step.prediction.compact() for step in self._steps[1:count]]
            prediction = self._correction.apply(clicks, [*predictions, prediction])
        painting = paint(clicks, prompts.strokes, self._areas)
        return prediction if painting is None else painting.on(prediction)

    def prepare(self, prompts: Prompts, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Do all work of `predict` but the rendering, with the same errors.

        `wanted` is called before every new click. If it returns False, the work is cancelled and
        finished clicks are kept; False is returned then.
        """
        self._check(prompts)
        strokes = prompts.strokes
        given: list[_Given] = [
            (tuple(stroke for stroke in strokes if stroke.after == count), self._on_pixels(click))
            for count, click in enumerate(prompts.clicks)
        ]
        if not self._continues(prompts):
            self._reset()
            self._box, self._mask = prompts.box, prompts.mask
            self._has_start = self._mask is not None
            self._steps = [self._first_step()]
            if self._mask is not None and self.options.correct_mask and not self.options.reference:
                self._correction = MaskCorrection(
                    self._steps[0].prediction.crop, self.model.threshold
                )
        self._cover(strokes)
        common = _common_prefix(self._given, given)
        if common < len(given):
            del self._steps[common + 1 :]
            self._given = tuple(given[:common])
            for count in range(common + 1, len(given) + 1):
                if not wanted():
                    return False
                self._steps.append(self._next_step(given[:count]))
                self._given = tuple(given[:count])
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

    def _reset(self) -> None:
        self._box, self._mask = None, None
        self._has_start = False
        self._given = ()
        self._areas = {}
        self._steps = []
        self._rendered = None
        self._correction = None

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

    def _cover(self, strokes: Sequence[Stroke]) -> None:
        """Find out which pixels the strokes cover; those of earlier prompts are forgotten."""
        known, self._areas = self._areas, {}
        for stroke in strokes:
            area = known.get(stroke) or stroke_area(stroke, self._size)
            if area is not None:
                self._areas[stroke] = area

    def _on_pixels(self, click: Click) -> Click:
        """Move a click to the centres of the outermost pixels: the network ignores others."""
        height, width = self._size
        row, col = min(max(click.row, 0), height - 1), min(max(click.col, 0), width - 1)
        return Click(row, col, click.positive)

    def _continues(self, prompts: Prompts) -> bool:
        """Return whether box and mask are those of the steps so far."""
        if not self._steps or prompts.box != self._box:
            return False
        if prompts.mask is self._mask:
            return True
        if prompts.mask is None or self._mask is None:
            return False
        return bool(np.array_equal(prompts.mask, self._mask))

    def _first_step(self) -> _Step:
        """Return the state before any click."""
        if self._mask is not None:
            if not self._engine_for(1).config.with_prev_mask:
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
        guide = self._box_guidance(self._box) if self.model.accepts_boxes else nothing
        return self._predict_step(_Step(guide, PlanState()), (self._box_click(self._box),))

    def _box_guidance(self, box: Box) -> Prediction:
        """Return a box as mask guidance."""
        inside = np.full((2, 2), BOX_GUIDANCE, np.float32)
        return Prediction(self._size, inside, (InputView(roi_of_box(box, self._size), (2, 2)),))

    def _box_click(self, box: Box) -> Click:
        """Return a click at the centre of the part of a box within the image.

        Models trained on boxes gain from it, too (IoU 0.73 instead of 0.46 on Berkeley).
        """
        roi = roi_of_box(box, self._size)
        return Click((roi.row_min + roi.row_max) / 2, (roi.col_min + roi.col_max) / 2)

    def _render(self, step: _Step) -> Prediction:
        """Return a step's prediction; only the latest keeps its rendered probabilities."""
        if self._rendered is None or self._rendered.coarse is not step.prediction.coarse:
            self._rendered = step.prediction.compact()
        return self._rendered

    def _next_step(self, given: Sequence[_Given]) -> _Step:
        """Return the state after what is ``given``, from the state before the last click."""
        clicks = tuple(click for _, click in given)
        strokes = [stroke for earlier, _ in given for stroke in earlier]
        before, painting = self._steps[-1], paint(clicks[:-1], strokes, self._areas)
        if painting is not None:
            painted = painting.on(before.prediction).probability
            before = replace(before, painted=Prediction(self._size, painted, ()))
        self._has_start = self._mask is not None or any(stroke.positive for stroke in given[0][0])
        if (
            self._box is not None
            and not self.options.reference
            and not any(c.positive for c in clicks)
        ):
            clicks = (self._box_click(self._box), *clicks)
        if self.options.reference:
            return self._predict_published(before, clicks)
        return self._predict_step(before, clicks)

    def _predict_step(self, before: _Step, clicks: tuple[Click, ...]) -> _Step:
        step, plan = self._predict_planned(before, before, clicks)
        known = step.prediction.coarse_object_box(self._zoom_threshold)
        if needs_second_pass(plan, known, self._size, self._settings.zoom):
            step, _ = self._predict_planned(step, before, clicks)
        return self._refine(step, clicks)

    def _predict_planned(
        self, known: _Step, guide: _Step, clicks: tuple[Click, ...]
    ) -> tuple[_Step, ViewPlan]:
        """Run one pass in a view planned from ``known``, with the mask guidance of ``guide``."""
        threshold = self._zoom_threshold
        plan = plan_view(
            self._size,
            clicks,
            self._box,
            known.guidance.coarse_object_box(threshold),
            known.prediction.is_cut_off(threshold),
            known.plan_state,
            self._settings,
            from_mask=self._has_start,
        )
        return self._run_pass(plan, guide, clicks), plan

    def _refine(self, step: _Step, clicks: tuple[Click, ...]) -> _Step:
        """Refine a step round the latest click, if the options ask for it."""
        zoom = self._settings.zoom
        if zoom is None or not zoom.refine:
            return step
        if len(clicks) < _FIRST_REFINED and not self._has_start:
            return step
        part = refinement_view(step.prediction.views[0], clicks[-1])
        if part is None:
            return step
        refined = self._run_pass(ViewPlan((part,), (part,), step.plan_state), step, clicks)
        return replace(step, prediction=blend(step.prediction, refined.prediction))

    def _predict_published(self, before: _Step, clicks: tuple[Click, ...]) -> _Step:
        options, size, threshold = self._settings, self._size, self._zoom_threshold
        first_click = len(self._steps) == 1
        # The published demo shows the network a loaded mask at every click.
        guide = before if self._mask is None else self._steps[0]
        box = None if first_click else self._render(before).object_box(threshold)
        first = plan_published_view(size, clicks, self._box, box, before.plan_state, options)
        step = self._run_pass(first, guide, clicks, before.solver_state)
        again = self._render(step).object_box(threshold)
        twice = self._mask is not None and first_click
        if twice or needs_second_pass(first, again, size, options.zoom):
            second = plan_published_view(size, clicks, self._box, again, first.state, options)
            step = self._run_pass(second, guide, clicks, step.solver_state)
        return step

    @property
    def _zoom_threshold(self) -> float:
        return self.options.zoom.threshold if self.options.zoom else 0.5

    def _run_pass(
        self,
        plan: ViewPlan,
        guide: _Step,
        clicks: tuple[Click, ...],
        state: Any = None,  # noqa: ANN401
    ) -> _Step:
        """Run one pass through the network (in BRS modes: one optimisation)."""
        engine = self._engine_for(len(clicks))
        image, seen = self._network_input(plan, engine, guide.guidance, clicks)
        state = guide.solver_state if state is None else state

        def predict(part: Floats, part_clicks: Sequence[Click]) -> Floats:
            nonlocal state
            logits, state = self._solver.solve(engine, part, part_clicks, state, moved=plan.moved)
            return _sigmoid(logits)

        if self.options.windows is None:
            probability = predict(image, seen)
        else:
            overlap = self.options.window_overlap
            probability = predict_in_windows(image, seen, self.options.windows, overlap, predict)
        prediction = Prediction(self._size, probability[0, 0], plan.outputs)
        return _Step(prediction, plan.state, state)

    def _engine_for(self, clicks: int) -> Engine:
        """Return the engine of the stage for a number of clicks; a start mask counts as one."""
        count = max(1, clicks + self._has_start)
        return self.model.stages[min(count, len(self.model.stages)) - 1]

    def _network_input(
        self, plan: ViewPlan, engine: Engine, guide: Prediction, clicks: Sequence[Click]
    ) -> tuple[Floats, list[Click]]:
        """Return the network's input (1, 3 or 4, h, w), and the clicks in its pixels."""
        views = plan.inputs or (InputView(Roi.whole(self._size), self._size),)
        image = views[0].resample_image(self._image)
        if engine.config.with_prev_mask:
            image = np.concatenate([image, self._guidance(views[0], guide)], axis=1)
        seen = views[0].map_clicks(clicks)
        for view in views[1:]:
            image, seen = view.crop(image), view.map_clicks(seen)
        return image, seen

    def _guidance(self, view: InputView, guide: Prediction) -> Floats:
        """Return the (1, 1, h, w) mask guidance of a view."""
        if not guide.coarse.any():
            return np.zeros((1, 1, *view.size), np.float32)
        if guide.views == (view,) and not self.options.reference:
            return guide.coarse[None, None]  # the same view
        zoom = self._settings.zoom
        if zoom and zoom.refine and guide.views and guide.roi.encloses(view.roi):
            return resample(guide.coarse, guide.views[0], view)[None, None]
        rendered = self._rendered
        if rendered is None or rendered.coarse is not guide.coarse:
            rendered = guide.compact()
        return view.resample_guidance(cut(rendered.crop, rendered.roi, view.roi))


def _solver(options: PredictorOptions) -> Solver:
    if options.mode == "NoBRS":
        return PlainSolver(flip=options.flip)
    from .brs import make_solver  # needs PyTorch

    return make_solver(options)


def _sigmoid(logits: Floats) -> Floats:
    with np.errstate(over="ignore"):  # of logits below -88, whose probability is 0
        return np.float32(1) / (np.float32(1) + np.exp(-logits))


def _complete(options: PredictorOptions, model: LoadedModel) -> PredictorOptions:
    """Fill in the options that are left to the model: sizes and numbers of its input views."""
    zoom = options.zoom
    if zoom is None or zoom.target_size is not None:
        return options
    skip = 0 if model.has_second_pass and not options.reference else zoom.skip_clicks
    refine = model.has_refinement_view and not options.reference and options.mode == "NoBRS"
    zoom = replace(zoom, target_size=model.view_size, skip_clicks=skip, refine=refine)
    if not options.reference:
        zoom = replace(zoom, overview_size=model.overview_size)
    return replace(options, zoom=zoom)


def _common_prefix(first: Sequence[_Given], second: Sequence[_Given]) -> int:
    """Count the clicks at the start that two sequences share, with the strokes before them."""
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count
