"""Data sets of a folder of images and a folder of masks, paired by file name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..file_names import same_name
from ..files import visible_files
from ..image import read_mask_values
from .base import BACKGROUND, IGNORE, OBJECT, Annotation, Dataset, pack_annotation, reject_split

Decode = Callable[[NDArray[Any]], NDArray[np.int8]]
_SUFFIXES = {
    ".bmp",
    ".gif",
    ".jp2",
    ".jpeg",
    ".jpg",
    ".pgm",
    ".png",
    ".ppm",
    ".tif",
    ".tiff",
    ".webp",
}
_NUMBERED = re.compile(r"(.+)_(\d+)", re.DOTALL)
_IGNORE_VALUE = 128


@dataclass(frozen=True)
class Layout:
    """Folder names and mask encoding of a family.

    Attributes
    ----------
    images, masks
        Names of the two folders.
    decode
        From (H, W) or (H, W, 3) RGB mask values as displayed to (H, W) int8 of 1, 0, -1.
    numbered
        Whether masks may be called ``<stem>_<n>`` too, one for each object of an image.
    """

    images: str
    masks: str
    decode: Decode
    numbered: bool = False


def decode_bright(values: NDArray[Any]) -> NDArray[np.int8]:
    """Decode blue above 128 as object, 128 as ignored (GrabCut, Berkeley)."""
    blue = _blue(values)
    mask = np.where(blue > _IGNORE_VALUE, OBJECT, BACKGROUND).astype(np.int8)
    mask[blue == _IGNORE_VALUE] = IGNORE
    return mask


def decode_any(values: NDArray[Any]) -> NDArray[np.int8]:
    """Decode values other than 0 in any channel as object (DAVIS, COCO_MVal)."""
    brightest = values if values.ndim == 2 else values.max(axis=2)
    return (brightest > 0).astype(np.int8)


def decode_positive(values: NDArray[Any], ignore: int | None = None) -> NDArray[np.int8]:
    """Decode blue above 0 as object, the value ``ignore`` as ignored (avalanches)."""
    blue = _blue(values)
    mask = (blue > 0).astype(np.int8)
    if ignore is not None:
        mask[blue == ignore] = IGNORE
    return mask


def _blue(values: NDArray[Any]) -> NDArray[Any]:
    """Return channel 0 of the family's BGR arrays."""
    return values if values.ndim == 2 else values[:, :, -1]


LAYOUTS = {
    "grabcut": Layout("data_GT", "boundary_GT", decode_bright),
    "berkeley": Layout("images", "masks", decode_bright),
    "davis": Layout("img", "gt", decode_any),
    "coco_mval": Layout("img", "gt", decode_any),
    "avalanche": Layout("images", "masks", decode_positive),
    "slf": Layout("images", "masks", decode_positive),
    "uibk": Layout("images", "masks", decode_positive),
    "images": Layout("images", "masks", decode_bright, numbered=True),
}


class FolderDataset(Dataset):
    """Images and masks paired by stem; other files (``Thumbs.db``) are ignored.

    Parameters
    ----------
    name
        Name for reports.
    root
        Folder that holds the layout's two folders.
    layout
        Folder names and mask encoding. `LAYOUTS` has the known ones; an avalanche set with an
        ignored value takes ``Layout("images", "masks", partial(decode_positive, ignore=128))``.

    Notes
    -----
    Label images (one value for each object) are read by the ``iseg`` form.
    """

    def __init__(self, name: str, root: Path, layout: Layout) -> None:
        images, self._masks, faults = _pair(root / layout.images, root / layout.masks, layout)
        self._layout = layout
        super().__init__(name, root, images, faults)

    @classmethod
    def open(cls, name: str, root: Path, split: str | None) -> FolderDataset:
        """Open a set of `LAYOUTS`."""
        reject_split(name, split, root)
        return cls(name, root, LAYOUTS[name])

    def _object_ids(self, image: str) -> range:
        return range(1, len(self._masks[image]) + 1)

    def _annotation(self, image: str) -> Annotation:
        masks = [self._mask(image, path) for path in self._masks[image]]
        return pack_annotation(enumerate(masks, 1), masks[0].shape)

    def _mask(self, image: str, path: Path) -> NDArray[np.int8]:
        return self._layout.decode(self._aligned(image, read_mask_values(path, colours=True), path))


def _pair(
    image_folder: Path, mask_folder: Path, layout: Layout
) -> tuple[dict[str, Path], dict[str, list[Path]], list[str]]:
    """Return files by image name, mask files by image name, and faults."""
    faults: list[str] = []
    images = _by_stem(image_folder, faults)
    masks: dict[str, list[tuple[int, Path]]] = {stem: [] for stem in images}
    for stem, path in _by_stem(mask_folder, faults).items():
        owner, number = _owner(stem, masks, layout)
        if owner is None:
            faults.append(f"The mask {path} has no image in {image_folder}: add it or remove it.")
        else:
            masks[owner].append((number, path))
    for stem, path in images.items():
        if not masks[stem]:
            faults.append(f"The image {path} has no mask in {mask_folder}: add it or remove it.")
    paired = {path.name: [p for _, p in sorted(masks[stem])] for stem, path in images.items()}
    paired = {name: paths for name, paths in paired.items() if paths}
    return {name: image_folder / name for name in paired}, paired, faults


def _owner(stem: str, known: dict[str, Any], layout: Layout) -> tuple[str | None, int]:
    """Return the stem of a mask's image, and the number of its object."""
    if stem in known:
        return stem, -1
    match = _NUMBERED.fullmatch(stem) if layout.numbered else None
    if match and match[1] in known:
        return match[1], int(match[2])
    return None, -1


def _by_stem(folder: Path, faults: list[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder}: check the data set's path and name.")
    found: dict[str, Path] = {}
    for path in visible_files(folder, *_SUFFIXES):
        stem = same_name(path.stem)
        if stem in found:
            faults.append(
                f"{found[stem]} and {path.name} differ in type, or in how accents are stored, "
                "only: keep one."
            )
        found.setdefault(stem, path)
    return found
