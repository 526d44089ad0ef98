"""Base of all data sets: samples, images, lazy reading, and a check of every file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, ImageError
from ..file_names import FileFinder
from ..image import align_mask, read_image
from ..prompts import Click
from ..text_files import read_lines

OBJECT, BACKGROUND, IGNORE = 1, 0, -1
UNFINISHED = "UNFINISHED.txt"
"""File in a folder that a program is writing; what it holds is no data set yet."""
_NAMES_SHOWN = 5


@dataclass(frozen=True)
class ObjectRef:
    """Reference to one object, without reading anything.

    Attributes
    ----------
    image
        Name of the image, unique in its data set: file name or relative posix path.
    object
        Id of the object in the image, ``"1"`` where there is only one.
    """

    image: str
    object: str


@dataclass(frozen=True, eq=False)
class Sample:
    """One object in one image.

    Samples of the same image may share its array: do not write to it.

    Attributes
    ----------
    ref
        Which object this is.
    image
        (H, W, 3) uint8 RGB.
    mask
        (H, W) int8: 1 object, 0 background, -1 ignore.
    """

    ref: ObjectRef
    image: NDArray[np.uint8]
    mask: NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Annotation:
    """All objects of one image.

    Attributes
    ----------
    layers
        (L, H, W) int32 object ids, 0 background, -1 ignore. Overlapping objects lie in different
        layers.
    objects
        (id, layer) of every object; ids are at least 1 and unique in the image.
    """

    layers: NDArray[np.int32]
    objects: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class ImageSample:
    """One image with all its objects, possibly none.

    Attributes
    ----------
    name
        As in `ObjectRef.image`.
    image
        (H, W, 3) uint8 RGB.
    layers, objects
        As in `Annotation`.
    clicks
        By object id, the clicks that a person made, in order; of few data sets.
    """

    name: str
    image: NDArray[np.uint8]
    layers: NDArray[np.int32]
    objects: tuple[tuple[int, int], ...]
    clicks: Mapping[int, Sequence[Click]] = field(default_factory=dict)

    def mask(self, object_id: int) -> NDArray[np.int8]:
        """Return the (H, W) int8 mask of one object: 1 object, 0 background, -1 ignore."""
        layer = self.layers[dict(self.objects)[object_id]]
        mask: NDArray[np.int8] = (layer == object_id).astype(np.int8)
        mask[layer == IGNORE] = IGNORE
        return mask


class Dataset(ABC):
    """Objects in images, in the order of image names and object ids.

    Files are read on access; the last image is cached for its other objects. A data set with
    unpaired files can be opened for `check`, but gives no samples.

    Parameters
    ----------
    name
        Name for reports.
    root
        Folder of the data set.
    images
        Image name -> file; sorted here.
    faults
        Faults of the collection of files as a whole, one sentence each.
    notes
        What is left out though it is no fault, one sentence each.

    Attributes
    ----------
    notes
        As the parameter.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        images: Mapping[str, Path],
        faults: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.root = root
        self._images = dict(sorted(images.items()))
        self._faults = list(faults)
        self.notes = tuple(notes)
        self._last: ImageSample | None = None
        if not images and not faults:
            self._faults = [f"The data set {root} holds no images."]

    @abstractmethod
    def _annotation(self, image: str) -> Annotation:
        """Read the objects of one image, in its orientation of display."""

    def _object_ids(self, image: str) -> Sequence[int]:
        """Return the object ids of one image; overridden where that needs no reading."""
        with _as_dataset_error():
            return [object_id for object_id, _ in self._annotation(image).objects]

    def __len__(self) -> int:
        """Count the objects."""
        return len(self.refs)

    def __getitem__(self, index: int) -> Sample:
        """Read one object; `DatasetError` where its files are faulty or its mask is empty."""
        ref = self.refs[index]
        sample = self._read(ref.image)
        mask = sample.mask(int(ref.object))
        if not (mask == OBJECT).any():
            raise DatasetError(self._empty(ref))
        return Sample(ref, sample.image, mask)

    @cached_property
    def refs(self) -> Sequence[ObjectRef]:
        """All objects in order. Families with ids in masks only read every mask for this."""
        self._require_sound()
        return tuple(
            ObjectRef(image, str(object_id))
            for image in self._images
            for object_id in self._object_ids(image)
        )

    def images(self) -> ImageSequence:
        """Return the images with all their objects, each read on access."""
        self._require_sound()
        return ImageSequence(self)

    def check(self) -> list[str]:
        """Read every file and describe each fault; return an empty list without faults."""
        faults = list(self._faults)
        for image in self._images:
            try:
                sample = self._read(image)
            except DatasetError as error:
                faults.append(str(error))
                continue
            ids = [object_id for object_id, _ in sample.objects]
            empty = [i for i in ids if not (sample.mask(i) == OBJECT).any()]
            faults += [self._empty(ObjectRef(image, str(object_id))) for object_id in empty]
        return list(dict.fromkeys(faults))

    def _read(self, image: str) -> ImageSample:
        if self._last is None or self._last.name != image:
            with _as_dataset_error():
                pixels, annotation = self._load(image)
            clicks = self._clicks(image)
            self._last = ImageSample(image, pixels, annotation.layers, annotation.objects, clicks)
        return self._last

    def _clicks(self, image: str) -> Mapping[int, Sequence[Click]]:  # noqa: ARG002
        """Return the clicks of a person by object id; overridden where they are known."""
        return {}

    def _load(self, image: str) -> tuple[NDArray[np.uint8], Annotation]:
        """Read pixels and objects of one image; overridden where images have no files."""
        return read_image(self._images[image]).pixels, self._annotation(image)

    def _aligned(self, image: str, values: NDArray[Any], source: Path) -> NDArray[Any]:
        return align_mask(values, self._images[image], source)

    def _require_sound(self) -> None:
        if self._faults:
            raise DatasetError("\n".join(shorten(self._faults)))

    def _empty(self, ref: ObjectRef) -> str:
        return (
            f"Object {ref.object} of {self._images[ref.image]} has no pixel: draw it or remove it."
        )


