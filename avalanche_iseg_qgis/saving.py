"""From a finished outline to a feature in the layer that the user has chosen."""

from __future__ import annotations

from qgis.core import QgsFeature, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .core.errors import IsegError
from .core.worker.protocol import Outlined
from .draft import Home
from .features import record, target, writer
from .image import Image
from .objects import find, home_of, layers_of
from .outline.geometry import to_geometry
from .panel.segment_dock import SegmentDock
from .panel.words import tr
from .worker.service import Service
from .workspace import Workspace


class Saver(QObject):
    """Writes what the workspace has finished.

    Signals
    -------
    saved
        (Image, Home): the feature.
    said
        (text): why it could not be written, and what to do.
    """

    saved = pyqtSignal(object, object)
    said = pyqtSignal(str)

    def __init__(
        self, workspace: Workspace, service: Service, dock: SegmentDock, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._workspace, self._service, self._dock = workspace, service, dock
        workspace.finished.connect(self._on_finished)

    def _on_finished(self, image: Image, outlined: Outlined) -> None:
        try:
            home = self._save(image, outlined)
        except IsegError as error:
            self._workspace.keep(image)
            self.said.emit(str(error))
        else:
            self._workspace.accept(image)
            self.saved.emit(image, home)

    def _save(self, image: Image, outlined: Outlined) -> Home:
        draft = image.draft
        again = draft.home is not None and self._dock.same_feature.isChecked()
        layer, feature = self._feature_of(draft.home) if again else (self.layer_for(image), None)
        attributes = record.attributes(
            origin=image.origin,
            loaded=self._service.loaded,
            prompts=draft.prompts,
            threshold=draft.outline.shape.threshold,
            seconds=draft.stopwatch.seconds,
            again=again,
        )
        window = draft.found.window
        geometry = to_geometry(outlined.points, outlined.parts, image.grid, window, layer.crs())
        if again:
            writer.rewrite(layer, feature.id(), geometry, attributes, tr("Correct avalanche"))
            return draft.home
        fid = writer.add(layer, geometry, attributes, tr("Add avalanche"))
        return home_of(layer, layer.getFeature(fid))

    @staticmethod
    def _feature_of(home: Home) -> tuple[QgsVectorLayer, QgsFeature]:
        found = find(home)
        if found is None:
            raise IsegError(
                tr(
                    "The feature to write back to is gone, or its layer was removed. Add it again, "
                    "or untick “Write back to the same feature”, and finish once more."
                )
            )
        return found

    def layer_for(self, image: Image) -> QgsVectorLayer:
        """The layer that new objects of an image go to, made if there is none yet.

        Raises
        ------
        IsegError
            If the layer chosen cannot take them, or none can be made.
        """
        layer = self._dock.target.currentLayer()
        if layer is None:
            layer = next(
                (
                    layer
                    for layer in layers_of(QgsProject.instance())
                    if layer.crs().isValid() != image.grid.plain
                ),
                None,
            )
        if layer is None:
            layer = self.make_layer(image, None)
        reason = target.suitable(layer)
        if reason:
            raise IsegError(reason)
        return layer

    def make_layer(self, image: Image, path: str | None) -> QgsVectorLayer:
        """Make the layer for objects of an image in a GeoPackage, and add it to the project."""
        project = QgsProject.instance()
        path = path or target.default_path(project, image.origin.path)
        layer = target.create(path, image.grid.crs, image.grid.plain)
        project.addMapLayer(layer)
        return layer
