"""A file that is written, replaced or touched while avalanches are mapped in it."""

from __future__ import annotations

import hashlib
import os

import pytest
from rig import PREDICT

from avalanche_iseg_qgis.core.prompts import Click
from avalanche_iseg_qgis.layers.file_version import file_version
from avalanche_iseg_qgis.session.draft import DraftState, ObjectDraft
from avalanche_iseg_qgis.session.history import History
from avalanche_iseg_qgis.session.prompt_set import PromptSet

OLD, NEW = b"the image of 10:00", b"the image of 11:00"  # of the same size


def overwrite(path):
    path.write_bytes(NEW)


def rename(path):
    other = path.with_suffix(".part")
    other.write_bytes(NEW)
    other.replace(path)


def keep_the_time(path):
    """As cameras with a clock of whole seconds, and tools that copy times."""
    status = path.stat()
    path.write_bytes(NEW)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def remove_and_write(path):
    path.unlink()
    path.write_bytes(NEW)


REPLACED = [overwrite, rename, keep_the_time, remove_and_write]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "latest.jpg"
    path.write_bytes(OLD)
    return path


@pytest.fixture
def image(rig, path):
    image = rig.open(str(path))
    rig.reader.read_origins()
    assert image.origin.sha256 == sha(OLD)
    return image


def test_the_version_of_what_is_no_file(tmp_path):
    assert file_version("") == ""
    assert file_version(str(tmp_path / "gone.jpg")) == ""
    assert file_version("https://a.ch/wms?x=\0") == ""


@pytest.mark.parametrize("replace", REPLACED)
def test_a_click_after_it_is_in_the_new_image(rig, path, image, replace):
    before = image.window_name
    replace(path)
    draft = rig.click()
    assert "has been replaced" in rig.messages[-1]
    assert rig.reader.pending[1] == image.window_name != before
    rig.reader.read_origins()
    rig.reader.read()
    ((pixels, _, _),) = rig.segmenter.requests.values()
    assert pixels.version == file_version(str(path))
    rig.segmenter.predict_now(draft)
    rig.session.finish()
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1
    assert image.origin.sha256 == sha(NEW)


@pytest.mark.parametrize("replace", REPLACED)
@pytest.mark.parametrize("opened_again", [False, True])
def test_an_object_stays_in_the_image_that_it_was_begun_in(rig, path, image, replace, opened_again):
    draft = rig.predicted()
    first = image.window_name
    replace(path)
    rig.reader.cache.clear()  # other images were read meanwhile
    if opened_again:
        rig.session.forget_layer(image.layer_id)
        rig.open(str(path), read=False)
    rig.click(20, 20)
    rig.reader.read_origins()
    assert image.replaced
    assert "Use the new image" in rig.messages[-1]
    assert rig.reader.pending is None
    ((pixels, _, _),) = rig.segmenter.requests.values()
    assert pixels.name == first
    rig.segmenter.predict_now(draft)
    rig.session.finish()
    rig.segmenter.outline_now(draft)
    ((_, outlined),) = rig.finished
    assert outlined is draft.outline.outlined
    assert image.origin.sha256 == sha(OLD)
    rig.session.accept(image)  # and the next one is in the new image
    assert not image.replaced
    rig.reader.read_origins()
    assert image.origin.sha256 == sha(NEW)
    draft = rig.click()
    rig.reader.read()
    ((pixels, _, _),) = rig.segmenter.requests.values()
    assert pixels.version == file_version(str(path))


@pytest.mark.parametrize("replace", REPLACED)
@pytest.mark.parametrize(
    "when", ["before the pixels", "before the prediction", "before the outline"]
)
def test_replaced_between_click_and_enter(rig, path, replace, when):
    image = rig.open(str(path), read=False)
    rig.reader.read_origins()
    draft = rig.click()
    if when != "before the pixels":
        rig.reader.read()
    if when == "before the outline":
        rig.segmenter.predict_now(draft)
    replace(path)
    rig.session.finish()
    if when == "before the pixels":
        rig.reader.read()  # of the new file: not to be used
        assert not rig.segmenter.requests
    rig.reader.read_origins()
    if when == "before the pixels":
        assert "Use the new image" in rig.messages[-1]
        assert draft.state is DraftState.EDITING
        assert not rig.finished
        return
    if when == "before the prediction":
        rig.segmenter.predict_now(draft)
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1
    assert image.origin.sha256 == sha(OLD)


