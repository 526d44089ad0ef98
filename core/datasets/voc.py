"""Pascal VOC 2012: ``JPEGImages``, ``SegmentationObject``, ``ImageSets/Segmentation``."""

from __future__ import annotations

from pathlib import Path

from ..errors import DatasetError
from ..file_names import FileFinder
from ..image import read_mask_values
from .base import Annotation, Dataset, label_annotation, locate, read_list

_VOID = 255


class VocDataset(Dataset):
    """Objects by palette index; the void border (255) is ignored.

    Counting the objects reads all masks of the split once.
    """

    def __init__(self, name: str, root: Path, split: str | None = None) -> None:
        stems = read_list(root / "ImageSets" / "Segmentation" / f"{split or 'val'}.txt")
        images = FileFinder(root / "JPEGImages")
        self._masks = FileFinder(root / "SegmentationObject")
        super().__init__(name, root, {f"{s}.jpg": locate(images, f"{s}.jpg") for s in stems})

    def _annotation(self, image: str) -> Annotation:
        path = locate(self._masks, f"{Path(image).stem}.png")
        labels = read_mask_values(path)
        if labels.ndim != 2:
            raise DatasetError(
                f"The mask {path} holds colours: the original palette PNG is needed."
            )
        return label_annotation(self._aligned(image, labels, path), ignore=_VOID)
