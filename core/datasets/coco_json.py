"""Instance segmentation in COCO's JSON form (Lin et al., ECCV 2014): polygons or run lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..file_names import FileFinder
from ..files import visible_files
from ..image import mask_turn
from ..json_files import MALFORMED, is_true, read_json
from ..mask_image import turn
from .base import Annotation, Dataset, pack_annotation, reject_split

_LARGEST_SIDE = 10**6  # pixels
_LARGEST_POINT = 1e9  # pixels
_LONGEST_RUN = 13  # characters of a number of COCO's text, 5 bits each


class CocoJsonDataset(Dataset):
    """``annotations.json`` (or the only ``.json``) with images beside it or in ``images``.

    Objects are numbered from 1 in each image, in the order of the file; crowd regions are left out,
    which ``notes`` tell.
    """

    def __init__(self, name: str, root: Path, split: str | None = None) -> None:
        reject_split(name, split, root)
        self._path = _find_json(root)
        images: dict[str, Path] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._objects: dict[str, list[Any]] = {}
        self._crowds = 0
        faults: list[str] = []
        try:
            content = read_json(self._path)
            names = self._read_images(content["images"], root, images, faults)
            for number, annotation in enumerate(content["annotations"]):
                self._read_annotation(number, annotation, names, faults)
            notes = [*self._notes(content), *self._crowd_note()]
        except (OSError, *MALFORMED) as error:
            raise DatasetError(
                f"{self._path} is not in COCO's form ({type(error).__name__}: {error}). It needs "
                "'images' (id, file_name, width, height) and 'annotations' (image_id, "
                "segmentation)."
            ) from error
        super().__init__(name, root, images, faults, notes)

    def _read_images(
        self,
        entries: Iterable[Mapping[str, Any]],
        root: Path,
        images: dict[str, Path],
        faults: list[str],
    ) -> dict[Any, str | None]:
        """Fill in ``images``; return their names by id, None of those that cannot be used."""
        names: dict[Any, str | None] = {}
        finder = ImageFinder(root)
        for number, entry in enumerate(entries):
            try:
                identity, given, size = entry["id"], str(entry["file_name"]), image_size(entry)
                is_double = identity in names
            except MALFORMED as error:
                faults.append(self._fault("images", number, error))
                continue
            if is_double:
                faults.append(
                    f"{self._path} gives the id {identity!r} to two images, of which {given} is "
                    "one: give each its own."
                )
            try:
                name, path = finder.find(given)
            except ValueError as error:
                faults.append(f"{self._path}: {error}.")
                names[identity] = None
                continue
            if name in images:
                faults.append(f"{self._path} lists the image {name} twice: keep one.")
            names[identity] = name
            images[name], self._sizes[name], self._objects[name] = path, size, []
        return names

    def _read_annotation(
        self,
        number: int,
        annotation: Mapping[str, Any],
        names: Mapping[Any, str | None],
        faults: list[str],
    ) -> None:
        try:
            identity, segmentation = annotation["image_id"], annotation["segmentation"]
            if identity not in names:
                raise ValueError(f"no image has the id {identity!r}")
            is_crowd, image = is_true(annotation.get("iscrowd")), names[identity]
        except MALFORMED as error:
            faults.append(self._fault("annotations", number, error))
            return
        if is_crowd:
            self._crowds += 1
        elif image is not None:
            self._objects[image].append(segmentation)

    def _fault(self, part: str, number: int, error: Exception) -> str:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error).rstrip(".")
        return f"Entry {number} of '{part}' in {self._path}: {reason}. Correct or remove it."

    def _notes(self, content: Mapping[str, Any]) -> list[str]:
        return [f"{self._path}: {text}" for text in double_ids(content)]

    def _crowd_note(self) -> list[str]:
        if not self._crowds:
            return []
        return [f"{self._path}: {self._crowds} crowd regions are no objects and are left out."]

    def _object_ids(self, image: str) -> range:
        return range(1, len(self._objects[image]) + 1)

    def _annotation(self, image: str) -> Annotation:
        shape = self._sizes[image]
        orientation = mask_turn(shape, self._images[image], self._path)
        masks = []
        for number, segmentation in enumerate(self._objects[image], 1):
            try:
                mask = decode_segmentation(segmentation, shape)
            except MALFORMED as error:
                raise DatasetError(
                    f"Object {number} of {image} in {self._path} has a malformed segmentation "
                    f"({error}): correct or remove it."
                ) from error
            masks.append((number, turn(mask.astype(np.int8), orientation)))
        return pack_annotation(masks, shape[::-1] if orientation >= 5 else shape)


class ImageFinder:
    """Finds the images of a JSON file: beside it, or in ``images`` beside it.

    Parameters
    ----------
    folders
        Where to look instead.
    """

    def __init__(self, root: Path, folders: Iterable[Path] = ()) -> None:
        self._finders = [FileFinder(folder) for folder in (*folders,) or (root, root / "images")]

    def find(self, file_name: str) -> tuple[str, Path]:
        """Return name and file of an image; where there is none, the file that should be there.

        Raises
        ------
        ValueError
            If the name leads out of the folder.
        """
        for finder in self._finders:
            path = finder.find(file_name)
            if path is not None:
                return path.relative_to(finder.folder).as_posix(), path
        name = file_name.replace("\\", "/")
        return name, self._finders[-1].folder / name


def image_size(entry: Mapping[str, Any]) -> tuple[int, int]:
    """Return (height, width) of an entry of 'images'; `MALFORMED` where they are none."""
    height, width = int(entry["height"]), int(entry["width"])
    if not (1 <= height <= _LARGEST_SIDE and 1 <= width <= _LARGEST_SIDE):
        raise ValueError(f"no image has {width} x {height} pixels")
    return height, width


def double_ids(content: Mapping[str, Any]) -> list[str]:
    """Describe ids that several annotations or categories have; those of images are not counted."""
    found = []
    for part in ("annotations", "categories"):
        entries = content.get(part) or ()
        named = (entry for entry in entries if isinstance(entry, Mapping) and "id" in entry)
        ids = Counter(str(entry["id"]) for entry in named)
        twice = [identity for identity, count in ids.items() if count > 1]
        if twice:
            shown = ", ".join(twice[:3]) + (" …" if len(twice) > 3 else "")
            found.append(f"several of its {part} have the same id ({shown}); all are taken.")
    return found


def decode_segmentation(
    segmentation: list[list[float]] | Mapping[str, Any], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Decode the (H, W) mask of one object.

    Parameters
    ----------
    segmentation
        Polygons [x0, y0, x1, y1, ...] in pixels, (0, 0) being the corner of the first pixel: a
        pixel belongs to the object if its centre lies inside any of them. Or run lengths
        ``{"size": [h, w], "counts": ...}``, plain list or COCO's compressed text.
    shape
        (H, W) of the image.

    Raises
    ------
    ValueError
        Polygons of fewer than three points, or run lengths that do not fill ``shape``.
    """
    if isinstance(segmentation, Mapping):
        if list(segmentation["size"]) != list(shape):
            raise ValueError(f"run lengths for {segmentation['size']}, image {list(shape)}")
        return _decode_runs(segmentation["counts"], shape)
    from skimage.draw import polygon

    mask = np.zeros(shape, np.bool_)
    for flat in segmentation:
        points = np.asarray(flat, np.float64).reshape(-1, 2) - 0.5
        if len(points) < 3 or not (np.abs(points) < _LARGEST_POINT).all():
            raise ValueError("a polygon needs at least three points with finite coordinates")
        mask[polygon(points[:, 1], points[:, 0], shape)] = True
    return mask


