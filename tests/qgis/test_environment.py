"""Set-up inside QGIS: environments that are really made, of small packages, in a folder."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest
from qgis.core import QgsNetworkAccessManager, QgsSettings
from qgis.PyQt.QtCore import QEvent, QTimer
from qgis.PyQt.QtWidgets import QApplication, QDialog, QMessageBox, QWidget
from waiting import wait_until

from avalanche_iseg_qgis.environment.network import proxy_text, proxy_variables
from avalanche_iseg_qgis.environment.package_list import PackageList
from avalanche_iseg_qgis.environment.probing import installed
from avalanche_iseg_qgis.environment.report import make_report, without_home
from avalanche_iseg_qgis.environment.store import (
    EnvironmentState,
    EnvironmentStore,
    Stamp,
    python_in,
    write_stamp,
)
from avalanche_iseg_qgis.gui.options import OptionsPage
from avalanche_iseg_qgis.gui.setup_dialog import SetupDialog

KINDS = EnvironmentState
SETTING = "avalanche_iseg/interpreter"
LIMIT = 180  # seconds: Python makes an environment in 3 to 20


def wheel(folder: Path, name: str, content: str = "", suffix: str = ".py") -> Path:
    """A package of one file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}{suffix}": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{file},sha256={digest.decode()},{len(text)}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(file, text)
    return path


def fake_python(
    path: Path, version: str = "[3, 12, 1]", missing: str = "[]", rest: str = ""
) -> str:
    """A program that says that it is a Python; ``rest`` is what it does when it is to do more."""
    said = f'{{"program": "{path}", "version": {version}, "missing": {missing}, "bits": 64}}'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n[ \"$1\" = -I ] && echo '{said}' && exit\n{rest}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture(autouse=True)
def clean_settings():
    QgsSettings().remove("avalanche_iseg")
    yield
    QgsSettings().remove("avalanche_iseg")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory, interpreter):
    """A folder of wheels; ``bridge`` leads to the packages of the tests' environment."""
    folder = tmp_path_factory.mktemp("wheels")
    site = next((interpreter.parents[1] / "lib").glob("python3*")) / "site-packages"
    wheel(folder, "bridge", f"{site}\n", ".pth")
    wheel(folder, "another")
    return folder


def fake_base(path: Path, python: object, venv: str = "", pip: str = "exit 0") -> str:
    """A Python whose environments run another one, and install nothing.

    ``venv`` and ``pip`` are done before an environment is made, and instead of installing.
    """
    inner = f"""#!/bin/sh
[ "$1 $2 $3" = "-m pip --version" ] && echo "pip 23.0 from x" && exit
[ "$1 $2" = "-m pip" ] && {{ {pip}; }}
exec {python} "$@"
"""
    rest = f"""{venv}
mkdir -p "$3/bin"
cat > "$3/bin/python" <<"END"
{inner}
END
chmod +x "$3/bin/python"
"""
    return fake_python(path, rest=rest)


class Setup:
    """The window, and a person at it."""

    def __init__(self, root: Path, text: str = "bridge==1.0\n") -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.list = root / "list.txt"
        self.list.write_text(text)
        self.store = EnvironmentStore(root / "avalanche_iseg")
        self.changes: list[str] = []
        packages = PackageList.read(self.list)
        self.dialog = SetupDialog(store=self.store, packages=packages, candidates=[])
        self.dialog.interpreter_changed.connect(lambda: self.changes.append(interpreter_set()))
        self.dialog.show()

    def take(self, python: object, wheels: Path | None = None) -> None:
        self.dialog.try_python(str(python))
        wait_until(lambda: self.names_chosen(python), 30, "the Python chosen")
        if wheels is not None:
            self.dialog.take_wheels(str(wheels))

    def names_chosen(self, python: object) -> bool:
        chosen = self.dialog.chosen
        return chosen is not None and chosen.program == str(python)

    def wait(self) -> str:
        wait_until(lambda: not self.dialog.busy, LIMIT, "the end of set-up")
        return self.dialog.status.text()

    @property
    def log(self) -> str:
        return self.dialog.log.toPlainText()

    def close(self) -> None:
        self.dialog.end()
        self.dialog.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def setup():
    """Makes windows, and closes them."""
    made = []

    def make(*arguments) -> Setup:
        made.append(Setup(*arguments))
        return made[-1]

    yield make
    for one in made:
        one.close()


def interpreter_set() -> str:
    return QgsSettings().value(SETTING, "")


