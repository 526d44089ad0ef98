"""A scene as files that other programs read."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import IsegError
from core.image import write_png
from core.outline.vector_files import encode_vectors

from .scene import EPSG, Scene
from .winter import Winter

IMAGE, LABELS = "picture.jpg", "labels.png"

_JPEG_QUALITY = 92
_POSE = ("yaw_deg", "pitch_deg", "roll_deg")
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
    with _writing(folder):
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        (folder / IMAGE).write_bytes(_encode(scene.image))
        write_png(folder / LABELS, scene.labels)
        for number, _, _ in scene.outlines:
            mask = np.where(scene.labels == number, np.uint8(255), np.uint8(0))
            write_png(folder / "masks" / f"{Path(IMAGE).stem}_{number}.png", mask)
        _write_map(folder, scene, scene.camera)
        _write_outlines(scene, folder / "outlines.gpkg")


def write_winter(winter: Winter, folder: Path | str) -> None:
    """Write a winter into a folder, made where it is missing; files of these names are replaced.

    ::

        photos/webcam_….jpg  as the webcam gives them, with the time in their names
        masks/webcam_….png   0 none, k the k-th avalanche that can be told from the slope
        dem.tif, gcps.csv    as of a scene
        camera.json          pose and lens of the first photo
        photos.csv           weather, drift, avalanches and aim of each photo
        avalanches.csv       kind and time of release of each avalanche

    Raises
    ------
    IsegError
        If a file cannot be written.
    """
    folder = Path(folder)
    with _writing(folder):
        for part in ("photos", "masks"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        rows = []
        for photo in winter.photos():
            stem = f"webcam_{photo.taken_at:%Y-%m-%d_%H%M}UTC"
            (folder / "photos" / f"{stem}.jpg").write_bytes(_encode(photo.image))
            write_png(folder / "masks" / f"{stem}.png", photo.labels)
            lying = " ".join(f"{number}:{s:.3f}" for number, s in photo.strengths.items())
            pose = (f"{photo.camera[key]:.5f}" for key in _POSE)
            facts = f"{stem}.jpg", photo.taken_at.isoformat(), photo.weather, *pose, lying
            rows.append((*facts, photo.view))
        _write_map(folder, winter, {**winter.camera, "image": f"photos/{rows[0][0]}"})
        header = ("photo", "taken_at", "weather", *_POSE, "avalanches", "view")
        _write_csv(folder / "photos.csv", header, rows)
        releases = [
            (number, kind, released_at.isoformat())
            for number, (kind, released_at) in winter.releases.items()
        ]
        _write_csv(folder / "avalanches.csv", ("id", "kind", "released_at"), releases)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IsegError(
            f"Cannot write the scene into {folder}: {error}. Choose a folder that can be written "
            "to and has room."
        ) from error


def _encode(image: NDArray[np.uint8]) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]), quality)
    return jpeg.tobytes()


def _write_map(folder: Path, world: Scene | Winter, camera: dict[str, Any]) -> None:
    """Write elevations, camera and control points."""
    _write_dem(world, folder / "dem.tif")
    (folder / "camera.json").write_text(json.dumps(camera, indent=1) + "\n", encoding="utf-8")
    points = [(name, *(f"{v:.3f}" for v in values)) for name, *values in world.control_points]
    _write_csv(folder / "gcps.csv", _COLUMNS, points)


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _write_dem(scene: Scene | Winter, path: Path) -> None:
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
