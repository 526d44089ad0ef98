"""What a large image sees of a large DEM: seconds, memory, and ratio to marching along rays.

    python -m tests.bench.sight [--size 6000x4000] [--cells 2000]

Marching takes steps of half a cell along all rays at once, vectorised, until each is under the
ground; it is run for 4000 rays and scaled up to the image.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from numpy.typing import NDArray

from core.camera import Camera
from core.camera.refraction import curvature_drop
from core.projection.lines_of_sight import trace_lines_of_sight
from core.projection.range_map import azimuth_range, compute_range_map
from core.terrain import Terrain

RAYS = 4000


def mountains(cells: int) -> Terrain:
    """Relief of 2500 m with a spectrum like that of real mountains, cells of 5 m."""
    random = np.random.default_rng(0)
    k = np.hypot(np.fft.fftfreq(cells)[:, None], np.fft.rfftfreq(cells))
    k[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(random.normal(size=(cells, cells))) / (k + 2 / cells) ** 2)
    heights = 500 + 2500 * (noise - noise.min()) / np.ptp(noise)
    return Terrain(heights.astype(np.float32), 2_600_000.0, 1_200_000.0, 5.0)


def webcam(terrain: Terrain, width: int, height: int) -> Camera:
    """On the highest place of the southern tenth, over 60 degrees to the north."""
    west, _, _, north = terrain.bounds
    first = terrain.heights.shape[0] * 9 // 10
    row, col = np.unravel_index(terrain.heights[first:].argmax(), terrain.heights[first:].shape)
    x, y = west + float(col) * terrain.cell, north - float(first + row) * terrain.cell
    z = float(terrain.sample(x, y)) + 10
    f = width / 2 / np.tan(np.radians(30))
    return Camera(width, height, x, y, z, yaw=0, pitch=-10, roll=0.5, f=f, k1=-0.05)


def march(terrain: Terrain, camera: Camera, rays: int) -> NDArray[np.float64]:
    """(rays,) horizontal distances at which random pixels meet ground, NaN in the sky."""
    random = np.random.default_rng(0)
    pixels = random.random((rays, 2)) * (camera.width - 1, camera.height - 1)
    azimuth, tangent = camera.line_of_sight_angles(pixels)
    found = np.full(rays, np.nan)
    going = np.arange(rays)
    end = np.hypot(*np.multiply(terrain.heights.shape, terrain.cell))
    for distance in np.arange(20, end, terrain.cell / 2):
        x = camera.x + np.sin(azimuth[going]) * distance
        y = camera.y + np.cos(azimuth[going]) * distance
        ray = camera.z + tangent[going] * distance + curvature_drop(distance)
        under = terrain.sample(x, y) >= ray
        found[going[under]] = distance
        going = going[~under]
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", default="6000x4000")
    parser.add_argument("--cells", type=int, default=2000)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    terrain = mountains(options.cells)
    camera = webcam(terrain, width, height)

    def clock() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    start = clock()
    lines = trace_lines_of_sight(
        terrain, (camera.x, camera.y, camera.z), azimuths=azimuth_range(camera), step=0.5 / camera.f
    )
    middle = clock()
    ranges = compute_range_map(camera, lines)
    end = clock()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    wall, cpu = end[0] - start[0], end[1] - start[1]
    print(f"{width} x {height} pixels over {options.cells} x {options.cells} cells")
    print(f"  lines of sight  {middle[0] - start[0]:6.2f} s, CPU {middle[1] - start[1]:6.2f} s, ")
    print(f"                  {len(lines.unknown)} lines, {len(lines.tangents)} nodes")
    print(f"  range map       {end[0] - middle[0]:6.2f} s, CPU {end[1] - middle[1]:6.2f} s, ")
    print(f"                  land {np.isfinite(ranges.distances).mean():.2f}")
    print(f"  together        {wall:6.2f} s, CPU {cpu:6.2f} s, peak memory {peak:.2f} GB")
    start = clock()
    march(terrain, camera, RAYS)
    marching = (time.process_time() - start[1]) * width * height / RAYS
    print(f"  marching        {marching:6.0f} s, CPU, scaled up: x {marching / cpu:.0f}")


if __name__ == "__main__":
    main()
