"""The list of an image's avalanches, and what is done with one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from qgis.core import QgsFeature, QgsGeometry, QgsMapLayer, QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtBoundSignal, pyqtSignal
from qgis.PyQt.QtWidgets import QMessageBox

from ..core.errors import IsegError
from ..features import record, target, writer
from ..features.history import no_history, place_of
from ..features.queries import (
    AvalancheEntry,
    count_reviews,
    edit_signals,
    find_layers,
    find_photo_twin,
    is_ours,
    list_entries,
)
from ..features.reference import feature_ref, resolve
from ..features.reshaping import area_differs
from ..gui.avalanches_dock import AvalanchesDock
from ..i18n import tr
from ..session.draft import FeatureRef
from ..session.qt_session import QtSession


class AvalancheListController(QObject):
    """Joins the list with the session and the layers; the list follows all edits of these.

    Signals
    -------
    listed
        The avalanches of the current image were listed anew.

    Attributes
    ----------
    may_delete
        Asks the user whether an avalanche may be deleted.
    who_edits
        Says who else edits the file of a layer.
    """

    listed = pyqtSignal()

    def __init__(
        self,
        iface: QgisInterface,
        session: QtSession,
        dock: AvalanchesDock,
        warn: Callable[[str], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._iface, self._session, self._dock, self._warn = iface, session, dock, warn
        self.start_from: Callable[[QgsVectorLayer, list[int]], None] = lambda *_: None
        self.who_edits: Callable[[QgsVectorLayer], str] = lambda _: ""
        self.may_delete: Callable[[AvalancheEntry], bool] = self._ask_to_delete
        self._numbers: dict[str, dict[str, int]] = {}  # of avalanches, by image
        self._corrected: dict[str, list[FeatureRef]] = {}  # features of foreign layers, by image
        self._followed: list[QgsVectorLayer] = []
        self._reshaped: set[str] = set()  # keys of avalanches that were edited by hand
        self._timer = QTimer(self)  # one refresh for many edits at once
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)
        self._entries: list[AvalancheEntry] = []  # of the image, those too that are not shown
        session.image_changed.connect(self.refresh)
        dock.filter_changed.connect(self.refresh)
        dock.save.clicked.connect(lambda _=False: self.save_edits())
        dock.zoom_requested.connect(self._zoom_to)
        dock.continue_requested.connect(self._continue)
        dock.form_requested.connect(self.open_form)
        dock.delete_requested.connect(self._delete)
        project = QgsProject.instance()
        project.layersWillBeRemoved.connect(self._on_layers_removed)
        project.layersAdded.connect(self._on_layers_added)
        self._on_layers_added(())

    def close(self) -> None:
        """Disconnect from the project."""
        project = QgsProject.instance()
        project.layersWillBeRemoved.disconnect(self._on_layers_removed)
        project.layersAdded.disconnect(self._on_layers_added)
        self._timer.stop()
        for layer in self._followed:
            if not sip.isdeleted(layer):
                layer.geometryChanged.disconnect(self._on_reshaped)
                for signal in _followed_signals(layer):
                    signal.disconnect(self._on_edit)

    @property
    def count(self) -> int:
        """How many avalanches the current image has."""
        return len(self._entries)

    def refresh(self) -> None:
        """List the avalanches of the current image."""
        self._list(without=())
        self.listed.emit()

    def note_saved(self, ref: FeatureRef) -> None:
        """List a feature that was mapped or corrected in the current image."""
        self._reshaped.discard(ref.key)
        image, found = self._session.image, resolve(ref)
        if image is not None and found is not None and not is_ours(found[0]):
            corrected = self._corrected.setdefault(image.key, [])
            if ref not in corrected:
                corrected.append(ref)
            self._follow(found[0])
        self.refresh()
        self._dock.select(ref.key)

    def _follow(self, layer: QgsVectorLayer) -> None:
        if layer not in self._followed:
            self._followed.append(layer)
            layer.geometryChanged.connect(self._on_reshaped)
            for signal in _followed_signals(layer):
                signal.connect(self._on_edit)

    def _on_reshaped(self, fid: int, _geometry: QgsGeometry) -> None:
        """Note that an outline was edited; `note_saved` follows if that was by its clicks."""
        layer = self.sender()
        self._reshaped.add(feature_ref(layer, layer.getFeature(fid)).key)

    def _on_edit(self, *_what: object) -> None:
        self._timer.start(0)

    def _list(self, without: Collection[str]) -> None:
        image = self._session.image
        entries: list[AvalancheEntry] = []
        if image is not None:
            origin = image.origin
            others = self._corrected.get(image.key, ())
            entries = list_entries(QgsProject.instance(), origin.image_name, origin.sha256, others)
            numbers = self._numbers.setdefault(image.key, {})
            for entry in entries:
                numbers.setdefault(entry.key, max(numbers.values(), default=0) + 1)
            entries = [replace(entry, number=numbers[entry.key]) for entry in entries]
            for layer in find_layers(QgsProject.instance()):
                if not layer.crs().isValid():
                    target.show_only_image(layer, origin.image_name)
        self._entries = [each for each in entries if each.feature_ref.layer_id not in without]
        shown = self._dock.shown_state
        self._dock.show_entries(
            [entry for entry in self._entries if shown is None or entry.review == shown]
        )
        states = [entry.review for entry in self._entries if entry.review is not None]
        here = {state: states.count(state) for state in set(states)}
        self._dock.show_counts(here, count_reviews(QgsProject.instance()))
        unsaved = [layer for layer in self._unsaved() if layer.id() not in without]
        self._dock.show_unsaved([layer.name() for layer in unsaved])

    def _unsaved(self) -> list[QgsVectorLayer]:
        """Return the layers with edits that are not in their files yet."""
        layers = [layer for layer in self._followed if not sip.isdeleted(layer)]
        return [layer for layer in layers if layer.isEditable() and layer.isModified()]

    def _on_layers_removed(self, ids: list[str]) -> None:
        for layer_id in ids:
            self._session.forget_layer(layer_id)
        self._followed = [layer for layer in self._followed if layer.id() not in ids]
        self._list(without=ids)

    def _on_layers_added(self, _layers: Collection[QgsMapLayer]) -> None:
        for layer in find_layers(QgsProject.instance()):
            target.drop_undefined_crs(layer)
            self._follow(layer)
        self.refresh()

    def save_edits(self) -> bool:
        """Save the edits of all layers to their files, or say why not; return whether all are."""
        for layer in self._unsaved():
            if not layer.commitChanges(False):
                reason = "; ".join(dict.fromkeys(map(target.short_reason, layer.commitErrors())))
                text = tr("The edits of {} could not be saved, and are still there: {}")
                self._warn(f"{text.format(layer.name(), reason)}{self.who_edits(layer)}")
        self.refresh()
        return not self._unsaved()

    def _resolve(self, entry: AvalancheEntry) -> tuple[QgsVectorLayer, QgsFeature] | None:
        found = resolve(entry.feature_ref)
        if found is None:
            self._warn(tr("This avalanche is not in its layer any more."))
            self.refresh()
        return found

    def _zoom_to(self, entry: AvalancheEntry) -> None:
        found = self._resolve(entry)
        if found:
            self._iface.mapCanvas().zoomToFeatureIds(found[0], [found[1].id()])

    def _continue(self, entry: AvalancheEntry) -> None:
        found = self._resolve(entry)
        if found is None:
            return
        layer, feature = found
        try:
            if entry.key in self._reshaped or area_differs(layer, feature):
                self._warn(
                    tr(
                        "This outline was edited by hand. You go on from it, and it stays as it is "
                        "where you do not click; its earlier clicks go when you finish."
                    )
                )
                self.start_from(layer, [feature.id()])
                return
            prompts = record.read_prompts(feature)
        except IsegError as error:
            self._warn(str(error))
        else:
            seconds = record.attribute_value(feature, "seconds") or 0.0
            undone = record.undone_steps(feature)
            self._session.reopen(prompts, entry.feature_ref, seconds, undone)

    def open_form(self, entry: AvalancheEntry) -> None:
        """Show the form of an avalanche, beside the map."""
        found = self._resolve(entry)
        if found:
            self._iface.openFeatureForm(*found, False, False)

    def _delete(self, entry: AvalancheEntry) -> None:
        found = self._resolve(entry)
        if found is None or not self.may_delete(entry):
            return
        try:
            for layer, feature in filter(None, (found, find_photo_twin(entry.feature_ref))):
                writer.remove(layer, feature.id(), tr("Delete avalanche"))
                layer.triggerRepaint()
        except IsegError as error:
            self._warn(str(error))
        self.refresh()

    def _ask_to_delete(self, entry: AvalancheEntry) -> bool:
        found = resolve(entry.feature_ref)
        text = tr("It is deleted from its layer. Until the layer is saved, Undo brings it back.")
        if found is not None and place_of(found[0])[1]:
            text += " " + tr("After that, “History…” does.")
        elif found is not None:
            text += " " + no_history(found[0])
        answer = QMessageBox.question(
            self._iface.mainWindow(),
            tr("Delete avalanche {}?").format(entry.name),
            text,
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return bool(answer == QMessageBox.StandardButton.Yes)


def _followed_signals(layer: QgsVectorLayer) -> tuple[pyqtBoundSignal, ...]:
    """Return the signals of a layer after which the list may be out of date."""
    return (*edit_signals(layer), layer.subsetStringChanged)
