"""What the menu exports: masks as images, times and clicks as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from qgis.core import QgsProject
from qgis.PyQt.QtWidgets import QFileDialog

from ..core.errors import IsegError
from ..features import statistics
from ..features.queries import entries_of, find_feature, layers_of, photo_twin
from ..i18n import tr
from ..layers.pixel_window import PixelWindow
from ..masks import exporting, importing
from ..messages import Messages
from ..session.session import SegmentationSession


class ExportActions:
    """Asks for a file, and writes it."""

    def __init__(self, iface, workspace: SegmentationSession, notices: Messages) -> None:
        self._iface, self._workspace, self._notices = iface, workspace, notices

    def mask(self) -> None:
        """All objects of the image in one mask: PNG, or GeoTIFF where it is georeferenced."""
        masks = self._masks()
        if not masks:
            return
        path = self._ask(tr("Mask (*.png);;Georeferenced mask (*.tif)"), "mask.png")
        if path:
            grid = self._workspace.grid
            whole = np.any(masks, axis=0)
            if path.lower().endswith((".tif", ".tiff")):
                window = PixelWindow(0, 0, grid.height, grid.width)
                self._write(exporting.write_tiff, path, whole, grid, window)
            else:
                self._write(exporting.write_mask, path, whole)

    def labels(self) -> None:
        """A label image, as the research demo saves it."""
        masks = self._masks()
        path = masks and self._ask(tr("Label image (*.png)"), "labels.png")
        if path:
            self._write(exporting.write_labels, path, masks)

    def each(self) -> None:
        """One PNG per object, numbered, in a folder."""
        masks = self._masks()
        folder = masks and QFileDialog.getExistingDirectory(
            self._iface.mainWindow(), tr("Folder for one mask per avalanche")
        )
        if folder:
            stem = Path(self._workspace.image.origin.image_name).stem
            for number, mask in enumerate(masks, 1):
                path = str(Path(folder, f"{stem}_{number}.png"))
                if not self._write(exporting.write_mask, path, mask, quietly=True):
                    return
            self._notices.inform(tr("{} masks written to {}").format(len(masks), folder))

    def times(self) -> None:
        """Seconds and clicks per object, of all our layers of the project."""
        layers = list(layers_of(QgsProject.instance()))
        if not layers:
            self._notices.warn(tr("There is no layer with avalanches in the project."))
            return
        path = self._ask(tr("Table (*.csv)"), "avalanche_times.csv")
        if path:
            rows = [row for layer in layers for row in statistics.work_rows(layer)]
            self._write(statistics.write_csv, path, rows)

    def _masks(self) -> list[np.ndarray]:
        """(H, W) bool of every finished object of the image, and of the one in hand."""
        space = self._workspace
        if space.image is None:
            self._notices.warn(tr("Choose the image first whose masks are wanted."))
            return []
        grid = space.grid
        whole = PixelWindow(0, 0, grid.height, grid.width)
        origin = space.image.origin
        masks = []
        for entry in entries_of(QgsProject.instance(), origin.image_name, origin.sha256):
            in_picture = photo_twin(entry.home) if grid.is_photo else None
            layer, feature = in_picture or find_feature(entry.home)
            mask = importing.from_geometry(feature.geometry(), layer.crs(), grid)
            masks.append(mask.within(whole))
        found = space.draft.found
        if found is not None:
            mask = np.zeros((grid.height, grid.width), np.bool_)
            window = found.window
            part = mask[
                window.row : window.row + window.height, window.col : window.col + window.width
            ]
            part[:] = found.prediction.mask(space.shape.threshold)
            masks.append(mask)
        if not masks:
            self._notices.warn(tr("There is no avalanche in this image yet."))
        return masks

    def _ask(self, kinds: str, name: str) -> str:
        path, _ = QFileDialog.getSaveFileName(self._iface.mainWindow(), tr("Export"), name, kinds)
        return path

    def _write(self, write, path: str, *content: object, quietly: bool = False) -> bool:
        try:
            write(path, *content)
        except IsegError as error:
            self._notices.warn(str(error))
            return False
        if not quietly:
            self._notices.inform(tr("Written: {}").format(path))
        return True
