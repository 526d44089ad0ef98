"""The dialog in which folders, cameras and times of a series are set, and tried on its photos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsLayerTreeGroup, QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..core.errors import IsegError
from ..core.series import NameRule, SeriesStore
from ..core.series.listing import photo_files
from ..core.series.records import SUFFIX
from ..gui.widgets import fit_width, form_layout
from ..i18n import tr, tr_core
from ..layers.kinds import file_of, is_photo
from .rule_trial import RuleTrial, outermost, try_on

if TYPE_CHECKING:
    from collections.abc import Sequence

_DELAY = 300  # ms without a change, after which the rule is tried
_SHOWN, _CAMERAS = 300, 8  # photos in the table, names above it
_RULES = (
    "",
    "{camera}/{date}/{hhmm}*",
    "{camera}_{date}_{time}",
    "{camera}_{year}-{month}-{day}_{time}",
    "*_{camera}-{epoch}",
)
_ZONES = ("", "UTC", "+01:00", "+02:00", "Europe/Zurich", "Europe/Vienna", "Europe/Oslo")


class SeriesDialog(QDialog):
    """Makes a series, or changes one; records of its photos stay.

    Parameters
    ----------
    store
        The series to change; None for a new one.

    Attributes
    ----------
    path
        Of the series, once the dialog was accepted.
    """

    def __init__(self, store: SeriesStore | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Photos, cameras and times of a series"))
        self.path: Path | None = store.path if store else None
        self._is_new = store is None
        self._names: list[str] = []
        self._fault = ""
        self._has_photos = False
        self.folders = QListWidget()
        self.folders.setMaximumHeight(90)
        self.add = QPushButton(tr("Add folder…"))
        self.add_group = QPushButton(tr("Add a layer group"))
        self.add_group.setToolTip(tr("The folders of the photos in a group of QGIS's layers"))
        self.groups = QMenu(self.add_group)
        self.add_group.setMenu(self.groups)
        self.remove = QPushButton(tr("Remove"))
        self.place = QLineEdit()
        self.place.setToolTip(tr("Folder in which what is noted is kept, for you and colleagues"))
        self.rule, self.zone = _editable(_RULES), _editable(_ZONES)
        self.rule.lineEdit().setPlaceholderText(tr("Found by itself"))
        self.rule.setToolTip(
            tr(
                "The end of the path without its suffix, with {camera}, {year}, {month}, {day}, "
                "{hour}, {minute}, {second}, {date}, {time}, {hhmm}, {epoch}; * is anything. Or a "
                "regular expression with groups (?P<camera>…)"
            )
        )
        self.zone.lineEdit().setPlaceholderText(tr("That of this computer"))
        self.zone.setToolTip(tr("Of times in names that name none: UTC, +01:00, Europe/Vienna"))
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels((tr("Photo"), tr("Camera"), tr("Time (UTC)")))
        for column in (1, 2):
            mode = QHeaderView.ResizeMode.ResizeToContents
            self.table.horizontalHeader().setSectionResizeMode(column, mode)
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.table.verticalHeader().hide()
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(self.try_rule)
        self.add.clicked.connect(lambda _=False: self._ask_for_folder())
        self.remove.clicked.connect(lambda _=False: self._remove())
        self.groups.aboutToShow.connect(self._list_groups)
        self.rule.editTextChanged.connect(lambda _: self._timer.start())
        self.zone.editTextChanged.connect(lambda _: self._timer.start())
        self.place.textChanged.connect(lambda _: self._show_buttons())
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        if store is not None:
            self.place.setText(str(store.path))
            self.rule.setEditText(store.rule.pattern)
            self.zone.setEditText(store.rule.zone)
        self.place.setEnabled(self._is_new)
        self.add_folders(store.folders if store else ())

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        form = form_layout(head := QWidget())
        buttons = QVBoxLayout()
        for button in (self.add, self.add_group, self.remove):
            buttons.addWidget(button)
        folders = QHBoxLayout()
        folders.addWidget(self.folders, 1)
        folders.addLayout(buttons)
        form.addRow(tr("Folders"), folders)
        form.addRow(tr("Series"), self.place)
        form.addRow(tr("Name rule"), self.rule)
        form.addRow(tr("Time zone"), self.zone)
        for part in (head, self.summary, self.table, self.buttons):
            column.addWidget(part, int(part is self.table))
        self.resize(820, 620)

    # --- folders ---------------------------------------------------------------------------------

    @property
    def chosen_folders(self) -> list[Path]:
        """The folders of the series."""
        return [Path(self.folders.item(row).text()) for row in range(self.folders.count())]

    def add_folders(self, folders: Sequence[Path]) -> None:
        """Add folders of photos; those that lie in another one are in the series by that."""
        found = outermost([*self.chosen_folders, *folders])
        self.folders.clear()
        self.folders.addItems(list(map(str, found)))
        self._on_folders()

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Folder of photos"), "")
        if folder:
            self.add_folders([Path(folder)])

    def _list_groups(self) -> None:
        self.groups.clear()
        for group in QgsProject.instance().layerTreeRoot().findGroups():
            folders = folders_of(group)
            if folders:
                action = self.groups.addAction(group.name())
                action.triggered.connect(lambda _=False, found=folders: self.add_folders(found))
        if self.groups.isEmpty():
            self.groups.addAction(tr("No group holds photos")).setEnabled(False)

    def _remove(self) -> None:
        for item in self.folders.selectedItems():
            self.folders.takeItem(self.folders.row(item))
        self._on_folders()

    def _on_folders(self) -> None:
        """Find the photos, and name a place for a new series beside them."""
        folders = self.chosen_folders
        try:
            self._names, self._fault = [key for key, _ in photo_files(folders)], ""
        except IsegError as error:
            self._names, self._fault = [], tr_core(str(error))
        if self._is_new and folders:
            self.place.setText(str(_common(folders) / f"{folders[0].name}{SUFFIX}"))
        self.try_rule()

    # --- the rule --------------------------------------------------------------------------------

    def try_rule(self) -> None:
        """Show what the rule gives for the photos."""
        self._timer.stop()
        trial = try_on(self._names, self.rule.currentText(), self.zone.currentText())
        self.summary.setText(self._fault or tr_core(trial.fault) or _summary(trial))
        self.table.setRowCount(min(len(trial.photos), _SHOWN))
        for row, photo in enumerate(trial.photos[:_SHOWN]):
            time = tr("from EXIF, if it is there")
            if photo.taken_at is not None:
                time = f"{photo.taken_at:%Y-%m-%d %H:%M:%S}"
            for column, text in enumerate((photo.path, photo.camera, time)):
                item = QTableWidgetItem(text)
                item.setToolTip(tr_core(photo.fault) or text)
                self.table.setItem(row, column, item)
        self._has_photos = bool(trial.photos) and not self._fault
        self._show_buttons()

    def _show_buttons(self) -> None:
        is_named = self.place.text().strip().endswith(SUFFIX)
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(self._has_photos and is_named)

    def accept(self) -> None:
        """Write the series; say why not, and stay, if that is not possible."""
        path = Path(self.place.text().strip())
        rule = self.rule.currentText().strip(), self.zone.currentText().strip()
        try:
            SeriesStore.create(path, self.chosen_folders, NameRule(*rule))
        except IsegError as error:
            self.summary.setText(tr_core(str(error)))
            return
        self.path = path
        super().accept()


def folders_of(group: QgsLayerTreeGroup) -> list[Path]:
    """Return the folders of the photos in a group of layers."""
    layers = (node.layer() for node in group.findLayers())
    return outermost([Path(file_of(layer)).parent for layer in layers if is_photo(layer)])


def _common(folders: Sequence[Path]) -> Path:
    """Return the folder that holds all; the first one's where they lie on several drives."""
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:
        return folders[0].parent


def _editable(texts: Sequence[str]) -> QComboBox:
    combo = QComboBox()
    combo.setEditable(True)
    combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    combo.addItems(list(texts))
    combo.setCompleter(None)
    fit_width(combo)
    return combo


def _summary(trial: RuleTrial) -> str:
    if not trial.photos:
        return tr("Add the folders that hold the photos.")
    cameras = ", ".join(f"{name} ({count})" for name, count in trial.cameras.most_common(_CAMERAS))
    more = " …" if len(trial.cameras) > _CAMERAS else ""
    text = tr("{} photos; {} cameras: {}").format(
        len(trial.photos), len(trial.cameras), f"{cameras}{more}."
    )
    if trial.without_time:
        text += " " + tr("{} have no time in their names.").format(trial.without_time)
    if trial.doubled:
        text += " " + tr("{} have the camera and the time of another one.").format(trial.doubled)
    return text
