"""What a prediction is, before anyone decides on a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .geometry import Roi, Size, bounding_roi
from .view import InputView, paste


@dataclass(frozen=True, eq=False)
class Prediction:
    """Probabilities of one object, kept at the network's resolution until they are asked for.

    Attributes
    ----------
    size
        (height, width) of the image.
    coarse
        (h, w) float32 probabilities in 0..1 as the network answered, two megabytes at most; all
        else follows from them, so they serve as undo state too.
    views
        The chain of windows, from the image inwards, that ``coarse`` fills; empty if it is
        the whole image at full size.
    """

    size: Size
    coarse: NDArray[np.float32]
    views: tuple[InputView, ...]

    @property
    def roi(self) -> Roi:
        """The window of the image that was looked at; all outside it is 0."""
        return self.views[0].roi if self.views else Roi.whole(self.size)

    @cached_property
    def crop(self) -> NDArray[np.float32]:
        """(h, w) float32 probabilities of the pixels of `roi`; not to be changed."""
        values = self.coarse
        for view in reversed(self.views):
            values = view.enlarge(values)
        return values

    @property
    def probability(self) -> NDArray[np.float32]:
        """(H, W) float32 probabilities of all pixels, in 0..1; a new array each time."""
        return paste(self.crop, self.roi, self.size)

    def mask(self, threshold: float) -> NDArray[np.bool_]:
        """(H, W) bool: where the probability is above ``threshold``."""
        if self.roi.size == self.size:
            return self.crop > threshold
        mask = np.zeros(self.size, np.bool_)
        mask[self.roi.slices] = self.crop > threshold
        return mask

    def object_box(self, threshold: float) -> Roi | None:
        """Bounding box, in the image, of all pixels above ``threshold``."""
        box = bounding_roi(self.crop > threshold)
        if box is None:
            return None
        return box.shifted(self.roi.row_min, self.roi.col_min)

    def coarse_object_box(self, threshold: float) -> Roi | None:
        """As `object_box`, to a pixel of the network's input: nothing needs to be rendered."""
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
        """Whether the object reaches an edge of the window that is no edge of the image."""
        above, roi = self.coarse > threshold, self.roi
        edges = (
            (roi.row_min > 0, above[0]),
            (roi.row_max < self.size[0] - 1, above[-1]),
            (roi.col_min > 0, above[:, 0]),
            (roi.col_max < self.size[1] - 1, above[:, -1]),
        )
        return any(inner and bool(edge.any()) for inner, edge in edges)

    def compact(self) -> Prediction:
        """The same prediction without what can be computed again."""
        return Prediction(self.size, self.coarse, self.views)
