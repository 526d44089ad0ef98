"""The image in hand and the object in it: from gestures to answers to a finished outline.

Data flows one way: layer -> picture -> prompts -> probability -> outline -> `finished`. Gestures
come from the map tool, answers from the worker; panels and canvas items are told by signals.
"""

from __future__ import annotations

from dataclasses import replace

from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.errors import IsegError
from ..core.prompts import Box, Click
from ..features.statistics import Stopwatch
from ..i18n import tr
from ..layers.grid import Grid
from ..layers.origin import ImageOrigin
from ..layers.pixel_window import WindowImage
from ..layers.reader import ImageReader
from ..layers.source import open_source
from ..layers.windows import widen
from ..worker.segmentation_client import SegmentationClient
from ..worker.settings import ShapeSettings
from .draft import FeatureRef, ObjectDraft, OutlineState, PredictionState
from .history import History
from .mapped_image import MappedImage
from .prompt_set import PromptSet
from .start_mask import StartMask

_OUTLINE_DELAY = 150  # ms without a change, after which the outline is asked for
_MOST_WIDENINGS = 3


class SegmentationSession(QObject):
    """See the module.

    Signals
    -------
    image_changed
        Another image is in hand, or none.
    prompts_changed, found_changed, outline_changed
        Of the image in hand.
    finished
        (Image, Outlined): an outline is to become a feature; `accept` or `keep` answers.
    said
        (text): something that the user should read.
    """

    image_changed = pyqtSignal()
    prompts_changed = pyqtSignal()
    found_changed = pyqtSignal()
    outline_changed = pyqtSignal()
    finished = pyqtSignal(object, object)
    said = pyqtSignal(str)

    def __init__(
        self, service: SegmentationClient, reader: ImageReader, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._service, self._reader = service, reader
        self._images: dict[str, MappedImage] = {}
        self._image: MappedImage | None = None
        self._shape = ShapeSettings()
        self.may_discard = lambda: True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_OUTLINE_DELAY)
        self._timer.timeout.connect(self._ask_outline)
        service.predicted.connect(self._on_predicted)
        service.outlined.connect(self._on_outlined)
        service.refused.connect(self._on_refused)
        reader.done.connect(self._on_read)
        reader.failed.connect(self._on_unread)
        reader.origin_read.connect(self._on_described)

    # --- the image -------------------------------------------------------------------------

    @property
    def image(self) -> MappedImage | None:
        """The image in hand."""
        return self._image

    @property
    def draft(self) -> ObjectDraft | None:
        """The object in hand."""
        return self._image.draft if self._image else None

    @property
    def grid(self) -> Grid | None:
        """Pixels of the image in hand."""
        return self._image.grid if self._image else None

    @property
    def prompts(self) -> PromptSet:
        """Prompts of the object in hand."""
        return self._image.draft.prompts if self._image else PromptSet()

    def choose(self, layer: QgsRasterLayer | None, pixel_size: float | None = None) -> None:
        """Take a layer in hand; the object in hand of the one before waits for its return."""
        image = None
        if layer is not None:
            key = f"{layer.providerType()}|{layer.source()}"
            try:
                source = open_source(layer, pixel_size)
            except IsegError as error:
                self.said.emit(str(error))
            else:
                image = self._images.setdefault(key, MappedImage(key, layer.id(), source))
                self._reader.request_origin(source)
                image.layer_id = layer.id()
                if image.grid != source.grid and image.draft.prompts.empty:
                    image.source, image.window = source, None
        self._service.cancel()
        self._image = image
        self.image_changed.emit()
        self._tell_all()
        if image is not None:
            self._read_ahead(image)
            self._ask()

    def forget_layer(self, layer_id: str) -> None:
        """The layer is about to be removed: its object waits for the file's return."""
        image = next((i for i in self._images.values() if i.layer_id == layer_id), None)
        if image is None:
            return
        image.layer_id = ""
        if image is self._image:
            self.choose(None)
        if image.draft.history.touched:
            self.said.emit(
                tr(
                    "The image was removed with an unfinished avalanche in it. Its prompts are "
                    "kept: add the image again to continue."
                )
            )

    # --- gestures --------------------------------------------------------------------------

    def add_click(self, row: float, col: float, positive: bool) -> None:
        """A click, in pixels of the image."""
        self._change(self.prompts.with_click(Click(row, col, positive)))

    def move_click(self, index: int, row: float, col: float) -> None:
        """A click is dragged elsewhere."""
        self._change(self.prompts.with_moved(index, row, col))

    def remove_click(self, index: int) -> None:
        """A click is taken away."""
        self._change(self.prompts.without(index))

    def remove_last_click(self) -> None:
        """The latest click is taken away."""
        if self.prompts.clicks:
            self.remove_click(len(self.prompts.clicks) - 1)

    def set_box(self, box: Box | None) -> None:
        """The box is drawn, changed or taken away; clicks stay."""
        self._change(self.prompts.with_box(box))

    def undo(self) -> None:
        """Take the latest change of the prompts back."""
        if self._image and self._image.draft.history.can_undo:
            self._image.draft.history.undo()
            self._prompts_changed()

    def redo(self) -> None:
        """Make the change again."""
        if self._image and self._image.draft.history.can_redo:
            self._image.draft.history.redo()
            self._prompts_changed()

    def say(self, text: str) -> None:
        """Tell the user something."""
        self.said.emit(text)

    def discard(self) -> None:
        """Drop the object in hand, after asking if work would be lost."""
        draft = self.draft
        if draft is None or not (draft.history.touched or not draft.prompts.empty):
            return
        if not draft.history.touched or self.may_discard():
            self._start_anew(ObjectDraft())

    def start_from(self, mask: StartMask, home: FeatureRef | None = None) -> bool:
        """Start from an outline that exists; False if the user keeps the object in hand."""
        return self._start(ObjectDraft(History(PromptSet(mask=mask)), home))

    def reopen(self, prompts: PromptSet, home: FeatureRef, seconds: float) -> bool:
        """Continue a finished object; False if the user keeps the object in hand."""
        return self._start(ObjectDraft(History(prompts), home, Stopwatch(seconds)))

    def _start(self, draft: ObjectDraft) -> bool:
        if self.draft is None or (self.draft.history.touched and not self.may_discard()):
            return False
        self._start_anew(draft)
        return True

    def _start_anew(self, draft: ObjectDraft) -> None:
        self._image.begin(draft)
        self._prompts_changed()

    def _change(self, prompts: PromptSet) -> None:
        if self._image is None:
            self.say(tr("Choose an image first: a raster layer in the panel."))
            return
        draft = self._image.draft
        draft.history.change(prompts)
        draft.finishing = False
        self._prompts_changed()

    def _prompts_changed(self) -> None:
        draft = self.draft
        draft.stopwatch.touch()
        if draft.prompts.empty:
            draft.found = draft.outline = None
            self._service.cancel()
        self._tell_all()
        self._ask()

    def _tell_all(self) -> None:
        self.prompts_changed.emit()
        self.found_changed.emit()
        self.outline_changed.emit()

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

    def finish(self) -> None:
        """Make a feature of the object in hand, as soon as its outline is there."""
        draft = self.draft
        if draft is None or draft.prompts.empty:
            self.say(tr("Nothing to finish yet: click on the avalanche first."))
            return
        draft.stopwatch.touch()
        draft.finishing = True
        outlined = draft.outline_for(self._shape)
        if outlined is not None:
            self._emit_finished(self._image, outlined)
        elif draft.up_to_date:
            self._ask_outline()
        # else: the prediction is under way, and the outline follows it

    def accept(self, image: MappedImage) -> None:
        """The outline has become a feature: the next object may begin."""
        image.begin(ObjectDraft())
        if image is self._image:
            self._tell_all()

    def keep(self, image: MappedImage) -> None:
        """The outline could not become a feature: the object stays in hand."""
        image.draft.finishing = False

    def _emit_finished(self, image: MappedImage, outlined) -> None:
        if not outlined.parts:
            self.keep(image)
            self.say(
                tr(
                    "Nothing is left of the mask at this threshold and smallest part. Lower them, "
                    "or click once more on the avalanche."
                )
            )
            return
        self.finished.emit(image, outlined)

    # --- asking reader and worker ----------------------------------------------------------

    def _read_ahead(self, image: MappedImage) -> None:
        """Begin to read what the first click will need."""
        if image.window is None:
            image.window = image.whole
        if image.window is not None:
            self._reader.request(image.source, image.window, image.picture_name)

    def _ask(self) -> None:
        image = self._image
        if image is None or image.draft.prompts.empty or image.draft.up_to_date:
            if image is not None and image.draft.up_to_date:
                self._timer.start()
            return
        try:
            image.window = image.window_wanted()
        except IsegError as error:
            image.draft.history.undo()
            self.say(str(error))
            self._tell_all()
            return
        self._reader.request(image.source, image.window, image.picture_name)

    def _on_read(self, picture: WindowImage) -> None:
        image = self._image
        if image is None or image.window is None or image.picture_name != picture.name:
            return
        draft = image.draft
        if draft.prompts.empty:
            self._service.hand_over(picture)
        elif not draft.up_to_date:
            ticket = (image, draft.prompts, picture)
            self._service.predict(ticket, picture, draft.prompts.within(picture.window))

    def _on_described(self, origin: ImageOrigin) -> None:
        image = self._image
        if image is not None and image.source.path == origin.path:
            image.origin = origin
            self.image_changed.emit()

    def _on_unread(self, name: str, text: str) -> None:
        if self._image and self._image.window and self._image.picture_name == name:
            self._image.draft.finishing = False
            self.said.emit(text)

    def _on_predicted(self, ticket, prediction) -> None:
        image, prompts, picture = ticket
        draft = image.draft
        if draft.prompts is not prompts:
            return
        draft.found = PredictionState(prompts, picture.window, prediction)
        if image is not self._image:
            return
        self.found_changed.emit()
        if image.cut_off(self._shape.threshold) and image.widenings < _MOST_WIDENINGS:
            image.widenings += 1
            image.window = widen(image.grid, image.window)
            if image.window != picture.window:
                draft.found = replace(draft.found, prompts=PromptSet())  # not the last word
                self._reader.request(image.source, image.window, image.picture_name)
                return
        if draft.finishing:
            self._ask_outline()
        else:
            self._timer.start()

    def _ask_outline(self) -> None:
        image, draft = self._image, self.draft
        if draft is None or not draft.up_to_date or draft.outline_for(self._shape) is not None:
            return
        picture = self._reader.cached(image.picture_name)
        if picture is None:
            self._reader.request(image.source, image.window, image.picture_name)
            return
        prompts = draft.prompts.within(picture.window)
        self._service.outline((image, draft.found, self._shape), picture, prompts, self._shape)

    def _on_outlined(self, ticket, outlined) -> None:
        image, found, shape = ticket
        draft = image.draft
        if draft.found is not found:
            return
        draft.outline = OutlineState(found, shape, outlined)
        if image is self._image:
            self.outline_changed.emit()
        if draft.finishing and draft.outline_for(self._shape) is not None:
            self._emit_finished(image, outlined)

    def _on_refused(self, ticket, text: str) -> None:
        ticket[0].draft.finishing = False
        self.said.emit(text)
