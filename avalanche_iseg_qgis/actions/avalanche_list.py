"""The list of finished objects, and what is done with one of them."""

from __future__ import annotations

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject

from ..core.errors import IsegError
from ..features import record, target, writer
from ..features.queries import AvalancheEntry, entries_of, find_feature, layers_of, photo_twin
from ..gui.avalanches_dock import AvalanchesDock
from ..i18n import tr
from ..session.session import SegmentationSession


class AvalancheListController(QObject):
    """Joins the list with the workspace and the layers."""

    def __init__(
        self, iface, workspace: SegmentationSession, dock: AvalanchesDock, warn, parent
    ) -> None:
        super().__init__(parent)
        self._iface, self._workspace, self._dock, self._warn = iface, workspace, dock, warn
        workspace.image_changed.connect(self.refresh)
        dock.zoom_requested.connect(self._zoom_to)
        dock.continue_requested.connect(self._continue)
        dock.form_requested.connect(self.open_form)
        dock.delete_requested.connect(self._delete)
        project = QgsProject.instance()
        project.layersWillBeRemoved.connect(self._on_layers_leave)
        project.layersAdded.connect(self._on_layers_come)
        self._on_layers_come(())

    def close(self) -> None:
        """Let go of the project."""
        project = QgsProject.instance()
        project.layersWillBeRemoved.disconnect(self._on_layers_leave)
        project.layersAdded.disconnect(self._on_layers_come)

    def refresh(self) -> None:
        """List the objects of the image in hand."""
        self._list(but=())

    def _list(self, but) -> None:
        image = self._workspace.image
        entries: list[AvalancheEntry] = []
        if image is not None:
            origin = image.origin
            entries = entries_of(QgsProject.instance(), origin.image_name, origin.sha256)
            for layer in layers_of(QgsProject.instance()):
                if not layer.crs().isValid():
                    target.show_only_image(layer, origin.image_name)
        self._dock.show_entries([entry for entry in entries if entry.home.layer_id not in but])

    def _on_layers_leave(self, ids: list[str]) -> None:
        for layer_id in ids:
            self._workspace.forget_layer(layer_id)
        self._list(but=ids)

    def _on_layers_come(self, _layers) -> None:
        for layer in layers_of(QgsProject.instance()):
            target.drop_undefined_crs(layer)
        self.refresh()

    def _feature_of(self, entry: AvalancheEntry):
        found = find_feature(entry.home)
        if found is None:
            self._warn(tr("This avalanche is not in its layer any more."))
            self.refresh()
        return found or (None, None)

    def _zoom_to(self, entry: AvalancheEntry) -> None:
        layer, feature = self._feature_of(entry)
        if layer:
            self._iface.mapCanvas().zoomToFeatureIds(layer, [feature.id()])

    def _continue(self, entry: AvalancheEntry) -> None:
        layer, feature = self._feature_of(entry)
        if layer is None:
            return
        try:
            prompts = record.read_prompts(feature)
        except IsegError as error:
            self._warn(str(error))
        else:
            self._workspace.reopen(
                prompts, entry.home, record.attribute_value(feature, "seconds") or 0.0
            )

    def open_form(self, entry: AvalancheEntry) -> None:
        """Show the form of an object, beside the map."""
        layer, feature = self._feature_of(entry)
        if layer:
            self._iface.openFeatureForm(layer, feature, False, False)

    def _delete(self, entry: AvalancheEntry) -> None:
        layer, feature = self._feature_of(entry)
        if layer is None:
            return
        in_picture = photo_twin(entry.home)
        try:
            writer.remove(layer, feature.id(), tr("Delete avalanche"))
            if in_picture:
                writer.remove(in_picture[0], in_picture[1].id(), tr("Delete avalanche"))
        except IsegError as error:
            self._warn(str(error))
        self.refresh()
