"""The map tool for clicks, boxes and strokes of the brush on the canvas."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qgis.gui import QgsMapTool
from qgis.PyQt.QtCore import QPoint, QPointF, Qt, QTimer
from qgis.PyQt.QtGui import QCursor
from qgis.PyQt.QtWidgets import QApplication

from ..core.prompts import Stroke
from ..i18n import tr
from .brush import Brush, BrushItem
from .cursor import cross_cursor
from .drags import Drag, drag_click, drag_handle, drag_new_box
from .keys import KeyFilter
from .placement import GridPlacement
from .prompt_item import CENTRE, Hit, PromptItem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qgis.gui import QgsMapCanvas, QgsMapMouseEvent
    from qgis.PyQt.QtGui import QWheelEvent

    from ..core.prompts import Box
    from ..layers.grid import PixelGrid
    from ..session.prompt_set import PromptSet
    from ..session.qt_session import QtSession

_REST = 80  # ms that the mouse stays where it is
_SPACING = 0.1  # of the radius: points of a stroke that are closer than that are left out
_NOTCH = 120  # of a wheel
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


@dataclass
class _Painting:
    """A stroke of the brush, or of the eraser, while the button is held down."""

    grid: PixelGrid
    button: Qt.MouseButton
    radius: float
    positive: bool
    points: list[tuple[float, float]] = field(default_factory=list)

    def add(self, row: float, col: float, *, is_last: bool = False) -> None:
        """Add a point, unless that makes no difference that can be seen."""
        if not (math.isfinite(row) and math.isfinite(col)):
            return
        reach = self.radius + 1  # beside the image there is nothing to paint
        row = min(max(row, -reach), self.grid.height + reach)
        col = min(max(col, -reach), self.grid.width + reach)
        away = math.dist(self.points[-1], (row, col)) if self.points else math.inf
        if away >= max(0.5, _SPACING * self.radius) or (is_last and away > 0):
            self.points.append((row, col))

    @property
    def stroke(self) -> Stroke | None:
        """What is painted so far."""
        return Stroke(self.points, self.radius, self.positive) if self.points else None


class SegmentTool(QgsMapTool):
    """Left click: avalanche; right click: background; left drag: box, or moves a click or box.

    With an active brush, the left button paints, the right one and Shift with the left one erase,
    and the wheel with Shift changes the radius. All other events (wheel, middle button, Space,
    arrows) are the canvas's.

    Attributes
    ----------
    photo_grid
        The pixels of the current photo as places on this canvas; None if the current image lies
        on the canvas itself.
    brush
        Shared by the tools of all canvases.
    shows_preview
        Returns whether the user wants to see what a click would give.
    """

    def __init__(
        self, canvas: QgsMapCanvas, session: QtSession, brush: Brush | None = None
    ) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._session = session
        self.photo_grid: PixelGrid | None = None
        self._press: _Press | None = None
        self._painting: _Painting | None = None
        self.brush = brush or Brush(canvas)
        self.brush.changed.connect(self._on_brush)
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
        self.brush_item = BrushItem(canvas)
        self.brush_item.hide()
        self.setCursor(self._cross)

    def show_prompts(self) -> None:
        """Draw the prompts after a change."""
        self._draw(self._prompts)
        self.brush_item.place(self._grid)

    def show_awaited(self, strokes: Sequence[Stroke]) -> None:
        """Draw strokes that the mask does not show yet."""
        self.brush_item.awaited = () if self.photo_grid else strokes
        self.brush_item.refresh()

    def close(self) -> None:
        """Remove the tool and its items from the canvas."""
        self._rest.stop()
        self.brush.changed.disconnect(self._on_brush)
        self._canvas.unsetMapTool(self)
        self.item.close()
        self.brush_item.close()

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
        self.brush_item.setVisible(True)
        self._on_brush()

    def deactivate(self) -> None:
        """Make way for another tool."""
        self._press = None
        self._stop_painting()
        self._rest.stop()
        self._session.clear_preview()
        self._keys.stop()
        self.item.hide()
        self.brush_item.hide()
        self._canvas.unsetCursor()
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Begin a click, a drag or a stroke."""
        if self._press or self._painting:  # a second button cancels the press of the first one
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
        if self.brush.active:
            self._begin_stroke(grid, event, place)
            return
        self._press = _Press(grid, event.button(), point, *place, self.item.hit(point))

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802
        """Drag, paint, or change the cursor over what can be dragged."""
        if self.brush.active:
            self._session.clear_preview()
            self._continue_stroke(event.pixelPoint())
            return
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
        """Change the prompts, once per click, drag or stroke."""
        if self._painting:
            if event.button() == self._painting.button:
                self._finish_stroke(event.pixelPoint())
            return
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

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Change the radius of the brush with Shift; else it is the canvas's, which zooms."""
        is_shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        turned = event.angleDelta().y() or event.angleDelta().x()  # as some systems turn it
        if self.brush.active and is_shift and turned:
            self.brush.grow(turned / _NOTCH)
            event.accept()
        else:
            event.ignore()

    def _on_rest(self) -> None:
        """Show what a click would give where the mouse rests."""
        grid, point = self._grid, self._canvas.mouseLastXY()
        if (
            self._press
            or self.brush.active
            or not grid
            or self.item.hit(point)
            or not self._canvas.underMouse()
        ):
            return
        row, col = GridPlacement(self._canvas, grid).to_pixel(point)
        if grid.contains(row, col):
            self._session.preview_click(row, col)

    # --- changes of the prompts -------------------------------------------------------------

    def _on_key(self, action: str) -> None:
        """Call the session's method for a key, see `KeyFilter`.

        Escape only ends a drag or a stroke, or puts the brush away.
        """
        if not self.isActive():
            return
        is_held = self._press or self._painting
        if action == "discard" and is_held:
            self._cancel()
        elif action == "discard" and self.brush.active:
            self.brush.active = False
        elif not is_held:
            getattr(self._session, action)()

    def _cancel(self) -> None:
        self._press = None
        self._stop_painting()
        self.show_prompts()

    # --- the brush --------------------------------------------------------------------------

    def _on_brush(self) -> None:
        """Show what the brush is now; a stroke that has begun goes on as it was."""
        if not self.brush.active:
            self._stop_painting()
        self._show_circle(self._canvas.mouseLastXY())

    def _show_circle(self, point: QPoint) -> None:
        radius = self._painting.radius if self._painting else self.brush.radius
        is_shown = self.brush.active and not self.photo_grid
        self.brush_item.show_circle(radius if is_shown else None, QPointF(point))

    def _begin_stroke(
        self, grid: PixelGrid, event: QgsMapMouseEvent, place: tuple[float, float]
    ) -> None:
        if self.photo_grid:
            self._session.say(tr("Paint in the photo: on the map, only clicks count."))
            return
        is_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        positive = event.button() == _LEFT and not is_shift
        self._session.clear_preview()
        self._painting = _Painting(grid, event.button(), self.brush.radius, positive)
        self.brush_item.place(grid)
        self._painting.add(*place)
        self._show_stroke(event.pixelPoint())

    def _continue_stroke(self, point: QPoint) -> None:
        painting = self._painting
        if painting and painting.grid != self._grid:  # another image
            self._stop_painting()
        elif painting:
            painting.add(*GridPlacement(self._canvas, painting.grid).to_pixel(point))
        self._show_stroke(point)

    def _show_stroke(self, point: QPoint) -> None:
        self.brush_item.painted = self._painting.stroke if self._painting else None
        self._show_circle(point)

    def _finish_stroke(self, point: QPoint) -> None:
        painting = self._painting
        self._stop_painting()
        if painting is None or painting.grid != self._grid:
            return
        place = GridPlacement(self._canvas, painting.grid).to_pixel(point)
        painting.add(*place, is_last=True)
        stroke = painting.stroke
        if stroke is None or not _touches(stroke.bounds(), painting.grid):
            self._session.say(tr("That is outside of the image: paint on the image itself."))
            return
        self._session.add_stroke(stroke.points, stroke.radius, stroke.positive)

    def _stop_painting(self) -> None:
        self._painting, self.brush_item.painted = None, None
        self.brush_item.refresh()

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


def _touches(bounds: tuple[float, float, float, float], grid: PixelGrid) -> bool:
    """Whether (row_min, row_max, col_min, col_max) of a stroke reach into the image."""
    row_min, row_max, col_min, col_max = bounds
    return min(row_max, col_max) >= 0 and row_min < grid.height and col_min < grid.width