# --- what it is for -----------------------------------------------------------------------------


def test_makes_an_environment_in_which_everything_works(
    setup, tmp_path, interpreter, wheels, monkeypatch
):
    home = tmp_path / "Zoë Müller"  # with a blank and foreign letters in its name
    monkeypatch.setenv("HOME", str(home))
    window = setup(home)
    dialog = window.dialog
    window.take(interpreter, wheels)
    assert dialog.headline.text() == "Segmentation is not set up yet."
    assert dialog.begin.text() == "Set up"
    dialog.begin.click()
    assert window.wait().startswith("Done in"), window.log
    python = python_in(window.store.root / "environment-1")
    assert window.changes == [str(python)]
    assert (python.parents[1] / "pyvenv.cfg").is_file()
    assert dialog.headline.text() == "Segmentation is set up."
    assert dialog.quit.isDefault()
    assert not dialog.begin.isDefault()
    lines = dialog.view.lines
    assert [line[0] for line in lines] == ["✓"] * 3
    for line, words in zip(lines, ("Python 3", "Prediction works", "Cameras work"), strict=True):
        assert words in line
        assert " s" in line
    wait_until(lambda: not window.store.cache.exists(), 30, "the downloads removed")

    dialog.report.click()
    text = QApplication.clipboard().text()
    assert "Müller" not in text
    assert "Interpreter: ~/avalanche_iseg/environment-1" in text
    for word in ("QGIS 3", "Qt ", "Avalanche ISeg ", "numpy ", "Prediction works", "Device: cpu"):
        assert word in text
    assert "pip install" in text


def test_repair_and_update_leave_the_old_one_in_use_until_the_new_one_works(
    setup, tmp_path, interpreter
):
    base = fake_base(tmp_path / "base", interpreter)
    first = setup(tmp_path)
    folder = first.store.new_folder()
    old = python_in(folder)
    old.parent.mkdir(parents=True)
    old.symlink_to(interpreter)
    write_stamp(folder, Stamp(first.dialog._packages.fingerprint, base, complete=True))
    QgsSettings().setValue(SETTING, str(old))
    assert first.dialog.state is KINDS.READY

    window = setup(tmp_path, "bridge==1.0\nanother==1.0\n")
    window.take(base)
    assert window.dialog.state is KINDS.OUTDATED
    assert window.dialog.begin.text() == "Update"
    assert "update" in window.dialog.headline.text()
    assert first.dialog.state is KINDS.READY  # by the list from before
    (folder / "avalanche_iseg.json").write_text("{")
    window.dialog._refresh()
    assert window.dialog.begin.text() == "Repair"
    assert "damaged" in window.dialog.headline.text()

    window.dialog.begin.click()
    wait_until(lambda: len(window.store.folders()) == 2, LIMIT, "a second folder")
    assert interpreter_set() == str(old)
    assert window.wait().startswith("Done in")
    assert interpreter_set() == str(python_in(window.store.root / "environment-2"))
    assert window.dialog.state is KINDS.READY
    wait_until(lambda: not folder.exists(), 60, "the old one removed")


def test_new_packages_that_do_not_run_leave_the_old_ones_in_use(setup, tmp_path):
    base = fake_base(tmp_path / "base", "/usr/bin/python3")  # without PyTorch
    QgsSettings().setValue(SETTING, "/the/old/python")
    window = setup(tmp_path)
    window.take(base)
    assert "your own" in window.dialog.headline.text()
    window.dialog.begin.click()
    assert "does not run" in window.wait()
    assert "No module named" in "\n".join(window.dialog.view.lines)
    assert interpreter_set() == "/the/old/python"
    assert window.store.unfinished() is not None


# --- interrupted --------------------------------------------------------------------------------


