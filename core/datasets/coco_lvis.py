"""COCO+LVIS of RITM (Sofiiuk et al., 2021): ``<split>/images``, ``masks``, ``hannotation.pickle``.

Each ``masks/<id>.pickle`` is (list of PNG-encoded layers, list of (layer, value) by object number).
The first ``num_instance_masks`` objects are instances; the others, regions of stuff (sky, grass
...), are for `CocoLvisStuffDataset` only. The hierarchy is ignored.
"""

from __future__ import annotations

import collections
import pickle  # nosec B403
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..file_names import FileFinder
from ..files import open_file
from ..image import decode_image
from ..json_files import MALFORMED
from .base import Annotation, Dataset, locate

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
# Looked up through numpy's own pickles, since the modules' names differ between its versions.
_RECONSTRUCT: Any = np.zeros(1).__reduce__()[0]
_FROMBUFFER: Any = np.zeros(1).__reduce_ex__(5)[0]
_SCALAR: Any = np.float64(0).__reduce__()[0]


def _latin1(text: str, encoding: str) -> bytes:
    """Replace ``_codecs.encode``, by which old pickles store bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding!r}")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("collections", "OrderedDict"): collections.OrderedDict,
    **{(module, "set"): set for module in ("builtins", "__builtin__")},
    ("_codecs", "encode"): _latin1,
    **{(module, "_reconstruct"): _RECONSTRUCT for module in _MULTIARRAY},
    **{(module, "scalar"): _SCALAR for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _FROMBUFFER for module in _NUMERIC},
}


# Raised by Python on damaged pickles.
_DAMAGED = (*MALFORMED, pickle.UnpicklingError, EOFError, MemoryError)
_MOST_OBJECTS = 100_000  # of an image


class _PlainUnpickler(pickle.Unpickler):
    """Unpickler of arrays and built-in containers only."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def load_plain_pickle(path: Path) -> Any:  # noqa: ANN401
    """Load a pickle of arrays and built-in containers; refuse all that could run code.

    Raises
    ------
    DatasetError
        If the file is missing or damaged, or needs anything else.
    """
    try:
        with open_file(path) as file:
            return _PlainUnpickler(file).load()
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror}.") from error
    except _DAMAGED as error:
        raise DatasetError(
            f"The pickle {path} is damaged or unsafe ({error}). Only arrays, lists and "
            "dictionaries are read: make it anew from the original annotations."
        ) from error


class CocoLvisDataset(Dataset):
    """Instances of one split (default ``train``), numbered from 1 as in the annotations."""

    def __init__(self, name: str, root: Path, split: str | None = None) -> None:
        self._folder = root / (split or "train")
        path = self._folder / "hannotation.pickle"
        entries = load_plain_pickle(path)
        try:
            self._counts = {f"{k}.jpg": int(v["num_instance_masks"]) for k, v in entries.items()}
            if not all(0 <= count <= _MOST_OBJECTS for count in self._counts.values()):
                raise ValueError(f"an image has fewer than 0 or more than {_MOST_OBJECTS} objects")
        except MALFORMED as error:
            raise DatasetError(
                f"{path} is not the expected dictionary of 'num_instance_masks' by image."
            ) from error
        images, self._masks = (FileFinder(self._folder / part) for part in ("images", "masks"))
        super().__init__(name, root, {n: locate(images, n) for n in self._counts})

    def _object_ids(self, image: str) -> range:
        return range(1, self._counts[image] + 1)

    def _count(self, image: str, places: Sequence[Any]) -> int:  # noqa: ARG002
        """Return how many of the objects with ``places`` in the layers count."""
        return self._counts[image]

    def _annotation(self, image: str) -> Annotation:
        path = locate(self._masks, f"{Path(image).stem}.pickle")
        content = load_plain_pickle(path)
        try:
            encoded, places = content
            count = self._count(image, places)
            pairs = [(int(places[i][0]), int(places[i][1])) for i in range(count)]
            layers = _layers([_decode_layer(layer) for layer in encoded], pairs)
        except (*MALFORMED, MemoryError, cv2.error) as error:
            raise DatasetError(
                f"{path} does not hold PNG layers and (layer, value) pairs: {error}."
            ) from error
        aligned = np.stack([self._aligned(image, layer, path) for layer in layers])
        return Annotation(aligned, tuple((i, layer) for i, (layer, _) in enumerate(pairs, 1)))


class CocoLvisStuffDataset(CocoLvisDataset):
    """Instances and regions of stuff."""

    def _object_ids(self, image: str) -> range:
        return range(1, len(self._annotation(image).objects) + 1)

    def _count(self, image: str, places: Sequence[Any]) -> int:  # noqa: ARG002
        return len(places)


def _decode_layer(encoded: bytes | NDArray[np.uint8]) -> NDArray[Any]:
    layer = decode_image(bytes(encoded), "a layer", cv2.IMREAD_UNCHANGED)
    if layer.ndim != 2:
        raise ValueError("not a PNG of one channel")
    return layer


def _layers(raw: list[NDArray[Any]], pairs: list[tuple[int, int]]) -> list[NDArray[np.int32]]:
    """Replace the values of layers by object numbers; values of no object become 0."""
    if not raw:
        raise ValueError("no layers")
    tables = [np.zeros(np.iinfo(layer.dtype).max + 1, np.int32) for layer in raw]
    for number, (place, value) in enumerate(pairs, 1):
        if place < 0 or value < 1:
            raise ValueError(f"object {number} has layer {place}, value {value}")
        tables[place][value] = number
    return [table[layer] for table, layer in zip(tables, raw, strict=True)]
