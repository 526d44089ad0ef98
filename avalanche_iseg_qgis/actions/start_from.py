"""The menu *Start from…*: outlines and masks that exist become the start mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qgis.core import QgsGeometry, QgsProject, QgsRasterLayer, QgsVectorLayer, QgsWkbTypes
from qgis.gui import QgisInterface
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog, QMenu

from ..core.containers import orientation_of
from ..core.errors import IsegError
from ..features.reference import feature_ref
from ..georef.georeferencer import Georeferencer
from ..i18n import tr
from ..masks import importing
from ..session.qt_session import QtSession

if TYPE_CHECKING:
    from ..layers.grid import Grid
    from ..session.mapped_image import MappedImage


class StartFromActions:
    """Fills the menu, and does what it offers."""

    def __init__(
        self,
        iface: QgisInterface,
        session: QtSession,
        georeferencer: Georeferencer,
        menu: QMenu,
        warn: Callable[[str], None],
        take_tool: Callable[[], None],
    ) -> None:
        self._iface, self._session, self._warn = iface, session, warn
        self._georeferencer, self._take_tool = georeferencer, take_tool
        for text, action in (
            (tr("Selected features of the active layer"), self.from_selection),
            (tr("A raster mask layer…"), self.from_raster),
            (tr("A mask or label image…"), self.from_file),
        ):
            menu.addAction(text).triggered.connect(lambda _=False, a=action: self._try(a))

    def _try(self, action: Callable[[], None]) -> None:
        try:
            self._target()
            action()
            self._take_tool()
        except IsegError as error:
            self._warn(str(error))

    def _target(self) -> tuple[MappedImage, Grid]:
        """Return the current image and its grid; raise IsegError if there is none."""
        image, grid = self._session.image, self._session.grid
        if image is None or grid is None:
            raise IsegError(tr("First choose the image that the outline belongs to."))
        return image, grid

    def from_selection(self) -> None:
        """Start from the selected features of the active polygon layer."""
        layer = self._iface.activeLayer()
        if (
            not isinstance(layer, QgsVectorLayer)
            or layer.geometryType() != QgsWkbTypes.GeometryType.PolygonGeometry
            or not layer.selectedFeatureCount()
        ):
            raise IsegError(
                tr("Select one or more polygons of a layer, make it the active layer, try again.")
            )
        self.from_features(layer, layer.selectedFeatureIds())

    def from_features(self, layer: QgsVectorLayer, ids: list[int]) -> None:
        """Start from features of a polygon layer; a single one is what is written back to."""
        image, grid = self._target()
        ref = feature_ref(layer, layer.getFeature(ids[0])) if len(ids) == 1 else None
        if grid.is_photo and layer.crs().isValid():
            geometry = QgsGeometry.unaryUnion([layer.getFeature(fid).geometry() for fid in ids])
            self._georeferencer.start_from(geometry, layer.crs(), image, ref)
        else:
            self._session.start_from(importing.from_features(layer, ids, grid), ref)

    def from_raster(self) -> None:
        """Start from the pixels of another raster layer that are not 0."""
        image, grid = self._target()
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
            self._session.start_from(importing.from_raster_layer(layer, grid))

    def from_file(self) -> None:
        """Start from an image file: a mask, or one of the objects of a label image."""
        path, _ = QFileDialog.getOpenFileName(
            self._iface.mainWindow(),
            tr("Mask or label image"),
            "",
            tr("Images (*.png *.bmp *.tif *.tiff)"),
        )
        if path:
            self.from_path(path)

    def from_path(self, path: str) -> None:
        """Start from an image file that is known."""
        image, grid = self._target()
        orientation = orientation_of(image.origin.path) if grid.is_photo else 1
        masks = importing.from_file(path, grid, orientation)
        labels = [str(label) for label in masks]
        label, chosen = labels[0], True
        if len(labels) > 1:
            label, chosen = QInputDialog.getItem(
                self._iface.mainWindow(), tr("Label image"), tr("Object"), labels, 0, False
            )
        if chosen:
            self._session.start_from(masks[int(label)])
