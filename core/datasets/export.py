"""The project's own form: copied images, label images, and the index ``iseg.json``.

::

    images/NAME.*    the images, byte for byte
    masks/NAME.png   8 or 16 bit: 0 background, object ids from 1, highest value (255, 65535) ignore
    iseg.json        {"format": "avalanche-iseg", "version": 1, "pictures": [
                       {"image": "images/NAME.jpg", "mask": "masks/NAME.png", "split": "train",
                        "objects": [{"id": 1, "any": "attribute"}]}]}

``split`` and attributes are optional. Masks have the size of the image as displayed.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, ImageError
from ..file_names import FileFinder, same_name
from ..files import write_text
from ..image import align_mask, read_mask_values, write_png
from ..json_files import MALFORMED, read_json
from .base import Annotation, Dataset, label_annotation, locate

FORMAT, VERSION, INDEX = "avalanche-iseg", 1, "iseg.json"


@dataclass(frozen=True, eq=False)
class ExportObject:
    """One object to export.

    Attributes
    ----------
    mask
        (H, W) bool, of the size of the image as displayed.
    attributes
        JSON values by name; ``id`` is reserved.
    """

    mask: NDArray[np.bool_]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ExportImage:
    """One image file to export; of overlapping objects the later one is on top."""

    image: Path
    objects: Sequence[ExportObject]
    split: str | None = None


def export_dataset(folder: Path | str, images: Iterable[ExportImage]) -> Path:
    """Write a data set that ``open_dataset("iseg", folder)`` reads; return the path of its index.

    The index is written last: a folder without it is unfinished.

    Parameters
    ----------
    folder
        New or empty folder.
    images
        Consumed one by one. Images of the same name get ``_2``, ``_3``, ... appended.

    Raises
    ------
    DatasetError
        A folder that is not empty, an unsuitable mask or attribute, or a failed write.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise DatasetError(f"The folder {folder} is not empty: export into a new one.")
    try:
        for part in ("images", "masks"):
            (folder / part).mkdir(parents=True)
        stems: set[str] = set()
        entries = [_export_image(folder, image, stems) for image in images]
        index = folder / INDEX
        content = {"format": FORMAT, "version": VERSION, "pictures": entries}
        write_text(index, json.dumps(content, indent=1, ensure_ascii=False))
    except ImageError as error:
        raise DatasetError(str(error)) from error
    except OSError as error:
        raise DatasetError(f"Cannot export to {folder}: {error}.") from error
    return index


def _export_image(folder: Path, source: ExportImage, stems: set[str]) -> dict[str, Any]:
    for item in source.objects:
        _check_attributes(item.attributes, source.image)
    stem = _unique(source.image.stem, stems)
    labels = _labels(source)
    copy = Path("images") / f"{stem}{source.image.suffix}"
    mask = Path("masks") / f"{stem}.png"
    shutil.copyfile(source.image, folder / copy)
    write_png(folder / mask, labels)
    objects = [{"id": i, **item.attributes} for i, item in enumerate(source.objects, 1)]
    entry = {"image": copy.as_posix(), "mask": mask.as_posix(), "objects": objects}
    return entry if source.split is None else {**entry, "split": source.split}


def _check_attributes(attributes: Mapping[str, Any], image: Path) -> None:
    if "id" in attributes:
        raise DatasetError(f"{image}: the attribute name 'id' is taken, choose another.")
    try:
        json.dumps(attributes, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{image}: an attribute cannot be kept as JSON ({error}).") from error


def _unique(stem: str, taken: set[str]) -> str:
    """Return a stem of no other image, on file systems that ignore case, too."""
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.lower())
    return name


def _labels(source: ExportImage) -> NDArray[Any]:
    if not source.objects:
        raise DatasetError(f"The image {source.image} has no objects: leave it out.")
    masks = [
        align_mask(item.mask, source.image, f"of object {number}").astype(bool)
        for number, item in enumerate(source.objects, 1)
    ]
    labels = np.zeros(masks[0].shape, np.uint8 if len(masks) < 255 else np.uint16)
    for number, mask in enumerate(masks, 1):
        labels[mask] = number
    hidden = set(range(1, len(masks) + 1)) - set(np.unique(labels).tolist())
    if hidden:
        raise DatasetError(
            f"Objects {sorted(hidden)} of {source.image} are empty or lie wholly under later "
            "ones: remove them or change the order."
        )
    return labels


class IsegDataset(Dataset):
    """Exported data set; ``split`` selects the images of one split, default all."""

    def __init__(self, name: str, root: Path, split: str | None = None) -> None:
        self._index = root / INDEX
        entries = _entries(self._index, split)
        try:
            finder = FileFinder(root)
            self._masks = {e["image"]: locate(finder, e["mask"]) for e in entries}
            self._ids = {e["image"]: sorted(int(o["id"]) for o in e["objects"]) for e in entries}
            images = {e["image"]: locate(finder, e["image"]) for e in entries}
            if any((ids and ids[0] < 1) or len(set(ids)) < len(ids) for ids in self._ids.values()):
                raise ValueError("object ids must be unique and at least 1")
        except MALFORMED as error:
            raise DatasetError(
                f"An entry of {self._index} lacks 'image', 'mask' or 'objects', or is malformed "
                f"({error})."
            ) from error
        names = Counter(same_name(e["image"]) for e in entries)
        twice = sorted(image for image, count in names.items() if count > 1)
        faults = [f"{self._index} lists the image {image} twice: keep one." for image in twice]
        super().__init__(name, root, images, faults)

    def _object_ids(self, image: str) -> Sequence[int]:
        return self._ids[image]

    def _annotation(self, image: str) -> Annotation:
        path = self._masks[image]
        labels = self._aligned(image, read_mask_values(path), path)
        if labels.ndim != 2:
            raise DatasetError(f"The mask {path} holds colours: one channel of ids is needed.")
        found = label_annotation(labels, ignore=int(np.iinfo(labels.dtype).max))
        unknown = {object_id for object_id, _ in found.objects} - set(self._ids[image])
        if unknown:
            raise DatasetError(f"The mask {path} holds ids {sorted(unknown)} unlisted in {INDEX}.")
        return Annotation(found.layers, tuple((i, 0) for i in self._ids[image]))


def _entries(index: Path, split: str | None) -> list[dict[str, Any]]:
    try:
        content = read_json(index)
        form = (content["format"], content["version"])
        entries: list[dict[str, Any]] = content["pictures"]
        splits = {entry.get("split") for entry in entries}
    except (OSError, *MALFORMED) as error:
        raise DatasetError(f"Cannot read {index} as an exported data set: {error}.") from error
    if form != (FORMAT, VERSION):
        raise DatasetError(f"{index} is {form[0]} version {form[1]}, not {FORMAT} {VERSION}.")
    if split is not None and split not in splits:
        known = ", ".join(sorted(str(s) for s in splits if s)) or "none"
        raise DatasetError(f"{index} has no split {split!r}; its splits: {known}.")
    return [entry for entry in entries if split in (None, entry.get("split"))]
