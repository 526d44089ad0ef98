"""The scene that everything in `made_at_0_1_0` is about, made once.

A webcam picture of 480 x 300 pixels with its terrain, camera and control points (the synthetic
scene of seed 5, its elevation model thinned out to 25 m), and a photo of a dark tongue on a bright
slope, once plain and once georeferenced.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.transform import Affine

THINNED = 5  # times the cells of the synthetic scene
HEIGHT, WIDTH = 240, 320
CENTRE, BELOW, OUTSIDE = (118, 160), (150, 165), (30, 40)  # row, col
PLACE = Affine(0.5, 0.0, 2783000.0, 0.0, -0.5, 1188000.0)


def make_webcam(folder: Path, root: Path) -> None:
    """``picture.jpg``, ``dem.tif``, ``gcps.csv``, ``labels.png`` and ``truth.json``."""
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "training", "synthetic", temporary]
        subprocess.run([*command, "--seed", "5", "--size", "480x300"], cwd=root, check=True)
        made = Path(temporary, "scene_000001")
        for name in ("picture.jpg", "labels.png"):
            (folder / name).write_bytes((made / name).read_bytes())
        _thin(made / "dem.tif", folder / "dem.tif")
        truth = json.loads((made / "camera.json").read_text())
        (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
        _place_points(made / "gcps.csv", folder, truth)


def _thin(source: Path, path: Path) -> None:
    with rasterio.open(source) as file:
        heights, place = file.read(1), file.transform
    heights = np.round(heights[2::THINNED, 2::THINNED] * 4) / 4
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=heights.shape[1],
        height=heights.shape[0],
        count=1,
        dtype="float32",
        crs="EPSG:2056",
        transform=place @ Affine.scale(THINNED),
        compress="deflate",
        predictor=3,
        zlevel=9,
    ) as file:
        file.write(heights.astype(np.float32), 1)


def _place_points(source: Path, folder: Path, truth: dict) -> None:
    """Control points on the thinned terrain, seen by the true camera."""
    from core.camera import Camera

    names = {"yaw": "yaw_deg", "pitch": "pitch_deg", "roll": "roll_deg", "f": "f_px"}
    plain = {name: truth[name] for name in ("width", "height", "x", "y", "z")}
    camera = Camera(**plain, **{name: truth[key] for name, key in names.items()})
    with source.open() as file:
        rows = list(csv.DictReader(file))
    with rasterio.open(folder / "dem.tif") as file:
        places = [(float(row["x"]), float(row["y"])) for row in rows]
        heights = [float(value[0]) for value in file.sample(places)]
    with (folder / "gcps.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "u_px", "v_px", "x", "y", "z", "use", "sigma_px"])
        for number, (row, (x, y), z) in enumerate(zip(rows, places, heights, strict=True)):
            ((u, v),) = camera.project([[x, y, z]])
            u, v = u + 0.4 * np.sin(2 * number), v + 0.4 * np.cos(3 * number)  # clicked so well
            if 0 <= u < camera.width and 0 <= v < camera.height:
                use, sigma = int(number != 3), 1.0 + number % 2
                table.writerow([row["name"], f"{u:.3f}", f"{v:.3f}", x, y, z, use, sigma])


def truth_of_photo() -> np.ndarray:
    """(H, W) bool: a tongue, wider below."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    row, col = (rows - CENTRE[0]) / 70, (cols - CENTRE[1] - 7 * np.sin(rows / 20)) / 45
    return row**2 + (col / (1 + 0.25 * row)) ** 2 < 1


def make_photos(folder: Path) -> None:
    """``cam1_20240115_103000.jpg`` and ``slope.tif`` (LV95, half a metre a pixel)."""
    rng = np.random.default_rng(7)
    rows = np.linspace(0, 25, HEIGHT)[:, None]
    rough = cv2.GaussianBlur(rng.normal(0, 30, (HEIGHT, WIDTH)), (0, 0), 1.5)
    grey = np.where(truth_of_photo(), 90 + rough, 205 - rows)
    pixels = np.clip(grey[..., None] + np.array([0, 3, 8]), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 90]
    cv2.imwrite(str(folder / "cam1_20240115_103000.jpg"), pixels[..., ::-1], quality)
    with rasterio.open(
        folder / "slope.tif",
        "w",
        driver="GTiff",
        width=WIDTH,
        height=HEIGHT,
        count=3,
        dtype="uint8",
        crs="EPSG:2056",
        transform=PLACE,
        photometric="ycbcr",
        compress="jpeg",
        jpeg_quality=90,
        tiled=True,
    ) as file:
        file.write(np.moveaxis(pixels, 2, 0))


if __name__ == "__main__":
    folder = Path(__file__).parent / "made_at_0_1_0" / "project"
    folder.mkdir(parents=True, exist_ok=True)
    make_photos(folder)
    make_webcam(folder, Path(__file__).resolve().parents[2])
