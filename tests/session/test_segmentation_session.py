"""A session: gestures in, requests out, answers in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rig import OUTLINE, PREDICT, FakeGrid

from avalanche_iseg_qgis.core.prompts import Box, Click
from avalanche_iseg_qgis.layers.image_origin import ImageOrigin
from avalanche_iseg_qgis.session.draft import DraftState, DraftStateError, FeatureRef
from avalanche_iseg_qgis.session.prompt_set import PromptSet
from avalanche_iseg_qgis.session.start_mask import StartMask
from avalanche_iseg_qgis.worker.settings import ShapeSettings

EDITING, FINISHING, SAVING = DraftState
LARGE = FakeGrid(20_000, 20_000, is_photo=False)
REF = FeatureRef("layer", 7, "uuid")

# --- gestures ---------------------------------------------------------------------------------


def test_an_image_is_read_before_the_first_click(rig):
    image = rig.open()
    assert rig.segmenter.preloaded == [image.window_name]
    assert rig.events == ["image", "prompts", "prediction", "outline"]
    assert rig.reader.origins == ["a.jpg"]
    assert not rig.segmenter.requests


def test_from_a_click_to_an_outline(rig):
    rig.open()
    draft = rig.click()
    assert list(rig.segmenter.requests) == [(draft, PREDICT)]
    rig.events.clear()
    rig.segmenter.predict_now(draft)
    assert rig.events == ["prediction"]
    assert draft.up_to_date
    assert rig.timer.starts == 1
    rig.session.outline_due()
    assert list(rig.segmenter.requests) == [(draft, OUTLINE)]
    outlined = rig.segmenter.outline_now(draft)
    assert draft.outline_for(rig.session.shape) is outlined
    assert rig.events == ["prediction", "outline"]
    assert draft.state is EDITING
    assert not rig.finished


def test_gestures_change_the_prompts(rig):
    rig.open()
    session = rig.session
    session.add_click(1, 2, True)
    session.add_click(3, 4, False)
    session.move_click(0, 5, 6)
    session.set_box(Box(0, 9, 0, 9))
    assert session.prompts == PromptSet((Click(5, 6), Click(3, 4, positive=False)), Box(0, 9, 0, 9))
    session.remove_last_click()
    session.remove_click(0)
    session.remove_last_click()  # there is none
    assert session.prompts == PromptSet((), Box(0, 9, 0, 9))


def test_undo_and_redo(rig):
    rig.open()
    session = rig.session
    session.undo()
    session.redo()
    first = rig.click().prompts
    second = rig.click(20, 20).prompts
    session.undo()
    assert session.prompts is first
    session.undo()
    session.undo()
    assert session.prompts.empty
    session.redo()
    session.redo()
    session.redo()
    assert session.prompts is second
    assert len(rig.segmenter.requests) == 1
    assert session.draft.stopwatch.undone == 2  # of four: twice there was nothing to take back


def test_undo_while_an_answer_is_on_its_way(rig):
    rig.open()
    draft = rig.predicted()
    first, state = draft.prompts, draft.prediction
    rig.click(20, 20)
    assert list(rig.segmenter.requests) == [(draft, PREDICT)]
    rig.session.undo()
    assert not rig.segmenter.requests  # the answer to two clicks is not awaited any more
    assert draft.prompts is first
    assert draft.prediction is state
    assert draft.up_to_date
    rig.session.outline_due()
    assert list(rig.segmenter.requests) == [(draft, OUTLINE)]


def test_undo_of_the_first_click_while_its_answer_is_on_its_way(rig):
    rig.open()
    draft = rig.click()
    rig.session.undo()
    assert not rig.segmenter.requests
    assert draft.prediction is None
    rig.session.redo()
    rig.segmenter.predict_now(draft)
    assert draft.up_to_date


def test_a_newer_click_replaces_the_request(rig):
    rig.open()
    draft = rig.click()
    rig.click(9, 9)
    ((_, prompts, _),) = rig.segmenter.requests.values()
    assert len(prompts.clicks) == 2
    rig.segmenter.predict_now(draft)
    assert draft.prediction.prompts is draft.prompts


def test_nothing_happens_without_an_image(rig):
    session = rig.session
    rig.click()
    assert "Choose an image first" in rig.messages[-1]
    session.finish()
    assert "Nothing to finish" in rig.messages[-1]
    session.undo()
    session.redo()
    session.discard()
    session.outline_due()
    assert not session.start_from(StartMask.of(np.ones((2, 2))))
    assert session.prompts.empty
    assert session.grid is None
    assert session.draft is None


# --- objects ----------------------------------------------------------------------------------


def test_discard_asks_before_work_is_lost(rig):
    rig.open()
    rig.session.may_discard = lambda: False
    draft = rig.click()
    rig.session.discard()
    assert rig.session.draft is draft
    rig.session.may_discard = lambda: True
    rig.session.discard()
    assert rig.session.prompts.empty
    assert not rig.segmenter.requests
    rig.events.clear()
    rig.session.discard()  # nothing to discard
    assert rig.events == []


def test_start_from_a_mask(rig):
    rig.open()
    mask = StartMask.of(np.ones((3, 4)), 5, 6)
    assert rig.session.start_from(mask, REF)
    draft = rig.session.draft
    assert draft.feature_ref == REF
    ((_, prompts, _),) = rig.segmenter.requests.values()
    assert prompts.mask.sum() == 12
    rig.session.may_discard = lambda: pytest.fail("nothing to lose yet")
    rig.session.discard()
    rig.session.may_discard = lambda: False
    rig.click()
    assert not rig.session.start_from(mask)
    assert rig.session.prompts.mask is None


def test_reopen_a_feature(rig):
    rig.open()
    prompts = PromptSet((Click(3, 3), Click(9, 9)))
    assert rig.session.reopen(prompts, REF, 12.5)
    draft = rig.session.draft
    assert draft.prompts is prompts
    assert draft.stopwatch.seconds == 12.5
    assert (draft.feature_ref, draft.write_back) == (REF, True)
    assert not draft.history.is_changed  # discarded without a question
    rig.segmenter.predict_now(draft)
    assert draft.up_to_date


def test_what_a_finished_object_was_made_from_can_be_undone(rig):
    rig.open()
    prompts = PromptSet().with_box(Box(1, 20, 1, 30)).with_click(Click(3, 3))
    prompts = prompts.with_stroke([(5, 5), (9, 9)], 3, True).with_click(Click(9, 9))
    prompts = prompts.with_stroke([(7, 7)], 2, False)
    rig.session.reopen(prompts, REF, 12.5)
    counts = []
    while rig.session.draft.history.can_undo:
        rig.session.undo()
        counts.append((len(rig.session.prompts.clicks), len(rig.session.prompts.strokes)))
    assert counts == [(2, 1), (1, 1), (1, 0), (0, 0)]
    assert rig.session.prompts.box == prompts.box
    assert rig.session.draft.history.is_changed
    for _ in counts:
        rig.session.redo()
    assert rig.session.prompts is prompts
    assert not rig.session.draft.history.is_changed


@pytest.mark.parametrize("undone", [1, 2])
def test_a_change_after_undoing_what_was_finished_counts_as_one(rig, undone):
    rig.open()
    rig.session.reopen(PromptSet((Click(3, 3), Click(9, 9))), REF, 0.0)
    for _ in range(undone):
        rig.session.undo()
    for place in (4, 5, 6):
        rig.click(place, place)
        assert rig.session.draft.history.is_changed


# --- finishing --------------------------------------------------------------------------------


def test_finish_with_a_known_outline(rig):
    image = rig.open()
    draft = rig.outlined()
    rig.session.finish()
    assert rig.finished == [(image, draft.outline.outlined)]
    assert draft.state is SAVING
    rig.session.accept(image)
    assert rig.session.draft is not draft
    assert rig.session.prompts.empty


def test_finish_waits_for_prediction_and_outline(rig):
    image = rig.open()
    draft = rig.click()
    rig.session.finish()
    assert draft.state is FINISHING
    rig.session.finish()  # Enter once more changes nothing
    assert rig.segmenter.sent == [PREDICT]
    rig.segmenter.predict_now(draft)
    assert rig.segmenter.sent == [PREDICT, OUTLINE]  # at once, without the delay
    rig.session.finish()
    outlined = rig.segmenter.outline_now(draft)
    assert rig.finished == [(image, outlined)]
    assert draft.state is SAVING


def test_finish_takes_the_threshold_of_a_model_that_is_loaded_meanwhile(rig):
    image = rig.open()
    draft = rig.click()
    rig.session.finish()
    rig.session.adopt_threshold(0.3)
    assert draft.final_shape.threshold == 0.3
    rig.segmenter.predict_now(draft)
    rig.session.adopt_threshold(0.7)  # of a model that did not predict this
    assert rig.finished == []
    assert draft.final_shape.threshold == 0.3
    outlined = rig.segmenter.outline_now(draft)
    assert rig.finished == [(image, outlined)]


def test_finish_waits_for_pixels(rig):
    rig.open(read=False)
    draft = rig.click()
    rig.session.finish()
    rig.reader.read()
    rig.segmenter.predict_now(draft)
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1


def test_the_shape_at_the_finish_is_saved(rig):
    rig.open()
    draft = rig.outlined()
    rig.session.shape = ShapeSettings(tolerance=3.0)
    rig.session.finish()
    assert draft.state is FINISHING  # the outline was of another shape
    rig.session.shape = ShapeSettings(tolerance=4.0)
    rig.session.outline_due()
    rig.segmenter.outline_now(draft)
    assert draft.state is SAVING
    assert draft.outline.shape == ShapeSettings(tolerance=3.0)


@pytest.mark.parametrize("change", ["click", "undo"])
@pytest.mark.parametrize("state", [FINISHING, SAVING])
def test_a_change_of_the_prompts_cancels_finishing(rig, state, change):
    rig.open()
    draft = rig.outlined() if state is SAVING else rig.click()
    rig.session.finish()
    assert draft.state is state
    if change == "click":
        rig.click(20, 20)
    else:
        rig.session.undo()
    assert draft.state is EDITING
    assert rig.cancelled == ([draft] if state is SAVING else [])
    rig.session.discard()
    assert not rig.segmenter.requests


def test_discard_cancels_saving(rig):
    rig.open()
    draft = rig.outlined()
    rig.session.finish()
    rig.session.discard()
    assert rig.cancelled == [draft]
    with pytest.raises(DraftStateError):
        rig.session.accept(rig.session.image)


def test_finish_once_more_saves_once_more(rig):
    """Saving may take long, or have failed without a word: Enter is not lost."""
    image = rig.open()
    draft = rig.outlined()
    rig.session.finish()
    rig.session.finish()
    assert rig.cancelled == [draft]
    assert rig.finished == [(image, draft.outline.outlined)] * 2
    assert draft.state is SAVING


def test_what_cannot_be_saved_can_be_edited(rig):
    image = rig.open()
    draft = rig.outlined()
    rig.session.finish()
    rig.session.refuse(image, "The disk is full.")
    assert rig.messages == ["The disk is full."]
    assert rig.session.draft is draft
    assert draft.state is EDITING
    rig.session.finish()
    assert len(rig.finished) == 2


def test_an_empty_mask_is_not_a_feature(rig):
    rig.open()
    draft = rig.predicted()
    rig.session.finish()
    rig.segmenter.outline_now(draft, parts=())
    assert rig.finished == []
    assert draft.state is EDITING
    assert "The outline is empty" in rig.messages[-1]
    rig.session.finish()
    assert len(rig.messages) == 2
    assert draft.state is EDITING


def test_failures_of_the_worker(rig):
    rig.open()
    draft = rig.click()
    rig.session.finish()
    rig.segmenter.fail(draft, PREDICT)
    assert rig.messages == ["The worker refuses."]
    assert draft.state is EDITING
    rig.session.finish()
    rig.segmenter.predict_now(draft)
    rig.segmenter.fail(draft, OUTLINE)
    assert draft.state is EDITING
    assert len(rig.messages) == 2
    rig.session.finish()
    rig.segmenter.outline_now(draft)
    assert draft.state is SAVING


def test_worker_lost_while_finishing(rig):
    """The client asks a new worker again, with the receiver that it has; nothing else changes."""
    rig.open()
    draft = rig.click()
    rig.session.finish()
    kept = dict(rig.segmenter.requests)
    rig.session.finish()  # a user who waits presses Enter again
    assert rig.segmenter.requests == kept
    rig.segmenter.predict_now(draft)
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1


# --- reading ----------------------------------------------------------------------------------


def test_enter_after_a_failed_read_reads_again(rig):
    rig.open(read=False)
    draft = rig.click()
    rig.session.finish()
    rig.reader.fail()
    assert rig.messages == ["The file is gone."]
    assert draft.state is EDITING
    rig.session.finish()
    assert rig.reader.pending
    rig.reader.read()
    rig.segmenter.predict_now(draft)
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1


def test_an_outline_whose_pixels_are_not_cached_any_more(rig):
    rig.open()
    draft = rig.predicted()
    rig.reader.cache.clear()
    rig.session.finish()
    rig.reader.read()
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1


def test_a_large_raster_is_read_in_windows_that_grow(rig):
    image = rig.open(grid=LARGE)
    assert image.window is None
    draft = rig.click(10_000, 10_000)
    rig.reader.read()
    first = image.window
    cut_off = np.full((4, first.width), 200, np.uint8)
    rig.segmenter.predict_now(draft, cut_off, (9, 0))
    assert image.window.contains(first)
    assert image.window != first
    assert not draft.up_to_date
    assert draft.prediction is not None  # shown meanwhile
    rig.session.finish()
    rig.reader.read()
    rig.segmenter.predict_now(draft)
    assert draft.up_to_date
    assert draft.prediction.window == image.window
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1


def test_windows_do_not_grow_for_ever(rig):
    image = rig.open(grid=LARGE)
    draft = rig.click(10_000, 10_000)
    for _ in range(9):
        if rig.reader.pending:
            rig.reader.read()
        if draft.up_to_date:
            break
        rig.segmenter.predict_now(draft, np.full((4, image.window.width), 200, np.uint8), (9, 0))
    assert draft.up_to_date
    assert image.widenings == 3


def test_prompts_too_far_apart_are_taken_back(rig):
    rig.open(grid=LARGE)
    draft = rig.click(10_000, 10_000)
    rig.reader.read()
    rig.click(100, 100)
    assert "too far apart" in rig.messages[-1]
    assert len(draft.prompts.clicks) == 1
    rig.segmenter.predict_now(draft)
    assert draft.up_to_date


def test_a_feature_with_prompts_too_far_apart(rig):
    rig.open(grid=LARGE)
    rig.session.reopen(PromptSet((Click(0, 0), Click(19_000, 0))), REF, 0.0)
    rig.session.finish()
    assert len(rig.messages) == 2
    assert rig.session.draft.state is EDITING
    assert len(rig.session.prompts.clicks) == 2  # nothing of it is taken back by itself


# --- several images ---------------------------------------------------------------------------


def test_another_image_and_back(rig):
    image = rig.open("a.jpg")
    draft = rig.click()
    rig.open("b.jpg")
    assert not rig.segmenter.requests
    assert rig.session.prompts.empty
    assert rig.open("a.jpg") is image
    assert rig.session.draft is draft
    rig.segmenter.predict_now(draft)
    assert draft.up_to_date


def test_the_same_source_with_another_grid(rig):
    image = rig.open("wms", FakeGrid(60, 40))
    rig.open("wms", FakeGrid(30, 20))
    assert (image.grid.width, image.window.width) == (30, 30)
    rig.click()
    rig.open("wms", FakeGrid(15, 10))
    assert image.grid.width == 30  # prompts are in its pixels


def test_a_layer_that_is_removed(rig):
    image = rig.open("a.jpg")
    draft = rig.click()
    rig.session.forget_layer("another one")
    rig.session.forget_layer("layer of a.jpg")
    assert rig.session.image is None
    assert "add the image again" in rig.messages[-1]
    assert rig.open("a.jpg") is image
    assert rig.session.draft is draft
    assert image.layer_id == "layer of a.jpg"


def test_origins_are_for_the_image_that_they_are_of(rig):
    first, second = rig.open("a.jpg"), rig.open("b.jpg")
    rig.events.clear()
    known = ImageOrigin("a.jpg", "a.jpg", sha256="abc")
    rig.session.take_origin(known)
    assert first.origin is known
    assert second.origin.sha256 is None
    assert rig.events == []
    rig.session.take_origin(replace(known, image_name="b.jpg", path="b.jpg"))
    assert rig.events == ["image"]


def finish_in_two(rig):
    """Finish in photo A while its first prediction runs, go to photo B, finish there."""
    one = rig.open("a.jpg")
    rig.click()
    rig.session.finish()
    two = rig.open("b.jpg")
    rig.click()
    rig.session.finish()
    assert (one.draft.state, two.draft.state) == (FINISHING, FINISHING)
    assert set(rig.segmenter.requests) == {(one.draft, PREDICT), (two.draft, PREDICT)}
    return one, two


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_finish_in_two_photos(rig, order):
    images = finish_in_two(rig)
    rig.events.clear()
    for image in (images[at] for at in order):
        rig.segmenter.predict_now(image.draft)
    for image in (images[at] for at in order):
        rig.segmenter.outline_now(image.draft)
    assert [image for image, _ in rig.finished] == [images[at] for at in order]
    assert rig.events == ["prediction", "outline"]  # of the current image only
    for image in images:
        rig.session.accept(image)
        assert image.draft.prompts.empty
        assert image.draft.state is EDITING


def test_finish_fails_in_the_photo_before(rig):
    one, two = finish_in_two(rig)
    rig.segmenter.fail(one.draft, PREDICT)
    assert rig.messages == ["a.jpg: The worker refuses."]
    assert (one.draft.state, two.draft.state) == (EDITING, FINISHING)
    assert not one.draft.prompts.empty
    rig.segmenter.predict_now(two.draft)
    rig.segmenter.outline_now(two.draft)
    assert [image for image, _ in rig.finished] == [two]


def test_back_in_the_photo_that_is_finishing(rig):
    one, _ = finish_in_two(rig)
    rig.open("a.jpg")
    assert rig.segmenter.sent == [PREDICT, PREDICT]  # not requested again
    rig.segmenter.predict_now(one.draft)
    rig.segmenter.outline_now(one.draft)
    assert one.draft.state is SAVING


def test_a_slider_moved_in_the_next_photo(rig):
    one, two = finish_in_two(rig)
    rig.session.shape = ShapeSettings(threshold=0.9)
    for image in (one, two):
        rig.segmenter.predict_now(image.draft)
        rig.segmenter.outline_now(image.draft)
        assert image.draft.outline.shape == ShapeSettings()
    assert len(rig.finished) == 2


def test_a_photo_that_is_still_being_read_when_the_next_one_is_opened(rig):
    one = rig.open("a.jpg", read=False)
    draft = rig.click()
    rig.session.finish()
    two = rig.open("b.jpg", read=False)
    assert rig.reader.pending[1] == two.window_name  # the current one first
    rig.reader.read()
    assert rig.reader.pending[1] == one.window_name
    rig.reader.read()
    rig.segmenter.predict_now(draft)
    rig.segmenter.outline_now(draft)
    assert [image for image, _ in rig.finished] == [one]


def test_a_photo_that_cannot_be_read_when_the_next_one_is_current(rig):
    one = rig.open("a.jpg", read=False)
    rig.click()
    rig.session.finish()
    rig.open("b.jpg")
    rig.reader.fail()
    assert rig.messages == ["a.jpg: The file is gone."]
    assert one.draft.state is EDITING
    assert rig.reader.pending is None


def test_reading_for_the_photo_before_does_not_stop_the_current_one(rig):
    one = rig.open("a.tif", LARGE)
    draft = rig.click(10_000, 10_000)
    rig.reader.read()
    rig.session.finish()
    two = rig.open("b.jpg", read=False)
    rig.segmenter.predict_now(draft, np.full((4, one.window.width), 200, np.uint8), (9, 0))
    assert rig.reader.pending[1] == two.window_name  # the wider window has to wait
    rig.reader.read()
    assert rig.reader.pending[1] == one.window_name
    rig.reader.read()
    rig.segmenter.predict_now(draft)
    rig.segmenter.outline_now(draft)
    assert [image for image, _ in rig.finished] == [one]


def test_a_layer_removed_while_its_object_is_finishing(rig):
    one = rig.open("a.jpg")
    rig.click()
    rig.session.finish()
    rig.session.forget_layer("layer of a.jpg")
    assert rig.messages == []
    rig.segmenter.predict_now(one.draft)
    rig.segmenter.outline_now(one.draft)
    assert [image for image, _ in rig.finished] == [one]
