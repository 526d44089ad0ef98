"""Semantic Boundaries Dataset (Hariharan et al., ICCV 2011): ``img``, ``inst``, ``val.txt``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import DatasetError
from ..file_names import FileFinder
from ..json_files import DAMAGED
from .base import Annotation, Dataset, label_annotation, locate, read_list


class SbdDataset(Dataset):
    """Instances of SBD; counting the objects reads all ``.mat`` files of the split once."""

    def __init__(self, name: str, root: Path, split: str | None = None) -> None:
        stems = read_list(root / f"{split or 'val'}.txt")
        images, self._instances = FileFinder(root / "img"), FileFinder(root / "inst")
        super().__init__(name, root, {f"{s}.jpg": locate(images, f"{s}.jpg") for s in stems})

    def _annotation(self, image: str) -> Annotation:
        path = locate(self._instances, f"{Path(image).stem}.mat")
        return label_annotation(self._aligned(image, _read_instances(path), path))


def _read_instances(path: Path) -> np.ndarray:
    """Read (H, W) instance ids: the first field of the structure ``GTinst``."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        ids = np.asarray(loadmat(path)["GTinst"][0][0][0])
    except OSError as error:
        raise DatasetError(f"Cannot read {path}: {error.strerror or error}.") from error
    except (*DAMAGED, MatReadError) as e:
        raise DatasetError(
            f"The file {path} is no instance file of SBD ({e}): copy it again."
        ) from e
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise DatasetError(f"The instances in {path} are no (H, W) map of whole numbers.")
    return ids
