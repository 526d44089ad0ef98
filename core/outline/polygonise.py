"""Masks to polygons, with about as many points as drawn by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely import MultiPolygon, Polygon

TOLERANCE = 1.25
"""Pixels. At 1 or less, the stairs of the pixels use the tolerance up: the outline of a smooth
object needs three times the points."""

AREA_DRIFT = 0.01
"""Largest relative change of a part's area that simplification may cause."""

FINEST_TOLERANCE = 0.5
"""Pixels. Stairs of whole pixels are at least 0.7 high: finer tolerances change nothing."""


def mask_to_polygons(
    mask: NDArray[Any],
    *,
    tolerance: float = TOLERANCE,
    min_area: float = 0.0,
    fill_holes: bool | float = False,
    largest_only: bool = False,
    through: Sequence[tuple[float, float]] = (),
    smoothing: float = 0.0,
    max_parts: int | None = None,
    kept_holes: Sequence[tuple[float, float]] = (),
) -> MultiPolygon:
    """Outline the object of a mask, in pixel coordinates.

    Parameters
    ----------
    mask
        (H, W) bool, or numbers of which non-zero ones are the object.
    tolerance
        Farthest that the outline may leave the pixel edges, in pixels (Douglas and Peucker 1973,
        topology kept). A part that would gain or lose more than 1 % of its area is simplified
        less. 0 gives the exact pixel edges.
    min_area
        Parts smaller than this many square pixels are left out.
    fill_holes
        True fills all holes, a number those of at most that many square pixels.
    largest_only
        Keep only the part with the largest area.
    through
        (row, col) of pixels: only the parts that hold one of them are kept; all, if none does.
    smoothing
        Standard deviation, in pixels, of a Gaussian that smooths the mask before tracing. Parts
        that would vanish stay; the image's edge does not smooth.
    max_parts
        Outline this many parts and holes at most (the background counts as one hole): the
        largest ones. Bounds the time for any mask.
    kept_holes
        (row, col) of pixels: holes that hold one of them are not filled.

    Returns
    -------
    MultiPolygon
        Always valid; empty for an empty mask. Coordinates are (x, y), x right, y down, in GDAL's
        corner convention: pixel (row, col) covers the square from (col, row) to
        (col + 1, row + 1). Clicks count pixel centres in whole numbers, so a click at (row, col)
        lies at x = col + 0.5, y = row + 0.5.

    Raises
    ------
    ImageError
        If the mask is not two-dimensional.

    Notes
    -----
    Parts are 4-connected, as in GDALPolygonize, which traces them. Smooth masks of 24 megapixels
    take about half a second; masks of many thousand parts and holes far longer: limit these by
    `max_parts`, which is applied first, or by `min_area` and `fill_holes`, applied before
    simplification.

    Examples
    --------
    >>> import numpy as np
    >>> from core.outline import mask_to_polygons
    >>> mask = np.zeros((20, 30), bool)
    >>> mask[5:15, 10:20] = True
    >>> mask_to_polygons(mask).bounds
    (10.0, 5.0, 20.0, 15.0)
    """
    from shapely import MultiPolygon

    binary, corner = _crop(mask, margin=1 + math.ceil(3 * smoothing))
    binary = _parts_through(binary, corner, through)
    if max_parts is not None:
        binary = ~_largest_parts(~_largest_parts(binary, max_parts), max_parts)
    if smoothing > 0:
        binary = _smooth(binary, smoothing)
    parts = [part for part in _trace(binary, corner) if part.area >= min_area]
    if largest_only:
        parts = sorted(parts, key=lambda part: part.area)[-1:]
    # `True` would otherwise count as the number 1.
    hole_limit = math.inf if fill_holes is True else float(fill_holes)
    if hole_limit > 0:
        parts = _merge([_without_holes(part, hole_limit, kept_holes) for part in parts])
    if tolerance > 0:
        parts = _merge([_simplify(part, tolerance) for part in parts])
    return MultiPolygon(parts)


