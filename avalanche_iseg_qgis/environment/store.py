"""The environments in the user's profile.

Each has a folder of its own, ``environment-1`` and so on. A new one is made in a new folder, and
takes the place of the old one when the settings name its Python: on Windows a folder cannot be
moved or deleted while a worker runs in it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from ..core.files import write_text
from ..core.json_files import read_json
from ..worker.interpreter import IN_ENVIRONMENT

_STAMP = "avalanche_iseg.json"


class EnvironmentState(Enum):
    """How the environment is that the settings name."""

    NONE = "none"
    UNFINISHED = "unfinished"
    OUTDATED = "outdated"
    DAMAGED = "damaged"
    READY = "ready"
    CHOSEN = "chosen"  # by the user, not made by the plugin


@dataclass(frozen=True)
class Stamp:
    """What an environment is made of.

    Attributes
    ----------
    fingerprint
        `PackageList.fingerprint`.
    base
        The Python that it was made from.
    complete
        Whether everything is installed and was tried.
    """

    fingerprint: str
    base: str
    complete: bool = False


@dataclass(frozen=True)
class EnvironmentStore:
    """The folder of the environments."""

    root: Path

    @property
    def cache(self) -> Path:
        """Folder of packages that were downloaded for an environment that is not finished."""
        return self.root / "downloads"

    def folders(self) -> list[Path]:
        """Return the environments, oldest first."""
        found = {
            path: re.fullmatch(r"environment-(\d+)", path.name) for path in self.root.glob("*")
        }
        numbers = {path: int(match[1]) for path, match in found.items() if match}
        return sorted(numbers, key=numbers.__getitem__)

    def new_folder(self) -> Path:
        """Return the path of an environment that is not there yet."""
        last = [int(path.name.rpartition("-")[2]) for path in self.folders()[-1:]]
        return self.root / f"environment-{(last or [0])[0] + 1}"

    def unfinished(self, fingerprint: str = "", base: str = "") -> Path | None:
        """Return the environment that was begun last, if it is of this list and Python."""
        for folder in reversed(self.folders()):
            stamp = read_stamp(folder)
            if stamp is not None and not stamp.complete and python_in(folder).exists():
                suits = not fingerprint or (stamp.fingerprint, stamp.base) == (fingerprint, base)
                return folder if suits else None
        return None

    def folder_of(self, interpreter: str) -> Path | None:
        """Return the environment that a Python belongs to; None if it is none of these."""
        for folder in self.folders():
            if Path(interpreter) == python_in(folder):
                return folder
        return None

    def state(self, interpreter: str, fingerprint: str) -> EnvironmentState:
        """Return how the environment is that the settings name."""
        folder = self.folder_of(interpreter) if interpreter else None
        if folder is None:
            lost = interpreter and self.root in Path(interpreter).parents
            if lost or not interpreter:
                kinds = EnvironmentState
                return kinds.UNFINISHED if self.unfinished() else kinds.NONE
            return EnvironmentState.CHOSEN
        stamp = read_stamp(folder)
        if stamp is None or not stamp.complete or not python_in(folder).is_file():
            return EnvironmentState.DAMAGED
        if stamp.fingerprint != fingerprint:
            return EnvironmentState.OUTDATED
        return EnvironmentState.READY


def python_in(folder: Path) -> Path:
    """Return the Python of an environment."""
    return folder / IN_ENVIRONMENT


def read_stamp(folder: Path) -> Stamp | None:
    """Return what an environment is made of, None if it does not say so."""
    try:
        return Stamp(**read_json(folder / _STAMP))
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(folder: Path, stamp: Stamp) -> None:
    """Note what an environment is made of; raises `OSError` if that cannot be written."""
    write_text(folder / _STAMP, json.dumps(asdict(stamp), indent=1) + "\n")
