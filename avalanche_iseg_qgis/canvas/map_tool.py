"""The map tool for clicks and boxes on the canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.gui import QgsMapTool
from qgis.PyQt.QtCore import QPoint, Qt, QTimer
from qgis.PyQt.QtGui import QCursor
from qgis.PyQt.QtWidgets import QApplication

from ..i18n import tr
from .cursor import cross_cursor
from .drags import Drag, drag_click, drag_handle, drag_new_box
from .keys import KeyFilter
from .placement import GridPlacement
from .prompt_item import CENTRE, Hit, PromptItem

if TYPE_CHECKING:
    from collections.abc import Callable

    from qgis.gui import QgsMapCanvas, QgsMapMouseEvent

    from ..core.prompts import Box
    from ..layers.grid import PixelGrid
    from ..session.prompt_set import PromptSet
    from ..session.qt_session import QtSession

_REST = 80  # ms that the mouse stays where it is
_LEFT, _RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


@dataclass
class _Press:
    """A mouse button that is held down."""

    grid: PixelGrid
    button: Qt.MouseButton
    point: QPoint
    row: float
    col: float
    hit: Hit | None
    drag: Drag | None = None

    def is_drag(self, point: QPoint) -> bool:
        return bool((point - self.point).manhattanLength() > QApplication.startDragDistance())


class SegmentTool(QgsMapTool):
    """Left click: avalanche; right click: background; left drag: box, or moves a click or box.

    All other events (wheel, middle button, Space, arrows) are the canvas's.

    Attributes
    ----------
    photo_grid
        The pixels of the current photo as places on this canvas; None if the current image lies
        on the canvas itself.
    shows_preview
        Returns whether the user wants to see what a click would give.
    """

    def __init__(self, canvas: QgsMapCanvas, session: QtSession) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._session = session
        self.photo_grid: PixelGrid | None = None
        self._press: _Press | None = None
        self._is_over_item = False
        self.shows_preview: Callable[[], bool] = lambda: False
        self._rest = QTimer(canvas)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._on_rest)
        self._keys = KeyFilter(canvas, self._on_key)
        self._cross = cross_cursor()
        self.item = PromptItem(canvas)
        self.item.hide()
        self.setCursor(self._cross)

    def show_prompts(self) -> None:
        """Draw the prompts after a change."""
        self._draw(self._prompts)

    def close(self) -> None:
        """Remove the tool and its item from the canvas."""
        self._rest.stop()
        self._canvas.unsetMapTool(self)
        self.item.close()

    @property
    def _grid(self) -> PixelGrid | None:
        """Grid of the pixels that prompts are given in."""
        return self.photo_grid or self._session.grid

    @property
    def _prompts(self) -> PromptSet:
        """The prompts that can be shown: a box in the photo is no box on the map."""
        prompts = self._session.prompts
        return prompts.with_box(None) if self.photo_grid else prompts

    # --- called by QGIS ---------------------------------------------------------------------

    def activate(self) -> None:
        """Become the canvas's tool."""
        super().activate()
        self._keys.start()
        self._canvas.setFocus()
        self.show_prompts()
        self.item.setVisible(True)

    def deactivate(self) -> None:
        """Make way for another tool."""
        self._press = None
        self._rest.stop()
        self._session.clear_preview()
        self._keys.stop()
        self.item.hide()
        self._canvas.unsetCursor()
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Begin a click or a drag."""
        if self._press:  # a second button cancels the press of the first one
            self._cancel()
            return
        grid = self._grid
        if event.button() not in (_LEFT, _RIGHT):
            return
        self._canvas.setFocus()  # for the keys
        if not grid:
            self._session.say(tr("Choose an image first: a raster layer, in the Segment panel."))
            return
        point = event.pixelPoint()
        place = GridPlacement(self._canvas, grid).to_pixel(point)
        self._press = _Press(grid, event.button(), point, *place, self.item.hit(point))

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Drag, or change the cursor over what can be dragged."""
        press = self._current_press()
        if press:
            self._drag(press, event.pixelPoint())
            return
        self._session.clear_preview()
        if self.shows_preview():
            self._rest.start()
        is_over = self.item.hit(event.pixelPoint()) is not None
        if is_over != self._is_over_item:
            self._is_over_item = is_over
            self.setCursor(QCursor(Qt.CursorShape.SizeAllCursor) if is_over else self._cross)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Change the prompts, once per click or drag."""
        press, point = self._current_press(), event.pixelPoint()
        if not press or event.button() != press.button:
            return
        dragged = self._drag(press, point)
        self._press = None
        if dragged:
            self._finish_drag(press, dragged)
        elif press.is_drag(point):
            self._session.say(
                tr("Drag with the left button for a box, with the middle one to move the map.")
            )
        else:
            self._finish_click(press)
        self.show_prompts()

    def _on_rest(self) -> None:
        """Show what a click would give where the mouse rests."""
        grid, point = self._grid, self._canvas.mouseLastXY()
        if self._press or not grid or self.item.hit(point) or not self._canvas.underMouse():
            return
        row, col = GridPlacement(self._canvas, grid).to_pixel(point)
        if grid.contains(row, col):
            self._session.preview_click(row, col)

    # --- changes of the prompts -------------------------------------------------------------

    def _on_key(self, action: str) -> None:
        """Call the session's method for a key, see `KeyFilter`; Escape only ends a drag."""
        if not self.isActive():
            return
        if not self._press:
            getattr(self._session, action)()
        elif action == "discard":
            self._cancel()

    def _cancel(self) -> None:
        self._press = None
        self.show_prompts()

    def _current_press(self) -> _Press | None:
        """Return the press of a button, unless the image has changed since."""
        if self._press and self._press.grid != self._grid:
            self._press = None
        return self._press

    def _finish_click(self, press: _Press) -> None:
        hit = press.hit
        if hit and hit.click is not None:
            self._session.remove_click(hit.click)
        elif hit and hit.handle not in (None, CENTRE) and press.button == _RIGHT:
            self._set_box(None)  # left clicks on handles, and all at the centre, are prompts
        elif press.grid.contains(press.row, press.col):
            self._session.add_click(press.row, press.col, press.button == _LEFT)
        else:
            self._session.say(tr("That is outside of the image: click on the image itself."))

    def _finish_drag(self, press: _Press, prompts: PromptSet) -> None:
        index, box = press.hit.click if press.hit else None, prompts.box
        if index is not None:
            click = prompts.clicks[index]
            self._session.move_click(index, click.row, click.col)
        elif box and box.row_min < box.row_max and box.col_min < box.col_max:
            self._set_box(box)
        else:
            self._session.say(tr("That box is empty: draw it over a part of the image."))

    def _set_box(self, box: Box | None) -> None:
        if self.photo_grid:
            self._session.say(tr("Click on the map, or draw the box in the photo."))
        else:
            self._session.set_box(box)

    def _drag(self, press: _Press, point: QPoint) -> PromptSet | None:
        """Draw and return the prompts dragged to a point; None as long as this is no drag."""
        if press.button != _LEFT or not (press.drag or press.is_drag(point)):
            return None
        place = GridPlacement(self._canvas, press.grid).to_pixel(point)
        if not all(map(math.isfinite, (press.row, press.col, *place))):
            return None
        press.drag = press.drag or self._start_drag(press)
        prompts = press.drag(*place)
        self._draw(prompts)
        return prompts

    def _start_drag(self, press: _Press) -> Drag:
        prompts, grid, hit = self._prompts, press.grid, press.hit
        if hit and hit.click is not None:
            return drag_click(prompts, grid, hit.click)
        if hit and hit.handle is not None and prompts.box:
            return drag_handle(prompts, grid, prompts.box, hit.handle, press.row, press.col)
        return drag_new_box(prompts, grid, press.row, press.col)

    def _draw(self, prompts: PromptSet) -> None:
        grid = self._grid
        if grid:
            self.item.show(prompts.clicks, prompts.box, grid)
        else:
            self.item.clear()