def _crop(mask: NDArray[Any], margin: int) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Crop the object with a margin; return it with the (x, y) of its upper left corner."""
    if np.ndim(mask) != 2:
        raise ImageError(f"A mask to outline needs shape (H, W), got {np.shape(mask)}.")
    binary = np.ascontiguousarray(mask) != 0
    if not binary.any():
        return np.zeros((1, 1), np.bool_), (0, 0)  # GDAL has no images without pixels
    left, top, width, height = cv2.boundingRect(binary.view(np.uint8))
    x, y = max(0, left - margin), max(0, top - margin)
    part = binary[y : top + height + margin, x : left + width + margin]
    return np.ascontiguousarray(part), (x, y)


def _parts_through(
    binary: NDArray[np.bool_], corner: tuple[int, int], points: Sequence[tuple[float, float]]
) -> NDArray[np.bool_]:
    """Return the mask with only the 4-connected parts that hold a point; all, if none does."""
    height, width = binary.shape
    places = [(round(row) - corner[1], round(col) - corner[0]) for row, col in points]
    inside = [(r, c) for r, c in places if 0 <= r < height and 0 <= c < width and binary[r, c]]
    if not inside:
        return binary
    _count, labels = cv2.connectedComponents(binary.view(np.uint8), connectivity=4)
    return np.isin(labels, [labels[place] for place in inside])


def _largest_parts(binary: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """Return the mask with only its ``most`` largest 4-connected parts."""
    count, labels = cv2.connectedComponents(binary.view(np.uint8), connectivity=4)
    if count - 1 <= most:
        return binary
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # background
    kept = np.zeros(count, np.bool_)
    kept[np.argpartition(areas, -most)[-most:]] = True
    largest: NDArray[np.bool_] = kept[labels]
    return largest


def _smooth(binary: NDArray[np.bool_], sigma: float) -> NDArray[np.bool_]:
    """Smooth the mask."""
    grey = binary.view(np.uint8) * np.uint8(255)
    blurred = cv2.GaussianBlur(grey, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    smooth: NDArray[np.bool_] = blurred > 127
    count, labels = cv2.connectedComponents(binary.view(np.uint8), connectivity=4)
    vanished = np.bincount(labels[smooth], minlength=count) == 0
    vanished[0] = False  # background
    smooth |= vanished[labels]
    return smooth


def _trace(binary: NDArray[np.bool_], corner: tuple[int, int]) -> list[Polygon]:
    """Trace the 4-connected parts along pixel edges."""
    import rasterio.features
    from affine import Affine
    from shapely import Polygon

    found = rasterio.features.shapes(
        binary.view(np.uint8), binary, connectivity=4, transform=Affine.translation(*corner)
    )
    rings = (geometry["coordinates"] for geometry, _ in found)
    return [Polygon(outer, holes) for outer, *holes in rings]


def _without_holes(part: Polygon, limit: float, kept: Sequence[tuple[float, float]]) -> Polygon:
    """Fill the holes of at most `limit` square pixels but for those that hold a point."""
    from shapely import Polygon, contains_xy

    rows, cols = np.reshape(kept, (-1, 2)).T
    holes = [(ring, Polygon(ring)) for ring in part.interiors]
    return Polygon(
        part.exterior,
        [
            ring
            for ring, hole in holes
            if hole.area > limit or contains_xy(hole, cols + 0.5, rows + 0.5).any()
        ],
    )


def _simplify(part: Polygon, tolerance: float) -> Polygon:
    """Simplify one part as far as its area allows."""
    from shapely import Polygon

    while tolerance >= FINEST_TOLERANCE:
        simple = part.simplify(tolerance, preserve_topology=True)
        if isinstance(simple, Polygon) and abs(simple.area / part.area - 1) <= AREA_DRIFT:
            return simple
        tolerance /= 2
    return part


def _merge(parts: list[Polygon]) -> list[Polygon]:
    """Unite the parts where changing them one by one made them overlap or share an edge."""
    from shapely import MultiPolygon, get_parts, is_valid, union_all

    if is_valid(MultiPolygon(parts)):
        return parts
    merged = get_parts(union_all(parts))
    return [part for part in merged if part.area > 0]