def test_cancelled_and_gone_on_with(setup, tmp_path):
    may_make, may_install = tmp_path / "may make", tmp_path / "may install"
    base = fake_base(
        tmp_path / "base",
        "sleep 60 #",
        f"[ -e '{may_make}' ] || exec sleep 60",
        f"[ -e '{may_install}' ] && exit 0; exec sleep 60",
    )
    window = setup(tmp_path)
    dialog = window.dialog
    window.take(base)
    dialog.begin.click()
    wait_until(lambda: dialog.installer.pid > 0, what="a process")
    pid = dialog.installer.pid
    assert dialog.stop.isVisible()
    dialog.stop.click()  # while the folder is made
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "its end")
    assert dialog.begin.text() == "Set up"
    may_make.touch()
    dialog.begin.click()
    wait_until(lambda: "pip install" in window.log, LIMIT, "pip")
    pid = dialog.installer.pid
    dialog.stop.click()  # while pip is at work
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), 10, "its end")
    assert "kept" in dialog.status.text()
    assert dialog.state is KINDS.UNFINISHED
    assert dialog.begin.text() == "Continue"
    assert interpreter_set() == ""
    (folder,) = window.store.folders()

    may_install.touch()
    again = setup(tmp_path)  # the next day
    again.take(base)
    assert again.dialog.begin.text() == "Continue"
    again.dialog.begin.click()
    wait_until(lambda: again.dialog.view.check is not None, LIMIT, "the test of it")
    assert again.dialog.view.check.interpreter == str(python_in(folder))
    assert "-m venv" not in again.log
    again.dialog.stop.click()
    assert again.dialog.begin.text() == "Continue"


def test_start_over_makes_another_folder(setup, tmp_path):
    window = setup(tmp_path)
    window.take(fake_base(tmp_path / "base", "/bin/false", pip="exit 1"))
    window.dialog.begin.click()
    window.wait()
    assert window.dialog.over.isVisible()
    window.dialog.over.click()
    window.wait()
    assert len(window.store.folders()) == 2


def test_closing_while_it_works_asks(setup, tmp_path, monkeypatch):
    window = setup(tmp_path)
    window.take(fake_base(tmp_path / "base", "/bin/false", "exec sleep 60"))
    window.dialog.begin.click()
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    window.dialog.quit.click()
    assert window.dialog.isVisible()
    assert window.dialog.busy
    window.dialog.quit.click()
    assert not window.dialog.isVisible()
    assert not window.dialog.busy


def test_two_windows_do_not_do_it_at_once(setup, tmp_path):
    first, second = setup(tmp_path), setup(tmp_path)
    for window in (first, second):
        window.take(fake_base(tmp_path / "base", "/bin/false", "exec sleep 60"))
    first.dialog.begin.click()
    second.dialog.begin.click()
    assert "another window" in second.dialog.status.text()
    first.dialog.stop.click()
    second.dialog.begin.click()
    assert second.dialog.busy
    second.dialog.stop.click()


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["/bin/true", "/no/such/python", "rubbish"])
def test_what_is_no_python(setup, tmp_path, wrong):
    if wrong == "rubbish":
        wrong = str(tmp_path / "python")
        Path(wrong).write_text("#!/bin/sh\necho rubbish\n")
        Path(wrong).chmod(0o755)
    window = setup(tmp_path)
    window.dialog.try_python(wrong)
    wait_until(lambda: wrong in window.dialog.status.text(), what="a sentence")
    assert "no Python" in window.dialog.status.text()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"version": "[3, 9, 2]"}, "is Python 3.9"),
        ({"missing": '["ensurepip"]'}, "apt install python3.12-venv"),
        ({"missing": '["venv", "ensurepip"]'}, "lacks the module venv"),
    ],
)
def test_a_python_that_does_not_do(setup, tmp_path, facts, words):
    window = setup(tmp_path)
    window.take(fake_python(tmp_path / "python", **facts))
    assert words in window.dialog.status.text()
    assert not window.dialog.begin.isEnabled()


def test_a_venv_module_that_fails(setup, tmp_path):
    rest = "echo 'The virtual environment was not created: ensurepip is not available.'; exit 1"
    window = setup(tmp_path)
    window.take(fake_python(tmp_path / "python", rest=rest))
    window.dialog.begin.click()
    assert "lacks the module venv" in window.wait()


def test_no_python_at_all(setup, tmp_path):
    window = setup(tmp_path)
    assert "No Python 3.10 to 3.14 was found" in window.dialog.status.text()
    assert not window.dialog.begin.isEnabled()


def test_this_computer_has_a_python_that_is_not_qgis(setup, tmp_path):
    assert installed()
    assert not any("qgis" in Path(command[0]).name for command in installed())
    dialog = setup(tmp_path).dialog
    dialog.search.start()
    wait_until(lambda: dialog.chosen is not None, 60, "a Python")


def test_a_disk_that_is_too_full_is_told_before(setup, tmp_path):
    size = "# Size: 1000000000 MB to download, 2000000000 MB on disk\nbridge==1.0\n"
    window = setup(tmp_path, size)
    window.take(fake_base(tmp_path / "base", "/bin/false"))
    window.dialog.begin.click()
    assert "3000000000 MB are needed" in window.dialog.status.text()
    assert not window.store.folders()


