"""GeoJSON of avalanches with all attributes and their prompts as JSON, not as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..json_files import parse_json
from .avalanche import ring_area

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .avalanche import AvalancheRecord

_DEGREES, _PIXELS = 7, 2  # decimals: a centimetre, and as many as prompts have
IN_PIXELS = "pixels (x, -y) of the photo in image_name"


def geojson_content(avalanches: Iterable[AvalancheRecord], *, in_pixels: bool) -> dict[str, Any]:
    """Return a FeatureCollection of RFC 7946.

    Parameters
    ----------
    avalanches
        In longitude and latitude (WGS 84), or in pixels of photos, x to the right, y negative.
    in_pixels
        Which of the two; pixels are noted in a property ``coordinates`` of each feature.
    """
    decimals = _PIXELS if in_pixels else _DEGREES
    features = []
    for avalanche in avalanches:
        parts = [
            [_ring(ring, number == 0, decimals) for number, ring in enumerate(part)]
            for part in avalanche.parts
        ]
        properties = {**avalanche.to_json(), "prompts": _prompts(avalanche)}
        if in_pixels:
            properties["coordinates"] = IN_PIXELS
        geometry = {"type": "MultiPolygon", "coordinates": parts}
        feature = {"type": "Feature", "geometry": geometry, "properties": properties}
        features.append({**feature, "id": avalanche.name} if avalanche.name else feature)
    return {"type": "FeatureCollection", "features": features}


def _ring(ring: NDArray[np.float64], is_outer: bool, decimals: int) -> list[list[float]]:
    """Return a ring, outer ones counter-clockwise and holes clockwise."""
    turned = ring if (ring_area(ring) > 0) == is_outer else ring[::-1]
    points: list[list[float]] = np.round(turned, decimals).tolist()
    return points


def _prompts(avalanche: AvalancheRecord) -> Any:  # noqa: ANN401
    """Return the prompts as JSON; None where there are none, or they are damaged."""
    text = avalanche.text("prompts")
    try:
        return parse_json(text) if text else None
    except ValueError:
        return None
