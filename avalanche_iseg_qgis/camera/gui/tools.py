"""The tools in hand on the two canvases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsPointXY
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..points import MAP, PICTURE
from .point_tool import PointTool, StandTool

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from .camera_dock import CameraDock
    from .overlays import CameraOverlays
    from .photo_dock import PhotoDock


class CameraTools(QObject):
    """Takes the tools of points and camera in hand as the dock says, and gives them back.

    Signals
    -------
    clicked
        (`PICTURE` or `MAP`, QgsPointXY in canvas coordinates).
    moved
        (`PICTURE` or `MAP`, index, QgsPointXY).
    chosen
        (index).
    deleted
        The selected point is to go.
    stood
        (QgsPointXY): where the camera stands.
    """

    clicked = pyqtSignal(str, QgsPointXY)
    moved = pyqtSignal(str, int, QgsPointXY)
    chosen = pyqtSignal(int)
    deleted = pyqtSignal()
    stood = pyqtSignal(QgsPointXY)

    def __init__(
        self,
        canvas: QgsMapCanvas,
        picture: PhotoDock,
        dock: CameraDock,
        shown: CameraOverlays,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._canvas, self._picture, self._dock = canvas, picture, dock
        self._earlier = None  # the tool to give the map back to
        self.on_map = PointTool(canvas, shown.on_map)
        self.on_picture = PointTool(picture.canvas, shown.on_picture)
        self._stand = StandTool(canvas)
        for side, tool in ((MAP, self.on_map), (PICTURE, self.on_picture)):
            tool.clicked.connect(lambda point, s=side: self.clicked.emit(s, point))
            tool.moved.connect(lambda index, point, s=side: self.moved.emit(s, index, point))
            tool.chosen.connect(self.chosen)
            tool.deleted.connect(self.deleted)
            tool.left.connect(self._leave)
        self._stand.canvasClicked.connect(self._on_stand)
        dock.add.clicked.connect(self._toggle)
        dock.on_map.clicked.connect(self._toggle_stand)
        canvas.mapToolSet.connect(self._on_tool_set)

    def close(self) -> None:
        """Leave the canvases to others."""
        self._canvas.mapToolSet.disconnect(self._on_tool_set)
        if self._canvas.mapTool() in (self.on_map, self._stand):
            self._give_back()
        self._picture.hold(None)

    def _toggle(self, wanted: bool) -> None:
        if wanted:
            self._take(self.on_map)
            self._picture.hold(self.on_picture)
        else:
            self._leave()

    def _toggle_stand(self, wanted: bool) -> None:
        if wanted:
            self._take(self._stand)
        elif self._dock.add.isChecked():
            self._canvas.setMapTool(self.on_map)
        else:
            self._give_back()

    def _on_stand(self, point: QgsPointXY, _button: object) -> None:
        self._toggle_stand(False)
        self.stood.emit(point)

    def _leave(self) -> None:
        if self._canvas.mapTool() is self.on_map:
            self._give_back()

    def _take(self, tool: object) -> None:
        if self._canvas.mapTool() not in (self.on_map, self._stand):
            self._earlier = self._canvas.mapTool()
        self._canvas.setMapTool(tool)

    def _give_back(self) -> None:
        if self._earlier is not None:
            self._canvas.setMapTool(self._earlier)
        else:
            self._canvas.unsetMapTool(self._canvas.mapTool())

    def _on_tool_set(self, new, _old=None) -> None:
        """Another tool was taken for the map: then the picture is only looked at too."""
        self._dock.on_map.setChecked(new is self._stand)
        if new not in (self.on_map, self._stand):
            self._dock.add.setChecked(False)
            self._picture.hold(None)
