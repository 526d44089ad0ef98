"""The dock *Photo*: a photo on a canvas of its own, beside the map."""

from __future__ import annotations

from collections.abc import Collection

from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsDockWidget, QgsMapCanvas, QgsMapTool, QgsMapToolPan
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ...gui.widgets import tool_button
from ...i18n import tr

_MARGIN = 1.02


class PhotoDock(QgsDockWidget):
    """Shows a photo; wheel, middle button and Space zoom and pan as on the map.

    Attributes
    ----------
    canvas
        Shows the photo in the coordinates of its layer (see `layers.grid.PLAIN`), without a CRS.
    place
        Text about the place under the mouse.
    show_pose
        Whether points, arrows and skyline are drawn.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Photo"), parent)
        self.setObjectName("AvalancheISegPicture")
        self.canvas = QgsMapCanvas()
        self.canvas.setObjectName("AvalancheISegPictureCanvas")
        # Not one of QGIS's maps: with the cache that these get from the options, drawing that was
        # cancelled would still write to the cache of a canvas that is gone.
        self.canvas.setProperty("browser_canvas", True)
        self.canvas.setCanvasColor(QColor(60, 62, 66))
        self.canvas.setDestinationCrs(QgsCoordinateReferenceSystem())
        self.canvas.enableAntiAliasing(True)
        self.canvas.setMinimumSize(200, 150)
        self._pan = QgsMapToolPan(self.canvas)
        self.canvas.setMapTool(self._pan)
        self._layer: QgsRasterLayer | None = None
        self._outlines: list[QgsVectorLayer] = []
        self.fit = tool_button(tr("Whole photo"), tr("Zoom out to all of it"))
        self.fit.setAutoRaise(True)
        self.fit.clicked.connect(self.show_all)
        self.show_pose = tool_button(
            tr("Points, skyline"),
            tr("Show points, arrows and skyline; they are hidden while avalanches are marked"),
            checkable=True,
        )
        self.show_pose.setAutoRaise(True)
        self.show_pose.setChecked(True)
        self.stretch = QSpinBox()
        self.stretch.setRange(1, 100)
        self.stretch.setValue(10)
        self.stretch.setPrefix(tr("arrows × "))
        self.stretch.setToolTip(
            tr("Arrows lead to where the pose projects the points, so many times as long")
        )
        self.show_pose.toggled.connect(self.stretch.setEnabled)
        self.place = QLabel(tr("Choose a photo in the Camera panel."))
        # However long its text: a dock that widens moves the photo under the mouse.
        self.place.setContentsMargins(4, 0, 4, 0)
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        line = QHBoxLayout()
        line.setContentsMargins(4, 0, 4, 2)
        line.addStretch(1)
        line.addWidget(self.stretch)
        line.addWidget(self.show_pose)
        line.addWidget(self.fit)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.place)
        column.addLayout(line)
        self.setWidget(content)

    def show_layer(self, layer: QgsRasterLayer | None) -> None:
        """Show a photo, all of it; or nothing."""
        if layer is self._layer:
            return
        self._layer = layer
        self._set_layers()
        name = tr("Photo") if layer is None else tr("Photo: {}").format(layer.name())
        self.setWindowTitle(name)
        self.place.setText("")
        QTimer.singleShot(0, self.show_all)  # when the dock has got its size

    def forget(self, ids: Collection[str]) -> None:
        """Let go of layers that are about to be removed."""
        self._outlines = [layer for layer in self._outlines if layer.id() not in ids]
        if self._layer is not None and self._layer.id() in ids:
            self.show_layer(None)
        else:
            self._set_layers()

    def show_outlines(self, outlines: list[QgsVectorLayer]) -> None:
        """Draw layers in pixels over the photo."""
        self._outlines = outlines
        self._set_layers()

    def _set_layers(self) -> None:
        self._forget_removed()
        self.canvas.setLayers([] if self._layer is None else [*self._outlines, self._layer])

    def _forget_removed(self) -> None:
        """Drop layers that the project has deleted meanwhile."""
        self._outlines = [layer for layer in self._outlines if not sip.isdeleted(layer)]
        if self._layer is not None and sip.isdeleted(self._layer):
            self._layer = None

    def show_all(self) -> None:
        """Fit the photo into the dock."""
        self._forget_removed()
        if self._layer is None:
            self.canvas.refresh()
            return
        extent = self._layer.extent()
        extent.scale(_MARGIN)
        self.canvas.setExtent(extent)
        self.canvas.refresh()

    def set_tool(self, tool: QgsMapTool | None) -> None:
        """Set the map tool of the canvas; None pans."""
        self.canvas.setMapTool(tool or self._pan)

    def close_canvas(self) -> None:
        """Remove the photo and all tools from the canvas."""
        self._layer, self._outlines = None, []
        self.canvas.setLayers([])
        self.canvas.unsetMapTool(self.canvas.mapTool())
        self.canvas.stopRendering()
