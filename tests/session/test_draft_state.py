"""The state of a draft: every transition, allowed or refused."""

from __future__ import annotations

import numpy as np
import pytest

from avalanche_iseg_qgis.core.prompts import Click
from avalanche_iseg_qgis.core.worker.protocol import Outlined
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.session.draft import (
    DraftState,
    DraftStateError,
    ObjectDraft,
    OutlineState,
    PredictionState,
)
from avalanche_iseg_qgis.session.prompt_set import PromptSet
from avalanche_iseg_qgis.worker.settings import ShapeSettings

EDITING, FINISHING, SAVING = DraftState
SHAPE = ShapeSettings()
PROMPTS = PromptSet((Click(1, 2),))
OUTLINED = Outlined(np.zeros((4, 2), np.float32), [[4]], 1.0, 0.0)


def draft_in(state: DraftState) -> ObjectDraft:
    """A draft with prompts, prediction and outline, in a state."""
    draft = ObjectDraft()
    draft.change(PROMPTS)
    draft.prediction = PredictionState(draft.prompts, PixelWindow(0, 0, 9, 9), None)
    draft.outline = OutlineState(draft.prediction, SHAPE, OUTLINED)
    if state is not EDITING:
        draft.finish(SHAPE)
    if state is SAVING:
        assert draft.save() is OUTLINED
    assert draft.state is state
    return draft


TRANSITIONS = {
    "change": lambda draft: draft.change(PROMPTS.with_click(Click(3, 4))),
    "undo": lambda draft: draft.undo(),
    "redo": lambda draft: draft.redo(),
    "finish": lambda draft: draft.finish(SHAPE),
    "save": lambda draft: draft.save(),
    "reopen": lambda draft: draft.reopen(),
}
ALLOWED = {
    **{(state, name): EDITING for state in DraftState for name in ("change", "undo", "redo")},
    (EDITING, "finish"): FINISHING,
    (FINISHING, "save"): SAVING,
    (FINISHING, "reopen"): EDITING,
    (SAVING, "reopen"): EDITING,
}


@pytest.mark.parametrize("name", TRANSITIONS)
@pytest.mark.parametrize("state", DraftState)
def test_each_transition_is_allowed_or_refused(state, name):
    draft = draft_in(state)
    after = ALLOWED.get((state, name))
    if after is None:
        with pytest.raises(DraftStateError):
            TRANSITIONS[name](draft)
        assert draft.state is state
    else:
        TRANSITIONS[name](draft)
        assert draft.state is after
    assert (draft.final_shape is None) == (draft.state is EDITING)


def test_the_state_cannot_be_set():
    with pytest.raises(AttributeError):
        ObjectDraft().state = SAVING


def test_nothing_can_be_finished_without_prompts():
    draft = ObjectDraft()
    with pytest.raises(DraftStateError, match="prompts"):
        draft.finish(SHAPE)
    assert draft.state is EDITING


@pytest.mark.parametrize("shape", [SHAPE, ShapeSettings(tolerance=9.0)])
def test_nothing_can_be_saved_without_its_outline(shape):
    draft = draft_in(EDITING)
    draft.finish(shape)
    if shape == SHAPE:
        draft.outline = None
    with pytest.raises(DraftStateError, match="outline"):
        draft.save()
    assert draft.state is FINISHING


def test_expect():
    draft = draft_in(FINISHING)
    draft.expect(FINISHING, SAVING)
    with pytest.raises(DraftStateError, match="finishing"):
        draft.expect(EDITING)


def test_a_prediction_goes_with_the_last_prompt():
    draft = draft_in(EDITING)
    draft.undo()
    assert draft.prediction is None
    assert draft.outline is None
    draft.redo()
    assert draft.prompts is PROMPTS
    assert not draft.up_to_date
