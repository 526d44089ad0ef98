"""What hands can do with any widget: gestures found by walking the widget tree.

A new widget of a known kind is used without being named anywhere.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from qgis.gui import QgsCollapsibleGroupBox, QgsMapCanvas
from qgis.PyQt.QtCore import QAbstractListModel, QPoint, QPointF, Qt
from qgis.PyQt.QtGui import QWheelEvent
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QScrollBar,
    QTabBar,
    QWidget,
)

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
KEYS = Qt.Key
TEXTS = ("", "0", "-1", "0.37", "12", "1e9", "abc", "2600000, 1200000", "Schneebrett Süd ☃", "a/b")
_TYPED = 60  # characters at most


class Hands:
    """Uses widgets, menus and dialogs; whatever is free is drawn from one generator.

    Attributes
    ----------
    did
        What was done, for a person who wants to do it again.
    """

    def __init__(self, rng: random.Random, files: Path) -> None:
        """Take files from a folder, and put new ones there."""
        self.random, self.files = rng, files
        self.did: list[str] = []

    # --- any widget ------------------------------------------------------------------------

    def use_one_in(self, root: QWidget) -> bool:
        """Use a widget below another one, if there is any that can be used."""
        usable = [widget for widget in root.findChildren(QWidget) if _gesture_of(widget)]
        if not usable:
            return False
        self.use(self.random.choice(usable))
        return True

    def use(self, widget: QWidget) -> None:
        """Make a gesture that befits a widget."""
        _show(widget)
        gesture = _gesture_of(widget)
        self.did.append(f"{gesture.__name__} {name_of(widget)}")
        gesture(self, widget)

    def press(self, button: QAbstractButton) -> None:
        self.click(button, QPoint(min(12, button.width() // 2), button.height() // 2))

    def fold(self, part: QgsCollapsibleGroupBox) -> None:
        self.click(part, QPoint(10, 10))

    def pick(self, box: QComboBox) -> None:
        """Choose an item, by keys, in the list that opens, or turn the wheel over it."""
        how = self.random.random()
        if how < 0.6:
            for _ in range(self.random.randint(1, 4)):
                self.key(box, self.random.choice((KEYS.Key_Up, KEYS.Key_Down, KEYS.Key_Down)))
        elif how < 0.9:
            self.click(box)  # `Attendant` sees to the list
        else:
            self.wheel(box)

    def number(self, field: QAbstractSpinBox) -> None:
        how = self.random.random()
        if how < 0.5:
            field.selectAll()
            self.type(field, self.random.choice(TEXTS[1:6]))
            self.key(field, KEYS.Key_Return if how < 0.25 else KEYS.Key_Tab)
        elif how < 0.85:
            self.key(field, self.random.choice((KEYS.Key_Up, KEYS.Key_Down, KEYS.Key_PageUp)))
        else:
            self.wheel(field)

    def slide(self, slider: QAbstractSlider) -> None:
        how = self.random.random()
        if how < 0.4:
            self.drag(slider, self.point_in(slider), self.point_in(slider))
        elif how < 0.8:
            self.key(slider, self.random.choice((KEYS.Key_Left, KEYS.Key_Right, KEYS.Key_End)))
        else:
            self.wheel(slider)

    def write(self, field: QLineEdit) -> None:
        field.selectAll()
        self.type(field, self.random.choice(TEXTS))
        self.key(field, self.random.choice((KEYS.Key_Return, KEYS.Key_Tab)))

    def write_lines(self, field: QPlainTextEdit) -> None:
        self.type(field, self.random.choice(TEXTS))

    def list(self, view: QAbstractItemView) -> None:
        """Click on a row; sometimes twice, and type something where it can be edited."""
        model, port = view.model(), view.viewport()
        if model is None:
            return
        # PyQt does not give the columns of a list; it has one.
        columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount()
        if not model.rowCount() or not columns:
            return
        index = model.index(self.random.randrange(model.rowCount()), self.random.randrange(columns))
        view.scrollTo(index)
        at = view.visualRect(index).center()
        self.click(port, at)
        if self.random.random() < 0.3:
            QTest.mouseDClick(port, LEFT, NONE, at)
            editor = QApplication.focusWidget()
            if isinstance(editor, QLineEdit) and view.isAncestorOf(editor):
                self.write(editor)

    def turn(self, bar: QTabBar) -> None:
        self.click(bar, bar.tabRect(self.random.randrange(max(1, bar.count()))).center())

    # --- maps ------------------------------------------------------------------------------

    def map(self, canvas: QgsMapCanvas) -> None:
        """Click, drag, turn the wheel or press keys over a map."""
        view = canvas.viewport()
        for gesture, weight in (
            (lambda: self.click(view, self.point_in(view)), 6),
            (lambda: self.click(view, self.point_in(view), RIGHT), 3),
            (lambda: self.drag(view, self.point_in(view), self.point_in(view)), 2),
            (lambda: self.wheel(view), 2),
            (lambda: self.key(canvas, *self.random.choice(MAP_KEYS)), 6),
            (lambda: QTest.mouseMove(view, self.point_in(view)), 1),
        ):
            if self.random.random() < weight / 20:
                gesture()
                return
        self.click(view, self.point_in(view))

    # --- dialogs and menus -----------------------------------------------------------------

    def take_entry(self, menu: QMenu) -> None:
        """Choose an entry of a menu, or leave it."""
        entries = [a for a in menu.actions() if a.isEnabled() and not a.isSeparator()]
        if not entries or self.random.random() < 0.15:
            self.key(menu, KEYS.Key_Escape)
            return
        entry = self.random.choice(entries)
        self.did.append(f"entry “{entry.text()}”")
        self.click(menu, menu.actionGeometry(entry).center())

    def take_item(self, popup: QWidget) -> None:
        """Choose an item of the list of a combo box."""
        (view, *_) = popup.findChildren(QAbstractItemView)
        for _ in range(self.random.randint(0, 3)):
            self.key(view, self.random.choice((KEYS.Key_Up, KEYS.Key_Down)))
        self.key(view, self.random.choice((KEYS.Key_Return, KEYS.Key_Return, KEYS.Key_Escape)))

    def take_file(self, dialog: QFileDialog) -> None:
        """Name a file, one that is there or a new one, or cancel."""
        field = dialog.findChild(QLineEdit)
        if field is None or self.random.random() < 0.2:
            dialog.reject()
            return
        new = f"new_{self.random.randrange(5)}{self.random.choice(('', '.png', '.gpkg', '.csv'))}"
        there = sorted(self.files.iterdir())
        is_new = dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave
        if dialog.testOption(QFileDialog.Option.ShowDirsOnly):
            there = [self.files]
        path = self.files / new if is_new and self.random.random() < 0.8 else None
        path = path or self.random.choice(there)
        self.did.append(f"file {path.name}")
        field.setText(str(path))
        self.key(field, KEYS.Key_Return)

    # --- the parts of gestures ---------------------------------------------------------------

    def click(self, widget: QWidget, at: QPoint | None = None, button=LEFT) -> None:
        QTest.mouseClick(widget, button, NONE, at or widget.rect().center())

    def drag(self, widget: QWidget, first: QPoint, last: QPoint) -> None:
        QTest.mousePress(widget, LEFT, NONE, first)
        for step in range(1, 4):
            QTest.mouseMove(widget, first + (last - first) * step / 3)
            QTest.qWait(2)
        QTest.mouseRelease(widget, LEFT, NONE, last)

    def key(self, widget: QWidget, key: Qt.Key, held=NONE) -> None:
        QTest.keyClick(widget, key, held)

    def type(self, widget: QWidget, text: str) -> None:
        """Type a text, or paste it: `QTest` has no keys for other letters than ASCII."""
        if text.isascii():
            QTest.keyClicks(widget, text)
        else:
            QApplication.clipboard().setText(text)
            self.key(widget, KEYS.Key_V, CTRL)

    def wheel(self, widget: QWidget) -> None:
        at, turn = QPointF(widget.rect().center()), self.random.choice((-120, 120))
        event = QWheelEvent(
            at,
            QPointF(widget.mapToGlobal(at.toPoint())),
            QPoint(0, 0),
            QPoint(0, turn),
            Qt.MouseButton.NoButton,
            NONE,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    def point_in(self, widget: QWidget) -> QPoint:
        return QPoint(
            self.random.randrange(max(1, widget.width())),
            self.random.randrange(max(1, widget.height())),
        )


MAP_KEYS: Sequence[tuple] = (
    (KEYS.Key_Return,),
    (KEYS.Key_Space,),
    (KEYS.Key_Escape,),
    (KEYS.Key_Backspace,),
    (KEYS.Key_Delete,),
    (KEYS.Key_Z, CTRL),
    (KEYS.Key_Z, CTRL | SHIFT),
    (KEYS.Key_Y, CTRL),
    (KEYS.Key_Left,),
    (KEYS.Key_Tab,),
    (KEYS.Key_A,),
)

_GESTURES: Sequence[tuple[type, Callable]] = (
    (QgsMapCanvas, Hands.map),
    (QgsCollapsibleGroupBox, Hands.fold),
    (QAbstractButton, Hands.press),
    (QComboBox, Hands.pick),
    (QAbstractSpinBox, Hands.number),
    (QScrollBar, Hands.wheel),
    (QAbstractSlider, Hands.slide),
    (QLineEdit, Hands.write),
    (QPlainTextEdit, Hands.write_lines),
    (QTabBar, Hands.turn),
    (QAbstractItemView, Hands.list),
)


def _gesture_of(widget: QWidget) -> Callable | None:
    """Return what can be done with a widget, None for one that is not to be used by itself."""
    parts_of = (QAbstractSpinBox, QComboBox, QAbstractItemView)
    if not (widget.isVisible() and widget.isEnabled()) or widget.size().isEmpty():
        return None
    if isinstance(widget.parent(), parts_of) or isinstance(widget.window(), QMenu):
        return None
    return next((gesture for kind, gesture in _GESTURES if isinstance(widget, kind)), None)


def _show(widget: QWidget) -> None:
    """Scroll to a widget."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above, QDialog):
        if isinstance(above, QScrollArea) and above.widget().isAncestorOf(widget):
            above.ensureWidgetVisible(widget)
        above = above.parentWidget()


def name_of(widget: QWidget) -> str:
    """Return what a person calls a widget: text, tooltip or name, and the window it is in."""
    texts = (getattr(widget, name, str) for name in ("text", "toolTip", "objectName"))
    name = next((str(text()) for text in texts if text()), "")
    return f"{type(widget).__name__} “{name[:_TYPED]}” in {_place_of(widget)}"


def _place_of(widget: QWidget) -> str:
    above = widget
    while above.parentWidget() is not None and not above.windowTitle():
        above = above.parentWidget()
    return above.windowTitle() or type(above).__name__
