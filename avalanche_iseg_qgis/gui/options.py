"""The page of QGIS's options: the worker's Python, threads, author."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QFormLayout, QLabel, QLineEdit, QSpinBox

from .. import settings
from ..i18n import tr

ICON = str(Path(__file__).parents[1] / "icons" / "avalanche.svg")


class OptionsPage(QgsOptionsPageWidget):
    """Shown in Settings, Options; kept when the dialog is accepted."""

    def __init__(self, parent, applied) -> None:
        super().__init__(parent)
        self._applied = applied
        form = QFormLayout(self)
        self.interpreter = QgsFileWidget()
        self.interpreter.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.interpreter.setFilePath(settings.INTERPRETER.get())
        self.threads = QSpinBox()
        self.threads.setRange(0, 256)
        self.threads.setSpecialValueText(tr("half the cores"))
        self.threads.setValue(settings.THREADS.get())
        self.author = QLineEdit(settings.AUTHOR.get())
        self.author.setPlaceholderText(tr("name of the system's user"))
        form.addRow(tr("Worker's Python"), self.interpreter)
        form.addRow(
            _note(
                tr(
                    "The model runs in a process of its own, with its own Python environment: "
                    "QGIS stays as it is. In a checkout of the repository, “make setup” makes "
                    "one: choose .venv/bin/python (on Windows .venv\\Scripts\\python.exe)."
                )
            )
        )
        form.addRow(tr("Threads"), self.threads)
        form.addRow(tr("Mapper"), self.author)

    def apply(self) -> None:
        """Keep what was chosen; called by the dialog."""
        settings.INTERPRETER.set(self.interpreter.filePath().strip())
        settings.THREADS.set(self.threads.value())
        settings.AUTHOR.set(self.author.text().strip())
        self._applied()


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page when the dialog opens."""

    def __init__(self, applied) -> None:
        super().__init__()
        self._applied = applied
        self.setTitle("Avalanche ISeg")
        self.setIcon(QIcon(ICON))

    def createWidget(self, parent) -> OptionsPage:  # noqa: N802
        """Called by QGIS."""
        return OptionsPage(parent, self._applied)


def _note(text: str) -> QLabel:
    label = QLabel(text)
    label.setWordWrap(True)
    label.setEnabled(False)
    return label
