"""Outlines: masks to polygons, map coordinates, files and overlays."""

from .georeference import ground_area, pixel_to_map
from .overlay import draw_overlay
from .polygonise import TOLERANCE, mask_to_polygons
from .write import (
    OUTLINE_DRIVERS,
    Attribute,
    check_output_path,
    write_mask,
    write_outline,
    write_outlines,
)

__all__ = [
    "OUTLINE_DRIVERS",
    "TOLERANCE",
    "Attribute",
    "check_output_path",
    "draw_overlay",
    "ground_area",
    "mask_to_polygons",
    "pixel_to_map",
    "write_mask",
    "write_outline",
    "write_outlines",
]
