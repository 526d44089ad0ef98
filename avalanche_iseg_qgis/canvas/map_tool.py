"""The map tool: clicks and boxes on the canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from qgis.gui import QgsMapTool
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtGui import QCursor
from qgis.PyQt.QtWidgets import QApplication

from ..i18n import tr
from .cursor import cross_cursor
from .drags import Drag, drag_click, drag_handle, drag_new_box
from .keys import KeyFilter
from .placement import GridPlacement
from .prompt_item import CENTRE, Hit, PromptItem

if TYPE_CHECKING:
    from qgis.gui import QgsMapCanvas, QgsMapMouseEvent

    from ..core.prompts import Box
    from ..layers.grid import Grid
    from ..session.prompt_set import PromptSet

_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


class PromptTarget(Protocol):
    """Whose prompts the tool changes. Coordinates are pixels of ``grid``."""

    grid: Grid | None
    prompts: PromptSet

    def add_click(self, row: float, col: float, positive: bool) -> None:
        """One click more."""

    def move_click(self, index: int, row: float, col: float) -> None:
        """A click elsewhere."""

    def remove_click(self, index: int) -> None:
        """One click less."""

    def set_box(self, box: Box | None) -> None:
        """Another box, or none."""

    def undo(self) -> None:
        """Back to the prompts before."""

    def redo(self) -> None:
        """Forward again."""

    def remove_last_click(self) -> None:
        """The last click less."""

    def finish(self) -> None:
        """Save the object."""

    def discard(self) -> None:
        """Drop the object."""

    def say(self, text: str) -> None:
        """Tell the user something."""


@dataclass
class _Press:
    """A button that is down."""

    grid: Grid
    button: Qt.MouseButton
    point: QPoint
    row: float
    col: float
    hit: Hit | None
    drag: Drag | None = None

    def far(self, point: QPoint) -> bool:
        return (point - self.point).manhattanLength() > QApplication.startDragDistance()


class SegmentTool(QgsMapTool):
    """Left click: avalanche; right click: background; left drag: box, or moves what it grabs.

    Everything else (wheel, middle button, Space, arrows) stays with the canvas.
    """

    def __init__(self, canvas: QgsMapCanvas, target: PromptTarget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._target = target
        self._press: _Press | None = None
        self._over = False
        self._keys = KeyFilter(canvas, self._act)
        self._cross = cross_cursor()
        self.item = PromptItem(canvas)
        self.item.hide()
        self.setCursor(self._cross)

    def show_prompts(self) -> None:
        """Draw the target's prompts, after they have changed."""
        self._draw(self._target.prompts)

    def close(self) -> None:
        """Leave nothing on the canvas."""
        self._canvas.unsetMapTool(self)
        self.item.close()

    # --- called by QGIS ---------------------------------------------------------------------

    def activate(self) -> None:
        """Take the canvas."""
        super().activate()
        self._keys.start()
        self._canvas.setFocus()
        self.show_prompts()
        self.item.setVisible(True)

    def deactivate(self) -> None:
        """Leave the canvas to another tool."""
        self._press = None
        self._keys.stop()
        self.item.hide()
        self._canvas.unsetCursor()
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Begin a click or a drag."""
        if self._press:  # a second button lets go of what the first one holds
            self._cancel()
            return
        grid = self._target.grid
        if event.button() not in (_LEFT, _RIGHT):
            return
        self._canvas.setFocus()  # for the keys
        if not grid:
            self._target.say(tr("Choose an image first: a raster layer, in the Segment panel."))
            return
        point = event.pixelPoint()
        place = GridPlacement(self._canvas, grid).to_pixel(point)
        self._press = _Press(grid, event.button(), point, *place, self.item.hit(point))

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Drag, or show what could be grabbed."""
        if self._held():
            self._drag(event.pixelPoint())
            return
        over = self.item.hit(event.pixelPoint()) is not None
        if over != self._over:
            self._over = over
            self.setCursor(QCursor(Qt.CursorShape.SizeAllCursor) if over else self._cross)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Change the prompts: once for every click or drag."""
        press, point = self._held(), event.pixelPoint()
        if not press or event.button() != press.button:
            return
        dragged = self._drag(point)
        self._press = None
        if dragged:
            self._dragged(press, dragged)
        elif press.far(point):
            self._target.say(
                tr("Drag with the left button for a box, with the middle one to move the map.")
            )
        else:
            self._clicked(press)
        self.show_prompts()

    # --- what they do -----------------------------------------------------------------------

    def _act(self, action: str) -> None:
        """A key was pressed: see `KeyFilter`."""
        if not self.isActive():
            return
        if not self._press:
            getattr(self._target, action)()
        elif action == "discard":
            self._cancel()

    def _cancel(self) -> None:
        self._press = None
        self.show_prompts()

    def _held(self) -> _Press | None:
        """The button that is down, unless another image has come meanwhile."""
        if self._press and self._press.grid != self._target.grid:
            self._press = None
        return self._press

    def _clicked(self, press: _Press) -> None:
        hit = press.hit
        if hit and hit.click is not None:
            self._target.remove_click(hit.click)
        elif hit and hit.handle not in (None, CENTRE) and press.button == _RIGHT:
            self._target.set_box(None)  # left clicks are prompts, and so are all in the middle
        elif press.grid.contains(press.row, press.col):
            self._target.add_click(press.row, press.col, press.button == _LEFT)
        else:
            self._target.say(tr("That is outside of the image: click on the image itself."))

    def _dragged(self, press: _Press, prompts: PromptSet) -> None:
        index, box = press.hit and press.hit.click, prompts.box
        if index is not None:
            click = prompts.clicks[index]
            self._target.move_click(index, click.row, click.col)
        elif box.row_min < box.row_max and box.col_min < box.col_max:
            self._target.set_box(box)
        else:
            self._target.say(tr("That box is empty: draw it over a part of the image."))

    def _drag(self, point: QPoint) -> PromptSet | None:
        """The prompts with the drag to there, drawn; None if this is no drag, or not yet one."""
        press = self._press
        if press.button != _LEFT or not (press.drag or press.far(point)):
            return None
        place = GridPlacement(self._canvas, press.grid).to_pixel(point)
        if not all(map(math.isfinite, (press.row, press.col, *place))):
            return None
        press.drag = press.drag or self._begin(press)
        prompts = press.drag(*place)
        self._draw(prompts)
        return prompts

    def _begin(self, press: _Press) -> Drag:
        prompts, grid, hit = self._target.prompts, press.grid, press.hit
        if hit and hit.click is not None:
            return drag_click(prompts, grid, hit.click)
        if hit and hit.handle is not None:
            return drag_handle(prompts, grid, hit.handle, press.row, press.col)
        return drag_new_box(prompts, grid, press.row, press.col)

    def _draw(self, prompts: PromptSet) -> None:
        if self._target.grid:
            self.item.show(prompts.clicks, prompts.box, self._target.grid)
        else:
            self.item.clear()
