"""The table of points: what they are, and how well the pose fits them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QBrush
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ...i18n import tr
from .point_items import COLOURS, SUSPECT, UNUSED, kind_of

if TYPE_CHECKING:
    from ..pose_draft import PoseDraft

_NAME, _ERRORS = 0, (1, 2, 3)
_NUMBERS = {4: "u", 5: "v", 6: "x", 7: "y", 8: "z"}
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class PointsTable(QTableWidget):
    """One row for each point.

    Signals
    -------
    chosen
        (index or None).
    edited
        (index, {field of `Point`: value}).
    deleted
        By the key.
    said
        (text): a number could not be understood.
    """

    chosen = pyqtSignal(object)
    edited = pyqtSignal(int, dict)
    deleted = pyqtSignal()
    said = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 9, parent)
        names = [tr("Point"), tr("Error"), tr("Left out"), tr("on map")]
        self.setHorizontalHeaderLabels([*names, "u", "v", "x", "y", "z"])
        tips = (
            tr("Name; the tick says whether the pose is fitted to it"),
            tr("Pixels from the point to where the pose draws it"),
            tr("The same, by the pose fitted to all other points: the honest figure"),
            tr("The same in metres on the map"),
            tr("In the picture, pixels to the right"),
            tr("In the picture, pixels down"),
            tr("On the map, metres"),
            tr("On the map, metres"),
            tr("Height; from the terrain model unless a number is typed in"),
        )
        for column, tip in enumerate(tips):
            self.horizontalHeaderItem(column).setToolTip(tip)
        self.verticalHeader().setVisible(False)
        self.verticalHeader().setDefaultSectionSize(22)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.setMinimumHeight(150)
        self.itemChanged.connect(self._on_edited)
        self.itemSelectionChanged.connect(self._on_selected)

    def show_sheet(self, sheet: PoseDraft, chosen: int | None) -> None:
        """Fill in points and errors; a cell that is being edited stays as it is."""
        self.blockSignals(True)
        self.setRowCount(len(sheet.points))
        fits = {fit.point.name: fit for fit in sheet.record.points} if sheet.record else {}
        for row, point in enumerate(sheet.points):
            fit = fits.get(point.name) if point.complete else None
            kind = kind_of(point, fits)
            self._cell(row, _NAME, point.name, kind).setCheckState(
                Qt.CheckState.Checked if point.use else Qt.CheckState.Unchecked
            )
            for column, text in zip(_ERRORS, _errors(fit)):  # noqa: B905 (Python 3.9)
                self._cell(row, column, text, kind).setFlags(_FLAGS)
            for column, name in _NUMBERS.items():
                value = getattr(point, name)
                known = value is not None or fit is None or name != "z"
                self._cell(row, column, _text(value if known else fit.point.z), kind)
        if chosen is None:
            self.clearSelection()
        elif chosen not in {index.row() for index in self.selectedIndexes()}:
            self.selectRow(chosen)
        self.blockSignals(False)

    def keyPressEvent(self, event) -> None:  # noqa: N802
        """Delete takes the selected point away; called by Qt."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.deleted.emit()
        else:
            super().keyPressEvent(event)

    def _cell(self, row: int, column: int, text: str, kind: str) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
            if column != _NAME:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setText(text)
        item.setForeground(COLOURS[kind] if kind in (SUSPECT, UNUSED) else QBrush())
        return item

    def _on_selected(self) -> None:
        rows = {index.row() for index in self.selectedIndexes()}
        self.chosen.emit(min(rows, default=None))

    def _on_edited(self, item: QTableWidgetItem) -> None:
        row, column, text = item.row(), item.column(), item.text().strip()
        if column == _NAME:
            use = item.checkState() == Qt.CheckState.Checked
            self.edited.emit(row, {"name": text, "use": use})
        elif column in _NUMBERS:
            try:
                value = float(text.replace(",", ".")) if text else None
            except ValueError:
                self.said.emit(tr("{} is no number.").format(text))
                return
            self.edited.emit(row, {_NUMBERS[column]: value})


def _errors(fit) -> tuple[str, str, str]:
    if fit is None:
        return "", "", ""
    error = math.hypot(fit.residual_u, fit.residual_v)
    return tuple(
        tr("{:.1f} {}").format(value, unit) if value is not None and math.isfinite(value) else "–"
        for value, unit in ((error, "px"), (fit.loo_px, "px"), (fit.loo_map_m, "m"))
    )


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
