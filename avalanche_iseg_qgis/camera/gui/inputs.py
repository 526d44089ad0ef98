"""What a camera is posed with: photo, terrain model, CRS, and where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QFileDialog

from ...core.errors import CameraError
from ...features.queries import find_layers
from ...i18n import tr
from ..places import (
    epsg_of,
    file_of,
    good_epsg,
    is_photo,
    is_terrain,
    metric,
    terrain_files,
)
from ..pose_store import PoseStore

if TYPE_CHECKING:
    from ...messages import Messages
    from ..pose_session import PoseSession
    from .camera_dock import CameraDock
    from .photo_dock import PhotoDock


class PoseInputs(QObject):
    """Brings what is chosen in the dock into the work, and offers what the project has."""

    def __init__(
        self,
        dock: CameraDock,
        picture: PhotoDock,
        work: PoseSession,
        notices: Messages,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._dock, self._picture, self._work, self._notices = dock, picture, work, notices
        dock.photo.layerChanged.connect(self._take_photo)
        # by the user only: a layer that is removed leaves its file, which is what counts
        dock.terrain.activated.connect(lambda _: self._take_terrain(dock.terrain.currentLayer()))
        dock.open_photo.clicked.connect(lambda _=False: self._open_photo())
        dock.open_tiles.clicked.connect(lambda _=False: self._open_tiles())
        dock.crs_chosen.connect(self._take_crs)
        dock.position_typed.connect(self._take_typed)
        project = QgsProject.instance()
        project.layersAdded.connect(self.offer)
        project.layersRemoved.connect(self.offer)

    def close(self) -> None:
        """Hear no more of the project."""
        project = QgsProject.instance()
        project.layersAdded.disconnect(self.offer)
        project.layersRemoved.disconnect(self.offer)

    def show(self) -> None:
        """Show which terrain model is in hand; nothing is told back."""
        dock, dem = self._dock, self._work.sheet.dem
        known = {file_of(layer): layer for layer in _rasters() if is_terrain(layer)}
        one = known.get(dem[0]) if len(dem) == 1 else None
        dock.terrain.blockSignals(True)
        dock.terrain.setLayer(one)
        dock.terrain.blockSignals(False)
        dock.show_tiles([] if one else dem)

    def offer(self, *_args: object) -> None:
        """Offer photos as photos, height models as terrain; outlines in pixels are drawn."""
        rasters = _rasters()
        self._picture.show_outlines(
            [layer for layer in find_layers(QgsProject.instance()) if not layer.crs().isValid()]
        )
        self._dock.photo.setExceptedLayerList([r for r in rasters if not is_photo(r)])
        self._dock.terrain.setExceptedLayerList([r for r in rasters if not is_terrain(r)])

    def _take_photo(self, layer: QgsRasterLayer | None) -> None:
        self._picture.show_layer(layer)
        if layer is None:
            self._work.drop()
        else:
            self._work.take(file_of(layer), layer.width(), layer.height())
            self._settle_crs()

    def _take_terrain(self, layer: QgsRasterLayer | None) -> None:
        self._work.change(dem=() if layer is None else (file_of(layer),))
        self._settle_crs()

    def take_last(self) -> None:
        """Take the photo in hand that was worked on last."""
        kept = PoseStore().pictures
        for layer in _rasters():
            if is_photo(layer) and file_of(layer) in kept:
                self._dock.photo.setLayer(layer)

    def _open_photo(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._dock, tr("Photo"), "", tr("Pictures (*.jpg *.jpeg *.png *.tif *.tiff)")
        )
        if not path:
            return
        layer = QgsRasterLayer(path, Path(path).stem)
        if not layer.isValid() or not is_photo(layer):
            self._notices.warn(tr("{} is no plain photo that QGIS can read.").format(path))
            return
        project = QgsProject.instance()
        project.addMapLayer(layer, False)  # its pixels have no place on the map: not shown there
        project.layerTreeRoot().insertLayer(0, layer).setItemVisibilityChecked(False)
        self._dock.photo.setLayer(layer)

    def _open_tiles(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._dock, tr("Folder of terrain tiles"))
        files = terrain_files(folder) if folder else ()
        if files:
            self._work.change(dem=files)
            self._settle_crs()
        elif folder:
            self._notices.warn(tr("There are no terrain files in {}.").format(folder))

    def _settle_crs(self) -> None:
        """Choose a CRS, as soon as it is known which is good; it can be changed."""
        if self._work.sheet.epsg or not self._work.sheet.dem:
            return
        terrain = QgsRasterLayer(self._work.sheet.dem[0], "terrain")
        self._work.change_crs(good_epsg(terrain.extent().center(), terrain.crs()))

    def _take_crs(self, crs: QgsCoordinateReferenceSystem) -> None:
        if metric(crs):
            try:
                self._work.change_crs(epsg_of(crs))
            except CameraError as error:
                self._notices.warn(str(error))
                self._dock.show_sheet(self._work.sheet, self._work.chosen)
            return
        self._notices.warn(
            tr(
                "{} does not measure in true metres: choose a projected CRS of the country, such "
                "as EPSG:2056 in Switzerland, or UTM."
            ).format(crs.authid() or crs.description())
        )
        self._dock.show_sheet(self._work.sheet, self._work.chosen)

    def _take_typed(self) -> None:
        text = self._dock.position.text().strip()
        try:
            numbers = [float(part) for part in text.replace(";", ",").split(",")] if text else []
        except ValueError:
            numbers = [0.0]
        self._dock.position.setModified(False)
        if len(numbers) in (0, 2):
            self._work.change(position=tuple(numbers) or None)
        else:
            self._notices.warn(tr("Type x and y, with a comma between: 2722385, 1125773."))
            self._dock.show_sheet(self._work.sheet, self._work.chosen)


def _rasters() -> list[QgsRasterLayer]:
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsRasterLayer)]
