"""Values as JSON knows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def to_json_value(value: Any) -> Any:  # noqa: ANN401
    """Return a value with Python's numbers for NumPy's, and None for those that are not finite."""
    if isinstance(value, Mapping):
        return {str(name): to_json_value(content) for name, content in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_value(content) for content in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
