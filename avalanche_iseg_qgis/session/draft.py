"""The object being mapped, before it is a feature."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from .history import History
from .prompt_set import PromptSet
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from ..core.worker.protocol import Outlined, Predicted
    from ..layers.pixel_window import PixelWindow
    from ..worker.settings import ShapeSettings


class DraftState(Enum):
    """How far a draft is on its way to a feature.

    EDITING: the user gives prompts. FINISHING: the user has finished, the outline is awaited.
    SAVING: the outline is being stored.
    """

    EDITING = "editing"
    FINISHING = "finishing"
    SAVING = "saving"


class DraftStateError(RuntimeError):
    """A transition that the state of a draft does not allow."""


@dataclass(frozen=True)
class FeatureRef:
    """How to find a feature again.

    Attributes
    ----------
    uuid
        Of a feature of ours: its id changes when a new feature is saved to its file.
    """

    layer_id: str
    feature_id: int
    uuid: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others, also after it was saved to its file."""
        return self.uuid or f"{self.layer_id} {self.feature_id}"


@dataclass(eq=False)
class PredictionState:
    """The prediction for some prompts, in a window of the image.

    Attributes
    ----------
    is_final
        False if the object is cut off by the window, and a wider one follows.
    """

    prompts: PromptSet
    window: PixelWindow
    prediction: Predicted
    is_final: bool = True


@dataclass(eq=False)
class OutlineState:
    """The outline of a prediction."""

    prediction: PredictionState
    shape: ShapeSettings
    outlined: Outlined


@dataclass(eq=False)
class ObjectDraft:
    """An object: its prompts, what is known of it, and its state.

    Attributes
    ----------
    history
        Its prompts.
    feature_ref
        The feature that it came from, None for a new one.
    stopwatch
        Seconds spent on it.
    write_back
        Whether to save it to the feature that it came from.
    avalanche
        Identifier of the avalanche that it is another observation of; empty for a new one.
    prediction, outline
        The latest answers; they may be those to earlier prompts.
    request
        What the segmenter is computing: prompts, or a prediction and the shape of its outline.
    final_shape
        Outline settings that were in force when it was finished; None while it is edited.
    """

    history: History[PromptSet] = field(default_factory=lambda: History(PromptSet()))
    feature_ref: FeatureRef | None = None
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    write_back: bool = True
    avalanche: str = ""
    prediction: PredictionState | None = None
    outline: OutlineState | None = None
    request: PromptSet | tuple[PredictionState, ShapeSettings] | None = None
    final_shape: ShapeSettings | None = field(default=None, init=False)
    _state: DraftState = field(default=DraftState.EDITING, init=False)

    @property
    def state(self) -> DraftState:
        """Changed by the methods below only."""
        return self._state

    @property
    def prompts(self) -> PromptSet:
        """The prompts in force."""
        return self.history.current

    @property
    def up_to_date(self) -> bool:
        """Whether the prediction belongs to the prompts in force."""
        state = self.prediction
        return state is not None and state.is_final and state.prompts is self.prompts

    @property
    def has_work(self) -> bool:
        """Whether there is anything that could be discarded."""
        return self.history.is_changed or not self.prompts.empty

    def outline_for(self, shape: ShapeSettings) -> Outlined | None:
        """Return the outline of the prompts in force in this shape, if it is known."""
        outline = self.outline
        if outline is None or not self.up_to_date:
            return None
        same = outline.prediction is self.prediction and outline.shape == shape
        return outline.outlined if same else None

    def is_empty(self, shape: ShapeSettings) -> bool:
        """Whether nothing is left of the prompts in force in this shape, as far as is known."""
        if self.prediction is None or not self.up_to_date:
            return False
        outlined = self.outline_for(shape)
        if outlined is not None:
            return not outlined.parts
        prediction = self.prediction.prediction
        return not bool((prediction.levels > prediction.above(shape.threshold)).any())

    def expect(self, *states: DraftState) -> None:
        """Raise `DraftStateError` unless the state is one of these."""
        if self._state not in states:
            raise DraftStateError(f"not possible while {self._state.value}")

    # --- transitions: they raise DraftStateError in a state that they do not start from -------

    def change(self, prompts: PromptSet) -> None:
        """Put new prompts in force. Any state -> editing."""
        self.history.change(prompts)
        self._edit()

    def undo(self) -> None:
        """Put the prompts before in force. Any state -> editing."""
        self.history.undo()
        self._edit()

    def redo(self) -> None:
        """Put the prompts that were undone in force. Any state -> editing."""
        self.history.redo()
        self._edit()

    def finish(self, shape: ShapeSettings) -> None:
        """Await the outline in this shape. Editing -> finishing, refused without prompts."""
        self.expect(DraftState.EDITING)
        if self.prompts.empty:
            raise DraftStateError("not possible without prompts")
        self._state, self.final_shape = DraftState.FINISHING, shape

    def adopt_threshold(self, threshold: float) -> None:
        """Finish with the threshold of a model whose prediction is still awaited."""
        if self.final_shape is not None and not self.up_to_date:
            self.final_shape = replace(self.final_shape, threshold=threshold)

    def save(self) -> Outlined:
        """Return the outline to be stored. Finishing -> saving, refused without that outline."""
        self.expect(DraftState.FINISHING)
        outlined = self.outline_for(self.final_shape) if self.final_shape else None
        if outlined is None:
            raise DraftStateError("not possible without an outline")
        self._state = DraftState.SAVING
        return outlined

    def reopen(self) -> None:
        """Give up finishing, and keep the prompts. Finishing, saving -> editing."""
        self.expect(DraftState.FINISHING, DraftState.SAVING)
        self._edit()

    def _edit(self) -> None:
        self._state, self.final_shape = DraftState.EDITING, None
        if self.prompts.empty:
            self.prediction = self.outline = None
