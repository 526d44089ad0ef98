"""Makes the environment: commands one after another, and what is left of them when one fails."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QLockFile, QObject, pyqtSignal

from ..i18n import tr
from .job import NOT_STARTED, CommandRun
from .network import certificate_variables, proxy_variables
from .pip_output import PipProgress, failure_text
from .store import Stamp, python_in, write_stamp

if TYPE_CHECKING:
    from .package_list import PackageList
    from .store import EnvironmentStore

_REMOVE = "import shutil, sys; [shutil.rmtree(path, True) for path in sys.argv[1:]]"
_PROGRESS_SINCE = (24, 1)  # pip that tells bytes
_MEGABYTE = 1_000_000


class EnvironmentInstaller(QObject):
    """Makes an environment in a new folder, or goes on with the one that was begun.

    Signals
    -------
    progressed
        (what is done now, share that is done from 0 to 1; below 0 where it is not known)
    logged
        A line of the log.
    finished
        (Python of the environment, ""), or ("", why it failed and what to do). The environment
        is not in use yet: see `adopt`. Not emitted after `cancel`.

    Attributes
    ----------
    packages
        What is installed; not to be changed while it is at work.
    """

    progressed = pyqtSignal(str, float)
    logged = pyqtSignal(str)
    finished = pyqtSignal(str, str)

    def __init__(
        self, store: EnvironmentStore, packages: PackageList, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._store, self.packages = store, packages
        self._job: CommandRun | None = None
        self._lock: QLockFile | None = None
        self._folder, self._base, self._wheels = Path(), "", ""
        self._pip_version = (0, 0)
        self._output: list[str] = []

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._lock is not None

    @property
    def pid(self) -> int:
        """Id of the process at work, 0 if there is none."""
        return self._job.pid if self._job is not None else 0

    def start(self, base: str, wheels: str = "", *, resume: bool = True) -> None:
        """Begin, or go on where it was interrupted.

        Parameters
        ----------
        base
            Python that the environment is made from.
        wheels
            Folder of packages; "" takes them from the internet.
        resume
            Whether to go on with an environment that was begun from the same Python.
        """
        self._base, self._wheels = base, wheels
        if self._begin():
            folder = self._store.unfinished(self.packages.fingerprint, base) if resume else None
            if folder is not None:
                self._folder = folder
                self._check_pip(if_broken=self._make_folder)
            else:
                self._make_folder()

    def cancel(self) -> None:
        """End at once. What has been downloaded is kept."""
        if self._job is not None:
            self._job.kill()
            self._job.deleteLater()
            self._job = None
        self._unlock()

    def adopt(self, interpreter: str) -> bool:
        """Note that the environment of a Python is complete; return whether that worked."""
        folder = self._store.folder_of(interpreter)
        if folder is None:
            return False
        try:
            write_stamp(folder, Stamp(self.packages.fingerprint, self._base, complete=True))
        except OSError:
            return False
        return True

    def tidy(self, interpreter: str) -> None:
        """Remove, in the background, all but the environment of a Python that works."""
        kept = self._store.folder_of(interpreter)
        if kept is None or self.running:
            return
        others = [str(folder) for folder in self._store.folders() if folder != kept]
        job = CommandRun([interpreter, "-I", "-c", _REMOVE, *others, str(self._store.cache)], self)
        job.finished.connect(job.deleteLater)
        job.start()

    # --- steps -------------------------------------------------------------------------------

    def _begin(self) -> bool:
        root = self._store.root
        try:
            root.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(root).free // _MEGABYTE
        except OSError as error:
            self.finished.emit("", _folder_text(root, error))
            return False
        needed = self.packages.disk_mb + (0 if self._wheels else self.packages.download_mb)
        if free < needed:
            text = tr(
                "{} MB are needed on the disk of {}, but {} MB are free. Make room, and press the "
                "button again."
            )
            self.finished.emit("", text.format(needed, root, free))
            return False
        lock = QLockFile(str(root / "setup.lock"))
        lock.setStaleLockTime(0)  # a crashed QGIS is noticed by its process, not by time
        if not lock.tryLock(0):
            text = tr("Set-up is at work in another window. Wait until it is done there.")
            self.finished.emit("", text)
            return False
        self._lock = lock
        return True

    def _make_folder(self) -> None:
        self._folder = self._store.new_folder()
        self.progressed.emit(tr("Making the environment…"), -1.0)
        self._run([self._base, "-m", "venv", str(self._folder)], self._on_made)

    def _on_made(self, code: int) -> None:
        if code == 0:
            try:
                write_stamp(self._folder, Stamp(self.packages.fingerprint, self._base))
            except OSError as error:
                self._fail(_folder_text(self._folder, error))
                return
            self._check_pip(if_broken=lambda: self._fail(self._no_environment()))
        elif code == NOT_STARTED:
            self._fail(tr("{} cannot be started. Choose another Python.").format(self._base))
        else:
            self._fail(self._no_environment())

    def _no_environment(self) -> str:
        text = "\n".join(self._output)
        if re.search(r"No module named '?(venv|ensurepip)|ensurepip is not available", text):
            return tr(
                "{} lacks the module venv. Install it (Debian, Ubuntu: sudo apt install "
                "python3-venv), or choose another Python."
            ).format(self._base)
        return failure_text(self._output)

    def _check_pip(self, if_broken: Callable[[], None]) -> None:
        def on_finished(code: int) -> None:
            version = re.search(r"^pip (\d+)\.(\d+)", "\n".join(self._output), re.MULTILINE)
            if code == 0 and version:
                self._pip_version = int(version[1]), int(version[2])
                self._install()
            else:
                if_broken()

        self._run([self._python, "-m", "pip", "--version"], on_finished)

    def _install(self) -> None:
        tells_bytes = self._pip_version >= _PROGRESS_SINCE
        command = [self._python, "-m", "pip", "install", "--no-input", "--only-binary", ":all:"]
        command += ["--progress-bar", "raw" if tells_bytes else "off"]
        command += ["--disable-pip-version-check", "--cache-dir", str(self._store.cache)]
        command += ["--retries", "2"]  # of each package: a network may block one of the servers
        variables = {}
        try:
            if self._wheels:
                command += ["--no-index", "--find-links", self._wheels]
                command += ["-r", str(self.packages.path)]
            else:
                command += self.packages.pip_arguments()
                variables = {**proxy_variables(), **certificate_variables(self._folder)}
        except OSError as error:
            self._fail(_folder_text(self._folder, error))
            return
        progress = PipProgress(len(self.packages.packages), self.packages.download_mb)
        job = self._run(command, self._on_installed, variables)

        def show(line: str) -> None:
            progress.feed(line)
            self.progressed.emit(progress.text, progress.fraction)

        job.line.connect(show)

    def _on_installed(self, code: int) -> None:
        if code != 0:
            self._fail(failure_text(self._output, self._wheels))
            return
        self._unlock()
        self.finished.emit(self._python, "")

    @property
    def _python(self) -> str:
        return str(python_in(self._folder))

    def _run(
        self,
        command: list[str],
        then: Callable[[int], None],
        variables: dict[str, str] | None = None,
    ) -> CommandRun:
        output: list[str] = []
        self._output = output
        job = self._job = CommandRun(command, self, variables=variables)

        def take(line: str) -> None:
            if not re.match(r"Progress \d+ of \d+$", line):
                line = re.sub(r"//[^/@\s]+@", "//…@", line)  # name and password of a proxy
                output.append(line)
                self.logged.emit(line)

        def on_finished(code: int) -> None:
            self._job = None
            job.deleteLater()
            then(code)

        job.line.connect(take)
        job.finished.connect(on_finished)
        self.logged.emit("> " + " ".join(command))
        job.start()
        return job

    def _fail(self, text: str) -> None:
        self._unlock()
        self.finished.emit("", text)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None


def _folder_text(folder: Path, error: OSError) -> str:
    return tr("The folder {} cannot be written to ({}). Check the rights on it.").format(
        folder, error.strerror or error
    )
