"""Instance segmentation in COCO's JSON form (Lin et al., ECCV 2014): polygons or run lengths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..files import visible_files
from .base import Annotation, Dataset, pack_annotation, reject_split


class CocoJsonDataset(Dataset):
    """``annotations.json`` (or the only ``.json``) with images beside it or in ``images``.

    Objects are numbered from 1 in each image, in the order of the file; crowd regions are skipped.
    """

    def __init__(self, name: str, root: Path, split: str | None = None) -> None:
        reject_split(name, split, root)
        self._path = _find_json(root)
        images: dict[str, Path] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._objects: dict[str, list[Any]] = {}
        faults: list[str] = []
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            names = {entry["id"]: str(entry["file_name"]) for entry in content["images"]}
            for entry in content["images"]:
                file_name = str(entry["file_name"])
                if file_name in images:
                    faults.append(f"{self._path} lists the image {file_name} twice: keep one.")
                images[file_name] = _find_image(root, file_name)
                self._sizes[file_name] = (int(entry["height"]), int(entry["width"]))
                self._objects[file_name] = []
            for annotation in content["annotations"]:
                if not annotation.get("iscrowd"):
                    self._objects[names[annotation["image_id"]]].append(annotation["segmentation"])
        except (OSError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(
                f"{self._path} is not in COCO's form ({type(error).__name__}: {error}). It needs "
                "'images' (id, file_name, width, height) and 'annotations' (image_id, "
                "segmentation)."
            ) from error
        super().__init__(name, root, images, faults)

    def _object_ids(self, image: str) -> range:
        return range(1, len(self._objects[image]) + 1)

    def _annotation(self, image: str) -> Annotation:
        shape = self._sizes[image]
        masks = []
        for number, segmentation in enumerate(self._objects[image], 1):
            try:
                mask = decode_segmentation(segmentation, shape)
            except (LookupError, TypeError, ValueError, OverflowError) as error:
                raise DatasetError(
                    f"Object {number} of {image} in {self._path} has a malformed segmentation "
                    f"({error}): correct or remove it."
                ) from error
            masks.append((number, self._aligned(image, mask.astype(np.int8), self._path)))
        return pack_annotation(masks, masks[0][1].shape if masks else shape)


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
        if tuple(segmentation["size"]) != shape:
            raise ValueError(f"run lengths for {segmentation['size']}, image {list(shape)}")
        return _decode_runs(segmentation["counts"], shape)
    from skimage.draw import polygon

    mask = np.zeros(shape, np.bool_)
    for flat in segmentation:
        points = np.asarray(flat, np.float64).reshape(-1, 2) - 0.5
        if len(points) < 3 or not np.isfinite(points).all():
            raise ValueError("a polygon needs at least three points with finite coordinates")
        mask[polygon(points[:, 1], points[:, 0], shape)] = True
    return mask


def _decode_runs(counts: str | list[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode runs of background and object by turns, column by column."""
    runs = np.asarray(_unpack_counts(counts) if isinstance(counts, str) else counts, np.int64)
    if (runs < 0).any() or runs.sum() != shape[0] * shape[1]:
        raise ValueError("run lengths do not add up to the image's size")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape(shape, order="F")


def _unpack_counts(text: str) -> list[int]:
    """Decode COCO's text: 5 bits a character, lowest first; differences from the fourth run on."""
    counts: list[int] = []
    value = shift = 0
    for code in text.encode("ascii"):
        bits = code - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
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


def _find_image(root: Path, file_name: str) -> Path:
    beside = root / file_name
    return beside if beside.is_file() else root / "images" / file_name
