"""Dialog for the description of a camera: who posed it, when it is valid, its foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.gui import QgsDateEdit, QgsFileWidget
from qgis.PyQt.QtCore import QDate, Qt
from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QWidget

from ... import settings
from ...i18n import tr

if TYPE_CHECKING:
    from ...core.camera import CameraRecord


class CameraDetailsDialog(QDialog):
    """Asks for the description of a camera."""

    def __init__(self, record: CameraRecord, folder: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Details of the camera"))
        form = QFormLayout(self)
        self.author = QLineEdit(record.author or settings.AUTHOR.get())
        self.valid_from, self.valid_to = _date_edit(record.valid_from), _date_edit(record.valid_to)
        self.valid_to.setToolTip(tr("The day after which the camera was moved; empty if it holds"))
        self.foreground = QgsFileWidget()
        self.foreground.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.foreground.setFilter(tr("Masks") + " (*.png *.tif *.tiff)")
        self.foreground.setDefaultRoot(folder)
        self.foreground.setFilePath(record.foreground)
        self.foreground.setToolTip(
            tr(
                "A mask of the photo, not 0 where roofs, masts, logos or time stamps are: it is "
                "left out when later photos are compared with this one"
            )
        )
        form.addRow(tr("Posed by"), self.author)
        form.addRow(tr("Valid from"), self.valid_from)
        form.addRow(tr("Valid to"), self.valid_to)
        form.addRow(tr("Foreground mask"), self.foreground)
        form.addRow(tr("Terrain"), QLabel(record.dem or "–"))
        form.addRow(tr("Heights count from"), QLabel(record.vertical_datum or tr("not stated")))
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form.addRow(buttons)

    def values(self) -> dict[str, Any]:
        """Return what was entered, as fields of a `CameraRecord`."""
        return {
            "author": self.author.text().strip(),
            "valid_from": _to_iso(self.valid_from),
            "valid_to": _to_iso(self.valid_to),
            "foreground": self.foreground.filePath().strip(),
        }


def _date_edit(text: str) -> QgsDateEdit:
    edit = QgsDateEdit()
    edit.setAllowNull(True)
    edit.setDisplayFormat("yyyy-MM-dd")
    date = QDate.fromString(text[:10], Qt.DateFormat.ISODate)
    if date.isValid():
        edit.setDate(date)
    else:
        edit.clear()
    return edit


def _to_iso(edit: QgsDateEdit) -> str:
    return "" if edit.isNull() else edit.date().toString(Qt.DateFormat.ISODate)
