"""Outlines of earlier photos in the open one: proposed, and accepted, corrected or dropped.

Nothing of a proposal is saved before the user accepts it; what was accepted at once is taken back
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.errors import IsegError
from ..core.series import Observation
from ..core.survey.protocol import CarryOutlines
from ..features import record, writer
from ..features.accepted_outline import AcceptedOutline
from ..features.queries import find_photo_twin, known_of_avalanche
from ..features.reference import resolve
from ..i18n import tr
from ..masks import importing
from ..session.prompt_set import PromptSet
from ..session.qt_session import grid_of
from ..worker.requests import Receiver
from .carried_item import CarriedItem
from .outlines import OutlineProposal, proposed, recorded

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from ..core.series import SeriesPhoto
    from ..core.survey.protocol import Carried
    from ..session.draft import FeatureRef
    from ..session.mapped_image import MappedImage
    from ..session.qt_session import QtSession
    from ..worker.camera_client import CameraClient
    from .browser import CarrySource, SeriesBrowser

    AddOutlines = Callable[
        [MappedImage, Sequence[AcceptedOutline], str, Callable[[list[FeatureRef]], None]], None
    ]

_SLOT = "carried"


@dataclass(frozen=True)
class PosedReference:
    """A photo of a camera that was posed, and the record of its camera as JSON."""

    path: str
    record: dict[str, object]


@dataclass(frozen=True, eq=False)
class _Decision:
    """What was done at once: outlines accepted as features, or dropped."""

    photo: SeriesPhoto
    avalanches: tuple[str, ...]
    refs: Sequence[FeatureRef] = field(default_factory=tuple)


class CarryingController(QObject):
    """Has outlines carried into the open photo, shows them, and does what the user decides.

    Signals
    -------
    changed
        The proposals, which one is chosen, or what can be taken back.
    noted
        (SeriesPhoto): something was noted of it.

    Attributes
    ----------
    outlines
        What is proposed, the best first.
    chosen
        Index of the one that is worked on.
    is_computing
        Whether proposals are awaited.
    fault
        Why nothing could be carried into the photo; empty if it could.
    find_reference
        Returns the camera of a photo, where it was posed.
    """

    changed = pyqtSignal()
    noted = pyqtSignal(object)

    def __init__(
        self,
        session: QtSession,
        client: CameraClient,
        canvases: Sequence[QgsMapCanvas],
        add: AddOutlines,
        warn: Callable[[str], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._client, self._canvases = session, client, canvases
        self._add, self._warn = add, warn
        self._browser: SeriesBrowser | None = None
        self._photo: SeriesPhoto | None = None
        self._steps: list[_Decision] = []
        self._items: list[tuple[OutlineProposal, CarriedItem]] = []
        self._awaited: set[str] = set()  # avalanches that were accepted and are not saved yet
        self._is_correcting = False
        self.outlines: list[OutlineProposal] = []
        self.chosen = 0
        self.is_computing = False
        self.fault = ""
        self.find_reference: Callable[[SeriesPhoto], PosedReference | None] = lambda _: None
        for canvas in canvases:
            canvas.layersChanged.connect(self._draw)
        session.draft_changed.connect(self._on_draft)

    def close(self) -> None:
        """Remove what is drawn, and forget what was asked for."""
        self._client.withdraw(_SLOT)
        for canvas in self._canvases:
            canvas.layersChanged.disconnect(self._draw)
        self._clear_items()

    # --- proposals -------------------------------------------------------------------------------

    def open(self, browser: SeriesBrowser, photo: SeriesPhoto) -> None:
        """Propose outlines for a photo, which is the open one."""
        if browser is not self._browser:
            self._steps.clear()
        self._browser, self._photo = browser, photo
        self._is_correcting = False
        self._client.withdraw(_SLOT)
        sources = browser.sources_for(photo)
        self.is_computing, self.fault = bool(sources), ""
        self._show([])
        if sources:
            request = _request(browser, photo, sources, self.find_reference(photo))
            self._client.request(_SLOT, request, Receiver(self._take, self._fail))
            self._client.ensure_started()

    def leave(self) -> None:
        """Propose nothing: the open photo cannot be read."""
        self._client.withdraw(_SLOT)
        self._photo, self.is_computing, self.fault = None, False, ""
        self._show([])

    def choose(self, index: int) -> None:
        """Choose the proposal that is accepted, corrected or dropped."""
        self.chosen = min(max(index, 0), max(len(self.outlines) - 1, 0))
        for outline, item in self._items:
            item.choose(chosen=outline is self._chosen)
        self.changed.emit()

    @property
    def _chosen(self) -> OutlineProposal | None:
        return self.outlines[self.chosen] if self.chosen < len(self.outlines) else None

    def _take(self, carried: Carried) -> None:
        self.is_computing = False
        photo, browser = self._photo, self._browser
        if photo is None or browser is None:
            return
        found = proposed(carried, str(photo.path))
        self._show([o for o in found if browser.observation(photo, o.avalanche) is None])

    def _fail(self, text: str) -> None:
        self.is_computing = False
        self.fault = tr("The outlines of earlier photos could not be carried here: {}").format(text)
        self._show([])

    def _show(self, outlines: list[OutlineProposal]) -> None:
        self.outlines = outlines
        self._draw()
        self.choose(self.chosen if outlines else 0)

    def _draw(self) -> None:
        """Draw the proposals on the canvases that show the photo."""
        self._clear_items()
        image = self._image()
        if image is None:
            return
        for canvas in self._canvases:
            if image.layer_id in {layer.id() for layer in canvas.layers()}:
                self._items += [(o, CarriedItem(canvas, o, grid_of(image))) for o in self.outlines]
        for outline, item in self._items:
            item.choose(chosen=outline is self._chosen)

    def _clear_items(self) -> None:
        for _, item in self._items:
            item.close()
        self._items.clear()

    def _image(self) -> MappedImage | None:
        """Return the image of the open photo; None while another image is in hand."""
        image, browser = self._session.image, self._browser
        if image is None or browser is None or self._photo is None:
            return None
        return image if browser.find(image.source.path) == self._photo else None

    # --- decisions -------------------------------------------------------------------------------

    def accept_all(self, then: Callable[[], None] = lambda: None) -> None:
        """Make features of all proposals: one step, and they are noted in the series.

        ``then`` is called once they are, and not if they could not be made.
        """
        self._accept(self.outlines, then)

    def accept(self) -> None:
        """Make a feature of the chosen proposal."""
        self._accept([self._chosen] if self._chosen else [])

    def _accept(
        self, outlines: Sequence[OutlineProposal], then: Callable[[], None] = lambda: None
    ) -> None:
        image, browser, photo = self._image(), self._browser, self._photo
        outlines = [each for each in outlines if each.avalanche not in self._awaited]
        if not outlines or image is None or browser is None or photo is None:
            return
        try:
            accepted = [self._accepted(image, browser, outline) for outline in outlines]
        except IsegError as error:
            self._warn(str(error))
            return
        names = tuple(outline.avalanche for outline in outlines)
        self._awaited.update(names)

        def note(refs: list[FeatureRef]) -> None:
            self._awaited.difference_update(names)
            if not refs:
                return  # said there
            noted = [_observation(photo, image, outline) for outline in outlines]
            browser.note_avalanches(photo, noted, browser.count_of(photo) + len(outlines))
            self._steps.append(_Decision(photo, names, refs))
            if photo == self._photo:
                self._show([each for each in self.outlines if each not in outlines])
            self.noted.emit(photo)
            then()

        text = tr("Accept {} carried outlines").format(len(outlines))
        self._add(image, accepted, text, note)

    @staticmethod
    def _accepted(
        image: MappedImage, browser: SeriesBrowser, outline: OutlineProposal
    ) -> AcceptedOutline:
        grid = grid_of(image)
        mask = importing.from_geometry(outline.geometry(grid), grid.crs, grid)
        interval = browser.release_interval(outline.avalanche)
        times = record.release_attributes(interval.after, interval.before) if interval else {}
        known = known_of_avalanche(outline.avalanche, image.origin.observed_at)
        attributes = {**times, **known}
        return AcceptedOutline(
            outline.points, outline.sizes, PromptSet(mask=mask), outline.avalanche, attributes
        )

    def correct(self) -> bool:
        """Start from the chosen proposal, to be corrected by clicks; return whether that began."""
        image, outline = self._image(), self._chosen
        if image is None or outline is None:
            return False
        grid = grid_of(image)
        try:
            mask = importing.from_geometry(outline.geometry(grid), grid.crs, grid)
        except IsegError as error:
            self._warn(str(error))
            return False
        if not self._session.start_from(mask, None, outline.avalanche):
            return False
        self._show([each for each in self.outlines if each is not outline])
        self._is_correcting = True
        return True

    def _on_draft(self, image: MappedImage) -> None:
        """Propose an outline again whose correction was given up."""
        is_given_up = self._is_correcting and image is self._image() and image.draft.prompts.empty
        if is_given_up and self._browser is not None and self._photo is not None:
            self.open(self._browser, self._photo)

    def drop(self) -> None:
        """Propose the chosen outline no more in this photo."""
        browser, photo, outline = self._browser, self._photo, self._chosen
        if browser is None or photo is None or outline is None:
            return
        try:
            browser.drop(photo, [outline.avalanche])
        except IsegError as error:
            self._warn(str(error))
            return
        self._steps.append(_Decision(photo, (outline.avalanche,)))
        self._show([each for each in self.outlines if each is not outline])

    # --- back ------------------------------------------------------------------------------------

    @property
    def can_take_back(self) -> bool:
        """Whether anything was accepted or dropped since the series was opened."""
        return bool(self._steps)

    def take_back(self) -> SeriesPhoto | None:
        """Take the latest step back, all of it; return its photo, None if there is none."""
        browser = self._browser
        if browser is None or not self._steps:
            return None
        step = self._steps.pop()
        try:
            for layer, fids in _features(step.refs).items():
                _remove(layer, fids, len(step.avalanches))
            count = max(0, browser.count_of(step.photo) - len(step.refs))
            browser.take_back(step.photo, step.avalanches, count)
        except IsegError as error:
            self._steps.append(step)
            self._warn(str(error))
            return None
        self.noted.emit(step.photo)
        return step.photo

    def forget(self, photo: SeriesPhoto, avalanches: Collection[str]) -> None:
        """Let steps go whose features were removed otherwise, as by QGIS's own undo."""
        self._steps = [
            step
            for step in self._steps
            if step.photo != photo or not set(step.avalanches) <= set(avalanches)
        ]


