"""One training sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TrainingSample:
    """One training sample: image, mask, clicks and mask guidance.

    Attributes
    ----------
    image
        (H, W, 3) uint8 RGB.
    mask
        (H, W) int8: 1 object, 0 background, -1 ignore.
    points
        (2P, 3) float32, see `training.points`.
    guidance
        (H, W) float32 previous mask to start from; zeros where there is none.
    """

    image: NDArray[np.uint8]
    mask: NDArray[np.int8]
    points: NDArray[np.float32]
    guidance: NDArray[np.float32]
