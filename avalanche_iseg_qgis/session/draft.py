"""The object being mapped, before it is a feature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..features.statistics import Stopwatch
from .history import History
from .prompt_set import PromptSet

if TYPE_CHECKING:
    from ..core.worker.protocol import Outlined, Predicted
    from ..layers.pixel_window import PixelWindow
    from ..worker.settings import ShapeSettings


@dataclass(frozen=True)
class FeatureRef:
    """The feature that an object came from.

    Attributes
    ----------
    uuid
        Of a feature of ours: its id changes when a new feature is saved to its file.
    """

    layer_id: str
    feature_id: int
    uuid: str = ""


@dataclass(eq=False)
class PredictionState:
    """What the model found from some prompts."""

    prompts: PromptSet
    window: PixelWindow
    prediction: Predicted


@dataclass(eq=False)
class OutlineState:
    """The outline of what was found."""

    found: PredictionState
    shape: ShapeSettings
    outlined: Outlined


@dataclass(eq=False)
class ObjectDraft:
    """An object in hand.

    Attributes
    ----------
    history
        Its prompts.
    home
        The feature to write back to, None for a new one.
    found, outline
        The latest answers; they may be those to earlier prompts.
    finishing
        Whether to make a feature of it as soon as its outline is there.
    """

    history: History = field(default_factory=History)
    home: FeatureRef | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    found: PredictionState | None = None
    outline: OutlineState | None = None
    finishing: bool = False

    @property
    def prompts(self) -> PromptSet:
        """The prompts in force."""
        return self.history.now

    @property
    def up_to_date(self) -> bool:
        """Whether what was found belongs to the prompts in force."""
        return self.found is not None and self.found.prompts is self.prompts

    def outline_for(self, shape: ShapeSettings) -> Outlined | None:
        """The outline of the prompts in force in this shape, if it is there."""
        outline = self.outline
        if outline and self.up_to_date and outline.found is self.found and outline.shape == shape:
            return outline.outlined
        return None
