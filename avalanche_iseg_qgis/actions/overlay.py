"""What is seen on the canvas of the object in hand: prompts, mask, outline."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject

from ..canvas.map_tool import SegmentTool
from ..canvas.mask_item import MaskItem
from ..canvas.outline_item import OutlineItem
from ..features.geometry import pixels_to_geometry
from ..gui.segment_dock import SegmentDock
from ..session.session import SegmentationSession


class SegmentationOverlay(QObject):
    """Keeps the canvas items as workspace and dock say."""

    def __init__(
        self,
        canvas,
        workspace: SegmentationSession,
        dock: SegmentDock,
        tool: SegmentTool,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._canvas, self._workspace, self._dock, self._tool = canvas, workspace, dock, tool
        self.mask, self.outline = MaskItem(canvas), OutlineItem(canvas)
        workspace.prompts_changed.connect(tool.show_prompts)
        workspace.found_changed.connect(self._show_mask)
        workspace.outline_changed.connect(self._show_outline)
        dock.style_changed.connect(self._show_look)
        dock.shape_changed.connect(self._show_outline)
        canvas.layersChanged.connect(self._show_mask)
        self._show_look()

    def close(self) -> None:
        """Take the items off the canvas."""
        self._canvas.layersChanged.disconnect(self._show_mask)
        self.mask.close()
        self.outline.close()

    def _show_look(self) -> None:
        self.mask.mask_style = self._dock.mask_style
        self._tool.item.radius = self._dock.click_size.value()

    def _on_map(self) -> bool:
        """Whether the image in hand is among the layers that the canvas shows."""
        image = self._workspace.image
        return image is not None and image.layer_id in {
            layer.id() for layer in self._canvas.layers()
        }

    def _show_mask(self) -> None:
        draft = self._workspace.draft
        if draft is None or draft.found is None or not self._on_map():
            self.mask.clear()
        else:
            window, prediction = draft.found.window, draft.found.prediction
            row, col = window.row + prediction.roi[0], window.col + prediction.roi[2]
            self.mask.show(prediction.levels, row, col, self._workspace.grid)
        self._show_outline()

    def _show_outline(self) -> None:
        draft, grid = self._workspace.draft, self._workspace.grid
        outlined = draft.outline_for(self._workspace.shape) if draft else None
        if outlined is None or not self._on_map():
            self.outline.clear()
            return
        window = draft.found.window
        geometry = pixels_to_geometry(outlined.points, outlined.parts, grid, window, grid.crs)
        self.outline.show(geometry, grid.crs)
