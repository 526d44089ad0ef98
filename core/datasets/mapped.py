"""Images with mapped outlines, kept as polygons, and the clicks that they were made with.

::

    images/NAME.jpg   images, or the parts of large ones that show the outlines
    mapped.json       {"format": "avalanche-iseg mapped", "version": 1, "images": [
                        {"image": "images/NAME.jpg", "side": "train", "camera": "", "day": "",
                         "objects": [{"uuid": "", "parts": [[[[x, y], …], hole, …], …],
                                      "clicks": [[row, col, 1], …]}]}]}

Points are in pixels of the image, whole at corners, y down; clicks are whole at centres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..exchange.coco import fill_polygons
from ..image import read_image
from ..json_files import MALFORMED, read_json
from ..prompts import Click
from .base import Annotation, Dataset, pack_annotation

if TYPE_CHECKING:
    from ..exchange.avalanche import Part

FORMAT, VERSION, INDEX = "avalanche-iseg mapped", 1, "mapped.json"


class MappedDataset(Dataset):
    """Mapped outlines; ``split`` selects the images of one side, default all."""

    def __init__(self, name: str, root: Path, split: str | None = None) -> None:
        index = root / INDEX
        try:
            content = read_json(index)
            if (content["format"], content["version"]) != (FORMAT, VERSION):
                raise ValueError("it is of another form or version")
            self.entries: dict[str, dict[str, Any]] = {
                str(entry["image"]): entry
                for entry in content["images"]
                if split in (None, entry["side"])
            }
            self._shapes = {
                image: [_read_parts(item["parts"]) for item in entry["objects"]]
                for image, entry in self.entries.items()
            }
            self._made = {
                image: {
                    number: [Click(row, col, bool(kind)) for row, col, kind in item["clicks"]]
                    for number, item in enumerate(entry["objects"], 1)
                }
                for image, entry in self.entries.items()
            }
        except (OSError, *MALFORMED) as error:
            raise DatasetError(f"Cannot read {index} as mapped outlines: {error}.") from error
        if split is not None and not self.entries:
            raise DatasetError(f"{index} has no images of the side {split!r}.")
        super().__init__(name, root, {image: root / image for image in self.entries})

    def _object_ids(self, image: str) -> Sequence[int]:
        return range(1, len(self._shapes[image]) + 1)

    def _annotation(self, image: str) -> Annotation:
        return self._load(image)[1]

    def _load(self, image: str) -> tuple[NDArray[np.uint8], Annotation]:
        pixels = read_image(self._images[image]).pixels
        shape = pixels.shape[:2]
        masks = [draw_outline(parts, *shape).astype(np.int8) for parts in self._shapes[image]]
        return pixels, pack_annotation(enumerate(masks, 1), shape)

    def _clicks(self, image: str) -> Mapping[int, Sequence[Click]]:
        return self._made[image]


def draw_outline(parts: Sequence[Part], height: int, width: int) -> NDArray[np.bool_]:
    """Return (H, W) bool: the pixels whose centres lie in an outline, with its parts and holes."""
    points = np.concatenate([part[0] for part in parts])
    left, top = np.clip(np.floor(points.min(axis=0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(points.max(axis=0)), 0, (width, height)).astype(int)
    mask = np.zeros((height, width), np.bool_)
    inner = [[ring - (left, top) for ring in part] for part in parts]
    mask[top:bottom, left:right] = fill_polygons(inner, bottom - top, right - left)
    return mask


def _read_parts(parts: Any) -> list[list[NDArray[np.float64]]]:  # noqa: ANN401
    read = [[np.array(ring, np.float64).reshape(-1, 2) for ring in part] for part in parts]
    if not read or not all(read):
        raise ValueError("an outline has no part, or a part no ring")
    return read
