"""From photo to map and back: viewsheds, range maps, outlines, orthophotos, attributes.

The public names are imported at their first use: `range_map` and what it needs (NumPy only) are
used in QGIS's own process too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_getattr

if TYPE_CHECKING:
    from .attributes import measure_attributes
    from .horizon import trace_horizon
    from .orthophoto import drape, write_orthophoto
    from .range_map import RangeMap
    from .to_image import lines_to_image, polygon_to_image, polygon_to_mask
    from .to_map import MapOutline, mask_to_map, outline_to_map
    from .uncertainty import boundary_uncertainty
    from .viewshed import Viewshed, compute_viewshed

_LATE = {
    "attributes": ("measure_attributes",),
    "horizon": ("trace_horizon",),
    "orthophoto": ("drape", "write_orthophoto"),
    "range_map": ("RangeMap",),
    "to_image": ("lines_to_image", "polygon_to_image", "polygon_to_mask"),
    "to_map": ("MapOutline", "mask_to_map", "outline_to_map"),
    "uncertainty": ("boundary_uncertainty",),
    "viewshed": ("Viewshed", "compute_viewshed"),
}
__getattr__ = lazy_getattr(__name__, _LATE)

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
    "polygon_to_image",
    "polygon_to_mask",
    "trace_horizon",
    "write_orthophoto",
]
