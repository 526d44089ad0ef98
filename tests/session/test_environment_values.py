"""The environment of the workers: what can be said of it without QGIS and without a Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from avalanche_iseg_qgis.environment.interpreters import (
    PROBE,
    Interpreter,
    candidates,
    missing_text,
    read_probe,
)
from avalanche_iseg_qgis.environment.package_list import PYTORCH_FILE, PackageList
from avalanche_iseg_qgis.environment.pip_output import PipProgress, failure_text
from avalanche_iseg_qgis.environment.store import (
    EnvironmentState,
    EnvironmentStore,
    Stamp,
    python_in,
    write_stamp,
)

ROOT = Path(__file__).resolve().parents[2]


def package_list(tmp_path: Path, text: str = "numpy==2.0\n") -> PackageList:
    path = tmp_path / "list.txt"
    path.write_text(text)
    return PackageList.read(path)


# --- the list ---------------------------------------------------------------------------------


def test_the_list_of_the_plugin():
    packages = PackageList.read()
    assert {"numpy", "pyproj", "rasterio", "scipy", "openvino"} <= set(packages.packages)
    assert packages.oldest == (3, 10)
    assert packages.download_mb > 50
    assert packages.disk_mb > packages.download_mb
    assert "torch" not in packages.packages
    more = PackageList.read(PYTORCH_FILE)
    assert set(more.packages) == {*packages.packages, "torch", "pyogrio", "pyyaml", "tqdm"}
    assert more.download_mb > packages.download_mb
    assert more.fingerprint != packages.fingerprint


def test_what_a_list_says_of_itself(tmp_path):
    text = (
        "# Python: 3.11 to 3.13\n# Size: 12 MB to download, 34 MB on disk\nA_b==1\na_b>=0 ; x\nc\n"
    )
    packages = package_list(tmp_path, text)
    assert (packages.oldest, packages.newest) == ((3, 11), (3, 13))
    assert (packages.download_mb, packages.disk_mb) == (12, 34)
    assert packages.packages == ("a_b", "c")


def test_only_other_packages_make_another_list(tmp_path):
    first = package_list(tmp_path, "a==1\nb==2\n").fingerprint
    assert package_list(tmp_path, "# a comment\n\na==1\n  b==2").fingerprint == first
    assert package_list(tmp_path, "a==1\nb==3\n").fingerprint != first


@pytest.mark.parametrize(
    ("packages", "platform", "has_index"),
    [
        ("torch==2", "linux", True),
        ("torch==2", "win32", True),
        ("torch==2", "darwin", False),
        ("torchvision==1", "linux", False),
        ("openvino", "linux", False),
    ],
)
def test_index_of_cpu_builds(tmp_path, packages, platform, has_index):
    arguments = package_list(tmp_path, packages).pip_arguments(platform)
    assert ("https://download.pytorch.org/whl/cpu" in arguments) == has_index


# --- Pythons ----------------------------------------------------------------------------------


def test_a_real_python_tells_what_it_is():
    run = subprocess.run([sys.executable, "-I", "-c", PROBE], capture_output=True, text=True)
    found = read_probe("a warning of some kind\n" + run.stdout)
    assert found is not None
    assert found.version == sys.version_info[:3]
    assert found.bits == 64
    assert found.fault(PackageList.read()) == ""


@pytest.mark.parametrize(
    "output",
    [
        *("", "rubbish", "{}", "[1]", "null", "{" * 50, '{"program": "", "version": [3, 11, 1]}'),
        '{"program": "x", "version": ["a"], "missing": [], "bits": 64}',
    ],
)
def test_what_is_no_python(output):
    assert read_probe(output) is None


@pytest.mark.parametrize(
    ("interpreter", "words"),
    [
        (Interpreter("/p", (3, 9, 5)), "is Python 3.9, but 3.10 to 3.14 are needed"),
        (Interpreter("/p", (2, 7, 18)), "is Python 2.7"),
        (Interpreter("/p", (3, 15, 0)), "is Python 3.15"),
        (Interpreter("/p", (3, 12, 0), bits=32), "64-bit"),
        (Interpreter("/p", (3, 12, 0), ("ensurepip",)), "sudo apt install python3.12-venv"),
        (Interpreter("/p", (3, 12, 0), ("venv", "ensurepip")), "lacks the module venv"),
        (Interpreter("/p", (3, 12, 0), ("ssl",)), "lacks the module ssl"),
    ],
)
def test_a_python_that_does_not_do_is_told_why(tmp_path, interpreter, words):
    assert words in interpreter.fault(package_list(tmp_path))


def test_a_sandbox_is_told_honestly(tmp_path):
    assert "Flatpak" in missing_text(package_list(tmp_path), sandboxed=True)
    assert "python.org" in missing_text(package_list(tmp_path), sandboxed=False)


def make(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_candidates_on_windows(tmp_path):
    root, local, path = tmp_path / "OSGeo4W", tmp_path / "Local", tmp_path / "Windows"
    own = root / "apps" / "Python312" / "python.exe"
    others = [
        root / "apps" / "Python39" / "python.exe",
        root / "bin" / "python3.exe",
        root / "bin" / "python-qgis-ltr.bat",
        local / "Programs" / "Python" / "Python311" / "python.exe",
        local / "Programs" / "Python" / "Python313" / "python.exe",
        path / "py.exe",
    ]
    make(own, *others, root / "bin" / "qgis-bin.exe")
    variables = {"OSGEO4W_ROOT": str(root), "LOCALAPPDATA": str(local), "PATH": str(path)}
    found = candidates("win32", variables, str(own.parent), str(root / "bin" / "qgis-bin.exe"), "")
    assert found[0] == (str(own),)
    assert {command[0] for command in found} == {str(p) for p in (own, *others)}
    assert (str(path / "py.exe"), "-3") in found
    installed = [command[0] for command in found if str(local) in command[0]]
    assert "Python313" in installed[0]
    assert found[-1] == (str(root / "bin" / "python-qgis-ltr.bat"),)
    assert len(found) == len(set(found))


def test_candidates_on_windows_without_variables(tmp_path):
    own = tmp_path / "QGIS 3.34" / "apps" / "Python312" / "python.exe"
    make(own)
    assert candidates("win32", {}, str(own.parent), "qgis-bin.exe", "") == [(str(own),)]


@pytest.mark.parametrize("place", ["bin/python3", "python3"])
def test_candidates_on_macos(tmp_path, place):
    folder = tmp_path / "QGIS.app" / "Contents" / "MacOS"
    make(folder / place, folder / "QGIS")
    found = candidates(
        "darwin", {"PATH": ""}, "/nowhere", str(folder / "QGIS"), str(folder / "QGIS")
    )
    assert found[0] == (str(folder / place),)
    assert (str(folder / "QGIS"),) not in found


def test_candidates_on_linux_never_are_qgis_itself(tmp_path):
    make(tmp_path / "bin" / "qgis.bin", tmp_path / "bin" / "python3.12")
    path = f"{tmp_path / 'bin'}"
    found = candidates("linux", {"PATH": path}, "/usr", str(tmp_path / "bin" / "qgis.bin"), "")
    assert (str(tmp_path / "bin" / "python3.12"),) in found
    assert not any("qgis" in Path(command[0]).name for command in found)


# --- environments in the profile -----------------------------------------------------------------


def environment(store: EnvironmentStore, **stamp: object) -> str:
    folder = store.new_folder()
    make(python_in(folder))
    if stamp:
        write_stamp(folder, Stamp(**stamp))
    return str(python_in(folder))


@pytest.fixture
def store(tmp_path):
    return EnvironmentStore(tmp_path / "profile")


def test_states(store):
    kinds = EnvironmentState
    assert store.state("", "f") is kinds.NONE
    assert store.state("/some/python", "f") is kinds.CHOSEN
    begun = environment(store, fingerprint="f", base="b")
    assert store.state("", "f") is kinds.UNFINISHED
    assert store.state("/some/python", "f") is kinds.CHOSEN
    assert store.state(begun, "f") is kinds.DAMAGED
    done = environment(store, fingerprint="f", base="b", complete=True)
    assert store.state(done, "f") is kinds.READY
    assert store.state(done, "g") is kinds.OUTDATED
    assert store.state(environment(store), "f") is kinds.DAMAGED  # without a stamp
    Path(done).unlink()
    assert store.state(done, "f") is kinds.DAMAGED
    assert store.state(str(store.root / "environment-99" / "bin" / "python"), "f") in (
        kinds.NONE,
        kinds.UNFINISHED,
    )


def test_only_what_was_begun_alike_is_gone_on_with(store):
    folder = Path(environment(store, fingerprint="f", base="b")).parents[1]
    assert store.unfinished("f", "b") == folder
    assert store.unfinished("f", "another") is None
    assert store.unfinished("g", "b") is None


def test_folders_are_numbered_on(store):
    for number in (1, 2, 10):
        (store.root / f"environment-{number}").mkdir(parents=True)
    (store.root / "environment-old").mkdir()
    assert [folder.name for folder in store.folders()][-1] == "environment-10"
    assert store.new_folder().name == "environment-11"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"other": 1}'])
def test_a_stamp_that_cannot_be_read(store, text):
    python = environment(store)
    (Path(python).parents[1] / "avalanche_iseg.json").write_text(text)
    assert store.state(python, "f") is EnvironmentState.DAMAGED


# --- what pip prints -----------------------------------------------------------------------------

OLD_PIP = """\
Collecting numpy==2.0
  Downloading numpy-2.0-cp311-cp311-manylinux_x86_64.whl (20.0 MB)
