"""Exports of the menu: masks as images, times and clicks as a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsProject
from qgis.gui import QgisInterface
from qgis.PyQt.QtWidgets import QFileDialog

from ..core.containers import orientation_of
from ..core.errors import IsegError
from ..features import statistics
from ..features.queries import find_layers, find_photo_twin, list_entries
from ..features.reference import resolve
from ..i18n import tr
from ..layers.kinds import check_not_open
from ..layers.pixel_window import PixelWindow
from ..masks import exporting, importing
from ..messages import Messages
from ..session.qt_session import QtSession

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ExportActions:
    """Asks for a file, and writes it."""

    def __init__(self, iface: QgisInterface, session: QtSession, messages: Messages) -> None:
        self._iface, self._session, self._messages = iface, session, messages

    def mask(self) -> None:
        """Write all objects of the image in one mask: PNG, or GeoTIFF if it is georeferenced."""
        masks, grid = self._masks(), self._session.grid
        if not masks or grid is None:
            return
        path = self._ask(tr("Mask (*.png);;Georeferenced mask (*.tif)"), "mask.png")
        if path:
            whole = np.any(masks, axis=0)
            if path.lower().endswith((".tif", ".tiff")):
                window = PixelWindow(0, 0, grid.height, grid.width)
                self._write(exporting.write_tiff, path, whole, grid, window)
            else:
                self._write(exporting.write_mask, path, whole, self._orientation)

    def labels(self) -> None:
        """Write a label image, as the research demo saves it."""
        masks = self._masks()
        path = self._ask(tr("Label image (*.png)"), "labels.png") if masks else ""
        if path:
            self._write(exporting.write_labels, path, masks, self._orientation)

    def each(self) -> None:
        """Write one PNG per object, numbered, in a folder."""
        masks, image = self._masks(), self._session.image
        if not masks or image is None:
            return
        folder = QFileDialog.getExistingDirectory(
            self._iface.mainWindow(), tr("Folder for one mask per avalanche")
        )
        if folder:
            stem, how = Path(image.origin.image_name).stem, self._orientation
            for number, mask in enumerate(masks, 1):
                path = str(Path(folder, f"{stem}_{number}.png"))
                if not self._write(exporting.write_mask, path, mask, how, quietly=True):
                    return
            self._messages.inform(tr("{} masks written to {}").format(len(masks), folder))

    def times(self) -> None:
        """Write seconds and clicks per object, of all our layers of the project."""
        layers = list(find_layers(QgsProject.instance()))
        if not layers:
            self._messages.warn(tr("There is no layer with avalanches in the project."))
            return
        path = self._ask(tr("Table (*.csv)"), "avalanche_times.csv")
        if path:
            rows = [row for layer in layers for row in statistics.work_rows(layer)]
            self._write(statistics.write_csv, path, rows)

    @property
    def _orientation(self) -> int:
        """EXIF orientation of a photo, which QGIS does not apply."""
        image, grid = self._session.image, self._session.grid
        if image is None or grid is None or not grid.is_photo:
            return 1
        return orientation_of(image.origin.path)

    def _masks(self) -> list[NDArray[np.bool_]]:
        """Return the (H, W) mask of every finished object of the image, and of the current one."""
        image, grid = self._session.image, self._session.grid
        if image is None or grid is None:
            self._messages.warn(tr("Choose the image first whose masks are wanted."))
            return []
        origin = image.origin
        masks, left_out = [], []
        for entry in list_entries(QgsProject.instance(), origin.image_name, origin.sha256):
            twin = find_photo_twin(entry.feature_ref) if grid.is_photo else None
            found = twin or resolve(entry.feature_ref)
            if found is not None:
                layer, feature = found
                try:
                    mask = importing.from_geometry(feature.geometry(), layer.crs(), grid)
                except IsegError as error:  # of a photo, known on the map only
                    left_out.append(str(error))
                else:
                    masks.append(mask.within(PixelWindow(0, 0, grid.height, grid.width)))
        state = image.draft.prediction
        if state is not None:
            whole, window = np.zeros((grid.height, grid.width), np.bool_), state.window
            rows = slice(window.row, window.row + window.height)
            cols = slice(window.col, window.col + window.width)
            whole[rows, cols] = state.prediction.mask(self._session.shape.threshold)
            masks.append(whole)
        if left_out:
            text = tr("{} avalanches cannot be drawn into this image and are left out: {}")
            self._messages.warn(text.format(len(left_out), left_out[0]))
        elif not masks:
            self._messages.warn(tr("There is no avalanche in this image yet."))
        return masks

    def _ask(self, kinds: str, name: str) -> str:
        window = self._iface.mainWindow()
        return str(QFileDialog.getSaveFileName(window, tr("Export"), name, kinds)[0])

    def _write(
        self, write: Callable[..., None], path: str, *content: object, quietly: bool = False
    ) -> bool:
        try:
            check_not_open(path)
            write(path, *content)
        except IsegError as error:
            self._messages.warn(str(error))
            return False
        if not quietly:
            self._messages.inform(tr("Written: {}").format(path))
        return True
