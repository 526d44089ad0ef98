"""Dialog for tables of points of other programs: what each column holds, shown and changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...core.camera.foreign_gcps import ROLES, read_gcp_table
from ...core.errors import CameraError
from ...gui.widgets import show_status
from ...i18n import tr, tr_core

if TYPE_CHECKING:
    from ...core.camera import ControlPoint
    from ...core.camera.foreign_gcps import GcpColumns

_ORIGINS = (0.0, 0.5, 1.0)


class ColumnsDialog(QDialog):
    """Asks what the columns of a table hold; begins with what they were taken for.

    Attributes
    ----------
    points
        By the columns that are chosen; empty while these give none.
    """

    def __init__(
        self, path: str, size: tuple[int, int], found: GcpColumns, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Columns of {}").format(Path(path).name))
        self.resize(720, 360)
        self._path, self._size = path, size
        self.points: list[ControlPoint] = []
        self.columns = [_role_combo(role) for role in found.roles]
        self.origin = QComboBox()
        for origin in _ORIGINS:
            self.origin.addItem(f"{origin:g}", origin)
        self.origin.setCurrentIndex(self.origin.findData(found.origin))
        self.origin.setToolTip(
            tr("Programs count pixels from 0, from 1, or from the corner of the first one (0.5)")
        )
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column, form = QVBoxLayout(self), QFormLayout()
        form.addRow(tr("The table is that of"), QLabel(found.form or tr("an unknown program")))
        form.addRow(tr("Number of the first pixel's centre"), self.origin)
        column.addLayout(form)
        column.addWidget(self._table(found), 1)
        column.addWidget(self.said)
        column.addWidget(self.buttons)
        for combo in (*self.columns, self.origin):
            combo.currentIndexChanged.connect(self._read)
        self._read()

    def _table(self, found: GcpColumns) -> QTableWidget:
        """Make the table: a row of choices, then the first rows of the file."""
        table = QTableWidget(1 + len(found.rows), len(found.roles))
        table.setHorizontalHeaderLabels(
            [name or str(number) for number, name in enumerate(found.headings, 1)]
        )
        table.verticalHeader().setVisible(False)
        table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        for index, combo in enumerate(self.columns):
            table.setCellWidget(0, index, combo)
        for row, cells in enumerate(found.rows, 1):
            for index, text in enumerate(cells):
                table.setItem(row, index, QTableWidgetItem(text))
        table.resizeColumnsToContents()
        return table

    def _read(self, *_args: object) -> None:
        """Read the points by the columns that are chosen, and say what becomes of them."""
        chosen = [
            f"{combo.currentData()}={number}"
            for number, combo in enumerate(self.columns, 1)
            if combo.currentData()
        ]
        self.points = []
        try:
            table = read_gcp_table(self._path, self._size, chosen, self.origin.currentData())
        except CameraError as error:
            show_status(self.said, tr_core(str(error)), "bad")
        else:
            self.points = table.points
            first = self.points[0]
            text = tr("{} points. The first, {}: pixel {:.1f}, {:.1f} and place {:.1f}, {:.1f}.")
            values = (len(self.points), first.name, first.u, first.v, first.x, first.y)
            show_status(self.said, text.format(*values), "good")
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(self.points))


def _role_combo(role: str) -> QComboBox:
    combo = QComboBox()
    labels = {
        "name": tr("name"),
        "u_px": tr("u (to the right)"),
        "v_px": tr("v (down)"),
        "x": tr("x (east)"),
        "y": tr("y (north)"),
        "z": tr("height"),
        "use": tr("used or not"),
        "sigma_px": tr("accuracy (px)"),
    }
    combo.addItem(tr("left out"), "")
    for each in ROLES:
        combo.addItem(labels[each], each)
    combo.setCurrentIndex(combo.findData(role))
    return combo