Collecting torch==2
  Using cached torch-2-cp311-none-linux_x86_64.whl (80.0 MB)
Installing collected packages: numpy, torch
Successfully installed numpy-2.0 torch-2"""
NEW_PIP = """\
Collecting numpy==2.0 (from -r list.txt (line 1))
  Downloading numpy-2.0-cp311-cp311-manylinux_x86_64.whl.metadata (62 kB)
Downloading numpy-2.0-cp311-cp311-manylinux_x86_64.whl (20.0 MB)
Progress 10000000 of 20000000
Progress 20000000 of 20000000
Downloading torch-2-cp311-none-linux_x86_64.whl (80.0 MB)
Progress 40000000 of 80000000
Installing collected packages: numpy, torch"""


@pytest.mark.parametrize("output", [OLD_PIP, NEW_PIP])
@pytest.mark.parametrize(("packages", "megabytes"), [(2, 100), (2, 0), (1, 10)])
def test_progress_only_grows(output, packages, megabytes):
    progress = PipProgress(packages, megabytes)
    texts, fractions = [], [0.0]
    for line in output.splitlines():
        progress.feed(line)
        texts.append(progress.text)
        fractions.append(progress.fraction)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 0.9
    assert any("torch (80.0 MB)" in text for text in texts)


def test_progress_follows_the_bytes():
    progress = PipProgress(2, 100)
    for line in NEW_PIP.splitlines()[:-1]:
        progress.feed(line)
    assert progress.fraction == pytest.approx(0.9 * 0.6)  # 20 and half of 80 MB


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("OSError: [WinError 112] There is not enough space on the disk", "disk is full"),
        (
            "407 Proxy Authentication Required\nERROR: No matching distribution found for x",
            "proxy wants",
        ),
        ("ERROR: Could not install: Missing dependencies for SOCKS support.", "SOCKS"),
        ("ProxyError('Cannot connect to proxy.')", "proxy cannot be reached"),
        ("SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED'))", "certificate"),
        (
            "NewConnectionError: [Errno -3] Temporary failure in name resolution",
            "cannot be reached",
        ),
        ("ReadTimeoutError: Read timed out.", "cannot be reached"),
        ("[WinError 5] Access is denied: 'C:\\x'", "cannot be written"),
        ("ERROR: No matching distribution found for numpy==2", "no package numpy for this Python"),
        ("ERROR: something else.", "something else. The log"),
        ("", "no output"),
    ],
)
def test_why_pip_failed(output, words):
    text = failure_text(output.splitlines())
    assert words in text
    assert "\n" not in text


def test_a_wheel_that_is_missing_in_the_folder():
    text = failure_text(["ERROR: No matching distribution found for scipy==1"], "/media/stick")
    assert "/media/stick" in text
    assert "scipy" in text


def test_probe_prints_one_line():
    run = subprocess.run([sys.executable, "-I", "-c", PROBE], capture_output=True, text=True)
    assert set(json.loads(run.stdout)) == {"program", "version", "missing", "bits"}
