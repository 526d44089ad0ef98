"""The part of *Segment* that is there while the segmentation is not set up, or needs an update."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from ..environment.store import EnvironmentState
from ..i18n import tr
from .widgets import widget_row


class SetupNotice(QWidget):
    """Buttons *Set up…* and *Options…*.

    Signals
    -------
    setup_requested, options_requested
        A button was pressed.
    """

    setup_requested = pyqtSignal()
    options_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.setup = QPushButton()
        self.options = QPushButton(tr("Options…"))
        self.setup.clicked.connect(lambda _=False: self.setup_requested.emit())
        self.options.clicked.connect(lambda _=False: self.options_requested.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.text)
        column.addLayout(widget_row(self.setup, self.options))
        self.hide()

    def show_state(self, state: EnvironmentState, *, works: bool) -> None:
        """Show what is to be done about an environment, nothing if it ``works`` and is current.

        Why it does not work, the panel says.
        """
        kinds = EnvironmentState
        outdated = state is kinds.OUTDATED
        labels = {
            kinds.UNFINISHED: tr("Continue set-up…"),
            kinds.OUTDATED: tr("Update…"),
            kinds.DAMAGED: tr("Repair…"),
            kinds.READY: tr("Repair…"),
        }
        self.setup.setText(labels.get(state, tr("Set up…")))
        self.text.setText(tr("The segmentation needs an update."))
        self.text.setVisible(outdated)
        self.options.setVisible(not works)
        self.setVisible(outdated or not works)
