"""Data sets of images with object masks, for evaluation and training.

``open_dataset(name, folder)`` knows the families in `DATASETS`; every one of them gives samples
(one object in one image) by index and images with all their objects for training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import DatasetError
from .base import Dataset, ImageSample, ImageSequence, ObjectRef, Sample
from .coco_json import CocoJsonDataset
from .coco_lvis import CocoLvisDataset, CocoLvisStuffDataset
from .export import ExportImage, ExportObject, IsegDataset, export_dataset
from .folders import LAYOUTS, FolderDataset
from .sbd import SbdDataset
from .shards import ShardsDataset
from .voc import VocDataset

__all__ = [
    "DATASETS",
    "Dataset",
    "ExportImage",
    "ExportObject",
    "ImageSample",
    "ImageSequence",
    "ObjectRef",
    "Sample",
    "export_dataset",
    "open_dataset",
]

Factory = Callable[[str, Path, str | None], Dataset]


def _open_sbd_train(name: str, root: Path, split: str | None) -> Dataset:
    return SbdDataset(name, root, split or "train")


DATASETS: Mapping[str, Factory] = {
    **dict.fromkeys(LAYOUTS, FolderDataset.open),
    "sbd": SbdDataset,
    "sbd_train": _open_sbd_train,
    "pascal_voc": VocDataset,
    "coco_lvis": CocoLvisDataset,
    "coco_lvis_stuff": CocoLvisStuffDataset,
    "coco_json": CocoJsonDataset,
    "iseg": IsegDataset,
    "shards": ShardsDataset,
}


def open_dataset(name: str, root: Path | str, split: str | None = None) -> Dataset:
    """Open a data set; images are read later, when they are asked for.

    Parameters
    ----------
    name
        A name of `DATASETS`, in any case, with ``-`` or ``_``.
    root
        Its folder.
    split
        ``train``, ``val`` ... where the family has splits; None means all images, or ``val`` for
        SBD and Pascal VOC, ``train`` for COCO+LVIS.

    Raises
    ------
    DatasetError
        An unknown name, a folder or list that is missing, an index that is malformed.
    """
    key = name.lower().replace("-", "_")
    if key not in DATASETS:
        raise DatasetError(f"There is no data set {name!r}. Known: {', '.join(sorted(DATASETS))}.")
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root}: check the path given for {name}.")
    return DATASETS[key](key, root, split)
