"""Shards: images and label images packed into tar files, read in place.

A folder holds ``*.tar`` and ``manifest.csv`` with a row for each mask: at least the columns
``image``, ``mask`` and ``shard``; ``set`` and ``mask_kind`` select what to train on. Masks are
label images: 0 background, ids from 1, ignored pixels at the greatest value of the type (255, or
65535 in 16 bits). Several masks of an image become its layers; 65536 is added to their ids for
each layer before.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..file_names import same_name
from ..files import open_file, require_file, visible_files
from ..image import decode_image
from ..json_files import MALFORMED
from ..text_files import read_table
from .base import IGNORE, Annotation, Dataset, reject_split

MANIFEST = "manifest.csv"
LAYER_STEP = 65536
"""Ids of an image's second mask begin above this, of its third above twice this, and so on."""
_COLUMNS = ("image", "mask", "shard")


class _Member(NamedTuple):
    """Location of a packed file."""

    shard: Path
    offset: int
    size: int


@dataclass(frozen=True)
class PackedImage:
    """Entry of the manifest for one image: its masks, their set and kind."""

    masks: tuple[str, ...]
    set: str
    mask_kind: str


class ShardsDataset(Dataset):
    """Data set of shards; ``entries`` holds the manifest by image name."""

    def __init__(self, name: str, root: Path, split: str | None) -> None:
        reject_split(name, split, root)
        self.entries = _read_manifest(root / MANIFEST)
        self._members = {
            same_name(file): member
            for shard in visible_files(root, ".tar")
            for file, member in _members(shard)
        }
        super().__init__(name, root, {image: root / image for image in self.entries})
        wanted = [file for image, entry in self.entries.items() for file in (image, *entry.masks)]
        self._faults += [
            self._missing(file) for file in wanted if same_name(file) not in self._members
        ]

    def _load(self, image: str) -> tuple[NDArray[np.uint8], Annotation]:
        pixels = self._decode(image, cv2.IMREAD_COLOR_RGB)
        annotation = self._annotation(image)
        if annotation.layers.shape[1:] != pixels.shape[:2]:
            raise DatasetError(
                f"{image} in {self.root} has another size than its masks: pack it again."
            )
        return pixels, annotation

    def _annotation(self, image: str) -> Annotation:
        masks = [self._decode(name, cv2.IMREAD_UNCHANGED) for name in self.entries[image].masks]
        unfit = any(mask.ndim != 2 or mask.dtype.kind != "u" for mask in masks)
        if unfit or len({mask.shape for mask in masks}) != 1:
            raise DatasetError(f"The masks of {image} in {self.root} are not label images.")
        return _stack_layers(masks)

    def _missing(self, name: str) -> str:
        return f"No shard of {self.root} holds {name}."

    def _decode(self, name: str, flags: int) -> NDArray[np.uint8]:
        member = self._members.get(same_name(name))
        if member is None:
            raise DatasetError(self._missing(name))
        with open_file(member.shard) as file:
            file.seek(member.offset)
            content = file.read(member.size)
        return decode_image(content, f"{name} in {member.shard}", flags)


def _stack_layers(masks: Sequence[NDArray[np.uint8]]) -> Annotation:
    layers, objects = [], []
    for index, mask in enumerate(masks):
        layer = mask.astype(np.int32)
        inside = layer > 0
        ignored = mask == np.iinfo(mask.dtype).max
        layer[inside] += index * LAYER_STEP
        layer[ignored] = IGNORE
        # Counting beats sorting: the values are few.
        values = np.flatnonzero(np.bincount(mask.ravel()))
        ids = [int(v) for v in values if 0 < v < np.iinfo(mask.dtype).max]
        objects += [(value + index * LAYER_STEP, index) for value in ids]
        layers.append(layer)
    return Annotation(np.stack(layers), tuple(objects))


def _read_manifest(path: Path) -> dict[str, PackedImage]:
    try:
        table = read_table(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"Cannot read {path}: {error}. Packed data need it.") from error
    missing = [column for column in _COLUMNS if column not in table.columns]
    if missing:
        raise DatasetError(f"{path} lacks the columns {', '.join(missing)}.")
    entries: dict[str, PackedImage] = {}
    for line, cells in table.rows:
        row = dict(zip(table.columns, cells, strict=False))
        if not row.get("image") or not row.get("mask"):
            raise DatasetError(
                f"{path}, line {line}, names no image or no mask: pack or copy the data again."
            )
        known = entries.get(row["image"])
        masks = (*(known.masks if known else ()), row["mask"])
        entries[row["image"]] = PackedImage(
            masks, row.get("set") or "", row.get("mask_kind") or "instances"
        )
    return entries


def _members(shard: Path) -> list[tuple[str, _Member]]:
    try:
        require_file(shard)
        length = shard.stat().st_size
        with tarfile.open(shard, "r:") as archive:
            members = [
                (info.name, _Member(shard, info.offset_data, info.size))
                for info in archive
                if info.isfile()
            ]
        if any(member.offset + member.size > length for _, member in members):
            raise ValueError("it is cut short")
        return members
    except (*MALFORMED, tarfile.TarError, OSError) as error:
        raise DatasetError(f"{shard} is damaged ({error}): pack or copy it again.") from error
