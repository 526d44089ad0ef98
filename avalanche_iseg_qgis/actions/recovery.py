"""Unfinished and unsaved avalanches: kept in the profile, and offered again when lost."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from qgis.core import QgsApplication, QgsMapLayer, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QDateTime, QLocale, QObject, Qt, QTimer
from qgis.PyQt.QtWidgets import QMessageBox

from ..core.errors import IsegError
from ..features import unsaved
from ..features.queries import edit_signals, find_layers
from ..features.reference import resolve
from ..features.stacking import add_image
from ..features.unsaved import UnsavedFeatures
from ..gui.segment_dock import SegmentDock
from ..i18n import tr
from ..layers.kinds import raster_layers
from ..session import stored_draft
from ..session.draft import FeatureRef, ObjectDraft
from ..session.mapped_image import MappedImage
from ..session.qt_session import QtSession, key_of
from ..session.recovery_files import RecoveryFile, RecoveryFiles
from ..session.stored_draft import StoredDraft

_DELAY = 50  # ms: one look at a layer for many edits at once


def recovery_files() -> RecoveryFiles:
    """Return the files in the user's profile."""
    return RecoveryFiles(Path(QgsApplication.qgisSettingsDirPath(), "avalanche_iseg", "drafts"))


@dataclass(frozen=True, eq=False)
class Offer:
    """Work that can be restored.

    Attributes
    ----------
    kept
        Its file, of another QGIS; None for work of this one.
    """

    name: str
    work: StoredDraft | UnsavedFeatures
    kept: RecoveryFile | None = None


