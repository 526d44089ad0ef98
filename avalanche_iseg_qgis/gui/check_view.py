"""The button *Test*, and what it finds."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ..environment.checking import CheckResult, EnvironmentCheck
from ..i18n import tr
from ..worker.interpreter import chosen_interpreter


class CheckView(QWidget):
    """Tries the Python that a function names, and says what works.

    Signals
    -------
    finished
        Whether everything works.

    Attributes
    ----------
    button, row
        *Test*, and the row that it stands in.
    check
        The latest one, None before.
    """

    finished = pyqtSignal(bool)

    def __init__(self, interpreter: Callable[[], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._interpreter = interpreter
        self.check: EnvironmentCheck | None = None
        self.button = QPushButton(tr("Test"))
        self.button.setToolTip(
            tr("Start the segmentation, click on a test picture, and say what works")
        )
        self.button.setAutoDefault(False)
        self.button.clicked.connect(lambda _=False: self.start(self._interpreter()))
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.hide()
        self.row = QHBoxLayout()
        self.row.addWidget(self.button)
        self.row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(self.row)
        column.addWidget(self.text)

    def start(self, interpreter: str) -> None:
        """Try a Python, or the folder of its environment; "" looks for one."""
        self.stop()
        program = chosen_interpreter(interpreter)
        if not program:
            self._show(tr("Segmentation is not set up yet: there is nothing to test."))
            return
        if self.check is not None:
            self.check.deleteLater()
        check = self.check = EnvironmentCheck(program, self)
        check.reported.connect(self._on_reported)
        check.finished.connect(self._on_finished)
        self.button.setEnabled(False)
        self._show(tr("Testing…"))
        check.start()

    def stop(self) -> None:
        """End a test that runs."""
        if self.check is not None:
            self.check.stop()
        self.button.setEnabled(True)
        self.text.hide()

    @property
    def lines(self) -> list[str]:
        """What was found."""
        return [_line(result) for result in self.check.results] if self.check else []

    def _on_reported(self, _result: CheckResult) -> None:
        self._show("\n".join([*self.lines, tr("Testing…")]))

    def _on_finished(self, works: bool) -> None:
        self.button.setEnabled(True)
        self._show("\n".join(self.lines))
        self.finished.emit(works)

    def _show(self, text: str) -> None:
        self.text.setText(text)
        self.text.show()


def _line(result: CheckResult) -> str:
    return f"{'✓' if result.works else '✗'} {result.text}"
