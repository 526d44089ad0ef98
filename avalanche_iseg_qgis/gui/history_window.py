"""The window *History*: versions of an avalanche, or avalanches that were deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qgis.PyQt.QtCore import QDateTime, QLocale, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..i18n import tr


class HistoryRow(NamedTuple):
    """One version: when (UTC), who, what as in `core.geopackage.history`, area, what differs."""

    at: str
    by: str
    event: str
    area: str
    details: tuple[str, ...]


class HistoryWindow(QDialog):
    """Lists versions, the latest first; signals have the number of a row.

    Attributes
    ----------
    table, note, details, restore
        Its parts.
    """

    shown = pyqtSignal(int)
    restore_requested = pyqtSignal(int)
    kind_changed = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("AvalancheISegHistory")
        self.setWindowTitle(tr("History"))
        self._rows: list[HistoryRow] = []
        self._kind = QComboBox()
        self._kind.addItem(tr("Versions of the selected avalanche"))
        self._kind.addItem(tr("Deleted avalanches"))
        self._kind.currentIndexChanged.connect(lambda _: self.kind_changed.emit())
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels([tr("When"), tr("Who"), tr("What"), tr("Area")])
        self.table.verticalHeader().setVisible(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.itemSelectionChanged.connect(self._on_selection)
        self.details = QLabel()
        self.note = QLabel()
        for label in (self.details, self.note):
            label.setWordWrap(True)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.restore = QPushButton(tr("Restore"))
        self.restore.setToolTip(
            tr("Bring this version back, as an edit: it is a new version once it is saved")
        )
        self.restore.clicked.connect(
            lambda _=False: self.restore_requested.emit(self.table.currentRow())
        )
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.restore, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for part in (self._kind, self.table, self.details, self.note, buttons):
            column.addWidget(part)
        self.resize(520, 380)
        self._on_selection()

    @property
    def shows_deleted(self) -> bool:
        """Whether deleted avalanches are listed, and not versions of one."""
        return bool(self._kind.currentIndex() == 1)

    def set_deleted(self, deleted: bool) -> None:
        """Choose what is listed; nothing is signalled."""
        self._kind.blockSignals(True)
        self._kind.setCurrentIndex(int(deleted))
        self._kind.blockSignals(False)

    def show_rows(self, rows: Sequence[HistoryRow], note: str, title: str = "") -> None:
        """Fill the table, with a sentence below it."""
        self._rows = list(rows)
        self.setWindowTitle(f"{tr('History')}: {title}" if title else tr("History"))
        self.table.setRowCount(0)
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            texts = (_local(row.at), row.by or tr("(unknown)"), _event(row.event), row.area)
            for column, text in enumerate(texts):
                self.table.setItem(number, column, QTableWidgetItem(text))
        self.table.setCurrentCell(-1, 0)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self._on_selection()

    def _on_selection(self) -> None:
        row = self.table.currentRow()
        is_one = 0 <= row < len(self._rows)
        details = list(self._rows[row].details) if is_one else []
        if details and not self.shows_deleted:
            details.insert(0, tr("Attributes then → now:"))
        self.details.setText("\n".join(details))
        self.restore.setEnabled(is_one and (self.shows_deleted or row > 0))
        self.shown.emit(row)


def _local(at: str) -> str:
    moment = QDateTime.fromString(at, Qt.DateFormat.ISODateWithMs).toLocalTime()
    return str(QLocale().toString(moment, QLocale.FormatType.ShortFormat))


def _event(event: str) -> str:
    return {
        "found": tr("Was there"),
        "made": tr("Made"),
        "changed": tr("Changed"),
        "reviewed": tr("Reviewed"),
        "deleted": tr("Deleted"),
        "restored": tr("Restored"),
    }.get(event, event)
