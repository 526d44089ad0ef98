"""The list of an image's avalanches, and what is done with one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from qgis.core import QgsFeature, QgsMapLayer, QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject

from ..core.errors import IsegError
from ..features import record, target, writer
from ..features.queries import AvalancheEntry, find_layers, find_photo_twin, list_entries
from ..features.reference import resolve
from ..gui.avalanches_dock import AvalanchesDock
from ..i18n import tr
from ..session.qt_session import QtSession


class AvalancheListController(QObject):
    """Joins the list with the session and the layers."""

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
        session.image_changed.connect(self.refresh)
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

    def refresh(self) -> None:
        """List the avalanches of the current image."""
        self._list(without=())

    def _list(self, without: Collection[str]) -> None:
        image = self._session.image
        entries: list[AvalancheEntry] = []
        if image is not None:
            origin = image.origin
            entries = list_entries(QgsProject.instance(), origin.image_name, origin.sha256)
            for layer in find_layers(QgsProject.instance()):
                if not layer.crs().isValid():
                    target.show_only_image(layer, origin.image_name)
        entries = [entry for entry in entries if entry.feature_ref.layer_id not in without]
        self._dock.show_entries(entries)

    def _on_layers_removed(self, ids: list[str]) -> None:
        for layer_id in ids:
            self._session.forget_layer(layer_id)
        self._list(without=ids)

    def _on_layers_added(self, _layers: Collection[QgsMapLayer]) -> None:
        for layer in find_layers(QgsProject.instance()):
            target.drop_undefined_crs(layer)
        self.refresh()

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
        try:
            prompts = record.read_prompts(found[1])
        except IsegError as error:
            self._warn(str(error))
        else:
            seconds = record.attribute_value(found[1], "seconds") or 0.0
            self._session.reopen(prompts, entry.feature_ref, seconds)

    def open_form(self, entry: AvalancheEntry) -> None:
        """Show the form of an avalanche, beside the map."""
        found = self._resolve(entry)
        if found:
            self._iface.openFeatureForm(*found, False, False)

    def _delete(self, entry: AvalancheEntry) -> None:
        found = self._resolve(entry)
        if found is None:
            return
        try:
            for layer, feature in filter(None, (found, find_photo_twin(entry.feature_ref))):
                writer.remove(layer, feature.id(), tr("Delete avalanche"))
        except IsegError as error:
            self._warn(str(error))
        self.refresh()
