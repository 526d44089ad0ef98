"""The mapped images and the current object: gestures in, requests out, answers in.

Data flows one way: layer -> image -> prompts -> prediction -> outline -> `finished`. A draft that
is finishing gets its answers also while another image is the current one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ..core.errors import IsegError
from ..core.prompts import Box, Click
from ..i18n import tr
from ..layers.file_version import file_version
from ..layers.windows import widen
from ..worker.requests import Receiver
from ..worker.settings import ShapeSettings
from .draft import DraftState, FeatureRef, ObjectDraft, OutlineState, PredictionState
from .history import History
from .mapped_image import MappedImage
from .prompt_set import PromptSet
from .start_mask import StartMask
from .stopwatch import Stopwatch

if TYPE_CHECKING:
    from ..core.worker.protocol import Outlined, Predicted
    from ..layers.image_origin import ImageOrigin
    from ..layers.pixel_window import PixelWindow, WindowImage
    from .interfaces import (
        DelayTimer,
        RasterGrid,
        RasterSource,
        Segmenter,
        WindowReader,
    )

_MAX_WIDENINGS = 3


@dataclass(frozen=True)
class SessionObserver:
    """Functions that are called when something has changed.

    Attributes
    ----------
    image_changed
        Another image is the current one, or none; or its origin has become known.
    prompts_changed, prediction_changed, outline_changed
        Of the current image.
    finished
        An outline is to become a feature: `SegmentationSession.accept` or `refuse` follows.
    saving_cancelled
        The outline of a draft is not to become a feature any more.
    message
        A text for the user.
    draft_changed
        The prompts of an image's object, which may be another one than before.
    preview_changed
        What the next click would give.
    """

    image_changed: Callable[[], None]
    prompts_changed: Callable[[], None]
    prediction_changed: Callable[[], None]
    outline_changed: Callable[[], None]
    finished: Callable[[MappedImage, Outlined], None]
    saving_cancelled: Callable[[ObjectDraft], None]
    message: Callable[[str], None]
    draft_changed: Callable[[MappedImage], None] = lambda _: None
    preview_changed: Callable[[], None] = lambda: None


class SegmentationSession:
    """See the module.

    Attributes
    ----------
    may_discard
        Asks the user whether an object may be dropped.
    preview
        What a positive click where the mouse rests would give; None where that is not known.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        reader: WindowReader,
        timer: DelayTimer,
        observer: SessionObserver,
    ) -> None:
        self._segmenter, self._reader, self._timer = segmenter, reader, timer
        self._observer = observer
        self._images: dict[str, MappedImage] = {}
        self._image: MappedImage | None = None
        self._awaited = ""  # name of the window that is read for the current image
        self._shape = ShapeSettings()
        self.preview: PredictionState | None = None
        self.may_discard: Callable[[], bool] = lambda: True

    # --- the image -------------------------------------------------------------------------

    @property
    def image(self) -> MappedImage | None:
        """The current image."""
        return self._image

    @property
    def draft(self) -> ObjectDraft | None:
        """The current object."""
        return self._image.draft if self._image else None

    @property
    def grid(self) -> RasterGrid | None:
        """Pixels of the current image."""
        return self._image.grid if self._image else None

    @property
    def prompts(self) -> PromptSet:
        """Prompts of the current object."""
        return self._image.draft.prompts if self._image else PromptSet()

    def open_image(
        self, key: str, layer_id: str, source: RasterSource, origin: ImageOrigin
    ) -> None:
        """Make a layer's image the current one; the object of the one before stays with it.

        The key is the same for the same source; the origin is what is known without reading.
        """
        version = file_version(source.path)
        image = self._images.get(key)
        if image is None:
            image = MappedImage(key, layer_id, source, origin, version=version)
            self._images[key] = image
        image.layer_id = layer_id
        differs = image.grid != source.grid or image.version != version
        if differs and image.draft.prompts.empty:
            image.take_file(source, version, origin)
        self._reader.request_origin(source)  # tells too whether the file was replaced meanwhile
        self._set_current(image)

    def image_of(self, key: str) -> MappedImage | None:
        """Return the image of a key, if it was opened once."""
        return self._images.get(key)

    def image_of_layer(self, layer_id: str) -> MappedImage | None:
        """Return the image of a layer, if it was opened once."""
        return next((i for i in self._images.values() if i.layer_id == layer_id), None)

    def close_image(self) -> None:
        """Have no current image."""
        self._set_current(None)

    def forget_layer(self, layer_id: str) -> None:
        """Keep the object of a layer that is about to be removed, until its source returns."""
        image = self.image_of_layer(layer_id)
        if image is None:
            return
        image.layer_id = ""
        if image is self._image:
            self.close_image()
        if image.draft.history.is_changed and image.draft.state is DraftState.EDITING:
            self.say(
                tr(
                    "The image was removed with an unfinished avalanche in it. Its prompts are "
                    "kept: add the image again to continue."
                )
            )

    def _set_current(self, image: MappedImage | None) -> None:
        before = self.draft
        self.clear_preview()
        if before is not None and before.state is DraftState.EDITING:
            self._withdraw(before)
        self._image, self._awaited = image, ""
        self._observer.image_changed()
        self._notify_all()
        if image is not None:
            if image.window is None:
                image.window = image.whole
            if image.draft.prompts.empty:
                self._read(image)  # what the first click will need
            else:
                self._advance(image)

    # --- gestures --------------------------------------------------------------------------

    def add_click(self, row: float, col: float, positive: bool) -> None:
        """Add a click, in pixels of the image."""
        self._change(self.prompts.with_click(Click(row, col, positive)))

    def move_click(self, index: int, row: float, col: float) -> None:
        """Move a click."""
        self._change(self.prompts.with_moved(index, row, col))

    def remove_click(self, index: int) -> None:
        """Remove a click."""
        self._change(self.prompts.without(index))

    def remove_last_click(self) -> None:
        """Remove the latest click, if there is one."""
        if self.prompts.clicks:
            self.remove_click(len(self.prompts.clicks) - 1)

    def add_stroke(
        self, points: Sequence[tuple[float, float]], radius: float, positive: bool
    ) -> None:
        """Add a stroke of the brush or the eraser, through (row, col) points of the image."""
        self._change(self.prompts.with_stroke(points, radius, positive))

    def set_box(self, box: Box | None) -> None:
        """Set or remove the box; clicks stay."""
        self._change(self.prompts.with_box(box))

    def undo(self) -> None:
        """Take the latest change of the prompts back."""
        image = self._checked()
        if image is not None and image.draft.history.can_undo:
            image.draft.stopwatch.undone += 1
            self._edit(image, image.draft.undo)

    def redo(self) -> None:
        """Make the change again that was undone last."""
        image = self._checked()
        if image is not None and image.draft.history.can_redo:
            self._edit(image, image.draft.redo)

    def say(self, text: str) -> None:
        """Show a message to the user."""
        self._observer.message(text)

    def discard(self) -> None:
        """Drop the current object, after asking if work would be lost."""
        if self.draft is not None and self.draft.has_work:
            self._replace(ObjectDraft())

    def start_from(
        self, mask: StartMask, feature_ref: FeatureRef | None = None, avalanche: str = ""
    ) -> bool:
        """Start from a mask; return False if the user keeps the current object.

        ``avalanche`` identifies the one that a new feature shows once more.
        """
        history = History(PromptSet(mask=mask))
        return self._replace(ObjectDraft(history, feature_ref, avalanche=avalanche))

    def reopen(
        self, prompts: PromptSet, feature_ref: FeatureRef, seconds: float, undone: int = 0
    ) -> bool:
        """Continue a finished object; return False if the user keeps the current one.

        Its clicks and strokes can be undone, as before it was finished.
        """
        history = History(*prompts.steps())
        return self._replace(ObjectDraft(history, feature_ref, Stopwatch(seconds, undone)))

    def restore(self, draft: ObjectDraft, version: str, sha256: str | None) -> bool:
        """Go on with an object of an earlier session; return False if there is another one.

        Version and SHA-256 are those of the file in which it was begun.
        """
        image = self._image
        if image is None or image.draft.has_work:
            return False
        image.version = version
        image.origin = replace(image.origin, sha256=sha256, version=version)
        self._edit(image, partial(image.begin, draft))
        self._reader.request_origin(image.source)
        return True

    def drop(self, key: str) -> None:
        """Drop the object of any image, without asking."""
        image = self._images.get(key)
        if image is not None:
            self._edit(image, partial(self._begin, image, ObjectDraft()))

    def _replace(self, draft: ObjectDraft) -> bool:
        image = self._checked()
        if image is None or (image.draft.history.is_changed and not self.may_discard()):
            return False
        self._edit(image, partial(self._begin, image, draft))
        return True

    def _begin(self, image: MappedImage, draft: ObjectDraft) -> None:
        """Begin another object, in the file as it is now."""
        image.begin(draft)
        if image.replaced:
            self._take_file(image)

    def _change(self, prompts: PromptSet) -> None:
        image = self._checked()
        if image is None:
            self.say(tr("Choose an image first: a raster layer in the panel."))
        else:
            self._edit(image, partial(image.draft.change, prompts))

    def _edit(self, image: MappedImage, change: Callable[[], None]) -> None:
        """Change the draft of an image, or replace it."""
        self.clear_preview()
        self._withdraw(image.draft)
        change()
        image.draft.stopwatch.touch()
        self._observer.draft_changed(image)
        if image is self._image:
            self._notify_all()
        self._advance(image)

    def _notify_all(self) -> None:
        self._observer.prompts_changed()
        self._observer.prediction_changed()
        self._observer.outline_changed()

    # --- preview ---------------------------------------------------------------------------

    def preview_click(self, row: float, col: float) -> None:
        """Request what a positive click would give; `preview` has it later.

        Only while there is nothing else to compute, and only in pixels that are read already: a
        preview never delays what the user has asked for.
        """
        image = self._image
        pixels = self._reader.cached(image.window_name) if image else None
        if image is None or pixels is None or pixels.version != image.version:
            return
        draft, window = image.draft, pixels.window
        is_settled = draft.prompts.empty or draft.up_to_date
        is_inside = 0 <= row - window.row < window.height and 0 <= col - window.col < window.width
        if not (is_settled and is_inside and draft.state is DraftState.EDITING):
            return
        prompts = draft.prompts.with_click(Click(row, col, True))

        def take(prediction: Predicted) -> None:
            self.preview = PredictionState(prompts, window, prediction)
            self._observer.preview_changed()

        receiver = Receiver(take, lambda _text: None)
        self._segmenter.preview(pixels, prompts.within(window), receiver)

    def clear_preview(self) -> None:
        """Have no preview, until the next `preview_click`."""
        self._segmenter.withdraw_preview()
        if self.preview is not None:
            self.preview = None
            self._observer.preview_changed()

    # --- finishing -------------------------------------------------------------------------

    @property
    def shape(self) -> ShapeSettings:
        """Threshold and outline settings in force."""
        return self._shape

    @shape.setter
    def shape(self, shape: ShapeSettings) -> None:
        if shape != self._shape:
            self._shape = shape
            self._timer.start()

    def adopt_threshold(self, threshold: float) -> None:
        """Use the threshold of a model that was loaded for objects that await its prediction."""
        for image in self._images.values():
            image.draft.adopt_threshold(threshold)

    def finish(self) -> None:
        """Make a feature of the current object, as soon as its outline is known."""
        image = self._checked()
        if image is None or image.draft.prompts.empty:
            self.say(tr("Nothing to finish yet: click on the avalanche first."))
            return
        draft = image.draft
        draft.stopwatch.touch()
        if draft.state is DraftState.SAVING:  # it takes long, or has failed: once more
            self._withdraw(draft)
            draft.reopen()
        if draft.state is DraftState.EDITING:
            draft.finish(self._shape)
        self._observer.draft_changed(image)
        self._advance(image)

    def accept(self, image: MappedImage) -> None:
        """Begin the next object of an image whose draft was being saved, and is a feature now."""
        image.draft.expect(DraftState.SAVING)
        self._begin(image, ObjectDraft())
        self._observer.draft_changed(image)
        if image is self._image:
            self._notify_all()

    def refuse(self, image: MappedImage, text: str) -> None:
        """Let the user edit an object that could not become a feature, and show why."""
        draft = image.draft
        if draft.state is not DraftState.EDITING:
            if draft.final_shape != self._shape:
                self._timer.start()
            draft.reopen()
        self.say(text if image is self._image else f"{image.origin.image_name}: {text}")

    def _save(self, image: MappedImage, outlined: Outlined) -> None:
        if outlined.parts:
            self._observer.finished(image, image.draft.save())
        else:
            self.refuse(image, empty_text())

    # --- a file that is replaced -------------------------------------------------------------

    def _checked(self) -> MappedImage | None:
        """Return the current image, after a look at its file."""
        if self._image is not None:
            self._check_file(self._image)
        return self._image

    def _check_file(self, image: MappedImage) -> None:
        """Look whether the file of an image was replaced: an object stays in what it is drawn on.

        `take_origin` follows, and tells by the checksum whether it is another image at all.
        """
        if not _is_changed(image):
            return
        if image.draft.prompts.empty:
            self._take_file(image)
        elif not image.replaced:
            self._reader.request_origin(image.source)

    def _take_file(self, image: MappedImage) -> None:
        """Take the file as it is now."""
        try:
            source = self.reopened(image)
        except IsegError as error:
            self.say(str(error))
            return
        origin = replace(image.origin, observed_at=None, camera=None, sha256=None, version="")
        image.take_file(source, file_version(source.path), origin)
        self._reader.request_origin(source)
        if image is self._image:
            text = tr("{} has been replaced: this is the new image.")
            self.say(text.format(image.origin.image_name))
            self._observer.image_changed()

    def reopened(self, image: MappedImage) -> RasterSource:
        """Return the pixels of an image's file as it is now; `IsegError` if there are none."""
        return image.source

    def move_to_new_file(self) -> None:
        """Go on with the current object in the image by which its own was replaced."""
        image = self._image
        if image is None or not image.replaced:
            return
        try:
            grid = self.reopened(image).grid
        except IsegError as error:
            self.say(str(error))
            return
        if not image.draft.prompts.fits(grid):
            text = tr("The new image is smaller: some of the clicks lie beside it. Discard them.")
            self.say(text)
            return
        if image.draft.state is not DraftState.EDITING:
            self._withdraw(image.draft)
            image.draft.reopen()
        self._edit(image, partial(self._take_file, image))

    def _on_replaced(self, image: MappedImage) -> None:
        """Say that the file is another image now, in which the object does not lie."""
        image.replaced = True
        draft, held = image.draft, image.pixels
        is_held = held is not None and held.name == image.window_name
        if draft.up_to_date or is_held:
            text = tr(
                "{} has been replaced by another image. This avalanche stays in the one that it "
                "was begun in: finish it, or choose “Use the new image” in the panel."
            )
            self.say(text.format(image.origin.image_name))
        else:
            self.refuse(image, self._lost_text(image))
        if image is self._image:
            self._observer.image_changed()

    @staticmethod
    def _lost_text(image: MappedImage) -> str:
        return tr(
            "{} has been replaced by another image since this avalanche was begun. Choose “Use the "
            "new image” in the panel to go on there with its clicks, or put the file back, or "
            "discard the avalanche."
        ).format(image.origin.image_name)

    # --- requests --------------------------------------------------------------------------

    def outline_due(self) -> None:
        """Request the outline of the current object; called by the timer."""
        image = self._image
        if image is None:
            return
        if image.draft.up_to_date:
            self._request_outline(image)
        else:
            self._advance(image)  # what could not be read before may be there again

    def _withdraw(self, draft: ObjectDraft) -> None:
        """Drop what is being computed for a draft."""
        draft.request = None
        self._segmenter.withdraw(draft)
        if draft.state is DraftState.SAVING:
            self._observer.saving_cancelled(draft)

    def _advance(self, image: MappedImage) -> None:
        """Request what the draft of an image needs next: pixels, prediction or outline."""
        draft = image.draft
        if draft.prompts.empty:
            return
        if draft.up_to_date:
            if draft.state is DraftState.FINISHING:
                self._request_outline(image)
            else:
                self._timer.start()
            return
        try:
            image.window = image.window_wanted()
        except IsegError as error:
            self.refuse(image, str(error))
            if draft.history.can_undo_change:
                self._edit(image, draft.undo)
        else:
            self._read(image)

    def _advance_others(self) -> None:
        """Resume reading for drafts that are finishing, which the current image has delayed."""
        for image in self._finishing():
            if image.draft.request is None:
                self._advance(image)

    def _finishing(self) -> list[MappedImage]:
        """Images with a draft that is finishing, but for the current one."""
        images = self._images.values()
        finishing = [i for i in images if i.draft.state is DraftState.FINISHING]
        return [image for image in finishing if image is not self._image]

    def _read(self, image: MappedImage) -> None:
        """Read the window of an image, the current one first."""
        if image.window is None:
            return
        if _is_changed(image) and not image.draft.prompts.empty:
            if image.pixels is not None and image.pixels.name == image.window_name:
                self._use(image, image.pixels)
                return
            if image.replaced:
                self.refuse(image, self._lost_text(image))
                return
        if image is self._image:
            self._awaited = image.window_name
        elif self._awaited:
            return  # until `_advance_others`
        self._reader.request(image.source, image.window, image.window_name)

    def _request_prediction(self, image: MappedImage, pixels: WindowImage) -> None:
        draft = image.draft
        if draft.request is draft.prompts:
            return  # under way
        draft.request, image.pixels = draft.prompts, pixels
        receiver = Receiver(
            partial(self._take_prediction, image, pixels.window),
            partial(self._take_failure, image),
        )
        prompts = draft.prompts.within(pixels.window)
        self._segmenter.predict(draft, pixels, prompts, receiver)

    def _request_outline(self, image: MappedImage, pixels: WindowImage | None = None) -> None:
        """Request the outline, or save it if it is known."""
        draft, state = image.draft, image.draft.prediction
        shape = draft.final_shape or self._shape
        if state is None or not draft.up_to_date or draft.request == (state, shape):
            return
        outlined = draft.outline_for(shape)
        if outlined is not None:
            if draft.state is DraftState.FINISHING:
                self._save(image, outlined)
            return
        pixels = pixels or self._reader.cached(image.window_name)
        if pixels is None or pixels.version != image.version:
            self._read(image)
            return
        draft.request = (state, shape)
        receiver = Receiver(
            partial(self._take_outline, image, state, shape), partial(self._take_failure, image)
        )
        prompts = draft.prompts.within(pixels.window)
        self._segmenter.outline(draft, pixels, prompts, shape, receiver)

    # --- answers ---------------------------------------------------------------------------

    def take_image(self, pixels: WindowImage) -> None:
        """Take pixels that the reader has read."""
        self._awaited = "" if pixels.name == self._awaited else self._awaited
        for image in self._waiting_for(pixels.name):
            if pixels.version == image.version:
                self._use(image, pixels)
            elif not image.draft.prompts.empty:  # else it is looked at with the next click
                self._check_file(image)
        self._advance_others()

    def _use(self, image: MappedImage, pixels: WindowImage) -> None:
        """Request what is wanted of the window of an image."""
        if image.draft.prompts.empty:
            self._segmenter.preload(pixels)
        elif image.draft.up_to_date:
            self._request_outline(image, pixels)
        else:
            self._request_prediction(image, pixels)

    def take_read_failure(self, name: str, text: str) -> None:
        """Take the reason why the reader could not read a window."""
        self._awaited = "" if name == self._awaited else self._awaited
        for image in self._waiting_for(name):
            self.refuse(image, text)
        self._advance_others()

    def take_origin(self, origin: ImageOrigin) -> None:
        """Take the origin that the reader has looked up."""
        for image in list(self._images.values()):
            if image.source.path != origin.path:
                continue
            known = image.origin.sha256
            is_same = bool(known) and known == origin.sha256
            if is_same or image.version in ("", origin.version):
                is_late = image.version != origin.version  # touched, but the same as before
                image.version, image.origin, image.replaced = origin.version, origin, False
                if image is self._image:
                    self._observer.image_changed()
                if is_late:
                    self._advance(image)
            elif image.draft.prompts.empty:
                self._check_file(image)
            elif origin.version and not image.replaced:
                self._on_replaced(image)

    def _waiting_for(self, name: str) -> list[MappedImage]:
        current = [self._image] if self._image else []
        return [i for i in current + self._finishing() if i.window_name == name]

    def _take_prediction(
        self, image: MappedImage, window: PixelWindow, prediction: Predicted
    ) -> None:
        draft = image.draft
        draft.request = None
        draft.prediction = PredictionState(draft.prompts, window, prediction)
        if image is self._image:
            self._observer.prediction_changed()
        if not self._widen(image, draft.prediction):
            self._advance(image)

    def _widen(self, image: MappedImage, state: PredictionState) -> bool:
        """Read a wider window, if the object is cut off and there is one."""
        shape = image.draft.final_shape or self._shape
        if not image.is_cut_off(shape.threshold) or image.widenings >= _MAX_WIDENINGS:
            return False
        image.widenings += 1
        image.window = widen(image.grid, state.window)
        if image.window == state.window:
            return False
        image.draft.prediction = replace(state, is_final=False)
        self._read(image)
        return True

    def _take_outline(
        self, image: MappedImage, state: PredictionState, shape: ShapeSettings, outlined: Outlined
    ) -> None:
        draft = image.draft
        draft.request = None
        draft.outline = OutlineState(state, shape, outlined)
        if image is self._image:
            self._observer.outline_changed()
        if draft.state is DraftState.FINISHING:
            self._request_outline(image)

    def _take_failure(self, image: MappedImage, text: str) -> None:
        image.draft.request = None
        self.refuse(image, text)


def empty_text() -> str:
    """Return what to do about an outline of which nothing is left."""
    return tr(
        "The outline is empty. Lower Threshold or “Remove parts smaller than”, or click on the "
        "avalanche again."
    )


def _is_changed(image: MappedImage) -> bool:
    """Whether the file of an image was written, replaced or touched since it was opened."""
    version = file_version(image.source.path)
    return bool(version) and version != image.version
