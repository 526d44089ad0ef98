"""The window *Set up segmentation*: makes the environment of the workers."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QGuiApplication
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from .. import settings
from ..environment.installer import EnvironmentInstaller
from ..environment.interpreters import Command, Interpreter, missing_text
from ..environment.network import proxy_text
from ..environment.package_list import FILE, PYTORCH_FILE, PackageList
from ..environment.probing import InterpreterSearch, is_sandboxed
from ..environment.profile import chosen_list, profile_store
from ..environment.report import make_report, without_home
from ..environment.store import EnvironmentState, EnvironmentStore
from ..i18n import tr
from .check_view import CheckView
from .widgets import fit_width, form_layout, tool_button, widget_row

_STEPS = 1000  # of the progress bar
_LOG_LINES = 2000


class SetupDialog(QDialog):
    """Makes, updates, repairs and tests the environment; nothing of it blocks QGIS.

    Signals
    -------
    interpreter_changed
        The settings name another Python now.
    """

    interpreter_changed = pyqtSignal()

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        store: EnvironmentStore | None = None,
        packages: PackageList | None = None,
        candidates: list[Command] | None = None,
    ) -> None:
        """Make the window over a store, for a list, and for Pythons other than this computer's."""
        super().__init__(parent)
        self.setObjectName("AvalancheISegSetup")
        self.setWindowTitle(tr("Set up segmentation"))
        self._store = store or profile_store()
        self._packages = packages or chosen_list()
        self._started = 0.0
        self._adopting = False  # the test under way is that of a new environment
        self._fault = ""  # why there is no Python to begin with
        self.installer = EnvironmentInstaller(self._store, self._packages, self)
        self.search = InterpreterSearch(self)
        self._make_widgets()
        self._connect()
        self.resize(640, 440)
        self._refresh()
        self.search.start(candidates)

    # --- widgets -------------------------------------------------------------------------------

    def _make_widgets(self) -> None:
        self.headline = QLabel()
        font = self.headline.font()
        font.setBold(True)
        self.headline.setFont(font)
        self.explanation = QLabel()
        for label in (self.headline, self.explanation):
            label.setWordWrap(True)
        self.python = QComboBox()
        self.python.setToolTip(tr("Python that the environment is made from; it stays as it is"))
        fit_width(self.python)
        self.browse = tool_button("…", tr("Choose another Python program"))
        self.source = QComboBox()
        self.source.setToolTip(tr("Where the packages come from"))
        self.source.addItem(tr("Internet (PyPI), {}").format(proxy_text()), "")
        self.source.addItem(tr("Use a folder of wheels…"), None)
        fit_width(self.source)
        self.explanation.setText(self._explanation())
        more = PackageList.read(PYTORCH_FILE).download_mb - PackageList.read().download_mb
        self.pytorch = QCheckBox(tr("With PyTorch, for published models ({} MB more)").format(more))
        self.pytorch.setChecked(settings.WITH_PYTORCH.get())
        self.pytorch.setVisible(self._packages.path in (FILE, PYTORCH_FILE))
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.view = CheckView(settings.INTERPRETER.get)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(_LOG_LINES)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.log.setMinimumHeight(80)
        self.log.setPlaceholderText(tr("What set-up does is written here."))
        self.begin = QPushButton()
        self.over = QPushButton(tr("Start over"))
        self.stop = QPushButton(tr("Cancel"))
        self.report = QPushButton(tr("Copy report"))
        self.report.setToolTip(tr("Versions, packages and the end of the log, for a message to us"))
        self.quit = QPushButton(tr("Close"))
        for button in (self.over, self.stop, self.report, self.quit):
            button.setAutoDefault(False)

        choices = QWidget()
        form = form_layout(choices)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(tr("Python"), widget_row(self.python, self.browse))
        form.addRow(tr("Packages"), self.source)
        form.addRow("", self.pytorch)
        row = QHBoxLayout()
        for button in (self.begin, self.over, self.stop):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.report)
        row.addWidget(self.quit)
        column = QVBoxLayout(self)
        for part in (self.headline, self.explanation, choices, self.status, self.progress):
            column.addWidget(part)
        column.addWidget(self.log, 1)
        column.addWidget(self.view)
        column.addLayout(row)

    def _connect(self) -> None:
        self.search.found.connect(self._add_interpreter)
        self.search.finished.connect(self._on_searched)
        self.python.currentIndexChanged.connect(lambda _: self._show_fault())
        self.browse.clicked.connect(self._browse_python)
        self.source.activated.connect(self._on_source)
        self.source.currentIndexChanged.connect(
            lambda _: self.explanation.setText(self._explanation())
        )
        self.pytorch.toggled.connect(self._on_pytorch)
        self.begin.clicked.connect(lambda _=False: self.start())
        self.over.clicked.connect(lambda _=False: self.start(resume=False))
        self.stop.clicked.connect(lambda _=False: self.cancel())
        self.report.clicked.connect(self._copy_report)
        self.quit.clicked.connect(self.reject)
        self.installer.progressed.connect(self._on_progress)
        self.installer.logged.connect(self.log.appendPlainText)
        self.installer.finished.connect(self._on_installed)
        self.view.finished.connect(self._on_tested)

    def _on_pytorch(self, chosen: bool) -> None:
        settings.WITH_PYTORCH.set(chosen)
        self._packages = self.installer.packages = chosen_list()
        self.explanation.setText(self._explanation())
        self._refresh()

    def _explanation(self) -> str:
        packages, root = self._packages, self._store.root
        try:
            free = shutil.disk_usage(next(p for p in (root, *root.parents) if p.exists())).free
        except OSError:
            free = 0
        source = (
            tr("The packages come from the folder; nothing is downloaded.")
            if self._wheels
            else tr("Set-up downloads about {} MB once.").format(packages.download_mb)
        )
        text = tr(
            "The segmentation runs in a Python environment of its own; nothing is installed into "
            "QGIS. {} It needs {} MB on disk ({:.0f} GB are free), in {}. No rights of an "
            "administrator are needed."
        )
        where = without_home(str(root))
        return text.format(source, packages.disk_mb, free / 1e9, where)

    @property
    def _wheels(self) -> str:
        """Folder that the packages come from; empty for the internet."""
        return str(self.source.currentData() or "")

    # --- state ---------------------------------------------------------------------------------

    @property
    def state(self) -> EnvironmentState:
        """How the environment is that the settings name."""
        return self._store.state(settings.INTERPRETER.get(), self._packages.fingerprint)

    def _refresh(self) -> None:
        """Show the state, and what can be done."""
        state, kinds = self.state, EnvironmentState
        headlines = {
            kinds.NONE: tr("Segmentation is not set up yet."),
            kinds.UNFINISHED: tr("Set-up was interrupted. Continue goes on where it stopped."),
            kinds.OUTDATED: tr(
                "The segmentation needs an update: this plugin asks for other packages."
            ),
            kinds.DAMAGED: tr("The environment is damaged. Repair makes it anew."),
            kinds.READY: tr("Segmentation is set up."),
            kinds.CHOSEN: tr(
                "An environment of your own is used, chosen in the options. Set up makes one in "
                "your profile instead."
            ),
        }
        buttons = {
            kinds.UNFINISHED: tr("Continue"),
            kinds.OUTDATED: tr("Update"),
            kinds.DAMAGED: tr("Repair"),
            kinds.READY: tr("Repair"),
        }
        busy = self.busy
        self.headline.setText(headlines[state])
        self.begin.setText(buttons.get(state, tr("Set up")))
        done = self.quit if state is kinds.READY else self.begin
        done.setDefault(True)  # Enter makes no second environment where one is ready
        self.begin.setVisible(not busy)
        self.begin.setEnabled(self.chosen is not None and not self._fault)
        self.over.setVisible(state is kinds.UNFINISHED and not busy)
        self.stop.setVisible(busy)
        for widget in (self.python, self.browse, self.source, self.pytorch, self.view.button):
            widget.setEnabled(not busy)
        self.progress.setVisible(busy)

    @property
    def busy(self) -> bool:
        """Whether set-up is at work."""
        return self.installer.running or self._adopting

    @property
    def chosen(self) -> Interpreter | None:
        """The Python that the environment is to be made from."""
        found = self.python.currentData()
        return found if isinstance(found, Interpreter) else None

    # --- the Python ----------------------------------------------------------------------------

    def _add_interpreter(self, interpreter: Interpreter) -> None:
        suits = not interpreter.fault(self._packages)
        self.python.addItem(without_home(interpreter.name), interpreter)
        if suits and (self.chosen is None or self.chosen.fault(self._packages)):
            self.python.setCurrentIndex(self.python.count() - 1)
        self._show_fault()

    def _on_searched(self) -> None:
        if self.python.count() == 0:
            self.status.setText(missing_text(self._packages, sandboxed=is_sandboxed()))
        self._show_fault()

    def _show_fault(self) -> None:
        """Say why the chosen Python does not do."""
        before, chosen = self._fault, self.chosen
        self._fault = chosen.fault(self._packages) if chosen is not None else ""
        if self._fault or before:
            self.status.setText(self._fault)
        self._refresh()

    def _browse_python(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            tr("Python program"),
            "",
            "",
            "",
            QFileDialog.Option.DontResolveSymlinks,
        )
        if path:
            self.try_python(path)

    def try_python(self, path: str) -> None:
        """Run a program, and choose it if it is a Python."""
        search = InterpreterSearch(self)
        found: list[Interpreter] = []

        def on_finished() -> None:
            search.deleteLater()
            if not found:
                self.status.setText(tr("{} is no Python that can be run.").format(path))
                return
            self.python.addItem(without_home(found[0].name), found[0])
            self.python.setCurrentIndex(self.python.count() - 1)

        search.found.connect(found.append)
        search.finished.connect(on_finished)
        search.start([(path,)])

    def _on_source(self, index: int) -> None:
        if self.source.itemData(index) is not None:
            return
        folder = QFileDialog.getExistingDirectory(self, tr("Folder of wheels (*.whl)"))
        if folder:
            self.take_wheels(folder)
        else:
            self.source.setCurrentIndex(0)

    def take_wheels(self, folder: str) -> None:
        """Take the packages from a folder."""
        if not any(Path(folder).glob("*.whl")):
            self.source.setCurrentIndex(0)
            text = tr(
                "The folder {} has no wheels (*.whl). On a computer with internet and the same "
                "Python, “pip download -r {}” makes such a folder."
            )
            self.status.setText(text.format(folder, self._packages.path))
            return
        last = self.source.count() - 1
        self.source.insertItem(last, tr("Folder {}").format(without_home(folder)), folder)
        self.source.setCurrentIndex(last)

    # --- set-up --------------------------------------------------------------------------------

    def start(self, *, resume: bool = True) -> None:
        """Make the environment, or go on with it."""
        chosen = self.chosen
        if chosen is None or self.busy:
            return
        self.view.stop()
        self.status.setText("")
        self.log.clear()
        self._started = time.monotonic()
        self.installer.start(chosen.program, self._wheels, resume=resume)
        self._refresh()

    def cancel(self) -> None:
        """End at once; Continue goes on."""
        self.installer.cancel()
        self._adopting = False
        self.view.stop()
        self.status.setText(tr("Cancelled. What has been downloaded is kept."))
        self._refresh()

    def _on_progress(self, text: str, fraction: float) -> None:
        self.status.setText(text)
        self.progress.setRange(0, 0 if fraction < 0 else _STEPS)
        self.progress.setValue(int(_STEPS * max(0.0, fraction)))

    def _on_installed(self, interpreter: str, fault: str) -> None:
        if fault:
            self.status.setText(fault)
            self._refresh()
            return
        self._adopting = True
        self._on_progress(tr("Testing the environment…"), -1.0)
        self.view.start(interpreter)
        self._refresh()

    def _on_tested(self, _works: bool) -> None:
        check = self.view.check
        if not self._adopting or check is None:
            return
        self._adopting = False
        if not all(result.works for result in check.results[:2]):
            self.status.setText(
                tr("The packages are installed, but the segmentation does not run; see below.")
            )
        elif not self.installer.adopt(check.interpreter):
            self.status.setText(tr("The environment cannot be written to. Check its rights."))
        else:
            settings.INTERPRETER.set(check.interpreter)
            seconds = time.monotonic() - self._started
            self.status.setText(tr("Done in {:.0f} s.").format(seconds))
            self.interpreter_changed.emit()
            self.installer.tidy(check.interpreter)
        self._refresh()

    # --- report and end ------------------------------------------------------------------------

    def report_text(self) -> str:
        """Return the report."""
        check = self.view.check
        log = self.log.toPlainText().splitlines()
        log += check.log.splitlines() if check else []
        results = [self.headline.text(), self.status.text(), *self.view.lines]
        results += [f"Device: {check.device}"] if check and check.device else []
        versions = check.versions if check else {}
        return make_report(settings.INTERPRETER.get(), filter(None, results), versions, log)

    def _copy_report(self) -> None:
        QGuiApplication.clipboard().setText(self.report_text())
        self.status.setText(tr("The report is in the clipboard: paste it into your message."))

    def reject(self) -> None:
        """Close; asks first while set-up is at work."""
        if self.busy:
            answer = QMessageBox.question(
                self,
                tr("Stop set-up?"),
                tr("What has been downloaded is kept; Continue goes on later."),
            )
            if answer != QMessageBox.StandardButton.Yes:
                return
        self.end()
        super().reject()

    def end(self) -> None:
        """Leave no process behind."""
        self.installer.cancel()
        self.search.stop()
        self.view.stop()
