"""From a mask to what people work with: polygons, map coordinates, files, a picture to look at."""

from .georeference import ground_area, pixel_to_map
from .overlay import overlay
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
    "ground_area",
    "mask_to_polygons",
    "overlay",
    "pixel_to_map",
    "write_mask",
    "write_outline",
    "write_outlines",
]
