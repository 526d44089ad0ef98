"""Masks brought to the map: agreement with marched rays in three views, and seconds.

    python -m tests.bench.mapping [--size 5000x4000] [--cell 1]

Truth is what `tests/core/ray_caster.py` sees of a mountainside; the DEM has no noise, or some. Time
is that of a mask of a large photo over cells of 5 m and of lidar, with and without attributes.
"""

from __future__ import annotations

import argparse
import time
from itertools import product

from core.camera import CameraRecord
from core.camera.resizing import resized
from core.projection import compute_viewshed, mask_to_map, measure_attributes, polygon_to_mask
from tests.core.ray_caster import avalanche, camera_of, mountainside, see_outline, with_noise

NOISE = (0.0, 0.3, 1.0)
ROUNDS = 5


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", default="5000x4000")
    parser.add_argument("--cell", type=float, default=1.0, help="of lidar terrain, metres")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    terrain, outline = mountainside(), avalanche()
    print("IoU, parts and holes by noise of the DEM:", *(f"{sigma:g} m" for sigma in NOISE))
    for view in ("good", "mid", "poor"):
        seen = see_outline(terrain, camera_of(terrain, view), outline)
        cells = []
        for sigma in NOISE:
            record = CameraRecord(seen.camera, 2056, dem_noise_m=sigma)
            found = mask_to_map(
                seen.mask, compute_viewshed(record, with_noise(terrain, sigma))
            ).polygon
            holes = sum(len(part.interiors) for part in found.geoms)
            cells.append(f"{seen.iou(found):.3f} {len(found.geoms):2} {holes:2}")
        print(f"  {view:<5}", "   ".join(cells))
    print(f"mask to map, {width} x {height} pixels, least CPU seconds of {ROUNDS}")
    for cell, view in product((5.0, options.cell), ("good", "mid", "poor")):
        terrain = mountainside(cell)
        record = resized(CameraRecord(camera_of(terrain, view), 2056), width, height)
        viewshed = compute_viewshed(record, terrain)
        mask = polygon_to_mask(outline, viewshed)
        mapping, measuring = [], []
        for _ in range(ROUNDS):
            start = time.process_time()
            found = mask_to_map(mask, viewshed)
            middle = time.process_time()
            measure_attributes(found, viewshed.terrain, viewshed)
            mapping.append(middle - start)
            measuring.append(time.process_time() - middle)
        print(f"  {cell:g} m {view:<5} {min(mapping):.2f} s, attributes {min(measuring):.2f} s")


if __name__ == "__main__":
    main()