class ImageSequence:
    """Sequence of the images of a data set; each is read on access."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.names = tuple(dataset._images)

    def __len__(self) -> int:
        """Count the images."""
        return len(self.names)

    def __getitem__(self, index: int) -> ImageSample:
        """Read one image and its objects."""
        return self._dataset._read(self.names[index])

    def __iter__(self) -> Iterator[ImageSample]:
        """Read one image after the other."""
        return (self[index] for index in range(len(self)))


def label_annotation(labels: NDArray[Any], ignore: int | None = None) -> Annotation:
    """Build one layer from an (H, W) label image; the value ``ignore`` becomes -1."""
    layer = labels.astype(np.int32)
    if ignore is not None:
        layer[labels == ignore] = IGNORE
    ids = np.unique(layer)
    return Annotation(layer[None], tuple((int(i), 0) for i in ids if i > 0))


def pack_annotation(
    masks: Iterable[tuple[int, NDArray[np.int8]]], shape: tuple[int, int]
) -> Annotation:
    """Pack (id, (H, W) mask of 1, 0, -1) into as few layers as their overlaps allow.

    A mask with ignored pixels gets its own layer, since they concern no other object.
    """
    layers: list[NDArray[np.int32]] = []
    shared: list[int] = []
    objects: list[tuple[int, int]] = []
    for object_id, mask in masks:
        inside = mask == OBJECT
        private = bool((mask == IGNORE).any())
        free = (i for i in shared if not layers[i][inside].any())
        place = None if private else next(free, None)
        if place is None:
            place = len(layers)
            layers.append(np.where(mask == IGNORE, IGNORE, 0).astype(np.int32))
            if not private:
                shared.append(place)
        layers[place][inside] = object_id
        objects.append((object_id, place))
    stacked = np.stack(layers) if layers else np.zeros((0, *shape), np.int32)
    return Annotation(stacked, tuple(objects))


def read_list(path: Path) -> list[str]:
    """Read the names of a split file, one a line; `DatasetError` if it is missing."""
    try:
        lines = read_lines(path)
    except (OSError, ValueError) as error:
        others = ", ".join(sorted(p.stem for p in path.parent.glob("*.txt"))) or "none"
        raise DatasetError(
            f"Cannot read the list of images {path}. Lists in its folder: {others}."
        ) from error
    return list(dict.fromkeys(lines))


def locate(finder: FileFinder, name: str) -> Path:
    """Return the file of a name that a list or an index gives; it may turn out to be missing.

    Raises
    ------
    DatasetError
        If the name leads out of the folder.
    """
    try:
        return finder.find(name) or finder.folder / name
    except ValueError as error:
        raise DatasetError(f"{error}: correct the list that names it.") from error


def shorten(names: Sequence[str]) -> list[str]:
    """Return the first few entries, and the number of the others."""
    rest = len(names) - _NAMES_SHOWN
    return [*names[:_NAMES_SHOWN], *([f"... and {rest} more"] if rest > 0 else [])]


def reject_split(name: str, split: str | None, root: Path) -> None:
    """Raise a `DatasetError` for a split of a family without splits."""
    if split is not None:
        raise DatasetError(
            f"The data set {name} has no splits, but {split!r} was asked for: leave it out, or "
            f"name the folder of that split instead of {root}."
        )


@contextmanager
def _as_dataset_error() -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        raise DatasetError(str(error)) from error
