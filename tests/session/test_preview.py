"""What a click would give: computed while nothing else is, gone with the next change."""

from __future__ import annotations

import pytest
from rig import PREDICT, PREVIEW


def preview(rig, row=7.0, col=8.0):
    """Rest the mouse at a place, and let the worker answer; return the preview."""
    rig.session.preview_click(row, col)
    if (PREVIEW, PREDICT) in rig.segmenter.requests:
        rig.segmenter.predict_now(PREVIEW)
    return rig.session.preview


def test_a_preview_is_of_the_prompts_and_one_click_more(rig):
    rig.open()
    first = preview(rig)
    assert [(c.row, c.col, c.positive) for c in first.prompts.clicks] == [(7.0, 8.0, True)]
    assert rig.session.prompts.empty
    draft = rig.predicted()
    second = preview(rig, 20.0, 30.0)
    assert second.prompts.clicks[:1] == draft.prompts.clicks
    assert len(second.prompts.clicks) == 2
    assert len(draft.prompts.clicks) == 1


@pytest.mark.parametrize("change", ["click", "undo", "image", "move", "discard"])
def test_a_preview_is_gone_after_a_change(rig, change):
    rig.open()
    rig.predicted()
    assert preview(rig, 20.0, 30.0) is not None
    if change == "click":
        rig.click(1.0, 2.0)
    elif change == "undo":
        rig.session.undo()
    elif change == "image":
        rig.open("b.jpg")
    elif change == "move":
        rig.session.clear_preview()
    else:
        rig.session.discard()
    assert rig.session.preview is None


def test_an_answer_that_comes_too_late_is_not_shown(rig):
    rig.open()
    rig.session.preview_click(7.0, 8.0)
    receiver = rig.segmenter.requests[PREVIEW, PREDICT]
    assert receiver
    rig.click()
    assert (PREVIEW, PREDICT) not in rig.segmenter.requests


def test_nothing_is_delayed_by_a_preview(rig):
    rig.open(read=False)
    rig.session.preview_click(7.0, 8.0)  # not read yet
    rig.reader.read()
    rig.click()
    rig.session.preview_click(9.0, 9.0)  # the answer to the click is awaited
    rig.session.preview_click(-1.0, 9.0)
    assert (PREVIEW, PREDICT) not in rig.segmenter.requests


def test_no_preview_beside_the_image_or_while_it_is_finished(rig):
    rig.open()
    rig.session.preview_click(100.0, 8.0)
    assert rig.segmenter.requests == {}
    rig.outlined()
    rig.session.finish()
    rig.session.preview_click(9.0, 9.0)
    assert (PREVIEW, PREDICT) not in rig.segmenter.requests
