"""Requests to the segmentation worker."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..core.worker.protocol import Outline, Predict

if TYPE_CHECKING:
    from ..core.prompts import Prompts
    from ..layers.pixel_window import WindowImage
    from .receiver import Receiver
    from .settings import ShapeSettings


@dataclass(frozen=True, eq=False)
class PredictionRequest:
    """A prediction, or with ``shape`` its outline.

    Attributes
    ----------
    slot
        What it is for: a newer request of the same slot and kind replaces it.
    image, prompts
        Pixels, and prompts in these pixels.
    """

    slot: Hashable
    image: WindowImage
    prompts: Prompts
    receiver: Receiver
    shape: ShapeSettings | None = None

    @property
    def key(self) -> tuple[Hashable, bool]:
        """Slot, and whether this is for an outline."""
        return self.slot, self.shape is not None

    def message(self) -> Predict | Outline:
        """Return the request as the worker understands it."""
        if self.shape is None:
            return Predict.of(self.image.name, self.prompts)
        return Outline.of(self.image.name, self.prompts, **asdict(self.shape))
