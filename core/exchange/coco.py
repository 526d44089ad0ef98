"""COCO annotations: one object stays one annotation, with its parts and holes.

Polygons of COCO have no holes, so an outline with holes becomes run lengths (uncompressed, which
every reader of COCO takes); one without keeps its points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .avalanche import area_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .avalanche import AvalancheRecord, Part

CATEGORY = {"id": 1, "name": "avalanche", "supercategory": "snow"}
_DECIMALS = 2  # of a pixel


@dataclass(frozen=True, eq=False)
class AnnotatedImage:
    """An image and its avalanches, whose points are (x, y) in pixels: whole at corners, y down."""

    file_name: str
    width: int
    height: int
    avalanches: Sequence[AvalancheRecord]


def coco_content(images: Sequence[AnnotatedImage]) -> dict[str, Any]:
    """Return the content of a file of COCO.

    Each annotation has, beside the fields of COCO, ``attributes``: those of the avalanche.
    """
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, 1):
        entries.append(
            {
                "id": image_id,
                "file_name": image.file_name,
                "width": image.width,
                "height": image.height,
            }
        )
        for avalanche in image.avalanches:
            number = len(annotations) + 1
            shape = _annotation(avalanche, image)
            annotations.append({"id": number, "image_id": image_id, **shape})
    return {"images": entries, "categories": [CATEGORY], "annotations": annotations}


def _annotation(avalanche: AvalancheRecord, image: AnnotatedImage) -> dict[str, Any]:
    outers = np.concatenate([part[0] for part in avalanche.parts])
    (left, top), (right, bottom) = outers.min(axis=0), outers.max(axis=0)
    segmentation: Any
    if any(len(part) > 1 for part in avalanche.parts):
        mask = fill_polygons(avalanche.parts, image.height, image.width)
        segmentation = {"size": [image.height, image.width], "counts": run_lengths(mask)}
        area = float(np.count_nonzero(mask))
    else:
        segmentation = [
            [round(float(value), _DECIMALS) for value in part[0][:-1].ravel()]
            for part in avalanche.parts
        ]
        area = area_of(avalanche.parts)
    box = (left, top, right - left, bottom - top)
    return {
        "category_id": CATEGORY["id"],
        "segmentation": segmentation,
        "area": round(area, _DECIMALS),
        "bbox": [round(float(value), _DECIMALS) for value in box],
        "iscrowd": 0,
        "attributes": avalanche.to_json(),
    }


def fill_polygons(parts: Sequence[Part], height: int, width: int) -> NDArray[np.bool_]:
    """Return (H, W): the pixels whose centres lie in any of the polygons and in none of its holes.

    In each row, edges that cross the line of the pixel centres change between inside and outside.
    """
    whole = np.zeros((height, width), np.bool_)
    for part in parts:
        crossings = np.zeros((height, width + 1), np.int64)
        for ring in part:
            for (x0, y0), (x1, y1) in zip(ring[:-1], ring[1:]):  # noqa: B905, RUF007 -- Python 3.9
                _count_crossings(crossings, float(x0), float(y0), float(x1), float(y1))
        whole |= np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return whole


def _count_crossings(
    crossings: NDArray[np.int64], x0: float, y0: float, x1: float, y1: float
) -> None:
    """Count, in each row that an edge crosses, the first pixel whose centre lies right of it."""
    height, width = crossings.shape[0], crossings.shape[1] - 1
    low, high = sorted((y0, y1))
    first, last = max(0, int(np.ceil(low - 0.5))), min(height, int(np.ceil(high - 0.5)))
    if first >= last:
        return
    rows = np.arange(first, last)
    x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    cols = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    np.add.at(crossings, (rows, cols), 1)


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of runs of background and object by turns, column by column."""
    values = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(values)) + 1
    ends = np.concatenate([[0], changes, [values.size]])
    runs = np.diff(ends).tolist()
    return [0, *runs] if values.size and values[0] else runs
