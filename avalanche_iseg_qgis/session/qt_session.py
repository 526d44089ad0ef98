"""The session in QGIS: layers in, signals out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import cast

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, Qt, QTimer, pyqtSignal, pyqtSlot

from ..core.capture_time import parse_observed_at
from ..core.errors import IsegError
from ..core.files import is_file
from ..layers.grid import Grid
from ..layers.image_origin import ImageOrigin
from ..layers.reader import ImageReader
from ..layers.source import PixelSource, open_source
from ..worker.segmentation_client import SegmentationClient
from .mapped_image import MappedImage
from .session import SegmentationSession, SessionObserver

_OUTLINE_DELAY = 150  # ms without a change, after which the outline is requested


class QtSession(SegmentationSession, QObject):
    """A session with a timer and signals of Qt: those of `SessionObserver`.

    Signals
    -------
    finished
        (MappedImage, Outlined).
    saving_cancelled
        (ObjectDraft).
    message
        (text).
    draft_changed
        (MappedImage).
    """

    image_changed = pyqtSignal()
    prompts_changed = pyqtSignal()
    prediction_changed = pyqtSignal()
    outline_changed = pyqtSignal()
    finished = pyqtSignal(object, object)
    saving_cancelled = pyqtSignal(object)
    message = pyqtSignal(str)
    draft_changed = pyqtSignal(object)
    preview_changed = pyqtSignal()

    def __init__(
        self, client: SegmentationClient, reader: ImageReader, parent: QObject | None = None
    ) -> None:
        QObject.__init__(self, parent)
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(_OUTLINE_DELAY)
        signals = {field.name: getattr(self, field.name).emit for field in fields(SessionObserver)}
        SegmentationSession.__init__(self, client, reader, timer, SessionObserver(**signals))
        timer.timeout.connect(self.outline_due)
        reader.done.connect(self.take_image)
        reader.failed.connect(self.take_read_failure)
        reader.origin_read.connect(self.take_origin)

    @property
    def grid(self) -> Grid | None:
        """Pixels of the current image."""
        return grid_of(self.image) if self.image else None

    def choose(self, layer: QgsRasterLayer | None, pixel_size: float | None = None) -> None:
        """Make the image of a layer the current one, or none.

        The pixel size, in layer units, is for layers without a resolution of their own.
        """
        if layer is None:
            self.close_image()
            return
        try:
            source = open_source(layer, pixel_size)
        except IsegError as error:
            self.say(str(error))
            self.close_image()
            return
        name = Path(source.path).name if is_file(source.path) else source.name
        origin = ImageOrigin(name, source.path, parse_observed_at(source.path))
        self.open_image(key_of(layer), layer.id(), source, origin)
        with suppress(TypeError):  # it is connected already
            layer.crsChanged.connect(self._on_crs_changed, Qt.ConnectionType.UniqueConnection)

    @pyqtSlot()
    def _on_crs_changed(self) -> None:
        """Take the CRS that the user has given to a layer; its pixels stay what they are."""
        layer = self.sender()
        image = self.image_of_layer(layer.id())
        if image is None or image.source.needs_pixel_size:
            return
        with suppress(IsegError):  # the file is away: said when it is read
            source = open_source(layer)
            if replace(source.grid, crs=grid_of(image).crs) == image.grid:
                image.source = source
        if image is self.image:
            self.image_changed.emit()
            self._notify_all()

    def reopened(self, image: MappedImage) -> PixelSource:
        """Return the pixels of an image's file as it is now, and have its layer show them."""
        layer = QgsProject.instance().mapLayer(image.layer_id)
        if layer is None:
            return cast("PixelSource", image.source)
        layer.reload()
        layer.triggerRepaint()
        return open_source(layer)


def key_of(layer: QgsRasterLayer) -> str:
    """Return the key of a layer's image: its provider and source."""
    return f"{layer.providerType()}|{layer.source()}"


def grid_of(image: MappedImage) -> Grid:
    """Return the grid of an image that `QtSession.choose` has opened."""
    return cast("Grid", image.grid)
