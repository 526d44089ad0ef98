"""Predictions and outlines of objects in an image, waited for."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import ImageError
from ..core.worker.protocol import Load, Loaded, Outline, Outlined, Predict, Predicted, SetImage
from ..i18n import tr
from ..layers.windows import choose_window, widen
from ..session.mapped_image import is_cut_off

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qgis.core import QgsProcessingFeedback

    from ..layers.pixel_window import PixelWindow
    from ..layers.source import PixelSource
    from ..session.prompt_set import PromptSet
    from ..worker.settings import ShapeSettings
    from .asking import BlockingWorker

_MAX_WIDENINGS = 3


def check_place(source: PixelSource) -> None:
    """Raise an ImageError if an image lies on a map, but it is not known on which."""
    if source.grid.lacks_crs:
        raise ImageError(
            tr(
                "The image {} lies on a map, but its coordinate system is not known: set its CRS "
                "and run this again."
            ).format(source.name)
        )


class ImagePredictor:
    """Asks a worker about objects of one image, in the windows that the panels would take.

    Attributes
    ----------
    loaded
        The model in use.
    """

    def __init__(
        self,
        worker: BlockingWorker,
        source: PixelSource,
        feedback: QgsProcessingFeedback,
        load: Load,
    ) -> None:
        self._worker, self._source, self._feedback = worker, source, feedback
        feedback.pushInfo(tr("Loading the model {}…").format(load.model))
        self.loaded: Loaded = worker.ask(load)

    def predict(self, prompts: PromptSet, threshold: float) -> tuple[Predicted, PixelWindow]:
        """Return the prediction, and the window of the image that it is of."""
        grid = self._source.grid
        window = choose_window(grid, prompts.bounds())
        for _ in range(_MAX_WIDENINGS):
            found = self._ask(window, prompts)
            if not is_cut_off(found, window, grid, threshold):
                return found, window
            wider = widen(grid, window)
            if wider == window:
                return found, window
            window = wider
        return self._ask(window, prompts), window

    def outline(self, prompts: PromptSet, window: PixelWindow, shape: ShapeSettings) -> Outlined:
        """Return the outline of a prediction that was made in this window."""
        self._hand_over(window)
        message = Outline.of(_name(window), prompts.within(window), **asdict(shape))
        answer: Outlined = self._worker.ask(message)
        return answer

    def mask(self, prompts: PromptSet, threshold: float) -> NDArray[np.bool_]:
        """Return the mask of the whole image, (H, W) bool."""
        found, window = self.predict(prompts, threshold)
        whole = np.zeros((self._source.grid.height, self._source.grid.width), np.bool_)
        rows = slice(window.row, window.row + window.height)
        cols = slice(window.col, window.col + window.width)
        whole[rows, cols] = found.mask(threshold)
        return whole

    def _ask(self, window: PixelWindow, prompts: PromptSet) -> Predicted:
        self._hand_over(window)
        answer: Predicted = self._worker.ask(Predict.of(_name(window), prompts.within(window)))
        return answer

    def _hand_over(self, window: PixelWindow) -> None:
        if _name(window) not in self._worker.held:
            pixels = self._source.read(window, self._feedback)
            self._worker.ask(SetImage(_name(window), pixels))


def _name(window: PixelWindow) -> str:
    return f"{window.row},{window.col},{window.height},{window.width}"
