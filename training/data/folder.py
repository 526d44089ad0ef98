"""Writes images and one mask for each object, the folder form that ``images`` reads back.

::

    images/NAME.*          one image, once
    masks/NAME_1.png ...   0 background, 128 ignore, 255 object
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets.base import IGNORE, OBJECT, UNFINISHED
from core.errors import DatasetError
from core.image import write_png

_OBJECT_VALUE, _IGNORE_VALUE = 255, 128


class ObjectFolder:
    """A folder to fill, image by image, in a ``with`` statement: until its end it is unfinished.

    Parameters
    ----------
    root
        New or empty folder.

    Raises
    ------
    DatasetError
        A folder in use or that cannot be made.
    """

    def __init__(self, root: Path) -> None:
        make_folder(root)
        self._mark = root / UNFINISHED
        self._mark.write_text("Being written, or its writing was stopped.\n", "utf-8")
        self._images, self._masks = root / "images", root / "masks"
        self._images.mkdir()
        self._masks.mkdir()
        self._image_stems: set[str] = set()
        self._mask_stems: set[str] = set()

    def __enter__(self) -> ObjectFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._mark.unlink(missing_ok=True)

    def copy(self, stem: str, image: Path, masks: Sequence[NDArray[np.int8]]) -> str:
        """Copy an image byte for byte and write its masks; return the name it got.

        The stem is changed where another image or its masks have it already. There is at least one
        mask, (H, W) int8 of 1, 0, -1, each of the image's size as shown.
        """
        name = self._claim(stem, len(masks)) + image.suffix
        try:
            shutil.copyfile(image, self._images / name)
        except OSError as error:
            raise DatasetError(f"Cannot copy {image} to {self._images}: {error}.") from error
        self._write_masks(name, masks)
        return name

    def write(
        self, stem: str, pixels: NDArray[np.uint8], masks: Sequence[NDArray[np.int8]], quality: int
    ) -> str:
        """As `copy`, for an (H, W, 3) uint8 RGB image, which becomes a JPEG."""
        name = self._claim(stem, len(masks)) + ".jpg"
        try:
            (self._images / name).write_bytes(encode_jpeg(pixels, quality))
        except OSError as error:
            raise DatasetError(f"Cannot write to {self._images}: {error}.") from error
        self._write_masks(name, masks)
        return name

    def _claim(self, stem: str, count: int) -> str:
        """Stem whose image and masks collide with no others, file systems ignoring case too."""
        free, number = stem, 1
        while not self._is_free(free, count):
            number += 1
            free = f"{stem}_{number}"
        self._image_stems.add(free.lower())
        self._mask_stems |= _mask_stems(free, count)
        return free

    def _is_free(self, stem: str, count: int) -> bool:
        taken = stem.lower() in self._image_stems | self._mask_stems
        return not taken and not _mask_stems(stem, count) & self._image_stems

    def _write_masks(self, name: str, masks: Sequence[NDArray[np.int8]]) -> None:
        for number, mask in enumerate(masks, 1):
            values = np.zeros(mask.shape, np.uint8)
            values[mask == OBJECT] = _OBJECT_VALUE
            values[mask == IGNORE] = _IGNORE_VALUE
            write_png(self._masks / f"{Path(name).stem}_{number}.png", values)


def make_folder(root: Path) -> None:
    """Make a folder to write into; `DatasetError` where it is in use."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        used = any(root.iterdir())
    except OSError as error:
        raise DatasetError(f"Cannot make the folder {root}: {error}.") from error
    if used:
        raise DatasetError(f"The folder {root} is not empty: write into a new one.")


def flat_stem(name: str) -> str:
    """File stem for an image name that may hold folders (``images`` in front is dropped)."""
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in path.parent.parts if part not in ("/", "..")]
    return "__".join([*(parts[1:] if parts[:1] == ["images"] else parts), path.stem])


def encode_jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """JPEG file of an (H, W, 3) uint8 RGB image; quality 1 to 100."""
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _mask_stems(stem: str, count: int) -> set[str]:
    return {f"{stem}_{number}".lower() for number in range(1, count + 1)}
