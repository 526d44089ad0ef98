"""From a finished outline to a feature in the layer that the user has chosen."""

from __future__ import annotations

from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .core.errors import IsegError
from .draft import Home
from .features import record, schema, target, writer
from .image import Image
from .objects import layers_of
from .outline.geometry import area_m2, to_geometry
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

    def _on_finished(self, image: Image, outlined) -> None:
        try:
            home = self._save(image, outlined)
        except IsegError as error:
            self._workspace.keep(image)
            self.said.emit(str(error))
        else:
            self._workspace.accept(image)
            self.saved.emit(image, home)

    def _save(self, image: Image, outlined) -> Home:
        draft = image.draft
        attributes = record.attributes(
            origin=image.origin,
            loaded=self._service.loaded,
            prompts=draft.prompts,
            threshold=draft.outline.shape.threshold,
            seconds=draft.stopwatch.seconds,
            again=draft.home is not None,
        )
        home = draft.home if self._dock.same_feature.isChecked() else None
        layer = self._layer_of(home) if home else self.layer_for(image)
        geometry = to_geometry(
            outlined.points, outlined.parts, image.grid, draft.found.window, layer.crs()
        )
        attributes[schema.AREA] = area_m2(geometry, layer.crs())
        if home:
            writer.rewrite(layer, home.feature_id, geometry, attributes, tr("Correct avalanche"))
            return home
        fid = writer.add(layer, geometry, attributes, tr("Add avalanche"))
        return Home(layer.id(), fid)

    @staticmethod
    def _layer_of(home: Home) -> QgsVectorLayer:
        layer = QgsProject.instance().mapLayer(home.layer_id)
        if layer is None:
            raise IsegError(
                tr(
                    "The layer of the feature to write back to was removed. Add it again, or "
                    "untick “Write back to the same feature”, and finish once more."
                )
            )
        return layer

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