def _decode_runs(counts: str | list[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode runs of background and object by turns, column by column."""
    if isinstance(counts, str):
        runs = np.array(_unpack_counts(counts), np.int64)
    else:
        given = np.asarray(counts, np.float64)
        if given.ndim != 1 or not (np.abs(given) < _LARGEST_SIDE**2).all() or (given % 1).any():
            raise ValueError("run lengths are not whole numbers, or no image is as large")
        runs = given.astype(np.int64)
    total = shape[0] * shape[1]
    if (runs < 0).any() or (runs > total).any() or runs.sum() != total:
        raise ValueError("run lengths do not add up to the image's size")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape, order="F")


def _unpack_counts(text: str) -> list[int]:
    """Decode COCO's text: 5 bits a character, lowest first; differences from the fourth run on."""
    counts: list[int] = []
    value = length = 0
    for code in text.encode("ascii"):
        bits = code - 48
        if not 0 <= bits < 64 or length == _LONGEST_RUN:
            raise ValueError("its text of run lengths is damaged")
        value |= (bits & 0x1F) << 5 * length
        length += 1
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << 5 * length
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = length = 0
    if length:
        raise ValueError("its text of run lengths is cut short")
    return counts


def _find_json(root: Path) -> Path:
    preferred = root / "annotations.json"
    if preferred.is_file():
        return preferred
    found = visible_files(root, ".json")
    if len(found) != 1:
        raise DatasetError(
            f"{root} holds {len(found)} .json files: call the one to use annotations.json."
        )
    return found[0]
