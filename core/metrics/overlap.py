"""Overlap of a predicted mask with the ground truth."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError


def iou(prediction: NDArray[np.bool_], mask: NDArray[np.int8]) -> float:
    """Compute the intersection over union of a prediction and an object.

    Parameters
    ----------
    prediction
        (H, W) bool.
    mask
        (H, W) ground truth: 1 object, 0 background, -1 ignored (left out of both areas).

    Returns
    -------
    float
        0 to 1; 1.0 for an empty prediction of an empty object, where the published evaluation code
        gives nan.

    Raises
    ------
    ImageError
        If the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> from core.metrics import iou
    >>> iou(np.array([[True, True, False]]), np.array([[1, 0, -1]], np.int8))
    0.5
    """
    _check_shapes(prediction, mask)
    return _ratio(prediction & (mask != -1), mask == 1)


def boundary_iou(
    prediction: NDArray[np.bool_], mask: NDArray[np.int8], dilation_ratio: float = 0.02
) -> float:
    """Compute the IoU of the inner bands of both outlines (Cheng et al. 2021, arXiv 2103.16562).

    The masks are as for `iou`. Unlike that it is sensitive to a poor outline of a large object. The
    bands are ``dilation_ratio`` of the image's diagonal wide, at least one pixel, measured with a
    square structuring element as in the authors' definition; the image's edge counts as outline.
    Ignored pixels are background of both masks and do not influence the result.

    Raises
    ------
    ImageError
        If the shapes differ or the ratio is not positive.
    """
    _check_shapes(prediction, mask)
    if dilation_ratio <= 0:
        raise ImageError(f"The dilation ratio must be greater than 0, got {dilation_ratio}.")
    width = max(1, round(dilation_ratio * float(np.hypot(*mask.shape))))
    return _ratio(_inner_band(prediction & (mask != -1), width), _inner_band(mask == 1, width))


def _inner_band(area: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Return the pixels of an area within ``width`` pixels (chessboard distance) of its outside."""
    framed = np.pad(area.view(np.uint8), 1)
    eroded = cv2.erode(framed, np.ones((3, 3), np.uint8), iterations=width)
    core: NDArray[np.bool_] = eroded[1:-1, 1:-1] != 0
    return area & ~core


def _ratio(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    union = np.count_nonzero(first | second)
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def _check_shapes(prediction: NDArray[np.bool_], mask: NDArray[np.int8]) -> None:
    if prediction.shape != mask.shape:
        raise ImageError(
            f"The prediction has shape {prediction.shape} but the ground truth {mask.shape}; "
            "bring both to the same resolution first."
        )
