"""Label images: one image of ids beside each photo, every id an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets.base import Annotation, label_annotation
from core.datasets.folders import FolderDataset, Layout, decode_any
from core.errors import DatasetError
from core.image import read_mask_values


class LabelImages(FolderDataset):
    """``images`` and ``masks`` paired by stem; masks hold ids of 8, 16 or 32 bit, 0 none.

    Parameters
    ----------
    root
        Folder that holds the two folders.
    ignore
        Value of pixels that belong to nothing for sure; None where there is none.
    """

    def __init__(self, root: Path, ignore: int | None) -> None:
        self._ignore = ignore
        super().__init__("labels", root, Layout("images", "masks", decode_any))

    def _annotation(self, image: str) -> Annotation:
        path = self._masks[image][0]
        labels = self._aligned(image, read_mask_values(path), path)
        if labels.ndim == 3 and (labels == labels[:, :, :1]).all():
            labels = labels[:, :, 0]
        if labels.ndim != 2:
            raise DatasetError(f"The mask {path} holds colours: one channel of ids is needed.")
        return label_annotation(labels, self._ignore)

    def sound(self, faults: list[str]) -> Iterator[tuple[Path, list[NDArray[np.int8]]]]:
        """(image file, masks of its objects) of all that can be read; ``faults`` names the rest.

        Masks are (H, W) int8 of 1, 0, -1; there are none where the ids are all 0.
        """
        faults += self._faults
        for image, path in self._images.items():
            try:
                sample = self._read(image)
            except DatasetError as error:
                faults.append(str(error))
                continue
            yield path, [sample.mask(number) for number, _ in sample.objects]
