"""Pythons on this computer from which the environment can be made.

On Windows and macOS `sys.executable` is QGIS itself: starting it would open a second QGIS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.json_files import parse_json
from ..i18n import tr

if TYPE_CHECKING:
    from .package_list import PackageList

Command = tuple[str, ...]
"""A program, and arguments that make a Python of it: ``("py.exe", "-3")``."""

PROBE = (
    "import json, sys\n"
    "missing = []\n"
    "for name in ('venv', 'ensurepip', 'ssl', 'ctypes'):\n"
    "    try:\n"
    "        __import__(name)\n"
    "    except ImportError:\n"
    "        missing.append(name)\n"
    "print(json.dumps({'program': sys.executable, 'version': list(sys.version_info[:3]),\n"
    "    'missing': missing, 'bits': 64 if sys.maxsize > 2 ** 32 else 32}))\n"
)
"""Program that a candidate runs to tell what it is; any Python understands it."""

_NEWEST_FIRST = [f"3.{minor}" for minor in range(19, 9, -1)]


@dataclass(frozen=True)
class Interpreter:
    """A Python that has been run.

    Attributes
    ----------
    program
        Path of the executable.
    version
        (major, minor, micro)
    missing
        Modules of its standard library that set-up needs and that are not installed.
    bits
        64, or 32: there are no packages for that.
    """

    program: str
    version: tuple[int, ...]
    missing: tuple[str, ...] = ()
    bits: int = 64

    @property
    def name(self) -> str:
        """Version and place, for a list."""
        return f"Python {'.'.join(map(str, self.version))} – {self.program}"

    def fault(self, packages: PackageList) -> str:
        """Return why the environment cannot be made from it and what to do, "" if it can."""
        version = self.version[:2]
        if version < packages.oldest or version > packages.newest:
            return tr(
                "{} is Python {}, but {} to {} are needed. Install one of these from python.org "
                "or your system's packages, or choose another one here."
            ).format(
                self.program, _dotted(version), _dotted(packages.oldest), _dotted(packages.newest)
            )
        if self.bits != 64:
            return tr("{} is a 32-bit Python. Install a 64-bit one.").format(self.program)
        if {"venv", "ensurepip"} & set(self.missing):
            return tr(
                "{} lacks the module venv. Install it (Debian, Ubuntu: sudo apt install "
                "python{}-venv), or choose another Python."
            ).format(self.program, _dotted(version))
        if self.missing:
            return tr("{} lacks the module {}. Choose another Python.").format(
                self.program, ", ".join(self.missing)
            )
        return ""


def read_probe(output: str) -> Interpreter | None:
    """Return the Python that printed this when it ran `PROBE`, None if that was none."""
    for line in reversed(output.splitlines()):
        try:
            said = parse_json(line)
            version = tuple(int(part) for part in said["version"])
            found = Interpreter(said["program"], version, tuple(said["missing"]), said["bits"])
        except (ValueError, KeyError, TypeError):
            continue
        if found.program:
            return found
    return None


def candidates(
    platform: str, variables: Mapping[str, str], prefix: str, executable: str, application: str
) -> list[Command]:
    """Return Pythons that may be on this computer, QGIS's own first; they are to be tried.

    Parameters
    ----------
    platform
        `sys.platform`.
    variables
        `os.environ`.
    prefix, executable
        `sys.exec_prefix` and `sys.executable` of QGIS's Python.
    application
        Path of QGIS's executable.
    """
    if platform == "win32":
        found = _on_windows(variables, Path(prefix))
    elif platform == "darwin":
        found = _on_macos(variables, Path(prefix), Path(application))
    else:
        found = _on_linux(variables, Path(executable))
    return list(dict.fromkeys(found))


def missing_text(packages: PackageList, *, sandboxed: bool) -> str:
    """Return what to do where there is no Python that suits."""
    if sandboxed:
        return tr(
            "QGIS runs in a sandbox (Flatpak) that shows no Python of this computer. Make an "
            "environment inside the sandbox by hand, and choose its Python in Options → "
            "Avalanche ISeg, or use QGIS from your system's packages."
        )
    return tr(
        "No Python {} to {} was found. Install one from python.org or your system's packages, "
        "then open this window again, or choose its program with “…”."
    ).format(_dotted(packages.oldest), _dotted(packages.newest))


def _on_windows(variables: Mapping[str, str], prefix: Path) -> Iterator[Command]:
    roots = [Path(variables["OSGEO4W_ROOT"])] if variables.get("OSGEO4W_ROOT") else []
    if prefix.parent.name.lower() == "apps":
        roots.append(prefix.parents[1])
    for folder in (prefix, *(folder for root in roots for folder in _numbered(root / "apps"))):
        yield from _files(folder / "python.exe", folder / "python3.exe")
    for root in roots:
        yield from _files(root / "bin" / "python3.exe", root / "bin" / "python.exe")
    for launcher in _in_path(variables, ("py.exe",)):
        yield (*launcher, "-3")
        for version in ("3.13", "3.12", "3.11"):
            yield (*launcher, f"-{version}")
    for name, below in (("LOCALAPPDATA", "Programs/Python"), ("ProgramFiles", "")):
        if variables.get(name):
            for installed in _numbered(Path(variables[name], below)):
                yield from _files(installed / "python.exe")
    yield from _in_path(variables, ("python.exe", "python3.exe"))
    for root in roots:  # sets variables by itself, and starts slowly
        yield from _files(*sorted((root / "bin").glob("python-qgis*.bat")))


def _on_macos(variables: Mapping[str, str], prefix: Path, application: Path) -> Iterator[Command]:
    inside = application.parent  # QGIS.app/Contents/MacOS
    yield from _files(inside / "bin" / "python3", inside / "python3", prefix / "bin" / "python3")
    versions = Path("/Library/Frameworks/Python.framework/Versions")
    homes = [versions / version / "bin" for version in _NEWEST_FIRST]
    for folder in (*homes, Path("/opt/homebrew/bin"), Path("/usr/local/bin")):
        yield from _files(*(folder / f"python{version}" for version in ("3", *_NEWEST_FIRST)))
    # Apple's own is a stub that offers to install its developer tools.
    tools = Path("/Library/Developer/CommandLineTools").is_dir()
    for command in _in_path(variables, ("python3",)):
        if tools or command[0] != "/usr/bin/python3":
            yield command


def _on_linux(variables: Mapping[str, str], executable: Path) -> Iterator[Command]:
    if re.fullmatch(r"python[\d.]*", executable.name):
        yield from _files(executable)
    yield from _files(Path("/usr/bin/python3"))
    names = ("python3", *(f"python{version}" for version in _NEWEST_FIRST))
    yield from _in_path(variables, names)


def _files(*paths: Path) -> Iterator[Command]:
    for path in paths:
        if path.is_file():
            yield (str(path),)


def _in_path(variables: Mapping[str, str], names: tuple[str, ...]) -> Iterator[Command]:
    folders = [Path(entry) for entry in variables.get("PATH", "").split(os.pathsep) if entry]
    for name in names:
        for folder in folders:
            yield from _files(folder / name)


def _numbered(folder: Path) -> list[Path]:
    """Return the folders Python39, Python312 … in a folder, newest first."""
    found = {path: re.fullmatch(r"Python3(\d+)", path.name) for path in folder.glob("Python3*")}
    numbers = {path: int(match[1]) for path, match in found.items() if match}
    return sorted(numbers, key=numbers.__getitem__, reverse=True)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
