"""A newcomer at QGIS, with zip and wheels: what `scripts/first_avalanche.py` runs in QGIS.

It stands alone: nothing else of the checkout is at hand there.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from pathlib import Path

from qgis import utils
from qgis.core import Qgis, QgsPointXY
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QDockWidget,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QMessageBox,
)
from qgis.utils import iface

AVALANCHE = ((731, 999), (978, 1265))  # rows, columns of one in the demo photo
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Newcomer:
    """Goes the way, one gesture at a time; knows what is seen, not how the plugin is made.

    `way` is a generator, continued by a timer: a click may open a dialog that only returns when it
    is answered, so gestures are left to the event loop, and dialogs see the same timer.
    """

    def __init__(self, folder: Path) -> None:
        self.iface, self.folder = iface, folder
        self.window = iface.mainWindow()
        self.window.setGeometry(0, 0, 1600, 1000)
        self.report = {"steps": [], "error": "", "version": f"QGIS {Qgis.QGIS_VERSION}"}
        self.clicks = self.keys = 0
        self.busy = False
        self.way = self.whole_way()
        self.timer = QTimer()
        self.timer.timeout.connect(self.go_on)
        self.timer.start(20)

    def go_on(self) -> None:
        """Do what comes next."""
        if self.busy:
            return
        self.busy = True
        try:
            next(self.way)
        except StopIteration:
            self.end()
        except Exception:
            self.report["error"] = traceback.format_exc()
            self.shoot("error")
            self.end()
        finally:
            self.busy = False

    def end(self) -> None:
        """Leave the report and end QGIS."""
        (self.folder / "report.json").write_text(json.dumps(self.report))
        os._exit(0)

    # --- the way ---------------------------------------------------------------------------

    def whole_way(self):
        """All steps."""
        yield from self.pause(2)
        QApplication.setActiveWindow(self.window)  # no window manager does
        self.shoot("QGIS as it starts")
        for name, step in (
            ("install from ZIP", self.install),
            ("open the panels", self.open_panels),
            ("open the window, choose the wheels", self.choose_wheels),
            ("set up", self.set_up),
            ("close the window, segmentation ready", self.close_window),
            ("demo photo", self.open_photo),
            ("a box round the avalanche", self.mark),
            ("finish", self.finish),
            ("save", self.save),
        ):
            start, clicks, keys = time.monotonic(), self.clicks, self.keys
            yield from step()
            seconds = time.monotonic() - start
            yield from self.pause(0.5)
            self.report["steps"].append([name, seconds, self.clicks - clicks, self.keys - keys])
            self.shoot(name)

    def install(self):
        """Plugins, Manage and Install Plugins, Install from ZIP."""
        yield from self.choose("Plugins", "Manage and Install Plugins…")
        yield from self.until(lambda: self.dialog("QgsPluginManagerBase"), "the plugin manager")
        manager = self.dialog("QgsPluginManagerBase")
        pages = next(v for v in manager.findChildren(QListWidget) if v.isVisible())
        (page,) = [pages.item(i) for i in range(pages.count()) if "ZIP" in pages.item(i).text()]
        yield from self.click(pages.viewport(), pages.visualItemRect(page).center())
        yield from self.click(self.button("…", manager))
        yield from self.type_path(self.folder / "avalanche_iseg_qgis.zip")
        self.shoot("install, file chosen")
        yield from self.click(self.button("Install Plugin", manager))
        yield from self.until(lambda: self.dialog(QMessageBox) or self.plugin_there, "the plugin")
        if self.dialog(QMessageBox):
            self.shoot("install, warning")
            yield from self.click(self.button("Yes", self.dialog(QMessageBox)))
        yield from self.until(lambda: self.plugin_there, "the plugin")
        yield from self.click(self.button("Close", manager))

    def open_panels(self):
        """The button in the toolbar."""
        yield from self.click(self.button("Map avalanches"))
        yield from self.until(lambda: self.button("Set up…"), "the panels")

    def choose_wheels(self):
        """Set up…, Use a folder of wheels…"""
        yield from self.click(self.button("Set up…"))
        yield from self.until(lambda: self.button("Set up"), "the window")
        yield from self.choose_item("Use a folder of wheels…")
        yield from self.type_path(self.folder / "wheels")
        yield from self.until(lambda: self.button("Set up").isEnabled(), "a Python")

    def set_up(self):
        """Set up, until its test is done."""

        def done() -> bool:
            labels = self.dialog("AvalancheISegSetup").findChildren(QLabel)
            return any(label.text().startswith("Done in") for label in labels)

        yield from self.click(self.button("Set up"))
        yield from self.pause(5)
        self.shoot("set up, at work")
        yield from self.until(done, "the end of set-up", 1800)

    def close_window(self):
        """Close, until the segmentation is ready."""
        yield from self.click(self.button("Close", self.dialog("AvalancheISegSetup")))
        yield from self.until(lambda: self.seen("Ready"), "the segmentation")

    def open_photo(self):
        """Try a demo photo."""
        yield from self.click(self.button("Try a demo photo"))
        canvas = self.iface.mapCanvas()
        yield from self.until(lambda: canvas.layerCount() == 1, "the photo")
        yield from self.until(lambda: not canvas.isDrawing(), "the photo drawn")

    def mark(self):
        """A box, as the panel says; then one click on what is too much, if there is any."""
        (top, bottom), (left, right) = AVALANCHE
        first, last = self.place(top, left), self.place(bottom, right)
        view = self.iface.mapCanvas().viewport()
        QTest.mousePress(view, LEFT, NONE, first)
        for part in range(1, 6):
            QTest.mouseMove(view, first + (last - first) * part / 5)
            yield from self.pause(0.02)
        QTest.mouseRelease(view, LEFT, NONE, last)
        self.clicks += 1
        yield from self.until(lambda: self.button("Finish").isEnabled(), "the box")
        yield from self.until(lambda: self.seen("Ready"), "the mask")

    def finish(self):
        """Finish, until the avalanche is in the list."""
        yield from self.click(self.button("Finish"))
        yield from self.until(lambda: not self.button("Finish").isEnabled(), "the polygon")
        yield from self.until(lambda: self.button("Save", self.list_panel), "the list")

    def save(self):
        """Save in the panel Avalanches."""
        yield from self.click(self.button("Save", self.list_panel))
        yield from self.until(lambda: not self.button("Save", self.list_panel), "the file")

    # --- gestures --------------------------------------------------------------------------

    def pause(self, seconds: float):
        """Wait."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            yield

    def until(self, condition, what: str, seconds: float = 120.0):
        """Wait for something to be seen."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
            yield

    def click(self, widget, at=None):
        """Click with the left button, in the middle of a widget."""
        at = at or widget.rect().center()
        self.clicks += 1
        QTimer.singleShot(0, lambda: QTest.mouseClick(widget, LEFT, NONE, at))
        yield from self.pause(0.3)

    def choose(self, menu: str, entry: str):
        """Choose an entry of the menu bar."""
        bar = self.window.menuBar()
        (action,) = [a for a in bar.actions() if a.text().replace("&", "") == menu]
        yield from self.click(bar, bar.actionGeometry(action).center())
        popup = QApplication.activePopupWidget()
        (action,) = [a for a in popup.actions() if a.text().replace("&", "") == entry]
        yield from self.click(popup, popup.actionGeometry(action).center())

    def choose_item(self, text: str):
        """Choose an item of a box that has it."""
        boxes = [box for box in QApplication.allWidgets() if isinstance(box, QComboBox)]
        (box,) = [box for box in boxes if box.isVisible() and box.findText(text) >= 0]
        yield from self.click(box)
        yield from self.pause(0.7)  # Qt takes a release at once for that of the first click
        view = box.view()
        index = view.model().index(box.findText(text), 0)
        yield from self.click(view.viewport(), view.visualRect(index).center())

    def type_path(self, path: Path):
        """Paste a path into the dialog of files, and accept it."""
        yield from self.until(lambda: self.dialog(QFileDialog), "the dialog of files")
        yield from self.pause(1)  # it empties its field once it is there
        dialog = self.dialog(QFileDialog)
        dialog.findChild(QLineEdit).setText(str(path))  # pasted
        self.keys += 1
        box = dialog.findChild(QDialogButtonBox)
        role = QDialogButtonBox.ButtonRole.AcceptRole
        accept = next(button for button in box.buttons() if box.buttonRole(button) == role)
        yield from self.until(accept.isEnabled, "the file in its dialog")
        yield from self.click(accept)
        yield from self.until(lambda: not self.dialog(QFileDialog), "the end of the dialog")

    # --- what is seen ----------------------------------------------------------------------

    @property
    def plugin_there(self) -> bool:
        """Whether the plugin runs."""
        return "avalanche_iseg_qgis" in utils.plugins

    @property
    def list_panel(self):
        """The panel Avalanches."""
        return self.window.findChild(QDockWidget, "AvalancheISegAvalanches")

    def dialog(self, kind):
        """Return the visible dialog of a class or an object name, None if there is none."""
        for window in QApplication.topLevelWidgets():
            found = (
                window.objectName() == kind if isinstance(kind, str) else isinstance(window, kind)
            )
            if found and window.isVisible():
                return window
        return None

    def button(self, text: str, parent=None):
        """Return the visible button with this text, None if there is none."""
        for window in [parent] if parent else QApplication.topLevelWidgets():
            for button in window.findChildren(QAbstractButton):
                if button.text().replace("&", "") == text and button.isVisible():
                    return button
        return None

    def seen(self, text: str) -> bool:
        """Return whether a label begins with this."""
        labels = self.window.findChildren(QLabel)
        return any(label.isVisible() and label.text().startswith(text) for label in labels)

    def place(self, row: float, col: float):
        """Return where a pixel of the photo is on the canvas."""
        to_screen = self.iface.mapCanvas().getCoordinateTransform().transform
        return to_screen(QgsPointXY(col + 0.5, -(row + 0.5))).toQPointF().toPoint()

    def shoot(self, name: str) -> None:
        """Photograph the screen."""
        folder = self.folder / "shots"
        number = len(list(folder.iterdir()))
        image = QApplication.primaryScreen().grabWindow(0)
        image.save(str(folder / f"{number:02} {name}.png"))


def begin() -> None:
    """Let the newcomer begin, and live as long as QGIS."""
    begin.newcomer = Newcomer(Path(os.environ["ISEG_FIRST"]))


if "ISEG_FIRST" in os.environ:
    QTimer.singleShot(0, begin)
