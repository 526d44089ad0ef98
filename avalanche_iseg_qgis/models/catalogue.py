"""The models that a user can choose: the zoo's, files of the user's own, and fine-tuned ones."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .. import settings
from ..core.files import replacing, visible_files
from ..core.json_files import parse_json
from ..core.zoo.cache import local_path, own_dir
from ..core.zoo.integrity import integrity_error
from ..core.zoo.registry import MODELS, ZooModel
from ..i18n import tr
from .fine_tuned import read_fine_tuning

_MIB = 1 << 20
_SIZES = {"coco_lvis_h18s_itermask": 16.5, "coco_lvis_h32_itermask": 119.0}  # MiB
_USUAL_SIZE = 39.0  # of the files of HRNet-18


class ModelPresence(Enum):
    """Whether a model's file is on this computer."""

    SHIPPED = "shipped"
    PRESENT = "present"
    BEGUN = "begun"
    ABSENT = "absent"


@dataclass(frozen=True)
class ModelEntry:
    """A model as a user sees it.

    Attributes
    ----------
    name
        For the worker: a name of the zoo, or the path of a file.
    title
        For people.
    purpose
        What it is for.
    path
        Its file, which need not be there.
    zoo
        Where it is published, None for a file of the user's own.
    clicks
        Numbers of clicks that are known of it.
    """

    name: str
    title: str
    purpose: str
    path: Path
    zoo: ZooModel | None = None
    clicks: str = ""

    @property
    def presence(self) -> ModelPresence:
        """Whether its file is there. Its content is not looked at."""
        if self.path.is_file():
            shipped = self.zoo is not None and self.zoo.url is None
            return ModelPresence.SHIPPED if shipped else ModelPresence.PRESENT
        return ModelPresence.BEGUN if part_path(self.path).is_file() else ModelPresence.ABSENT

    @property
    def is_made_here(self) -> bool:
        """Whether it lies in the folder of models that fine-tuning made, and can be deleted."""
        return self.zoo is None and self.path.parent == own_dir()

    @property
    def megabytes(self) -> float:
        """Size in 10^6 bytes, approximate for a file that is not here; 0 if it is not known."""
        if self.path.is_file():
            return self.path.stat().st_size / 1e6
        if self.zoo is None:
            return 0.0
        mib = _SIZES.get(self.name, _USUAL_SIZE)
        return (self.zoo.size or mib * _MIB) / 1e6

    def fault(self) -> str | None:
        """Return how its file differs from the published one, None if it does not."""
        if self.zoo is None:
            return None if self.path.is_file() else tr("the file is not there")
        zoo = self.zoo
        return integrity_error(self.path, git_blob=zoo.git_blob, sha256=zoo.sha256, size=zoo.size)


def entries() -> list[ModelEntry]:
    """Return all models: the default, the published ones, those made here, the user's own."""
    known = _descriptions()
    found = []
    for name in (*known, *(name for name in MODELS if name not in known)):
        zoo = MODELS[name]
        title, purpose, clicks = known.get(name, (zoo.title, zoo.trained_on, ""))
        found.append(ModelEntry(name, title, purpose, local_path(zoo), zoo, clicks))
    made = made_files()
    return found + [own_entry(path) for path in dict.fromkeys((*made, *own_files()))]


def own_entry(path: str) -> ModelEntry:
    """Return the entry of a file of the user's own, or of one made by fine-tuning."""
    file = Path(path)
    tuning = read_fine_tuning(file)
    if tuning is None:
        return ModelEntry(path, file.name, tr("Your own file: {}").format(path), file)
    return ModelEntry(path, file.stem, tuning.purpose(), file, clicks=tuning.clicks())


def entry_of(name: str) -> ModelEntry:
    """Return the entry of a name or a file."""
    return next((entry for entry in entries() if entry.name == name), None) or own_entry(name)