def _features(refs: Sequence[FeatureRef]) -> dict[QgsVectorLayer, list[int]]:
    """Return the features of references that are still there, with their twins in the photo."""
    found: dict[QgsVectorLayer, list[int]] = {}
    for ref in refs:
        for layer, feature in filter(None, (resolve(ref), find_photo_twin(ref))):
            found.setdefault(layer, []).append(feature.id())
    return found


def _remove(layer: QgsVectorLayer, fids: list[int], count: int) -> None:
    """Undo the edit in which features were added if it is the layer's last, else delete them."""
    text = tr("Accept {} carried outlines").format(count)
    stack = layer.undoStack()
    if layer.isEditable() and len(fids) == count and stack.undoText() == text:
        stack.undo()
    else:
        writer.remove_all(layer, fids, tr("Take carried outlines back"))
    layer.triggerRepaint()


def _observation(photo: SeriesPhoto, image: MappedImage, outline: OutlineProposal) -> Observation:
    grid = grid_of(image)
    stored = grid.width, grid.height
    rings, parts, size = recorded(outline.geometry(grid), stored, str(photo.path))
    return Observation(photo.key, avalanche=outline.avalanche, rings=rings, parts=parts, size=size)


def _request(
    browser: SeriesBrowser,
    photo: SeriesPhoto,
    sources: Sequence[CarrySource],
    reference: PosedReference | None,
) -> CarryOutlines:
    rings = [ring for source in sources for ring in source.outline.rings]
    return CarryOutlines(
        series=str(browser.store.path),
        picture=_named(photo),
        sources=[
            {
                "picture": _named(source.photo),
                "avalanche": source.outline.avalanche,
                "rings": [len(ring) for ring in source.outline.rings],
                "parts": list(source.outline.parts),
                "size": list(source.outline.size),
                "without": [_named(other) for other in source.without],
            }
            for source in sources
        ],
        points=np.array([point for ring in rings for point in ring], np.float32).reshape(-1, 2),
        reference=reference.path if reference else "",
        record=reference.record if reference else None,
    )


def _named(photo: SeriesPhoto) -> list[str]:
    return [photo.key, str(photo.path), photo.time.isoformat()]
