"""The dock *Avalanches*: a table of the current image's objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import QItemSelectionModel, Qt, pyqtBoundSignal, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
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
from ..features.schema import review_states
from ..i18n import tr
from .widgets import menu_button, show_status, tool_button, widget_row


class AvalanchesDock(QgsDockWidget):
    """Dock with a table of entries; signals request an action on the selected one.

    Attributes
    ----------
    entries
        What the table shows.
    filter
        Which of them, by their review; see `shown_states`.
    classify_menu
        Values for the selected one.
    save
        Saves the edits of all layers that `show_unsaved` names.
    """

    zoom_requested = pyqtSignal(object)
    continue_requested = pyqtSignal(object)
    form_requested = pyqtSignal(object)
    delete_requested = pyqtSignal(object)
    filter_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Avalanches"), parent)
        self.setObjectName("AvalancheISegAvalanches")
        self.entries: list[AvalancheEntry] = []
        self.table = QTableWidget(0, 5)
        self.table.setHorizontalHeaderLabels(
            [tr("Avalanche"), tr("Clicks"), tr("Seconds"), tr("Area"), tr("Review")]
        )
        for column, tip in enumerate(
            (
                tr("Number in the order of mapping, and type"),
                tr("Clicks that it took"),
                tr("Time that it took"),
                tr("On the map in hectares, in a photo in pixels"),
                tr("What a second person said of it; empty: to review"),
            )
        ):
            self.table.horizontalHeaderItem(column).setToolTip(tip)
        self.table.verticalHeader().setVisible(False)
        self.table.setMinimumHeight(56)  # one row: small screens have little room
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
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
        self.accept = tool_button(tr("Accept"), tr("Accept the selected avalanches"))
        self.reject = tool_button(tr("Reject…"), tr("Reject the selected ones, with a reason"))
        self.history = tool_button(
            tr("History…"), tr("Earlier versions of it, and avalanches that were deleted")
        )
        self._buttons += [self.accept, self.reject]
        self.filter = QComboBox()
        self.filter.setToolTip(tr("Which avalanches are listed"))
        self.filter.addItem(tr("All avalanches"), None)
        self.filter.addItem(tr("To review"), "")
        for state, label in review_states().items():
            self.filter.addItem(label, state)
        self.filter.currentIndexChanged.connect(lambda _: self.filter_changed.emit())
        self.counts = QLabel()
        self.counts.setWordWrap(True)
        self.editors = QLabel()
        self.editors.setWordWrap(True)
        self.editors.setVisible(False)
        reviewing = widget_row(self.accept, self.reject, self.history, self.filter)
        self.unsaved = QLabel()
        self.unsaved.setWordWrap(True)
        self.save = QPushButton(tr("Save"))
        self.save.setToolTip(tr("Save the edits of these layers to their files"))
        saving = QHBoxLayout()
        saving.addWidget(self.unsaved, 1)
        saving.addWidget(self.save)
        content = QWidget()
        parts = QVBoxLayout(content)
        parts.addWidget(self.editors)
        parts.addWidget(self.empty)
        parts.addWidget(self.table)
        parts.addLayout(buttons)
        parts.addLayout(reviewing)
        parts.addWidget(self.counts)
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

    @property
    def selection(self) -> list[AvalancheEntry]:
        """All entries that are selected, in the order of the list."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        return [self.entries[row] for row in rows if row < len(self.entries)]

    @property
    def shown_state(self) -> str | None:
        """Review of the avalanches to be listed; None for all."""
        state: str | None = self.filter.currentData()
        return state

    def select(self, key: str) -> None:
        """Select the entry of a key, if it is shown."""
        keys = [entry.key for entry in self.entries]
        if key in keys:
            self.table.setCurrentCell(keys.index(key), 0)

    def show_entries(self, entries: Sequence[AvalancheEntry]) -> None:
        """Fill the table; the avalanche that is selected stays so, and a single one is."""
        selected = self.selected.key if self.selected else ""
        others = {entry.key for entry in self.selection} - {selected}
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
        more = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row, key in enumerate(keys):
            if key in others:
                self.table.selectionModel().select(self.table.model().index(row, 0), more)
        some = self.shown_state is not None
        self.empty.setText(
            tr("None of these in this image.") if some else tr("No avalanche in this image yet.")
        )
        self.empty.setVisible(not self.entries)
        self._enable()

    def show_counts(self, here: Mapping[str, int], everywhere: Mapping[str, int]) -> None:
        """Say how many avalanches of the image, and of all images, are in each state of review."""
        self.counts.setVisible(any(everywhere.values()))
        labels = (tr("This image:"), tr("All images:"))
        counts = map(_counted, (here, everywhere))
        self.counts.setText("\n".join(map(" ".join, zip(labels, counts))))  # noqa: B905

    def show_editors(self, text: str) -> None:
        """Say who else edits the files of these avalanches; nothing if nobody does."""
        show_status(self.editors, text, "usable")
        self.editors.setVisible(bool(text))

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


def _counted(states: Mapping[str, int]) -> str:
    text = tr("{} to review, {} accepted, {} rejected")
    return text.format(*(states.get(state, 0) for state in ("", "accepted", "rejected")))
