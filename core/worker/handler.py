"""The request handler of the segmentation worker: a model, a few images, predictions."""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..engine import ENGINES, LoadedModel, load_model
from ..engine.devices import list_devices
from ..errors import ImageError, PromptError
from ..ipc.envelope import Skipped
from ..ipc.server import versions
from ..outline import mask_to_polygons
from ..outline.rings import flatten_rings
from ..predictor import Predictor, PredictorOptions, Zoom
from ..prompts import Click, Prompts
from .protocol import (
    LEVELS,
    SEGMENTATION_MESSAGES,
    VERSION,
    Images,
    Load,
    Loaded,
    ObjectRequest,
    Outline,
    Outlined,
    Predict,
    Predicted,
    SegmentationWelcome,
    SetImage,
)

MAX_IMAGES = 4
# Parts of an outline, and as many holes: the next click waits for an outline under way.
MOST_PARTS = 500
_PACKAGES = ("numpy", "torch", "openvino")
# The common shape of photos, at the size of the first pass.
_WARM_UP_SIZE = (300, 400)


class SegmentationHandler:
    """Holds a model, images and their predictors; answers requests. See `RequestHandler`."""

    message_set = SEGMENTATION_MESSAGES

    def __init__(self) -> None:
        self._model: LoadedModel | None = None
        self._images: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()
        self._predictors: dict[str, Predictor] = {}

    def welcome(self) -> SegmentationWelcome:
        """Return versions, devices, engines and models."""
        from ..zoo import MODELS

        installed = {name: version for name, version in versions(_PACKAGES).items() if version}
        usable = [name for name in ENGINES if name == "auto" or name.split("-")[0] in installed]
        titles = {name: model.title for name, model in MODELS.items()}
        return SegmentationWelcome(VERSION, installed, list_devices(), usable, titles)

    def answer(self, request: Any, is_wanted: Callable[[], bool]) -> Any:  # noqa: ANN401
        """Return the answer to a request; ``is_wanted`` is asked before every click."""
        if isinstance(request, Predict):
            return self._predict(request, is_wanted)
        if isinstance(request, Outline):
            return self._outline(request, is_wanted)
        if isinstance(request, SetImage):
            return self._set_image(request)
        if isinstance(request, Load):
            return self._load(request)
        return self._forget(request.image)

    def _load(self, request: Load) -> Loaded:
        start = time.perf_counter()
        threads = request.threads or default_threads()
        cv2.setNumThreads(threads)
        model = load_model(
            request.model, device=request.device, engine=request.engine, threads=threads
        )
        _warm_up(model)
        self._model = model
        self._predictors.clear()
        engine = model.stages[0]
        return Loaded(
            name=model.name,
            path=str(model.path.resolve()),
            engine=engine.name,
            device=str(engine.device),
            threads=threads,
            sha256=hashlib.sha256(model.path.read_bytes()).hexdigest(),
            threshold=model.threshold,
            starts_from_mask=engine.config.with_prev_mask,
            seconds=time.perf_counter() - start,
            metadata=dict(model.metadata),
        )

    def _set_image(self, request: SetImage) -> Images:
        self._forget(request.image)
        self._images[request.image] = request.pixels
        if len(self._images) > MAX_IMAGES:
            self._forget(next(iter(self._images)))
        return Images(list(self._images))

    def _forget(self, image: str) -> Images:
        self._images.pop(image, None)
        self._predictors.pop(image, None)
        return Images(list(self._images))

    def _predict(
        self, request: ObjectRequest, is_wanted: Callable[[], bool]
    ) -> Predicted | Skipped:
        start = time.perf_counter()
        predictor, prompts = self._predictor(request), request.prompts
        if not is_wanted() or not predictor.prepare(prompts, is_wanted) or not is_wanted():
            return Skipped()
        prediction = predictor.predict(prompts)
        roi = prediction.roi
        return Predicted(
            levels=_levels(prediction.crop),
            roi=(roi.row_min, roi.row_max, roi.col_min, roi.col_max),
            size=prediction.size,
            seconds=time.perf_counter() - start,
        )

    def _outline(self, request: Outline, is_wanted: Callable[[], bool]) -> Outlined | Skipped:
        start = time.perf_counter()
        predicted = self._predict(request, is_wanted)
        if isinstance(predicted, Skipped):
            return predicted
        prompts = request.prompts
        given = [(c.row, c.col) for c in prompts.clicks if c.positive]
        given += [point for stroke in prompts.strokes if stroke.positive for point in stroke.points]
        outline = mask_to_polygons(
            predicted.mask(request.threshold),  # the very pixels that the program shows
            tolerance=request.tolerance,
            smoothing=request.smoothing,
            min_area=request.min_area,
            fill_holes=True if request.fill_holes < 0 else request.fill_holes,
            largest_only=request.largest_only,
            through=given if request.clicked_only else (),
            kept_holes=[p for s in prompts.strokes if not s.positive for p in s.points],
            max_parts=MOST_PARTS,
        )
        points, parts = flatten_rings(outline)
        return Outlined(
            points=points.astype(np.float32),
            parts=parts,
            area=outline.area,
            seconds=time.perf_counter() - start,
        )

    def _predictor(self, request: ObjectRequest) -> Predictor:
        """Return the predictor of the image, which keeps the results of earlier clicks."""
        if self._model is None:
            raise PromptError("Load a model before predicting.")
        if request.image not in self._images:
            raise ImageError(
                f"The worker does not hold the image {request.image!r} (it keeps the last "
                f"{MAX_IMAGES}). Hand it over again."
            )
        self._images.move_to_end(request.image)
        options = _options(request)
        predictor = self._predictors.get(request.image)
        if predictor is None or predictor.options != options:
            predictor = Predictor(self._model, options)
            predictor.set_image(self._images[request.image])
            self._predictors[request.image] = predictor
        return predictor


def default_threads() -> int:
    """Return half the cores that this process may use: the other half is for the program."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, cores // 2)


def _options(request: ObjectRequest) -> PredictorOptions:
    zoom = Zoom() if request.zoom else None
    if zoom and request.target_size is not None:
        zoom = Zoom(target_size=request.target_size)
    return PredictorOptions(zoom=zoom, limit_longest_side=request.limit, correct_mask=True)


def _warm_up(model: LoadedModel) -> None:
    """Predict and outline once: what libraries do at the first use does not delay a click."""
    predictor = Predictor(model)
    predictor.set_image(np.zeros((*_WARM_UP_SIZE, 3), np.uint8))
    height, width = _WARM_UP_SIZE
    predictor.predict(Prompts([Click(height / 2, width / 2)]))
    mask_to_polygons(np.ones((1, 1), np.bool_))


def _levels(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return probabilities as `Predicted.levels` carries them."""
    levels = probability * np.float32(LEVELS)
    np.ceil(levels, out=levels)
    return levels.astype(np.uint8)