def test_the_clicks_are_used_in_the_new_image(rig, path, image):
    draft = rig.predicted()
    overwrite(path)
    rig.click(20, 20)
    rig.reader.read_origins()
    rig.session.move_to_new_file()
    assert not image.replaced
    assert rig.session.draft is draft
    assert len(draft.prompts.clicks) == 2
    assert draft.prediction is None
    rig.reader.read_origins()
    rig.reader.read()
    ((pixels, prompts, _),) = rig.segmenter.requests.values()
    assert pixels.version == file_version(str(path))
    assert len(prompts.clicks) == 2
    assert image.origin.sha256 == sha(NEW)
    rig.session.move_to_new_file()  # there is no newer one
    assert draft.request is draft.prompts


def test_clicks_beside_a_smaller_new_image(rig, path, image):
    rig.click(30, 50)
    overwrite(path)
    rig.click(20, 20)
    rig.reader.read_origins()
    rig.session.reopened = lambda image: type(image.source)(str(path), type(image.grid)(20, 10))
    rig.session.move_to_new_file()
    assert "beside it" in rig.messages[-1]
    assert image.replaced


@pytest.mark.parametrize("state", DraftState)
def test_a_file_that_is_touched_is_the_same_image(rig, path, image, state):
    draft = rig.predicted()
    if state is not DraftState.EDITING:
        rig.session.finish()
    if state is DraftState.SAVING:
        rig.segmenter.outline_now(draft)
    os.utime(path, (1, 1))
    rig.session.finish()
    rig.reader.read_origins()
    assert rig.messages == []
    assert not image.replaced
    if (draft, "outline") in rig.segmenter.requests:
        rig.segmenter.outline_now(draft)
    assert draft.state is DraftState.SAVING
    assert image.version == file_version(str(path))


def test_a_file_that_is_away_for_a_while(rig, path, image):
    draft = rig.predicted()
    path.rename(path.with_suffix(".away"))
    rig.click(20, 20)
    rig.segmenter.predict_now(draft)
    path.with_suffix(".away").rename(path)
    rig.session.finish()
    rig.reader.read_origins()
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1
    assert not image.replaced
    assert image.origin.sha256 == sha(OLD)


def test_undone_clicks_do_not_hold_the_earlier_image(rig, path, image):
    rig.click()
    rig.session.undo()
    overwrite(path)
    rig.session.redo()
    assert rig.session.prompts.empty
    assert not rig.session.draft.history.can_redo
    assert image.version == file_version(str(path))


@pytest.mark.parametrize("content", [OLD, NEW])
def test_restored_in_the_same_or_another_image(rig, path, content):
    path.write_bytes(content)
    image = rig.open(str(path))
    rig.reader.read_origins()
    history = History(PromptSet())
    history.change(PromptSet((Click(3, 4), Click(5, 6, positive=False))))
    draft = ObjectDraft(history)
    assert rig.session.restore(draft, "of another computer", sha(OLD))
    if rig.reader.pending:
        rig.reader.read()
    rig.reader.read_origins()
    if content == NEW:
        assert image.replaced
        assert "Use the new image" in rig.messages[-1]
        assert not rig.segmenter.requests
        rig.session.move_to_new_file()
        rig.reader.read_origins()
    if rig.reader.pending:
        rig.reader.read()
    rig.segmenter.predict_now(draft)
    rig.session.finish()
    rig.segmenter.outline_now(draft)
    assert len(rig.finished) == 1
    assert image.origin.sha256 == sha(content)
    assert PREDICT in rig.segmenter.sent
    assert not rig.session.restore(ObjectDraft(), "", None)  # there is one in hand