class RecoveryController(QObject):
    """Writes what is unfinished or unsaved at each change, and offers in the panel what was lost.

    A draft is lost with its layer, the project, or QGIS; a feature in a layer's edit buffer with
    the same, unless the user has saved or discarded the layer's edits.

    Attributes
    ----------
    may_discard
        Asks the user whether what is offered may be given up.
    """

    def __init__(
        self, session: QtSession, dock: SegmentDock, warn: Callable[[str], None], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._dock, self._warn = session, dock, warn
        self._files = recovery_files()
        self._drafts: dict[str, tuple[ObjectDraft, str]] = {}  # by image; with name of the file
        self._layers: dict[str, str] = {}  # watched ones, and the text that is kept of each
        self._has_warned = False
        self.offers: list[Offer] = []
        self.may_discard: Callable[[], bool] = self._ask_to_discard
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(self._keep_features)
        session.draft_changed.connect(self._keep_draft)
        session.image_changed.connect(self._on_image)
        restore, discard = dock.kept.buttons
        restore.clicked.connect(lambda _=False: self.restore())
        discard.clicked.connect(lambda _=False: self.discard())
        project = QgsProject.instance()
        project.layersAdded.connect(self._on_layers_added)
        project.layersWillBeRemoved.connect(self._on_layers_removed)
        self._on_layers_added(())
        self._find_orphans()

    def close(self) -> None:
        """Write what is left; it is offered again when the plugin starts."""
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._on_layers_added)
        project.layersWillBeRemoved.disconnect(self._on_layers_removed)
        for layer in self._watched():
            for signal in edit_signals(layer):
                signal.disconnect(self._on_edited)
        self._timer.stop()
        self._keep_features()
        self._files.close()

    # --- drafts ------------------------------------------------------------------------------

    def _keep_draft(self, image: MappedImage) -> None:
        draft = image.draft
        before, name = self._drafts.get(image.key, (None, ""))
        if before is not draft and name:
            self._keep_features()  # first: it may have become one of them
            self._forget_draft(image.key)
            name = ""
        is_work = draft.history.is_changed or draft.feature_ref is None
        if draft.prompts.empty or not is_work:
            if name:
                self._forget_draft(image.key)
            return
        name = name or f"draft-{uuid.uuid4().hex[:12]}"
        self._drafts[image.key] = draft, name
        self._put(name, self._draft_to_keep(image).to_json)

    def _draft_to_keep(self, image: MappedImage) -> StoredDraft:
        needed = image.source.needs_pixel_size
        return StoredDraft.of(image, self._dock.pixel_size.value() if needed else 0.0, _now())

    def _forget_draft(self, key: str) -> None:
        _, name = self._drafts.pop(key)
        self._files.drop(name)

    def _on_image(self) -> None:
        image = self._session.image
        if image is None or image.key not in self._drafts:
            return
        _, name = self._drafts[image.key]
        self._put(name, self._draft_to_keep(image).to_json)  # more may be known of its origin
        self._withdraw_offer(name)

    # --- features ----------------------------------------------------------------------------

    def _on_layers_added(self, _layers: Collection[QgsMapLayer]) -> None:
        for layer in find_layers(QgsProject.instance()):
            self._watch(layer)

    def _watch(self, layer: QgsMapLayer | None) -> None:
        if not isinstance(layer, QgsVectorLayer) or layer.id() in self._layers:
            return
        self._layers[layer.id()] = ""
        for signal in edit_signals(layer):
            signal.connect(self._on_edited)

    def _watched(self) -> list[QgsVectorLayer]:
        layers = [QgsProject.instance().mapLayer(layer_id) for layer_id in self._layers]
        return [layer for layer in layers if layer is not None]

    def _on_edited(self, *_args: object) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _keep_features(self) -> None:
        """Keep what is unsaved in the layers now."""
        self._watch(self._dock.target.currentLayer())
        for draft, _ in self._drafts.values():
            if draft.feature_ref is not None:
                self._watch(QgsProject.instance().mapLayer(draft.feature_ref.layer_id))
        for layer in self._watched():
            work = UnsavedFeatures.of(layer, _now())
            name, known = _name_of(layer.id()), self._layers[layer.id()]
            if work.features:
                self._layers[layer.id()] = name
                self._put(name, work.to_json)
            elif known:
                self._layers[layer.id()] = ""
                self._files.drop(name)

    def _on_layers_removed(self, ids: Collection[str]) -> None:
        """Offer what is lost with a layer: the user was not asked, or has said nothing to it."""
        self._keep_features()
        for layer_id in ids:
            layer = QgsProject.instance().mapLayer(layer_id)
            if self._layers.pop(layer_id, ""):
                self._offer(Offer(_name_of(layer_id), UnsavedFeatures.of(layer, _now())))
            key = key_of(layer) if isinstance(layer, QgsRasterLayer) else ""
            image = self._session.image_of(key)
            if key in self._drafts and image is not None and image.layer_id in ("", layer_id):
                self._offer(Offer(self._drafts[key][1], self._draft_to_keep(image)))
        self._show_offers()

    # --- offers ------------------------------------------------------------------------------

    def _find_orphans(self) -> None:
        """Offer what a QGIS that has ended has kept."""
        found, damaged = self._files.orphans()
        for kept in found:
            work = _decoded(kept)
            if work is None:
                damaged.append(self._files.set_aside(kept.path))
            else:
                self._offer(Offer(kept.name, work, kept))
        if damaged:
            text = tr(
                "An unfinished avalanche that was kept is damaged; its file is set aside: {}."
            )
            self._warn(text.format(", ".join(map(str, damaged))))
        self._show_offers()

    def _offer(self, offer: Offer) -> None:
        """Offer work, unless all of it is there."""
        if isinstance(offer.work, UnsavedFeatures) and offer.kept is not None:
            layer = offer.work.layer_in(QgsProject.instance())
            if layer is not None and not offer.work.missing_in(layer):
                self._keep_features()
                self._files.flush()
                self._files.remove(offer.kept)
                return
        self.offers.append(offer)

    def _withdraw_offer(self, name: str) -> None:
        self.offers = [offer for offer in self.offers if offer.name != name]
        self._show_offers()

    def _show_offers(self) -> None:
        text = tr("Not lost: {}.").format(self._offered()) if self.offers else ""
        self._dock.kept.show_text(text)

    def _offered(self) -> str:
        return "; ".join(_describe(offer.work) for offer in self.offers)

    def restore(self) -> None:
        """Bring back what is offered; what cannot be stays offered."""
        features_first = sorted(self.offers, key=lambda o: isinstance(o.work, StoredDraft))
        for offer in features_first:
            try:
                is_back = (
                    self._restore_draft(offer, offer.work)
                    if isinstance(offer.work, StoredDraft)
                    else self._restore_features(offer, offer.work)
                )
            except IsegError as error:
                self._warn(str(error))
                continue
            if is_back:
                self._withdraw_offer(offer.name)

    def _ask_to_discard(self) -> bool:
        answer = QMessageBox.question(
            self._dock,
            tr("Discard unfinished work?"),
            tr("This cannot be brought back: {}.").format(self._offered()),
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return bool(answer == QMessageBox.StandardButton.Discard)

    def discard(self) -> None:
        """Give up what is offered, after asking."""
        if not self.may_discard():
            return
        for offer in self.offers:
            if offer.kept is not None:
                self._files.remove(offer.kept)
                continue
            if isinstance(offer.work, StoredDraft):
                self._session.drop(offer.work.key)
            self._files.drop(offer.name)
        self.offers = []
        self._show_offers()

    def _restore_features(self, offer: Offer, work: UnsavedFeatures) -> bool:
        layer, _ = work.restore(QgsProject.instance())
        self._watch(layer)
        self._keep_features()
        if offer.kept is not None:
            self._files.flush()  # they are kept anew before what was kept of them goes
            self._files.remove(offer.kept)
        else:
            self._files.drop(offer.name)
        return True

    def _restore_draft(self, offer: Offer, work: StoredDraft) -> bool:
        if work.pixel_size:
            self._dock.pixel_size.setValue(work.pixel_size)
        layer = _layer_of(work)
        if layer is None:
            text = tr("{} is not there any more: put it back, then choose Restore once more.")
            raise IsegError(text.format(work.image_name))
        self._dock.layer.setLayer(layer)
        if self._session.image is None or self._session.image.key != work.key:
            self._session.choose(layer, self._dock.pixel_size.value())
        image = self._session.image
        if image is None or image.key != work.key:
            return False  # the session has said why
        if offer.kept is None:
            return True  # it is in hand again
        if not image.version and (image.grid.height, image.grid.width) != work.size:
            text = tr("{} has other pixels now than the avalanche that was kept.")
            raise IsegError(text.format(work.image_name))
        draft = work.draft()
        if draft.feature_ref is not None:
            draft.feature_ref = _found_again(draft.feature_ref)
        if image.draft.has_work:
            text = tr("Finish or discard the avalanche in {} first, then choose Restore once more.")
            raise IsegError(text.format(work.image_name))
        self._files.adopt(offer.kept)
        self._drafts[image.key] = draft, offer.name
        return self._session.restore(draft, work.version, work.sha256)

    # --- writing -----------------------------------------------------------------------------

    def _put(self, name: str, build: Callable[[], str]) -> None:
        self._files.put(name, build)
        if self._files.error and not self._has_warned:
            self._has_warned = True
            text = tr("Unfinished avalanches cannot be kept for the case that QGIS ends: {}.")
            self._warn(text.format(self._files.error))


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _name_of(layer_id: str) -> str:
    return f"unsaved-{hashlib.sha256(layer_id.encode()).hexdigest()[:12]}"


def _decoded(kept: RecoveryFile) -> StoredDraft | UnsavedFeatures | None:
    """Decode a file; None if it is damaged."""
    kind = kept.content.get("kind")
    try:
        if kind == stored_draft.KIND:
            return StoredDraft.from_json(kept.content)
        if kind == unsaved.KIND:
            return UnsavedFeatures.from_json(kept.content)
    except IsegError:
        pass
    return None


def _layer_of(work: StoredDraft) -> QgsRasterLayer | None:
    """Return the layer of a draft's image, added to the project if it is not there."""
    for layer in raster_layers():
        if key_of(layer) == work.key:
            return layer
    provider, _, source = work.key.partition("|")
    layer = QgsRasterLayer(source, Path(work.image_name).stem, provider)
    if not layer.isValid():
        return None
    add_image(layer)
    return layer


def _found_again(ref: FeatureRef) -> FeatureRef:
    """Return a reference to the same feature, also in another layer of the same file."""
    if QgsProject.instance().mapLayer(ref.layer_id) is not None or not ref.uuid:
        return ref
    for layer in find_layers(QgsProject.instance()):
        found = FeatureRef(layer.id(), -1, ref.uuid)
        if resolve(found) is not None:
            return found
    return ref


def _describe(work: StoredDraft | UnsavedFeatures) -> str:
    """Return what it is, of which image or layer, and from when."""
    moment = QDateTime.fromString(work.changed_at, Qt.DateFormat.ISODate).toLocalTime()
    when = QLocale().toString(moment, QLocale.FormatType.ShortFormat)
    if isinstance(work, UnsavedFeatures):
        count = len(work.features)
        text = tr("1 avalanche") if count == 1 else tr("{} avalanches").format(count)
        return tr("{} not saved to the layer {} ({})").format(text, work.layer_name, when)
    prompts = work.prompts
    count = len(prompts.clicks)
    given = [tr("1 click") if count == 1 else tr("{} clicks").format(count)] if count else []
    count = len(prompts.strokes)
    if count:
        given += [tr("1 stroke") if count == 1 else tr("{} strokes").format(count)]
    given += [tr("a box")] if prompts.box else []
    given += [tr("an outline to start from")] if prompts.mask else []
    text = tr("an unfinished avalanche in {} ({}; {})")
    return text.format(work.image_name, ", ".join(given), when)
