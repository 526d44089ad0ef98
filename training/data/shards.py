"""Writes tar shards with a manifest, as `core.datasets.shards` reads them."""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import ImageSample
from core.datasets.base import IGNORE
from core.errors import DatasetError
from core.files import write_text

from .folder import encode_jpeg, make_folder
from .resize import fitted_shape, resize_ids, resize_pixels

MANIFEST = "manifest.csv"
_COLUMNS = (
    "image", "mask", "shard", "set", "mask_kind", "width", "height", "objects", "source", "licence",
)  # fmt: skip
_BLOCK = 512


class ShardWriter:
    """Fills shards one after the other; to be used in a ``with`` statement.

    Parameters
    ----------
    folder
        New or empty folder.
    shard_bytes
        A shard is closed before it would exceed this, unless one image alone does.
    common
        What the manifest says of every mask: ``set``, ``mask_kind``, ``source``, ``licence``.

    Notes
    -----
    The manifest is written at the end, if nothing failed: a folder without it is unfinished.
    """

    def __init__(self, folder: Path, shard_bytes: int, common: dict[str, str]) -> None:
        make_folder(folder)
        self.folder = folder
        self.shards = 0
        self._limit = shard_bytes
        self._common = common
        self._rows: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._archive: tarfile.TarFile | None = None
        self._filled = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._named():
            self._close()
            if kind is None:
                text = io.StringIO()
                writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(self._rows)
                write_text(self.folder / MANIFEST, text.getvalue())

    def add(self, stem: str, image: ImageSample, quality: int) -> int:
        """Add an image and its layers; returns the number of objects that have a pixel.

        Ids up to 254 stay; a layer with greater ones is numbered anew.
        """
        name = self._claim(stem)
        layers = [label_image(layer) for layer in image.layers]
        if not layers:
            layers = [np.zeros(image.image.shape[:2], np.uint8)]
        suffixes = [""] if len(layers) == 1 else [f".{number}" for number in range(len(layers))]
        files = [(f"{name}.jpg", encode_jpeg(image.image, quality))]
        for suffix, layer in zip(suffixes, layers, strict=True):
            files.append((f"{name}{suffix}.png", cv2.imencode(".png", layer)[1].tobytes()))
        with self._named():
            shard = self._store(files)
        counts = [_count(layer) for layer in layers]
        height, width = image.image.shape[:2]
        for (mask, _), count in zip(files[1:], counts, strict=True):
            row = {"image": files[0][0], "mask": mask, "shard": shard, "objects": count}
            self._rows.append({**self._common, **row, "width": width, "height": height})
        return sum(counts)

    def _claim(self, stem: str) -> str:
        name, number = f"{self._common['set']}__{stem}", 1
        while name in self._names:
            number += 1
            name = f"{self._common['set']}__{stem}_{number}"
        self._names.add(name)
        return name

    def _store(self, files: Sequence[tuple[str, bytes]]) -> str:
        """Put files that belong together into one shard; returns its name."""
        size = sum(_BLOCK + len(content) for _, content in files)
        if self._archive is None or self._filled + size > self._limit:
            self._close()
            path = self.folder / f"{self._common['set']}-{self.shards:03d}.tar"
            self._archive = tarfile.open(path, "w")  # noqa: SIM115  (closed by _close)
            self.shards += 1
            self._filled = 0
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            self._archive.addfile(info, io.BytesIO(content))
        self._filled += size
        return f"{self._common['set']}-{self.shards - 1:03d}.tar"

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DatasetError(f"Cannot write to {self.folder}: {error}.") from error


def label_image(layer: NDArray[np.int32]) -> NDArray[Any]:
    """(H, W) uint8 or uint16 label image of a layer; the type's greatest value means ignore."""
    inside = layer > 0
    ids = np.unique(layer[inside])
    numbers: NDArray[Any] = ids
    if ids.size and ids[-1] >= np.iinfo(np.uint8).max:
        numbers = np.arange(1, len(ids) + 1)
    small = not numbers.size or numbers[-1] < np.iinfo(np.uint8).max
    labels: NDArray[Any] = np.zeros(layer.shape, np.uint8 if small else np.uint16)
    ignore = np.iinfo(labels.dtype).max
    if len(numbers) >= ignore:
        raise DatasetError(f"{len(ids)} objects in one layer are too many for a label image.")
    labels[inside] = numbers[np.searchsorted(ids, layer[inside])]
    labels[layer == IGNORE] = ignore
    return labels


def shrink(image: ImageSample, longest: int) -> ImageSample:
    """Shrink an image and its layers until its longer side is ``longest`` pixels or less."""
    shape = fitted_shape(image.image.shape[:2], longest, enlarge=False)
    layers = [resize_ids(layer, shape) for layer in image.layers]
    stacked = np.stack(layers) if layers else np.zeros((0, *shape), np.int32)
    pixels = resize_pixels(image.image, shape)
    return ImageSample(image.name, pixels, stacked, image.objects)


def _count(layer: NDArray[Any]) -> int:
    values = np.unique(layer)
    return int(((values > 0) & (values < np.iinfo(layer.dtype).max)).sum())
