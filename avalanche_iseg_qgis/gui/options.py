"""The page in QGIS's options: the worker's Python, threads, mapper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QFileDialog, QFormLayout, QLabel, QLineEdit, QSpinBox, QWidget

from .. import settings
from ..i18n import tr
from ..messages import TITLE

ICON = str(Path(__file__).parents[1] / "icons" / "avalanche.svg")


class OptionsPage(QgsOptionsPageWidget):
    """Page in Settings, Options; calls ``on_applied`` after storing the values."""

    def __init__(self, parent: QWidget, on_applied: Callable[[], None]) -> None:
        super().__init__(parent)
        self._on_applied = on_applied
        form = QFormLayout(self)
        self.interpreter = QgsFileWidget()
        self.interpreter.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        # Resolved, .venv/bin/python would be the system's Python.
        self.interpreter.setOptions(QFileDialog.Option.DontResolveSymlinks)
        self.interpreter.setFilePath(settings.INTERPRETER.get())
        self.threads = QSpinBox()
        self.threads.setRange(0, 256)
        self.threads.setSpecialValueText(tr("half the cores"))
        self.threads.setValue(settings.THREADS.get())
        self.author = QLineEdit(settings.AUTHOR.get())
        self.author.setPlaceholderText(tr("user name of this computer"))
        note = QLabel(
            tr(
                "The model runs in a process of its own, with its own Python environment: QGIS "
                "stays as it is. In a checkout of the repository, “make setup” makes one: choose "
                ".venv/bin/python (on Windows .venv\\Scripts\\python.exe), or type the folder "
                ".venv."
            )
        )
        note.setWordWrap(True)
        note.setEnabled(False)
        form.addRow(tr("Worker's Python"), self.interpreter)
        form.addRow(note)
        form.addRow(tr("Threads"), self.threads)
        form.addRow(tr("Mapper"), self.author)

    def apply(self) -> None:
        """Store the values; called by the dialog when it is accepted."""
        settings.INTERPRETER.set(self.interpreter.filePath().strip())
        settings.THREADS.set(self.threads.value())
        settings.AUTHOR.set(self.author.text().strip())
        self._on_applied()


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page when the dialog opens."""

    def __init__(self, on_applied: Callable[[], None]) -> None:
        super().__init__()
        self._on_applied = on_applied
        self.setTitle(TITLE)
        self.setIcon(QIcon(ICON))

    def createWidget(self, parent: QWidget) -> OptionsPage:  # noqa: N802
        """Make the page; called by QGIS."""
        return OptionsPage(parent, self._on_applied)
