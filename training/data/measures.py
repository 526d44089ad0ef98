"""Statistics of a data set: sizes, shapes and contrast of its objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import ImageSample
from core.datasets.base import BACKGROUND, IGNORE, OBJECT

_RING = 0.25
_QUANTILES = {"min": 0.0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95,
              "max": 1.0}  # fmt: skip


@dataclass(frozen=True)
class ObjectMeasures:
    """One object.

    Attributes
    ----------
    area
        Pixels.
    area_share, ignore_share
        Shares of the image that are object, and that are ignored.
    height, width
        Of the bounding box, in pixels.
    aspect
        Longer side of the bounding box over the shorter.
    parts
        Connected parts (touching corners connect).
    at_edge
        Whether the object reaches the edge of the image.
    contrast
        Difference between the mean grey inside and in a ring round the object (as wide as a
        quarter of the object's radius), over the spread of grey in both; 0 is invisible by grey
        alone, negative is darker. None where there is no ring.
    """

    area: int
    area_share: float
    ignore_share: float
    height: int
    width: int
    aspect: float
    parts: int
    at_edge: bool
    contrast: float | None


def measure_image(image: ImageSample) -> list[ObjectMeasures]:
    """Measure all objects of an image; those without a pixel are left out."""
    grey = cv2.cvtColor(image.image, cv2.COLOR_RGB2GRAY)
    masks = (image.mask(number) for number, _ in image.objects)
    return [_measure(mask, grey) for mask in masks if (mask == OBJECT).any()]


def summarise(
    sizes: Sequence[tuple[int, int]], objects: Sequence[Sequence[ObjectMeasures]]
) -> dict[str, Any]:
    """Count, and compute quantiles of each measure, in a form that JSON can hold.

    Each image has its (height, width) in ``sizes``, and the measures of its objects.
    """
    every = [asdict(item) for items in objects for item in items]
    columns: dict[str, list[float]] = {
        "image height": [size[0] for size in sizes],
        "image width": [size[1] for size in sizes],
        "objects per image": [len(items) for items in objects],
    }
    for name in ("area", "area_share", "height", "width", "aspect", "contrast", "ignore_share"):
        columns[name] = [item[name] for item in every if item[name] is not None]
    return {
        "pictures": len(sizes),
        "objects": len(every),
        "images without objects": sum(not items for items in objects),
        "objects at the edge": sum(item["at_edge"] for item in every),
        "objects in several parts": sum(item["parts"] > 1 for item in every),
        "quantiles": {name: _quantiles(values) for name, values in columns.items() if values},
    }


def table(summary: dict[str, Any]) -> str:
    """Text of a summary for the terminal."""
    counts = [f"{name}: {value}" for name, value in summary.items() if name != "quantiles"]
    header = " " * 20 + "".join(f"{name:>10}" for name in _QUANTILES)
    rows = [
        f"{name:<20}" + "".join(f"{value:>10.4g}" for value in quantiles.values())
        for name, quantiles in summary["quantiles"].items()
    ]
    return "\n".join([*counts, "", header, *rows])


def _measure(mask: NDArray[np.int8], grey: NDArray[np.uint8]) -> ObjectMeasures:
    inside = mask == OBJECT
    *_, width, height = cv2.boundingRect(inside.view(np.uint8))
    edges = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
    return ObjectMeasures(
        area=int(inside.sum()),
        area_share=float(inside.mean()),
        ignore_share=float((mask == IGNORE).mean()),
        height=height,
        width=width,
        aspect=max(height, width) / min(height, width),
        parts=cv2.connectedComponents(inside.view(np.uint8))[0] - 1,
        at_edge=any(bool(edge.any()) for edge in edges),
        contrast=_contrast(mask, grey),
    )


def _contrast(mask: NDArray[np.int8], grey: NDArray[np.uint8]) -> float | None:
    inside = mask == OBJECT
    radius = max(2, round(_RING * float(np.sqrt(inside.sum() / np.pi))))
    distance = cv2.distanceTransform((~inside).view(np.uint8), cv2.DIST_L2, 3)
    ring = (distance <= radius) & (mask == BACKGROUND)
    if not ring.any():
        return None
    first, second = grey[inside].astype(np.float64), grey[ring].astype(np.float64)
    spread = np.sqrt((first.var() + second.var()) / 2)
    return float((first.mean() - second.mean()) / max(spread, 1.0))


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    found = np.quantile(np.asarray(values, np.float64), list(_QUANTILES.values()))
    return dict(zip(_QUANTILES, found.tolist(), strict=True))
