"""The window *Models*: which there are, and their download."""

from __future__ import annotations

from html import escape
from pathlib import Path

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..environment.report import without_home
from ..i18n import tr
from ..models import catalogue
from ..models.catalogue import ModelEntry, ModelPresence, part_path
from ..models.download import ModelDownload

_NAME = Qt.ItemDataRole.UserRole
_STEPS = 1000  # of the progress bar


class ModelsDialog(QDialog):
    """Lists the models; downloads, checks, deletes, adds and chooses one.

    Signals
    -------
    model_chosen
        The settings name another model now.
    models_changed
        Others are on this computer now.
    """

    model_chosen = pyqtSignal()
    models_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("AvalancheISegModels")
        self.setWindowTitle(tr("Models"))
        self._download: ModelDownload | None = None
        self._loading = ""  # name of the model that is downloaded
        self.table = QTreeWidget()
        self.table.setRootIsDecorated(False)
        self.table.setHeaderLabels([tr("Model"), tr("Size"), tr("State"), tr("Name")])
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.details = QLabel()
        self.details.setWordWrap(True)
        self.details.setTextFormat(Qt.TextFormat.RichText)
        self.details.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.details.setOpenExternalLinks(True)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar()
        self.progress.hide()
        self.use = QPushButton(tr("Use"))
        self.use.setToolTip(tr("Segment with this model"))
        self.get = QPushButton(tr("Download"))
        self.stop = QPushButton(tr("Cancel"))
        self.check = QPushButton(tr("Check"))
        self.check.setToolTip(tr("Compare the file with the published one"))
        self.delete = QPushButton(tr("Delete"))
        self.add = QPushButton(tr("Add file…"))
        self.quit = QPushButton(tr("Close"))
        row = QHBoxLayout()
        for button in (self.use, self.get, self.stop, self.check, self.delete, self.add):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.quit)
        column = QVBoxLayout(self)
        column.addWidget(self.table, 1)
        for part in (self.details, self.status, self.progress):
            column.addWidget(part)
        column.addLayout(row)
        self.resize(760, 500)
        self._connect()
        self.refresh(settings.MODEL.get())

    def _connect(self) -> None:
        self.table.currentItemChanged.connect(lambda *_: self._on_selected())
        self.table.itemDoubleClicked.connect(lambda *_: self._use())
        self.use.clicked.connect(self._use)
        self.get.clicked.connect(self._get)
        self.stop.clicked.connect(self._cancel)
        self.check.clicked.connect(self._check)
        self.delete.clicked.connect(self._delete)
        self.add.clicked.connect(self._browse)
        self.quit.clicked.connect(self.reject)

    # --- what is shown -------------------------------------------------------------------------

    def refresh(self, selected: str = "") -> None:
        """Show the models again, with one of them selected."""
        wanted = selected or (self.current.name if self.current else "")
        chosen = settings.MODEL.get()
        self.table.blockSignals(True)
        self.table.clear()
        for entry in catalogue.entries():
            size = tr("{:.0f} MB").format(entry.megabytes) if entry.megabytes else ""
            name = entry.name if entry.zoo else tr("own file")
            item = QTreeWidgetItem([entry.title, size, _state_text(entry), name])
            item.setData(0, _NAME, entry.name)
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            font = item.font(0)
            font.setBold(entry.name == chosen)
            item.setFont(0, font)
            self.table.addTopLevelItem(item)
            if entry.name == wanted:
                self.table.setCurrentItem(item)
        self.table.blockSignals(False)
        if self.table.currentItem() is None:
            self.table.setCurrentItem(self.table.topLevelItem(0))
        self._show_entry()

    @property
    def current(self) -> ModelEntry | None:
        """The model that is selected."""
        item = self.table.currentItem()
        return catalogue.entry_of(item.data(0, _NAME)) if item is not None else None

    def select(self, name: str) -> None:
        """Select a model."""
        for row in range(self.table.topLevelItemCount()):
            item = self.table.topLevelItem(row)
            if item.data(0, _NAME) == name:
                self.table.setCurrentItem(item)

    def _on_selected(self) -> None:
        if self._download is None:
            self.status.setText("")
        self._show_entry()

    def _show_entry(self) -> None:
        entry = self.current
        if entry is None:
            return
        self.details.setText(_details(entry))
        presence, loading = entry.presence, self._download is not None
        here = presence in (ModelPresence.PRESENT, ModelPresence.SHIPPED)
        published = entry.zoo is not None and entry.zoo.url is not None
        self.use.setEnabled(here and entry.name != settings.MODEL.get())
        begun = presence is ModelPresence.BEGUN
        self.get.setText(tr("Continue download") if begun else tr("Download"))
        self.get.setEnabled(published and not here and not loading)
        self.get.setVisible(not loading)
        self.stop.setVisible(loading)
        self.check.setEnabled(here and entry.zoo is not None)
        removable = presence is ModelPresence.PRESENT or (begun and entry.name != self._loading)
        self.delete.setEnabled(removable or entry.zoo is None)
        has_file = entry.zoo is not None or entry.is_made_here
        self.delete.setText(tr("Delete") if has_file else tr("Remove from list"))
        self.progress.setVisible(loading)

    # --- download ------------------------------------------------------------------------------

    def _get(self) -> None:
        entry = self.current
        if entry is None or self._download is not None:
            return
        download = self._download = ModelDownload(entry, self)
        self._loading = entry.name
        download.progressed.connect(self._on_progress)
        download.finished.connect(self._on_finished)
        self.status.setText(tr("Downloading {}…").format(entry.title))
        self.progress.setRange(0, 0)
        self._show_entry()
        download.start()

    def _on_progress(self, received: int, total: int) -> None:
        entry = catalogue.entry_of(self._loading)
        if total > 0:
            self.progress.setRange(0, _STEPS)
            self.progress.setValue(int(_STEPS * received / total))
            text = tr("Downloading {}: {:.1f} of {:.1f} MB")
            self.status.setText(text.format(entry.title, received / 1e6, total / 1e6))
        else:
            text = tr("Downloading {}: {:.1f} MB").format(entry.title, received / 1e6)
            self.status.setText(text)

    def _on_finished(self, fault: str) -> None:
        entry = catalogue.entry_of(self._loading)
        self._end_download()
        done = tr("{} is here. Use takes it for segmentation.").format(entry.title)
        self.status.setText(fault or done)
        self.refresh()
        if not fault:
            self.models_changed.emit()

    def _cancel(self) -> None:
        if self._download is not None:
            self._download.cancel()
            self._end_download()
            self.status.setText(tr("Cancelled. What has arrived is kept."))
            self.refresh()

    def _end_download(self) -> None:
        if self._download is not None:
            self._download.deleteLater()
        self._download, self._loading = None, ""

    # --- files ---------------------------------------------------------------------------------

    def _use(self) -> None:
        entry = self.current
        if entry is None or not entry.path.is_file():
            return
        settings.MODEL.set(entry.name)
        self.refresh()
        self.model_chosen.emit()

    def _check(self) -> None:
        entry = self.current
        if entry is None:
            return
        fault = entry.fault()
        if fault is not None:
            text = tr("The file is damaged: {}. Delete it, and download it again.").format(fault)
        elif entry.zoo is not None and not (entry.zoo.git_blob or entry.zoo.sha256):
            text = tr("No checksum is published for it; its content is checked when it is loaded.")
        else:
            text = tr("The file is what was published.")
        self.status.setText(text)

    def _delete(self) -> None:
        entry = self.current
        if entry is None or entry.presence is ModelPresence.SHIPPED:
            return
        if entry.zoo is None:
            catalogue.forget_file(entry.name)
        if entry.zoo is not None or entry.is_made_here:
            try:
                if entry.is_made_here:
                    catalogue.delete_made(entry)
                else:
                    for path in (entry.path, part_path(entry.path)):
                        path.unlink(missing_ok=True)
            except OSError as error:
                text = tr("{} cannot be deleted: {}. Use another model first, and try again.")
                self.status.setText(text.format(entry.path.name, error.strerror or error))
                return
            self.status.setText(tr("{} is deleted.").format(entry.title))
        if entry.name == settings.MODEL.get():
            settings.MODEL.set(settings.MODEL.default)
            self.model_chosen.emit()
        self.refresh(entry.name)
        self.models_changed.emit()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, tr("Model file"), "", tr("Models (*.safetensors *.pth)")
        )
        if path:
            self.add_file(path)

    def add_file(self, path: str) -> None:
        """Add a file: as that of a published model if it is one, else as the user's own."""
        try:
            name = catalogue.take_file(Path(path))
        except OSError as error:
            text = tr("{} cannot be copied: {}. Make room or write access there, and try again.")
            self.status.setText(text.format(Path(path).name, error.strerror or error))
            return
        self.refresh(name)
        self.models_changed.emit()

    def reject(self) -> None:
        """Close; asks first while a model is downloaded."""
        if self._download is not None:
            answer = QMessageBox.question(
                self,
                tr("Stop the download?"),
                tr("What has arrived is kept; Continue download goes on later."),
            )
            if answer != QMessageBox.StandardButton.Yes:
                return
        self.end()
        super().reject()

    def end(self) -> None:
        """Leave no connection behind."""
        self._cancel()


