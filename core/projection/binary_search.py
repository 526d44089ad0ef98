"""Binary search in many rising sequences at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


def search_sorted(
    values: Floats, start: NDArray[np.int64], end: NDArray[np.int64], wanted: Floats
) -> NDArray[np.int64]:
    """Return the first index from `start` whose rising value is not less than wanted, or `end`."""
    low, count = start, end - start
    top = len(values) - 1
    for _ in range(int(count.max(initial=0)).bit_length()):
        half = count >> 1
        middle = low + half
        less = (values[np.minimum(middle, top)] < wanted) & (count > 0)
        low = np.where(less, middle + 1, low)
        count = np.where(less, count - half - 1, half)
    return low