PIP_WORDS = {
    "OSError: [Errno 28] No space left on device": "The disk is full",
    "ProxyError('Cannot connect to proxy.')": "The proxy cannot be reached",
    "CERTIFICATE_VERIFY_FAILED": "certificate",
    "Temporary failure in name resolution": "cannot be reached",
}


@pytest.mark.parametrize("said", PIP_WORDS)
def test_what_pip_fails_of_is_said_in_a_sentence(setup, tmp_path, said):
    window = setup(tmp_path)
    window.take(fake_base(tmp_path / "base", "/bin/false", pip=f'echo "{said}"; exit 1'))
    window.dialog.begin.click()
    assert PIP_WORDS[said] in window.wait()
    assert window.dialog.begin.text() == "Continue"
    assert interpreter_set() == ""


def test_a_package_that_the_folder_lacks(setup, tmp_path, wheels):
    said = "echo 'ERROR: No matching distribution found for numpy==1'; exit 1"
    window = setup(tmp_path)
    window.take(fake_base(tmp_path / "base", "/bin/false", pip=said), wheels)
    assert "nothing is downloaded" in window.dialog.explanation.text()
    window.dialog.begin.click()
    text = window.wait()
    assert "no package numpy" in text
    assert str(wheels) in text
    assert "--no-index" in window.log


def test_a_folder_without_wheels(setup, tmp_path):
    window = setup(tmp_path)
    window.dialog.take_wheels(str(tmp_path))
    assert "no wheels" in window.dialog.status.text()
    assert window.dialog.source.currentIndex() == 0


def test_a_folder_that_cannot_be_made(setup, tmp_path):
    window = setup(tmp_path)
    window.take(fake_base(tmp_path / "base", "/bin/false"))
    window.store.root.write_text("a file")
    window.dialog.begin.click()
    assert "cannot be written to" in window.wait()


# --- network ------------------------------------------------------------------------------------


@pytest.fixture
def proxy():
    """Sets QGIS's proxy."""
    names = ("Enabled", "Type", "Host", "Port", "User", "Password")

    def choose(*values: object) -> None:
        for name, value in zip(names, values, strict=False):
            QgsSettings().setValue(f"proxy/proxy{name}", value)
        QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()

    yield choose
    for name in names:
        QgsSettings().remove(f"proxy/proxy{name}")
    QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()


def test_the_proxy_of_qgis_is_that_of_pip(proxy, setup, tmp_path):
    proxy(True, "HttpProxy", "proxy.example", "8080", "zoë", "a b@c:d")
    assert proxy_variables()["HTTPS_PROXY"] == "http://zo%C3%AB:a%20b%40c%3Ad@proxy.example:8080"
    window = setup(tmp_path)
    assert "proxy.example:8080 as zoë" in window.dialog.source.itemText(0)
    assert "a b@c" not in proxy_text() + window.dialog.source.itemText(0)
    proxy(True, "Socks5Proxy", "proxy.example", "1080", "", "")
    assert proxy_variables()["HTTPS_PROXY"] == "socks5h://proxy.example:1080"
    proxy(False)
    assert proxy_variables() == {}


def test_pip_gets_proxy_and_certificates_and_no_log_the_password(proxy, setup, tmp_path):
    proxy(True, "HttpProxy", "127.0.0.1", "9", "zoe", "geheim")
    heard = tmp_path / "heard"
    said = f"env > '{heard}'; echo Looking in $HTTPS_PROXY/simple; exit 1"
    window = setup(tmp_path)
    window.take(fake_base(tmp_path / "base", "/bin/false", pip=said))
    window.dialog.begin.click()
    window.wait()
    variables = dict(line.partition("=")[::2] for line in heard.read_text().splitlines())
    assert variables["https_proxy"] == "http://zoe:geheim@127.0.0.1:9"
    assert variables["PIP_USER"] == "0"
    assert not any(name.startswith("PYTHONHOME") for name in variables)
    assert "BEGIN CERTIFICATE" in Path(variables["PIP_CERT"]).read_text()
    assert "Looking in http://…@127.0.0.1:9/simple" in window.log
    assert "geheim" not in window.log + window.dialog.report_text()


# --- in the panel and the options ---------------------------------------------------------------


