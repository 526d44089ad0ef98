"""A scene as files that other programs read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np

from core.errors import IsegError
from core.image import write_png
from core.outline.vector_files import encode_vectors

from .scene import EPSG, Scene

IMAGE, LABELS = "picture.jpg", "labels.png"

_JPEG_QUALITY = 92
_COLUMNS = ("name", "u_px", "v_px", "x", "y", "z")


def write_scene(scene: Scene, folder: Path | str) -> None:
    """Write a scene into a folder, made where it is missing; files of these names are replaced.

    ::

        picture.jpg          as the webcam gives it
        labels.png           0 none, k the k-th avalanche as seen
        masks/picture_k.png  the same, one avalanche each, 0 and 255
        dem.tif              elevations, m, GeoTIFF in LV95
        camera.json          pose and lens
        gcps.csv             control points: name, u_px, v_px, x, y, z
        outlines.gpkg        layer "outlines": id, kind, and the true outline on the map

    Raises
    ------
    IsegError
        If a file cannot be written.
    """
    folder = Path(folder)
    try:
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        _, jpeg = cv2.imencode(
            ".jpg", scene.image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        )
        (folder / IMAGE).write_bytes(jpeg.tobytes())
        write_png(folder / LABELS, scene.labels)
        for number, _, _ in scene.outlines:
            mask = np.where(scene.labels == number, np.uint8(255), np.uint8(0))
            write_png(folder / "masks" / f"{Path(IMAGE).stem}_{number}.png", mask)
        _write_dem(scene, folder / "dem.tif")
        camera = json.dumps(scene.camera, indent=1)
        (folder / "camera.json").write_text(camera + "\n", encoding="utf-8")
        with (folder / "gcps.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(_COLUMNS)
            rows.writerows(
                (n, *(f"{v:.3f}" for v in values)) for n, *values in scene.control_points
            )
        _write_outlines(scene, folder / "outlines.gpkg")
    except OSError as error:
        raise IsegError(
            f"Cannot write the scene into {folder}: {error}. Choose a folder that can be written "
            "to and has room."
        ) from error


def _write_dem(scene: Scene, path: Path) -> None:
    import rasterio

    rows, cols = scene.dem.shape
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "height": rows,
        "width": cols,
        "crs": f"EPSG:{EPSG}",
        "transform": scene.transform,
        "compress": "deflate",
        "predictor": 3,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(scene.dem, 1)


def _write_outlines(scene: Scene, path: Path) -> None:
    import shapely

    numbers, outlines, kinds = zip(*scene.outlines, strict=True)
    content = encode_vectors(
        [shapely.to_wkb(outline) for outline in outlines],
        {"id": np.array(numbers, np.int32), "kind": np.array(kinds, dtype=object)},
        crs=f"EPSG:{EPSG}",
        driver="GPKG",
        layer="outlines",
    )
    path.write_bytes(content)
