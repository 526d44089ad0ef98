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
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..features.queries import AvalancheEntry
from ..i18n import tr
from .widgets import menu_button


class AvalanchesDock(QgsDockWidget):
    """Dock with a table of entries; signals request an action on the selected one.

    Attributes
    ----------
    entries
        What the table shows.
    classify_menu
        Values for the selected one.
    save
        Saves the edits of all layers that `show_unsaved` names.
    """

    zoom_requested = pyqtSignal(object)
    continue_requested = pyqtSignal(object)
    form_requested = pyqtSignal(object)
    delete_requested = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Avalanches"), parent)
        self.setObjectName("AvalancheISegAvalanches")
        self.entries: list[AvalancheEntry] = []
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(
            [tr("Avalanche"), tr("Clicks"), tr("Seconds"), tr("Area")]
        )
        for column, tip in enumerate(
            (
                tr("Number in the order of mapping, and type"),
                tr("Clicks that it took"),
                tr("Time that it took"),
                tr("On the map in hectares, in a photo in pixels"),
            )
        ):
            self.table.horizontalHeaderItem(column).setToolTip(tip)
        self.table.verticalHeader().setVisible(False)
        self.table.setMinimumHeight(56)  # one row: small screens have little room
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.empty = QLabel(tr("No avalanche in this image yet."))
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        self._buttons: list[QToolButton] = []
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
            self._buttons.append(button)
        self.classify_menu = QMenu(self)
        classify = menu_button(tr("Classify"), tr("Set type, size or trigger"), self.classify_menu)
        buttons.insertWidget(2, classify)
        self._buttons.append(classify)
        buttons.addStretch(1)
        self.unsaved = QLabel()
        self.unsaved.setWordWrap(True)
        self.save = QPushButton(tr("Save"))
        self.save.setToolTip(tr("Save the edits of these layers to their files"))
        saving = QHBoxLayout()
        saving.addWidget(self.unsaved, 1)
        saving.addWidget(self.save)
        content = QWidget()
        parts = QVBoxLayout(content)
        parts.addWidget(self.empty)
        parts.addWidget(self.table)
        parts.addLayout(buttons)
        parts.addLayout(saving)
        self.setWidget(content)
        self.table.doubleClicked.connect(lambda _: self._emit(self.zoom_requested))
        self.table.itemSelectionChanged.connect(self._enable)
        self.show_unsaved([])
        self._enable()

    @property
    def selected(self) -> AvalancheEntry | None:
        """The entry that is selected."""
        row = self.table.currentRow()
        return self.entries[row] if 0 <= row < len(self.entries) else None

    def select(self, key: str) -> None:
        """Select the entry of a key, if it is shown."""
        keys = [entry.key for entry in self.entries]
        if key in keys:
            self.table.setCurrentCell(keys.index(key), 0)

    def show_entries(self, entries: Sequence[AvalancheEntry]) -> None:
        """Fill the table; the avalanche that is selected stays so, and a single one is."""
        selected = self.selected.key if self.selected else ""
        self.entries = list(entries)
        self.table.setRowCount(len(self.entries))
        for row, entry in enumerate(self.entries):
            for column, text in enumerate(entry.texts()):
                self.table.setItem(row, column, QTableWidgetItem(text))
        keys = [entry.key for entry in self.entries]
        if selected in keys:
            self.table.setCurrentCell(keys.index(selected), 0)
        else:
            self.table.setCurrentCell(0 if len(keys) == 1 else -1, 0)
        self.empty.setVisible(not self.entries)
        self._enable()

    def show_unsaved(self, layers: Sequence[str]) -> None:
        """Say which layers have edits that are not in their files yet."""
        self.unsaved.setText(tr("Not saved yet: {}").format(", ".join(layers)))
        for part in (self.unsaved, self.save):
            part.setVisible(bool(layers))

    def _enable(self) -> None:
        for button in self._buttons:
            button.setEnabled(self.selected is not None)

    def _emit(self, signal: pyqtBoundSignal) -> None:
        if self.selected is not None:
            signal.emit(self.selected)
