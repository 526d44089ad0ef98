"""The map tools of the camera work, on the two canvases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsPointXY
from qgis.gui import QgsMapTool, QgsMapToolEmitPoint
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ...canvas.cursor import cross_cursor
from ..points import MAP, PHOTO
from .point_tool import PointTool

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas

    from .camera_dock import CameraDock
    from .overlays import CameraOverlays
    from .photo_dock import PhotoDock


class CameraTools(QObject):
    """Sets the tools for points and camera position as the dock's buttons ask, and removes them.

    Signals
    -------
    clicked
        (`PHOTO` or `MAP`, QgsPointXY in canvas coordinates).
    moved
        (`PHOTO` or `MAP`, index, QgsPointXY).
    selected
        (index).
    deleted, undone, redone
        Delete was pressed, for the selected point; Ctrl+Z; Ctrl+Shift+Z.
    position_clicked
        (QgsPointXY): the position of the camera.
    """

    clicked = pyqtSignal(str, QgsPointXY)
    moved = pyqtSignal(str, int, QgsPointXY)
    selected = pyqtSignal(int)
    deleted = pyqtSignal()
    undone = pyqtSignal()
    redone = pyqtSignal()
    position_clicked = pyqtSignal(QgsPointXY)

    def __init__(
        self,
        canvas: QgsMapCanvas,
        photo_dock: PhotoDock,
        dock: CameraDock,
        overlays: CameraOverlays,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._canvas, self._photo_dock, self._dock = canvas, photo_dock, dock
        self._earlier_tool: QgsMapTool | None = None
        self._on_map = PointTool(canvas, overlays.on_map)
        self._on_photo = PointTool(photo_dock.canvas, overlays.on_photo)
        self._position_tool = QgsMapToolEmitPoint(canvas)
        self._position_tool.setCursor(cross_cursor())
        for side, tool in ((MAP, self._on_map), (PHOTO, self._on_photo)):
            tool.clicked.connect(lambda point, s=side: self.clicked.emit(s, point))
            tool.moved.connect(lambda index, point, s=side: self.moved.emit(s, index, point))
            tool.selected.connect(self.selected)
            tool.deleted.connect(self.deleted)
            tool.undone.connect(self.undone)
            tool.redone.connect(self.redone)
            tool.cancelled.connect(self._end_points)
        self._position_tool.canvasClicked.connect(self._on_position)
        dock.add.clicked.connect(self._toggle_points)
        dock.on_map.clicked.connect(self._toggle_position)
        canvas.mapToolSet.connect(self._on_tool_set)

    def close(self) -> None:
        """Remove the tools from the canvases."""
        self._canvas.mapToolSet.disconnect(self._on_tool_set)
        if self._is_own(self._canvas.mapTool()):
            self._restore_tool()
        self._photo_dock.set_tool(None)

    def _is_own(self, tool: QgsMapTool | None) -> bool:
        return tool in (self._on_map, self._position_tool)

    def _toggle_points(self, wanted: bool) -> None:
        if wanted:
            self._photo_dock.show_pose.setChecked(True)
            self._set_tool(self._on_map)
            self._photo_dock.set_tool(self._on_photo)
        else:
            self._end_points()

    def _toggle_position(self, wanted: bool) -> None:
        if wanted:
            self._set_tool(self._position_tool)
        elif self._dock.add.isChecked():
            self._canvas.setMapTool(self._on_map)
        else:
            self._restore_tool()

    def _on_position(self, point: QgsPointXY, _button: object) -> None:
        self._toggle_position(False)
        self.position_clicked.emit(point)

    def _end_points(self) -> None:
        if self._canvas.mapTool() is self._on_map:
            self._restore_tool()

    def _set_tool(self, tool: QgsMapTool) -> None:
        if not self._is_own(self._canvas.mapTool()):
            self._earlier_tool = self._canvas.mapTool()
        self._canvas.setMapTool(tool)

    def _restore_tool(self) -> None:
        if self._earlier_tool is not None:
            self._canvas.setMapTool(self._earlier_tool)
        else:
            self._canvas.unsetMapTool(self._canvas.mapTool())

    def _on_tool_set(self, new: QgsMapTool | None, _old: QgsMapTool | None = None) -> None:
        """Update the buttons; with another tool on the map, the photo's canvas only pans."""
        self._dock.on_map.setChecked(new is self._position_tool)
        if not self._is_own(new):
            self._dock.add.setChecked(False)
            self._photo_dock.set_tool(None)
