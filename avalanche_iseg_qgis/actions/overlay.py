"""Prompts, mask and outline of the current object on a canvas."""

from __future__ import annotations

from dataclasses import replace

from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QColor

from ..canvas.map_tool import SegmentTool
from ..canvas.mask_item import MaskItem, MaskMode
from ..canvas.outline_item import OutlineItem
from ..features.geometry import pixels_to_geometry
from ..gui.segment_dock import SegmentDock
from ..session.draft import PredictionState
from ..session.qt_session import QtSession

_PREVIEW_COLOUR = QColor(255, 255, 255)


class SegmentationOverlay(QObject):
    """Shows on a canvas what the session holds, in the style of the dock."""

    def __init__(
        self,
        canvas: QgsMapCanvas,
        session: QtSession,
        dock: SegmentDock,
        tool: SegmentTool,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._canvas, self._session, self._dock, self._tool = canvas, session, dock, tool
        self.mask, self.outline = MaskItem(canvas), OutlineItem(canvas)
        self.preview = MaskItem(canvas)
        session.prompts_changed.connect(tool.show_prompts)
        session.prompts_changed.connect(self._show_awaited)
        session.prediction_changed.connect(self._show_awaited)
        session.prediction_changed.connect(self._show_mask)
        session.outline_changed.connect(self._show_outline)
        session.preview_changed.connect(self._show_preview)
        dock.style_changed.connect(self._show_look)
        dock.shape_changed.connect(self._show_outline)
        canvas.layersChanged.connect(self._show_mask)
        self._show_look()

    def close(self) -> None:
        """Remove the items from the canvas."""
        self._canvas.layersChanged.disconnect(self._show_mask)
        for item in (self.mask, self.preview, self.outline):
            item.close()

    def _show_look(self) -> None:
        style = self._dock.mask_style
        self.mask.mask_style = style
        self.preview.mask_style = replace(style, mode=MaskMode.OUTLINE, colour=_PREVIEW_COLOUR)
        self._tool.item.radius = self._dock.click_size.value()

    def _is_visible(self) -> bool:
        """Whether the current image is among the layers that the canvas shows."""
        image = self._session.image
        return image is not None and image.layer_id in {
            layer.id() for layer in self._canvas.layers()
        }

    def _show_mask(self) -> None:
        draft = self._session.draft
        self._show_levels(self.mask, draft.prediction if draft else None)
        self._show_outline()

    def _show_awaited(self) -> None:
        """Show the strokes that have been made since the mask that is shown."""
        draft = self._session.draft
        shown = draft.prediction.prompts.strokes if draft and draft.prediction else ()
        strokes = draft.prompts.strokes if draft and self._is_visible() else ()
        self._tool.show_awaited([stroke for stroke in strokes if stroke not in shown])

    def _show_preview(self) -> None:
        self._show_levels(self.preview, self._session.preview)

    def _show_levels(self, item: MaskItem, state: PredictionState | None) -> None:
        grid = self._session.grid
        if state is None or grid is None or not self._is_visible():
            item.clear()
            return
        window, prediction = state.window, state.prediction
        row, col = window.row + prediction.roi[0], window.col + prediction.roi[2]
        item.show(prediction.levels, row, col, grid)

    def _show_outline(self) -> None:
        draft, grid = self._session.draft, self._session.grid
        outlined = draft.outline_for(self._session.shape) if draft else None
        state = draft.prediction if draft and self._is_visible() else None
        if grid is None or state is None or outlined is None or not outlined.parts:
            self.outline.clear()
            return
        window, crs = state.window, grid.crs
        geometry = pixels_to_geometry(outlined.points, outlined.parts, grid, window, crs)
        self.outline.show(geometry, crs)
