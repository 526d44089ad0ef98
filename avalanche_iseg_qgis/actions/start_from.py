"""The menu *Start from…*: outlines and masks that exist become the mask to start from."""

from __future__ import annotations

from qgis.core import QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorLayer, QgsWkbTypes
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog, QMenu

from ..core.errors import IsegError
from ..features.queries import feature_ref
from ..georef.georeferencer import Georeferencer
from ..i18n import tr
from ..masks import importing
from ..session.draft import FeatureRef
from ..session.session import SegmentationSession


class StartFromActions:
    """Fills the menu and does what it offers."""

    def __init__(
        self, iface, workspace: SegmentationSession, ground: Georeferencer, menu: QMenu, warn
    ) -> None:
        self._iface, self._workspace, self._warn = iface, workspace, warn
        self._ground = ground
        for text, action in (
            (tr("Selected features of the active layer"), self.from_selection),
            (tr("A raster mask layer…"), self.from_raster),
            (tr("A mask or label image…"), self.from_file),
        ):
            menu.addAction(text).triggered.connect(lambda _=False, a=action: self._try(a))

    def _try(self, action) -> None:
        if self._workspace.grid is None:
            self._warn(tr("Choose the image first in which the mask lies."))
            return
        try:
            action()
        except IsegError as error:
            self._warn(str(error))

    def from_selection(self) -> None:
        """From what is selected in the active polygon layer."""
        layer = self._iface.activeLayer()
        if (
            not isinstance(layer, QgsVectorLayer)
            or layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry
            or not layer.selectedFeatureCount()
        ):
            raise IsegError(
                tr("Select one or more polygons of a layer, make it the active layer, try again.")
            )
        ids = layer.selectedFeatureIds()
        home = feature_ref(layer, layer.getFeature(ids[0])) if len(ids) == 1 else None
        image = self._workspace.image
        if image.grid.is_photo and layer.crs().isValid():
            self._from_map(layer, ids, home)
        else:
            self._workspace.start_from(importing.from_features(layer, ids, image.grid), home)

    def _from_map(self, layer: QgsVectorLayer, ids: list[int], home: FeatureRef | None) -> None:
        """From outlines on the map, as the photo's camera sees them."""
        image = self._workspace.image
        if self._ground.pose_of(image) is None:
            raise IsegError(
                tr(
                    "The outlines lie on the map, and the photo has no camera yet: pose it in the "
                    "Camera panel first."
                )
            )
        geometry = QgsGeometry.unaryUnion([layer.getFeature(fid).geometry() for fid in ids])
        self._ground.start_from(geometry, layer.crs(), image, home)

    def from_raster(self) -> None:
        """From the pixels of another raster layer that are not 0."""
        image = self._workspace.image
        layers = [
            layer
            for layer in QgsProject.instance().mapLayers().values()
            if isinstance(layer, QgsRasterLayer) and layer.id() != image.layer_id
        ]
        if not layers:
            raise IsegError(tr("Add the raster with the mask to the project first."))
        names = [layer.name() for layer in layers]
        name, chosen = QInputDialog.getItem(
            self._iface.mainWindow(), tr("Raster mask"), tr("Layer"), names, 0, False
        )
        if chosen:
            layer = layers[names.index(name)]
            self._workspace.start_from(importing.from_raster_layer(layer, image.grid))

    def from_file(self) -> None:
        """From an image file: a mask, or one of the objects of a label image."""
        path, _ = QFileDialog.getOpenFileName(
            self._iface.mainWindow(),
            tr("Mask or label image"),
            "",
            tr("Images (*.png *.bmp *.tif *.tiff)"),
        )
        if path:
            self.from_path(path)

    def from_path(self, path: str) -> None:
        """The same, of a known file."""
        masks = importing.from_file(path, self._workspace.grid)
        labels = [str(label) for label in masks]
        label, chosen = labels[0], True
        if len(labels) > 1:
            label, chosen = QInputDialog.getItem(
                self._iface.mainWindow(), tr("Label image"), tr("Object"), labels, 0, False
            )
        if chosen:
            self._workspace.start_from(masks[int(label)])
