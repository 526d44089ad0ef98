"""`python -m core camera to-map`: masks and outlines of a photo to avalanches on the map."""

from __future__ import annotations

import argparse
import math
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ... import arguments
from ...camera import CameraRecord
from ...camera.resizing import resized
from ...camera.turning import is_shape, turned_point
from ...errors import CameraError, ImageError, TerrainError
from ...image import read_mask_image
from ...json_files import MALFORMED
from ...outline import OUTLINE_DRIVERS, write_outlines
from . import common
from .vertices import write_vertices

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon

    from ...projection.to_map import MapOutline
    from ...projection.viewshed import Viewshed

_PROMPTS = "prompts"  # column of the plugin's layers
_VECTOR = (".geojson", ".geojsonl", ".json", ".gpkg", ".shp", ".fgb", ".kml", ".kmz")
_MANY_LOST = 0.05  # share of a mask's pixels without ground from which to warn


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(subparsers, "to-map", run, "put outlines of a photo on the map")
    parser.add_argument(
        "inputs",
        metavar="MASK_OR_GEOJSON",
        type=Path,
        nargs="+",
        help="of the camera's photo: masks (255 on 0), label images (one avalanche for each "
        "value), or outlines in pixels (x, -y) as `core segment` writes them",
    )
    common.add_layer_option(parser)
    common.add_camera_option(parser)
    common.add_viewshed_options(parser)
    parser.add_argument(
        "--crs", metavar="EPSG:N", type=arguments.crs, help="of the output (default: the camera's)"
    )
    parser.add_argument(
        "--bridge",
        metavar="M",
        type=arguments.not_negative,
        default=0.0,
        help="fill hidden gaps narrower than about twice this, metres (default: leave them open)",
    )
    parser.add_argument(
        "--min-area",
        metavar="M2",
        type=arguments.not_negative,
        default=0.0,
        help="leave smaller parts out, square metres (default: keep all)",
    )
    parser.add_argument(
        "--vertices",
        metavar="FILE.csv",
        type=Path,
        help="write how far each vertex may be off, too: error ellipses in the camera's CRS",
    )
    common.add_out_option(parser, "out.gpkg|out.geojson", "layer avalanches")


def run(args: argparse.Namespace) -> None:
    """Write one feature for each avalanche."""
    from ...projection.uncertainty import boundary_uncertainty

    common.check_out(args.out, OUTLINE_DRIVERS, [*args.inputs, args.camera])
    if args.vertices:
        common.check_out(args.vertices, (".csv",), [*args.inputs, args.camera, args.out])
    record = common.read_camera(args.camera)
    if record.covariance is None:
        common.warn(
            f"{args.camera} has no covariance of its pose: sigma_map_m is that of an exact pose."
        )
    shapes = [shape for path in args.inputs for shape in _read(path, record, args.layer)]
    viewsheds: dict[tuple[int, int], Viewshed] = {}
    features, boundaries = [], {}
    for shape in shapes:
        fitted = resized(record, *shape.size)
        if shape.size not in viewsheds:
            viewsheds[shape.size] = common.open_viewshed(fitted, args)
        viewshed = viewsheds[shape.size]
        try:
            outline = shape.to_map(viewshed, args)
        except TerrainError as error:
            common.warn(f"{shape.label}: {error}")
            continue
        if outline.polygon.is_empty:
            common.warn(f"{shape.label}: nothing is left of it on the map.")
            continue
        features.append(_make_feature(shape, outline, viewshed))
        if args.vertices:
            boundaries[features[-1][1]["uuid"]] = boundary_uncertainty(outline.polygon, viewshed)
    if not features:
        raise TerrainError("Nothing could be put on the map: see the warnings above.")
    _write(args.out, features, record.epsg, args.crs or record.epsg)
    if args.vertices:
        write_vertices(args.vertices, boundaries)
    _report(features, args.out)


@dataclass(frozen=True, eq=False)
class PhotoAvalanche:
    """Avalanche in the photo: a function that makes its mask or outline, and its origin."""

    path: Path
    number: int
    size: tuple[int, int]
    area: Callable[[], NDArray[Any] | Polygon | MultiPolygon]
    image: str = ""

    @property
    def label(self) -> str:
        """Name for messages."""
        return f"{self.path.name} ({self.number})"

    def to_map(self, viewshed: Viewshed, args: argparse.Namespace) -> MapOutline:
        """Return the outline on the map."""
        from ...projection.to_map import mask_to_map, outline_to_map

        area = self.area()
        if isinstance(area, np.ndarray):
            return mask_to_map(area, viewshed, min_area=args.min_area, bridge=args.bridge)
        return outline_to_map(area, viewshed, min_area=args.min_area, bridge=args.bridge)


def _read(path: Path, record: CameraRecord, layer: str | None) -> Iterator[PhotoAvalanche]:
    """Read all avalanches of a file."""
    if path.suffix.lower() in _VECTOR:
        return _read_outlines(path, record, layer)
    return _read_masks(path, record)


