"""The table of points: values and errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QBrush, QKeyEvent
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
    from ...core.camera import PointFit
    from ..pose_draft import PoseDraft

_NAME, _ERRORS = 0, (1, 2, 3)
_NUMBERS = {4: "u", 5: "v", 6: "x", 7: "y", 8: "z"}
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class PointsTable(QTableWidget):
    """One row for each point.

    Signals
    -------
    selected
        (index or None).
    edited
        (index, {field of `PosePoint`: value}).
    deleted
        By the key.
    warning
        (text): a number that cannot be read.
    """

    selected = pyqtSignal(object)
    edited = pyqtSignal(int, dict)
    deleted = pyqtSignal()
    warning = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 9, parent)
        names = [tr("Point"), tr("Error"), tr("Cross-check"), tr("on map")]
        self.setHorizontalHeaderLabels([*names, "u", "v", "x", "y", "z"])
        tips = (
            tr("Name; ticked if the pose is fitted to it"),
            tr("Pixels from the point to where the pose projects it"),
            tr("The same, by the pose fitted to all other points: the figure to trust"),
            tr("The same in metres on the map"),
            tr("In the photo, pixels to the right"),
            tr("In the photo, pixels down"),
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
        self.itemChanged.connect(self._on_edited)
        self.itemSelectionChanged.connect(self._on_selected)

    def show_draft(self, draft: PoseDraft, selected: int | None) -> None:
        """Fill in points and errors; no signal is emitted."""
        self.blockSignals(True)
        self.setRowCount(len(draft.points))
        fits = draft.fits
        for row, point in enumerate(draft.points):
            fit = fits.get(point.name) if point.complete else None
            kind = kind_of(point, fit)
            self._cell(row, _NAME, point.name, kind).setCheckState(
                Qt.CheckState.Checked if point.use else Qt.CheckState.Unchecked
            )
            for column, text in zip(_ERRORS, _errors(fit)):  # noqa: B905 (Python 3.9)
                self._cell(row, column, text, kind).setFlags(_FLAGS)
            for column, name in _NUMBERS.items():
                value = getattr(point, name)
                if value is None and name == "z" and fit is not None:
                    value = fit.point.z
                self._cell(row, column, "" if value is None else f"{value:.1f}", kind)
        if selected is None:
            self.clearSelection()
        elif selected not in {index.row() for index in self.selectedIndexes()}:
            self.selectRow(selected)
        self.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Emit `deleted` on the key Delete; called by Qt."""
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
        self.selected.emit(min(rows, default=None))

    def _on_edited(self, item: QTableWidgetItem) -> None:
        row, column, text = item.row(), item.column(), item.text().strip()
        if column == _NAME:
            use = item.checkState() == Qt.CheckState.Checked
            self.edited.emit(row, {"name": text, "use": use})
        elif column in _NUMBERS:
            try:
                value = float(text.replace(",", ".")) if text else None
            except ValueError:
                self.warning.emit(tr("{} is no number.").format(text))
                return
            self.edited.emit(row, {_NUMBERS[column]: value})


def _errors(fit: PointFit | None) -> list[str]:
    if fit is None:
        return ["", "", ""]
    error = math.hypot(fit.residual_u, fit.residual_v)
    return [
        tr("{:.1f} {}").format(value, unit) if value is not None and math.isfinite(value) else "–"
        for value, unit in ((error, "px"), (fit.loo_px, "px"), (fit.loo_map_m, "m"))
    ]
