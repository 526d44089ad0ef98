"""The page in QGIS's options: the Python of the segmentation, threads, observer."""

from __future__ import annotations

from collections.abc import Callable

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from .. import settings
from ..i18n import tr
from ..messages import ICON, TITLE

PAGE = "AvalancheISegOptions"
"""Name of the page, by which QGIS opens it."""


class OptionsPage(QgsOptionsPageWidget):
    """Page in Settings, Options; calls ``on_applied`` after storing the values."""

    def __init__(self, parent: QWidget, on_applied: Callable[[], None]) -> None:
        from .check_view import CheckView  # not when QGIS starts

        super().__init__(parent)
        self.setObjectName(PAGE)
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
                "The segmentation runs in a Python environment of its own: QGIS stays as it is. "
                "“Set up…” makes one in your profile. One that exists can be chosen here: its "
                "folder, or its program bin/python (on Windows Scripts\\python.exe)."
            )
        )
        note.setWordWrap(True)
        self.setup = QPushButton(tr("Set up…"))
        self.setup.clicked.connect(self._open_setup)
        self.view = CheckView(self.interpreter.filePath)
        form.addRow(tr("Python of the segmentation"), self.interpreter)
        form.addRow(note)
        self.view.row.insertWidget(0, self.setup)
        form.addRow(self.view)
        form.addRow(tr("Threads"), self.threads)
        form.addRow(tr("Observer"), self.author)

    def _open_setup(self, _checked: bool = False) -> None:
        from .setup_dialog import SetupDialog

        dialog = SetupDialog(self)
        dialog.interpreter_changed.connect(self._on_set_up)
        dialog.exec()
        dialog.deleteLater()

    def _on_set_up(self) -> None:
        self.interpreter.setFilePath(settings.INTERPRETER.get())
        self._on_applied()

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
