"""Probabilities of an object, before a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .geometry import Roi, Size, bounding_roi
from .view import InputView, paste


@dataclass(frozen=True, eq=False)
class Prediction:
    """Probabilities of one object, stored at the network's resolution and rendered on demand.

    Attributes
    ----------
    size
        (height, width) of the image.
    coarse
        (h, w) float32 output of the network, 0 to 1, two megabytes at most; all else is computed
        from it, so it is the undo state, too.
    views
        Chain of input views, from the image inwards, that ``coarse`` fills; empty if it is the
        whole image at full size.

    Examples
    --------
    >>> import numpy as np
    >>> from core.predictor import Prediction
    >>> prediction = Prediction((1, 2), np.array([[0.2, 0.7]], np.float32), views=())
    >>> prediction.mask(threshold=0.5)
    array([[False,  True]])
    """

    size: Size
    coarse: NDArray[np.float32]
    views: tuple[InputView, ...]

    @property
    def roi(self) -> Roi:
        """Window of the image that the views cover; probabilities outside are 0."""
        return self.views[0].roi if self.views else Roi.whole(self.size)

    @cached_property
    def crop(self) -> NDArray[np.float32]:
        """(h, w) float32 probabilities of the pixels of `roi`; read-only."""
        values = self.coarse
        for view in reversed(self.views):
            values = view.enlarge(values)
        return values

    @property
    def probability(self) -> NDArray[np.float32]:
        """(H, W) float32 probabilities of all pixels, 0 to 1; a new array each time."""
        return paste(self.crop, self.roi, self.size)

    def mask(self, threshold: float) -> NDArray[np.bool_]:
        """Return the (H, W) bool mask of the pixels above ``threshold``."""
        mask = self.crop > threshold
        return mask if self.roi.size == self.size else paste(mask, self.roi, self.size)

    def object_box(self, threshold: float) -> Roi | None:
        """Return the bounding box, in the image, of all pixels above ``threshold``."""
        box = bounding_roi(self.crop > threshold)
        if box is None:
            return None
        return box.shifted(self.roi.row_min, self.roi.col_min)

    def coarse_object_box(self, threshold: float) -> Roi | None:
        """Return `object_box` to a pixel of the network's input, without rendering."""
        box = bounding_roi(self.coarse > threshold)
        if box is None:
            return None
        roi, (height, width) = self.roi, self.coarse.shape
        down, right = roi.size[0] / height, roi.size[1] / width
        return Roi(
            roi.row_min + int(box.row_min * down),
            min(roi.row_max, roi.row_min + int((box.row_max + 1) * down)),
            roi.col_min + int(box.col_min * right),
            min(roi.col_max, roi.col_min + int((box.col_max + 1) * right)),
        )

    def is_cut_off(self, threshold: float) -> bool:
        """Return whether the object reaches an edge of the window that is no edge of the image."""
        above, roi = self.coarse > threshold, self.roi
        edges = (
            (roi.row_min > 0, above[0]),
            (roi.row_max < self.size[0] - 1, above[-1]),
            (roi.col_min > 0, above[:, 0]),
            (roi.col_max < self.size[1] - 1, above[:, -1]),
        )
        return any(inner and bool(edge.any()) for inner, edge in edges)

    def compact(self) -> Prediction:
        """Return the same prediction without its rendered probabilities."""
        return Prediction(self.size, self.coarse, self.views)