def test_panel_offers_set_up_while_there_is_none(plugin, monkeypatch):
    monkeypatch.delenv("AVALANCHE_ISEG_PYTHON", raising=False)
    QgsSettings().setValue(SETTING, "")
    controller = plugin.open()
    dock = controller.dock
    wait_until(dock.notice.isVisible, 20, "the offer")
    assert dock.state.text() == "Segmentation is not set up yet."
    assert dock.notice.setup.text() == "Set up…"
    assert dock.notice.options.isVisible()
    assert not dock.restart.isVisible()
    dock.notice.setup.click()
    dialog = controller.setup_actions.setup_dialog
    assert dialog.isVisible()
    dialog.quit.click()
    assert controller.setup_actions.setup_dialog is None


@pytest.mark.parametrize("wrong", ["/bin/true", "/no/such/python", "/usr/bin/python3"])
def test_panel_offers_set_up_for_a_wrong_python(plugin, wrong):
    QgsSettings().setValue(SETTING, wrong)
    dock = plugin.open().dock
    wait_until(dock.notice.isVisible, 30, "the offer")
    assert wrong in dock.state.text()
    assert "Set up…" in dock.state.text()


def test_panel_offers_nothing_while_all_is_well(plugin):
    controller = plugin.open()
    client = controller.segmentation_client
    wait_until(lambda: client.state.name == "READY", LIMIT, "the worker")
    assert not controller.dock.notice.isVisible()


def test_set_up_gives_the_panel_its_worker(plugin, interpreter):
    QgsSettings().setValue(SETTING, "/no/such/python")
    controller = plugin.open()
    notice, client = controller.dock.notice, controller.segmentation_client
    wait_until(notice.isVisible, 20, "the offer")
    dialog = controller.setup_actions.open_setup()
    QgsSettings().setValue(SETTING, str(interpreter))
    dialog.interpreter_changed.emit()
    wait_until(lambda: client.state.name == "READY", LIMIT, "the worker")
    assert not notice.isVisible()
    dialog.quit.click()


def test_options_open_at_the_plugins_page(plugin, iface):
    seen = []

    def look() -> None:
        window = QApplication.activeModalWidget()
        # By its name: QGIS imports a plugin anew, and with it the class.
        page = window.findChild(QWidget, "AvalancheISegOptions") if window is not None else None
        seen.append(page is not None and page.isVisible())
        if seen[-1] or len(seen) > 60:
            if window is not None:
                window.reject()
        else:
            QTimer.singleShot(500, look)

    controller = plugin.open()
    QTimer.singleShot(500, look)
    controller.setup_actions.open_options()
    assert seen[-1]


def test_options_test_what_is_typed(plugin, iface, interpreter):
    page = OptionsPage(iface.mainWindow(), lambda: None)
    page.show()
    for path, mark in ((str(interpreter), "✓"), ("/bin/true", "✗")):
        page.interpreter.setFilePath(path)
        page.view.button.click()
        wait_until(page.view.button.isEnabled, LIMIT, "the test")
        assert page.view.text.text().startswith(mark)
        assert page.view.text.isVisible()
    page.deleteLater()


# --- report -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "home", "found"),
    [
        ("/home/zoe/x and /home/zoe", "/home/zoe", "~/x and ~"),
        ("/home/zoe2/x", "/home/zoe", "/home/zoe2/x"),
        ("/mnt/home/zoe/x", "/home/zoe", "/mnt/home/zoe/x"),
        (r"C:\Users\Zoe\x", "C:\\Users\\zoe", r"~\x"),
        ("c:/users/zoe/x", "C:\\Users\\Zoe", "~/x"),
        (r"'C:\\Users\\Zoe\\x'", "C:\\Users\\Zoe", r"'~\\x'"),
        ("/root/x", "/", "/root/x"),
    ],
)
def test_the_home_is_hidden_however_it_is_written(text, home, found):
    assert without_home(text, home) == found


def test_report_of_a_linked_home(tmp_path, monkeypatch):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    monkeypatch.setenv("HOME", str(link))
    text = make_report(f"{link}/python", [], {"numpy": "2"}, [f"in {real}/x", f"in {link}/y"])
    assert str(real) not in text
    assert str(link) not in text
    assert "in ~/x" in text


def test_dialog_fits_a_small_screen(setup, tmp_path):
    window = setup(tmp_path)
    assert isinstance(window.dialog, QDialog)
    assert window.dialog.minimumSizeHint().height() < 600
    assert window.dialog.width() <= 720
