"""The dock *Avalanches*: a table of the current image's objects."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import Qt, pyqtBoundSignal, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..features.queries import AvalancheEntry
from ..i18n import tr


class AvalanchesDock(QgsDockWidget):
    """Dock with a table of entries; signals request an action on the selected one."""

    zoom_requested = pyqtSignal(object)
    continue_requested = pyqtSignal(object)
    form_requested = pyqtSignal(object)
    delete_requested = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Avalanches"), parent)
        self.setObjectName("AvalancheISegAvalanches")
        self._entries: list[AvalancheEntry] = []
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(
            [tr("Avalanche"), tr("Clicks"), tr("Seconds"), tr("Area")]
        )
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.empty = QLabel(tr("No avalanche in this image yet."))
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        for text, tip, signal in (
            (tr("Zoom to"), tr("Show it on the map"), self.zoom_requested),
            (tr("Continue"), tr("Edit it again, with its clicks"), self.continue_requested),
            (tr("Attributes"), tr("Open its form"), self.form_requested),
            (tr("Delete"), tr("Delete it from its layer"), self.delete_requested),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, s=signal: self._emit(s))
            buttons.addWidget(button)
        buttons.addStretch(1)
        content = QWidget()
        column = QVBoxLayout(content)
        column.addWidget(self.empty)
        column.addWidget(self.table)
        column.addLayout(buttons)
        self.setWidget(content)
        self.table.doubleClicked.connect(lambda _: self._emit(self.zoom_requested))

    def show_entries(self, entries: Sequence[AvalancheEntry]) -> None:
        """Fill the table, keeping the selected row."""
        selected = self.table.currentRow()
        self._entries = list(entries)
        self.table.setRowCount(len(self._entries))
        for row, entry in enumerate(self._entries):
            for column, text in enumerate(entry.texts()):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.setCurrentCell(min(selected, len(self._entries) - 1), 0)
        self.empty.setVisible(not self._entries)

    def _emit(self, signal: pyqtBoundSignal) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self._entries):
            signal.emit(self._entries[row])
