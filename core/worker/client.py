"""A segmentation worker for scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ipc.client import WorkerClient
from ..prompts import Prompts
from .protocol import (
    SEGMENTATION_MESSAGES,
    Forget,
    Images,
    Load,
    Loaded,
    Outline,
    Outlined,
    Predict,
    Predicted,
    SegmentationWelcome,
    SetImage,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Worker(WorkerClient):
    """A running segmentation worker; a context manager. See `WorkerClient`.

    Its methods raise what `core.engine.load_model` and `core.predictor.Predictor` do, an
    `ImageError` for an image that is unsuitable or not held, and a `WorkerError` if the worker has
    ended.
    """

    message_set = SEGMENTATION_MESSAGES
    welcome: SegmentationWelcome

    def load_model(
        self, model: str, *, device: str = "auto", engine: str = "auto", threads: int | None = None
    ) -> Loaded:
        """Load a model and warm it up; see `protocol.Load`."""
        if Path(model).is_file():
            model = str(Path(model).absolute())  # the worker runs in another folder
        return self.ask(Load(model, device, engine, threads), Loaded)

    def set_image(self, image: str, pixels: NDArray[np.uint8]) -> Images:
        """Hand over an image, (H, W, 3) uint8 RGB, under a name; return which are held."""
        return self.ask(SetImage(image, pixels), Images)

    def predict(self, image: str, prompts: Prompts, **settings: Any) -> Predicted:  # noqa: ANN401
        """Predict from all prompts of one object; settings as in `protocol.Predict`."""
        return self.ask(Predict.of(image, prompts, **settings), Predicted)

    def outline(self, image: str, prompts: Prompts, **settings: Any) -> Outlined:  # noqa: ANN401
        """Outline what is predicted from the prompts; settings as in `protocol.Outline`."""
        return self.ask(Outline.of(image, prompts, **settings), Outlined)

    def forget(self, image: str) -> Images:
        """Drop an image; return which are still held."""
        return self.ask(Forget(image), Images)
