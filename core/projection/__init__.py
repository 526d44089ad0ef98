"""From photo to map and back: viewsheds, range maps, outlines, orthophotos, attributes.

The public names are imported at their first use: `range_map` and what it needs (NumPy only) are
used in QGIS's own process too.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attributes import measure_attributes
    from .horizon import trace_horizon
    from .orthophoto import drape, write_orthophoto
    from .range_map import RangeMap
    from .to_image import lines_to_image, polygon_to_image, polygon_to_mask
    from .to_map import MapOutline, mask_to_map, outline_to_map, points_to_map
    from .uncertainty import boundary_uncertainty
    from .viewshed import Viewshed, compute_viewshed

_LAZY = {
    "MapOutline": "to_map",
    "RangeMap": "range_map",
    "Viewshed": "viewshed",
    "boundary_uncertainty": "uncertainty",
    "compute_viewshed": "viewshed",
    "drape": "orthophoto",
    "lines_to_image": "to_image",
    "mask_to_map": "to_map",
    "measure_attributes": "attributes",
    "outline_to_map": "to_map",
    "points_to_map": "to_map",
    "polygon_to_image": "to_image",
    "polygon_to_mask": "to_image",
    "trace_horizon": "horizon",
    "write_orthophoto": "orthophoto",
}

__all__ = [
    "MapOutline",
    "RangeMap",
    "Viewshed",
    "boundary_uncertainty",
    "compute_viewshed",
    "drape",
    "lines_to_image",
    "mask_to_map",
    "measure_attributes",
    "outline_to_map",
    "points_to_map",
    "polygon_to_image",
    "polygon_to_mask",
    "trace_horizon",
    "write_orthophoto",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- PEP 562
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