def _state_text(entry: ModelEntry) -> str:
    texts = {
        ModelPresence.SHIPPED: tr("comes with the plugin"),
        ModelPresence.PRESENT: tr("downloaded") if entry.zoo else tr("here"),
        ModelPresence.BEGUN: tr("partly downloaded"),
        ModelPresence.ABSENT: tr("not here") if entry.zoo else tr("file is missing"),
    }
    return texts[entry.presence]


def _details(entry: ModelEntry) -> str:
    """Return what is known of a model, as HTML."""
    rows = [(tr("For"), escape(entry.purpose))]
    if entry.zoo is None and entry.clicks:
        rows.append((tr("Clicks needed"), escape(entry.clicks)))
    if entry.zoo is not None:
        zoo = entry.zoo
        rows += [
            (tr("Trained on"), escape(zoo.trained_on)),
            (tr("Clicks needed"), escape(entry.clicks)),
            (tr("Licence"), escape(zoo.licence)),
            (tr("Cite"), escape(zoo.citation)),
        ]
        if zoo.url is not None:
            rows.append((tr("Source"), f'<a href="{escape(zoo.url)}">{escape(zoo.url)}</a>'))
            rows.append((tr("File"), escape(without_home(str(entry.path)))))
    cells = "".join(
        f"<tr><td style='padding-right:8px'><b>{escape(label)}</b></td><td>{text}</td></tr>"
        for label, text in rows
        if text
    )
    return f"<table>{cells}</table>"
