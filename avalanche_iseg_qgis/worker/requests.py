"""What is asked of the worker."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..core.worker.protocol import Outline, Predict

if TYPE_CHECKING:
    from ..core.prompts import Prompts
    from ..layers.pixel_window import WindowImage
    from .settings import ShapeSettings


@dataclass(frozen=True, eq=False)
class PredictionRequest:
    """A prediction somebody waits for, or with ``shape`` its outline."""

    ticket: object
    picture: WindowImage
    prompts: Prompts
    shape: ShapeSettings | None = None

    @property
    def kind(self) -> type:
        """Of the request."""
        return Predict if self.shape is None else Outline

    def request(self) -> Predict | Outline:
        """As the worker understands it."""
        shape = asdict(self.shape) if self.shape else {}
        return self.kind.of(self.picture.name, self.prompts, **shape)
