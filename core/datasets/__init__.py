"""Data sets of images with object masks, for evaluation and training.

``open_dataset(name, folder)`` opens the families of `DATASETS`; each gives samples (one object in
one image) by index, and images with all their objects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import DatasetError
from .base import UNFINISHED, Dataset, ImageSample, ImageSequence, ObjectRef, Sample
from .coco_json import CocoJsonDataset
from .coco_lvis import CocoLvisDataset, CocoLvisStuffDataset
from .export import ExportImage, ExportObject, IsegDataset, export_dataset
from .folders import LAYOUTS, FolderDataset
from .mapped import MappedDataset
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
    "mapped": MappedDataset,
    "shards": ShardsDataset,
}


def open_dataset(name: str, root: Path | str, split: str | None = None) -> Dataset:
    """Open a data set; images are read on access.

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
        An unknown name, a missing folder or list, a malformed index.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from core.datasets import open_dataset
    >>> from core.image import write_png
    >>> mask = np.zeros((6, 8), np.uint8)
    >>> mask[2:4, 3:7] = 255
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, values in (("images", np.zeros((6, 8, 3), np.uint8)), ("masks", mask)):
    ...         Path(folder, name).mkdir()
    ...         write_png(Path(folder, name, "a.png"), values)
    ...     sample = open_dataset("images", folder)[0]
    >>> sample.ref.image, int((sample.mask == 1).sum())
    ('a.png', 8)
    """
    key = name.lower().replace("-", "_")
    if key not in DATASETS:
        raise DatasetError(f"There is no data set {name!r}. Known: {', '.join(sorted(DATASETS))}.")
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root}: check the path given for {name}.")
    if (root / UNFINISHED).exists():
        raise DatasetError(
            f"{root} is unfinished: the program that wrote it has not ended, or was stopped. "
            "Delete the folder and write it anew."
        )
    return DATASETS[key](key, root, split)