def usable(chosen: str) -> dict[str, str]:
    """Return names and titles of the models that are here, and of the one that is chosen."""
    here = {ModelPresence.SHIPPED, ModelPresence.PRESENT}
    found = {entry.name: entry.title for entry in entries() if entry.presence in here}
    return found if chosen in found else {chosen: entry_of(chosen).title, **found}


def made_files() -> list[str]:
    """Return the models that fine-tuning made, see `core.zoo.cache.own_dir`."""
    folder = own_dir()
    try:
        return [str(path) for path in visible_files(folder, ".safetensors")]
    except OSError:  # there is none yet
        return []


def delete_made(entry: ModelEntry) -> None:
    """Delete a model that fine-tuning made, with its card; `OSError` if that is not possible."""
    for path in (entry.path, entry.path.with_suffix(".md")):
        path.unlink(missing_ok=True)


def own_files() -> list[str]:
    """Return the files that the user has added."""
    try:
        paths = parse_json(settings.MODEL_FILES.get())
    except ValueError:
        return []
    return [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []


def take_file(path: Path) -> str:
    """Add a file that the user has, and return its name.

    One that was downloaded by hand is copied to where the model belongs, if it is what was
    published; any other is used where it lies.

    Raises
    ------
    OSError
        If it cannot be copied.
    """
    for zoo in MODELS.values():
        checked = {"git_blob": zoo.git_blob, "sha256": zoo.sha256}
        if zoo.url is not None and path.name == zoo.file_name and any(checked.values()):
            target = local_path(zoo)
            if path != target and integrity_error(path, **checked, size=zoo.size) is None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with replacing(target) as temporary:
                    shutil.copyfile(path, temporary)
                part_path(target).unlink(missing_ok=True)
                return zoo.name
    settings.MODEL_FILES.set(json.dumps([p for p in own_files() if p != str(path)] + [str(path)]))
    return str(path)


def forget_file(path: str) -> None:
    """Take a file of the user's own off the list; the file stays."""
    settings.MODEL_FILES.set(json.dumps([p for p in own_files() if p != path]))


def part_path(path: Path) -> Path:
    """Return where what has arrived of a file is kept, by `core.zoo` too, until it is whole."""
    return path.with_name(f"{path.name}.part")


def _descriptions() -> dict[str, tuple[str, str, str]]:
    """Return title, purpose and clicks by name.

    Clicks are those that the authors published, but for the default model, whose card has them.
    """
    photos = tr("Objects of everyday photos; a start for comparisons with the literature.")
    winter = tr("Avalanches; the model of the study of 2024.")
    grabcut = tr("GrabCut: {} clicks to an IoU of 90 % (published)")
    unknown = tr("not published")
    return {
        "default": (
            tr("Standard model"),
            tr("Avalanches in photos and rasters, on any computer; comes with the plugin."),
            tr("GrabCut: {} clicks to an IoU of 90 % (measured by this project)").format("2.70"),
        ),
        "slf": (tr("Avalanches, SLF (Hafner et al. 2024)"), winter, unknown),
        "uibk": (tr("Avalanches, UIBK (Hafner et al. 2024)"), winter, unknown),
        "slf_uibk": (tr("Avalanches, SLF + UIBK (Hafner et al. 2024)"), winter, unknown),
        "sbd_h18_itermask": (tr("Everyday objects, RITM (SBD)"), photos, grabcut.format("2.04")),
        "coco_lvis_h18_baseline": (
            tr("Everyday objects, RITM without mask guidance"),
            photos,
            grabcut.format("1.70"),
        ),
        "coco_lvis_h18s_itermask": (
            tr("Everyday objects, RITM small"),
            photos,
            grabcut.format("1.68"),
        ),
        "coco_lvis_h18_itermask": (tr("Everyday objects, RITM"), photos, grabcut.format("1.54")),
        "coco_lvis_h32_itermask": (
            tr("Everyday objects, RITM large"),
            photos,
            grabcut.format("1.56"),
        ),
    }
