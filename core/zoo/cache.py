"""Local model files by name or path."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from ..errors import DownloadError, ModelNotFoundError
from .download import Progress
from .download import download as fetch
from .integrity import integrity_error
from .registry import MODELS, ZooModel, find_model

BUNDLED_DIR = Path(__file__).resolve().parents[2] / "resources" / "models"
"""Models that come with this software: in the repository, or beside `core` in the plugin."""


def cache_dir() -> Path:
    """Return the folder of downloaded models.

    The folder named by the environment variable ``AVALANCHE_ISEG_CACHE`` as it stands, else
    ``avalanche_iseg/models`` in the user's cache folder of the platform. It need not exist yet.
    """
    chosen = os.environ.get("AVALANCHE_ISEG_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return _user_cache() / "avalanche_iseg" / "models"


def own_dir() -> Path:
    """Return the folder of models that the user has made, such as by fine-tuning.

    The folder named by the environment variable ``AVALANCHE_ISEG_MODELS`` as it stands, else
    ``avalanche_iseg/models`` in the user's data folder of the platform, which nothing clears as
    it does caches. It need not exist yet.
    """
    chosen = os.environ.get("AVALANCHE_ISEG_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    system = platform.system()
    if system == "Darwin":
        data = Path.home() / "Library" / "Application Support"
    elif system == "Windows":
        data = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "avalanche_iseg" / "models"


def _user_cache() -> Path:
    """Return the platform's folder for caches."""
    system = platform.system()
    if system == "Darwin":
        return Path.home() / "Library" / "Caches"
    if system == "Windows":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def resolve_model(
    name_or_file: str | Path, *, download: bool = True, progress: Progress | None = None
) -> Path:
    """Find a model file, downloading it if it is a name of the zoo and not yet in the cache.

    Parameters
    ----------
    name_or_file
        Path of a model file, or a name such as ``"slf"`` or ``"SLF+UIBK"``. A file that exists
        wins over a name.
    download
        Whether a missing or damaged file of the cache may be downloaded.
    progress
        Called with the number of bytes received and of the whole file (or None).

    Returns
    -------
    Path
        An existing file. Files of the zoo are checked at each call where a checksum is published
        (40 MB: about 0.1 s); a file given by path is not.

    Raises
    ------
    ModelNotFoundError
        No such file or name, the bundled model is missing, or the file would have to be
        downloaded and ``download`` is false.
    DownloadError
        The download failed.
    """
    if Path(name_or_file).is_file():
        return Path(name_or_file)
    model = find_model(str(name_or_file))
    path = local_path(model)
    fault = local_fault(model, path)
    if fault is None:
        return path
    if model.url is None:
        raise ModelNotFoundError(
            f"The model {model.name!r} comes with this software, but not with this copy: {path} "
            f"{fault}. Give the path of a model file with --model FILE, or the name of a model "
            "that can be downloaded, such as --model coco_lvis_h18_itermask."
        )
    if not download:
        raise ModelNotFoundError(
            f"The model {model.name!r} cannot be used, for {path} {fault}. Allow its download, or "
            f"fetch {model.url} in a browser and put the file there."
        )
    try:
        return fetch(
            model.url,
            path,
            git_blob=model.git_blob,
            sha256=model.sha256,
            size=model.size,
            progress=progress,
        )
    except DownloadError as error:
        raise DownloadError(f"The model {model.name!r}: {path} {fault}. {error}") from error


def local_path(model: ZooModel) -> Path:
    """Return the path of a model file on this computer."""
    return (BUNDLED_DIR if model.url is None else cache_dir()) / model.file_name


def local_fault(model: ZooModel, path: Path) -> str | None:
    """Return why a local file cannot be used, as the predicate of a sentence, else None."""
    if not path.is_file():
        return "is not there"
    fault = integrity_error(path, git_blob=model.git_blob, sha256=model.sha256, size=model.size)
    return None if fault is None else f"is damaged: {fault}"


def describe_models() -> str:
    """Describe all models in text: source, licence, citation, whether the file is present."""
    head = f"Downloaded models are in {cache_dir()}"
    return "\n\n".join([head, *(_entry(model) for model in MODELS.values())])


def _entry(model: ZooModel) -> str:
    """Describe one model."""
    path = local_path(model)
    rows = {
        "file": f"{path} {local_fault(model, path) or 'is ready'}",
        "source": model.url or "comes with this software",
        "trained on": model.trained_on,
        "licence": model.licence,
        "cite": model.citation,
        "note": model.note,
    }
    lines = [f"  {label:<12}{text}" for label, text in rows.items() if text]
    return "\n".join([f"{model.name}: {model.title}", *lines])
