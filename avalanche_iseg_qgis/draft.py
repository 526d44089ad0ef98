"""The object being mapped, before it is a feature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .features.statistics import Stopwatch
from .prompts.history import History
from .prompts.prompted import Prompted

if TYPE_CHECKING:
    from .core.worker.protocol import Outlined, Prediction
    from .layers.picture import Window
    from .worker.settings import ShapeSettings


@dataclass(frozen=True)
class Home:
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
class Found:
    """What the model found from some prompts."""

    prompts: Prompted
    window: Window
    prediction: Prediction


@dataclass(eq=False)
class Outline:
    """The outline of what was found."""

    found: Found
    shape: ShapeSettings
    outlined: Outlined


@dataclass(eq=False)
class Draft:
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
    home: Home | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    found: Found | None = None
    outline: Outline | None = None
    finishing: bool = False

    @property
    def prompts(self) -> Prompted:
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