def _read_masks(path: Path, record: CameraRecord) -> Iterator[PhotoAvalanche]:
    """Yield one avalanche for each object of a mask or label image.

    A mask of the photo as it is stored, such as QGIS shows it, is turned as the photo is.
    """
    found = read_mask_image(path)
    size, orientation = found.labels.shape[::-1], record.orientation
    if orientation > 4 and not is_shape(record, size) and is_shape(record, size[::-1]):
        found = found.turned(orientation)
    if not found.numbers:
        raise ImageError(
            f"The mask {path} is empty: nothing in it is shown brighter than black. Save the "
            "avalanche as 255 on 0."
        )
    height, width = found.labels.shape
    for number in found.numbers:
        yield PhotoAvalanche(path, number, (width, height), partial(found.area, number))


def _read_outlines(path: Path, record: CameraRecord, layer: str | None) -> Iterator[PhotoAvalanche]:
    from shapely.affinity import scale

    from .features import read_polygons

    size = record.camera.width, record.camera.height
    features, _ = read_polygons(path, layer)
    for number, (_, stored, properties) in enumerate(features, 1):
        polygon = _as_displayed(stored, properties, record)
        left, bottom, right, top = polygon.bounds
        if left < -1 or top > 1 or right > size[0] + 1 or bottom < -size[1] - 1:
            raise CameraError(
                f"{path}: outline {number} is not in the pixels of the camera's photo "
                f"({size[0]} x {size[1]}): x must lie from 0 to {size[0]}, y from "
                f"{-size[1]} to 0 (rows count downwards, so y is negative). Use outlines that "
                "`core segment` made of this photo itself, or a mask."
            )
        image = Path(str(properties.get("image") or "")).name
        yield PhotoAvalanche(
            path, number, size, partial(scale, polygon, 1, -1, origin=(0, 0)), image
        )


def _as_displayed(
    polygon: Polygon | MultiPolygon, properties: dict[str, Any], record: CameraRecord
) -> Polygon | MultiPolygon:
    """Turn an outline of the photo as stored, (x, -y) as QGIS shows it, as the photo is turned.

    Those of `core segment` name the orientation where there is one; those of the plugin have
    prompts, and the camera knows the photo. Outlines without either are of the photo as displayed.
    """
    from shapely import transform

    named = _orientation(properties.get("orientation"))
    is_stored = named is not None or _PROMPTS in properties
    orientation = named or record.orientation
    if not is_stored or orientation == 1:
        return polygon
    width, height = record.camera.width, record.camera.height
    stored = (height, width) if orientation > 4 else (width, height)

    def turn(points: NDArray[np.float64]) -> NDArray[np.float64]:
        turned = [turned_point(x - 0.5, -y - 0.5, stored, orientation) for x, y in points]
        return np.array([(u + 0.5, -v - 0.5) for u, v in turned]).reshape(-1, 2)

    return transform(polygon, turn)


def _orientation(value: Any) -> int | None:  # noqa: ANN401
    """Return an EXIF orientation, 1 to 8; None for NULL, and for what others call orientation."""
    try:
        number = float(value)
    except MALFORMED:
        return None
    return int(number) if number in range(1, 9) else None


def _make_feature(
    shape: PhotoAvalanche, outline: MapOutline, viewshed: Viewshed
) -> tuple[MultiPolygon, dict[str, Any]]:
    """Return geometry and attributes, named as in the plugin's layer."""
    from ...projection.attributes import measure_attributes

    if outline.lost_pixels > _MANY_LOST:
        common.warn(
            f"{shape.label}: {outline.lost_pixels:.0%} of its pixels show sky or ground beyond the "
            "DEM, or exceed a ridge."
        )
    record = viewshed.record
    return outline.polygon, {
        "uuid": str(uuid.uuid4()),
        "part": "avalanche",
        **_none_to_nan(measure_attributes(outline, viewshed.terrain, viewshed)),
        "cell_m": outline.cell,
        "source": shape.path.name,
        "source_id": shape.number,
        "image_name": shape.image,
        "camera_id": record.name,
        "pose_id": record.pose_id,
        "drift_deg": math.nan if record.drift_deg is None else record.drift_deg,
        "method": "imported",
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _none_to_nan(values: dict[str, Any]) -> dict[str, Any]:
    """Replace None by NaN, which is written as NULL in a column of numbers."""
    return {
        name: math.nan if value is None and name != "aspect_8" else value
        for name, value in values.items()
    }


def _write(
    path: Path, features: list[tuple[MultiPolygon, dict[str, Any]]], source: int, target: int
) -> None:
    from ...camera.map_crs import find_crs
    from .features import reproject

    wkt = find_crs(target).to_wkt()
    moved = [(reproject(shape, source, target), values) for shape, values in features]
    write_outlines(path, moved, crs_wkt=wkt)


def _report(features: list[tuple[MultiPolygon, dict[str, Any]]], path: Path) -> None:
    for _, values in features:
        parts = [f"{values['area_m2']:.0f} m² on the map", f"{values['vis_frac']:.0%} visible"]
        if math.isfinite(values["sigma_map_m"]):
            parts.append(f"good to {values['sigma_map_m']:.1f} m")
        print(f"{values['source']} ({values['source_id']}): {', '.join(parts)}")
    print(f"wrote {path}")
