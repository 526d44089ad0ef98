"""Inputs of a pose: photo, terrain model, CRS, and the position of the camera."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QFileDialog

from ...core.errors import CameraError
from ...core.files import normal_path
from ...features.queries import find_layers
from ...i18n import tr
from ...layers.kinds import file_of, is_photo, is_terrain, raster_layers
from ..dem_files import dem_files
from ..pose_crs import choose_epsg, epsg_code, is_metric

if TYPE_CHECKING:
    from ...messages import Messages
    from ..pose_session import PoseSession
    from .camera_dock import CameraDock
    from .photo_dock import PhotoDock


class PoseInputs(QObject):
    """Gives the session what is chosen in the dock, and offers there what the project has."""

    def __init__(
        self,
        dock: CameraDock,
        photo_dock: PhotoDock,
        session: PoseSession,
        messages: Messages,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._dock, self._photo_dock = dock, photo_dock
        self._session, self._messages = session, messages
        dock.photo.layerChanged.connect(self._on_photo)
        # Only what the user chooses: a DEM stays when its layer is removed.
        dock.terrain.activated.connect(lambda _: self._on_terrain(dock.terrain.currentLayer()))
        dock.open_photo.clicked.connect(lambda _=False: self._open_photo())
        dock.open_tiles.clicked.connect(lambda _=False: self._open_tiles())
        dock.crs_chosen.connect(self._on_crs)
        dock.position_typed.connect(self._on_position_typed)
        project = QgsProject.instance()
        project.layersAdded.connect(self._on_layers_added)
        project.layersWillBeRemoved.connect(photo_dock.forget)
        project.layersRemoved.connect(self.offer_layers)
        project.layersRemoved.connect(self._on_layers_removed)

    def close(self) -> None:
        """Disconnect from the project."""
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._on_layers_added)
        project.layersWillBeRemoved.disconnect(self._photo_dock.forget)
        project.layersRemoved.disconnect(self.offer_layers)
        project.layersRemoved.disconnect(self._on_layers_removed)

    def show_terrain(self) -> None:
        """Show the terrain model of the draft; no signal is emitted."""
        dock, dem = self._dock, self._session.draft.dem
        layers = {file_of(layer): layer for layer in raster_layers() if is_terrain(layer)}
        layer = layers.get(dem[0]) if len(dem) == 1 else None
        dock.terrain.blockSignals(True)
        dock.terrain.setLayer(layer)
        dock.terrain.blockSignals(False)
        dock.show_tiles([] if layer else dem)

    def offer_layers(self, *_args: object) -> None:
        """Offer photos as photos and DEMs as terrain, and draw outlines in pixels."""
        rasters = raster_layers()
        self._photo_dock.show_outlines(
            [layer for layer in find_layers(QgsProject.instance()) if not layer.crs().isValid()]
        )
        self._dock.photo.setExceptedLayerList([r for r in rasters if not is_photo(r)])
        self._dock.terrain.setExceptedLayerList([r for r in rasters if not is_terrain(r)])

    def _on_layers_added(self, _layers: object) -> None:
        self.offer_layers()
        self._take_only_terrain()

    def _take_only_terrain(self) -> None:
        """Take the project's terrain model for a photo that has none, if there is just one."""
        draft, terrain = self._session.draft, [each for each in raster_layers() if is_terrain(each)]
        if draft.photo and not draft.dem and len(terrain) == 1:
            self._on_terrain(terrain[0])

    def _on_layers_removed(self, _ids: object) -> None:
        """Open the photo that the panel has gone on to, if the open one is gone."""
        layer = self._dock.photo.currentLayer()
        if layer is not None or self._session.draft.photo:
            self._on_photo(layer)

    def _on_photo(self, layer: QgsRasterLayer | None) -> None:
        self._photo_dock.show_layer(layer)
        if layer is None:
            self._session.close_photo()
        else:
            self._session.open_photo(file_of(layer), layer.width(), layer.height())
            self._take_only_terrain()
            self._choose_crs()

    def _on_terrain(self, layer: QgsRasterLayer | None) -> None:
        self._session.change(dem=() if layer is None else (file_of(layer),))
        self._choose_crs()

    def open_last_photo(self) -> None:
        """Open the photo that was worked on last."""
        known = {normal_path(path) for path in self._session.photos if path}
        for layer in raster_layers():
            if is_photo(layer) and normal_path(file_of(layer)) in known:
                self._dock.photo.setLayer(layer)

    def _open_photo(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._dock, tr("Photo"), "", tr("Photos (*.jpg *.jpeg *.png *.tif *.tiff)")
        )
        if not path:
            return
        layer = QgsRasterLayer(path, Path(path).stem)
        if not layer.isValid() or not is_photo(layer):
            text = tr("{} is no photo without georeference that QGIS can read.")
            self._messages.warn(text.format(path))
            return
        project = QgsProject.instance()
        project.addMapLayer(layer, False)  # its pixels have no place on the map: not shown there
        project.layerTreeRoot().insertLayer(0, layer).setItemVisibilityChecked(False)
        self._dock.photo.setLayer(layer)

    def _open_tiles(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._dock, tr("Folder of terrain tiles"))
        files = dem_files(folder) if folder else ()
        if files:
            self._session.change(dem=files)
            self._choose_crs()
        elif folder:
            self._messages.warn(tr("There are no terrain files in {}.").format(folder))

    def _choose_crs(self) -> None:
        """Choose a CRS as soon as the terrain is known; it can be changed."""
        if self._session.draft.epsg or not self._session.draft.dem:
            return
        terrain = QgsRasterLayer(self._session.draft.dem[0], "terrain")
        self._session.change_crs(choose_epsg(terrain.extent().center(), terrain.crs()))

    def _on_crs(self, crs: QgsCoordinateReferenceSystem) -> None:
        text = tr(
            "{} does not measure in true metres: choose a projected CRS of the country, such "
            "as EPSG:2056 in Switzerland, or UTM."
        )
        try:
            if not is_metric(crs):
                raise CameraError(text.format(crs.authid() or crs.description()))
            self._session.change_crs(epsg_code(crs))
        except CameraError as error:
            self._refuse(str(error))

    def _on_position_typed(self) -> None:
        text = self._dock.position.text().strip()
        try:
            numbers = [float(part) for part in text.replace(";", ",").split(",")] if text else []
        except ValueError:
            numbers = [0.0]
        self._dock.position.setModified(False)
        if len(numbers) in (0, 2):
            self._session.change(position=tuple(numbers) or None)
        else:
            self._refuse(tr("Type x and y, with a comma between: 2722385, 1125773."))

    def _refuse(self, text: str) -> None:
        """Report what cannot be used, and show the draft as it still is."""
        self._messages.warn(text)
        self._dock.show_draft(self._session.draft, self._session.selected)
