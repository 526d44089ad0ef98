"""GeoPackages as the plugin writes them, with the photos that they were mapped in."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import shapely
from data_fixtures import photo, write
from pyogrio.raw import write as write_layer

PIXELS, MAP = "avalanches_pixels", "avalanches"
LOCAL = 'LOCAL_CS["Undefined Cartesian SRS"]'


def in_layer(shape):
    """From pixels, y down, to the pixels of QGIS's layers."""
    return shapely.transform(shape, lambda xy: xy * (1, -1))


def package(
    path: Path, features: list[tuple], layer=PIXELS, crs=LOCAL, append=False, fields=()
) -> Path:
    """Write a table: (geometry of the layer, attributes); ``fields`` besides those that occur."""
    names = sorted({name for _, values in features for name in values} | set(fields))
    shapes = [shapely.multipolygons(shapely.get_parts(shape)) for shape, _ in features]
    columns = [np.array([values.get(name) for _, values in features], object) for name in names]
    write_layer(
        str(path),
        np.array([shapely.to_wkb(shape) for shape in shapes], object),
        field_data=columns,
        fields=names,
        geometry_type="MultiPolygon",
        crs=crs,
        driver="GPKG",
        layer=layer,
        append=append,
    )
    return path


def attributes(path: Path, number: int, **changes) -> dict:
    """Attributes of an outline that the plugin mapped in a photo, and a reviewer accepted."""
    return {
        "uuid": f"{path.stem}-{number}",
        "avalanche_id": f"{path.stem}-{number}",
        "part": "avalanche",
        "image_name": path.name,
        "image_path": str(path),
        "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "review": "accepted",
        "prompts": None,
        **changes,
    }


def prompts(*clicks) -> str:
    """The attribute ``prompts``, of clicks (row, col, positive)."""
    made = [[float(row), float(col), int(kind)] for row, col, kind in clicks]
    return json.dumps({"version": 1, "clicks": made, "box": None, "mask": None})


def winter(folder: Path, days: int, each: int = 2, camera: str = "hut", size=(120, 96)) -> Path:
    """Photos of one camera, one a day, each with ``each`` bright avalanches; the GeoPackage."""
    width, height = size
    features = []
    for day in range(1, days + 1):
        rng = np.random.default_rng(day)
        image = photo(height, width, seed=day) // 2
        shapes = []
        for number in range(each):
            left = int(5 + number * width / each + rng.integers(6))
            top, wide = int(rng.integers(10, 40)), int(0.6 * width / each)
            shapes.append(shapely.box(left, top, left + wide, top + int(rng.integers(25, 45))))
            corners = np.array(shapes[-1].exterior.coords[:4], np.int32)
            cv2.fillPoly(image, [corners], (210, 215, 220))
        path = write(folder / f"{camera}_2024-01-{day:02d}_1030.jpg", image)
        for number, shape in enumerate(shapes):
            (col,), (row,) = shape.centroid.xy
            clicks = prompts((row, col, 1), (2, 2, 0))
            features.append((in_layer(shape), attributes(path, number, prompts=clicks)))
    return package(folder / f"{camera}.gpkg", features)
