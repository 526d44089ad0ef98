"""`python -m core camera export`: pose and view of a camera as KML or GeoJSON."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np

from ... import arguments
from ...camera import CameraRecord
from ...errors import IsegError, write_errors
from ...files import write_text
from . import common
from .report import field_of_view

if TYPE_CHECKING:
    from ...camera import Camera

    Place = tuple[float, float]  # longitude, latitude

_STEP = 2.0  # degrees between corners of the view's far side
_FULL = 359.0  # degrees of view from which it is a circle


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(
        subparsers, "export", run, "write pose and view of a camera as KML or GeoJSON"
    )
    parser.add_argument("camera", metavar="camera.json", type=Path)
    parser.add_argument(
        "--distance",
        metavar="M",
        type=arguments.positive,
        default=5000.0,
        help="how far the view is drawn, metres (default: 5000)",
    )
    common.add_out_option(parser, "FILE.kml|FILE.geojson", "view")


def run(args: argparse.Namespace) -> None:
    """Write the file."""
    common.check_out(args.out, (".kml", ".geojson"), [args.camera])
    record = common.read_camera(args.camera)
    writer = to_kml if args.out.suffix.lower() == ".kml" else to_geojson
    text = writer(record, args.distance)
    with write_errors(str(args.out), IsegError):
        write_text(args.out, text)
    print(f"wrote {args.out}")


def view_outline(camera: Camera, distance: float) -> list[tuple[float, float]]:
    """Return the sector (N, 2) of the map that a camera looks to, closed, anticlockwise.

    Its sides are those of the photo at the height of the principal point; it begins at the camera,
    unless the view is a full circle.
    """
    width = field_of_view(camera)
    if width >= _FULL:
        turns = np.linspace(2 * math.pi, 0, round(360 / _STEP) + 1)
        return [_point_at(camera, float(azimuth), distance) for azimuth in turns]
    edges = [(-0.5, camera.cy), (camera.width - 0.5, camera.cy)]
    left, right = camera.line_of_sight_angles(edges)[0]
    span = (right - left) % (2 * math.pi)
    azimuths = right - np.linspace(0, span, max(2, round(math.degrees(span) / _STEP) + 1))
    far = [_point_at(camera, float(azimuth), distance) for azimuth in azimuths]
    here = (camera.x, camera.y)
    return [here, *far, here]


def _point_at(camera: Camera, azimuth: float, distance: float) -> tuple[float, float]:
    return camera.x + distance * math.sin(azimuth), camera.y + distance * math.cos(azimuth)


def to_geojson(record: CameraRecord, distance: float) -> str:
    """Return a collection of the camera, a point, and its view, a polygon, in WGS 84."""
    camera = record.camera
    properties = {
        "name": record.name,
        "pose_id": record.pose_id,
        "image": record.image,
        "height_m": round(camera.z, 2),
        "heading_deg": round(_true_heading(record), 3),
        "yaw_deg": round(camera.yaw, 3),
        "pitch_deg": round(camera.pitch, 3),
        "roll_deg": round(camera.roll, 3),
        "field_of_view_deg": round(field_of_view(camera), 3),
        "f_px": round(camera.f, 2),
        "epsg": record.epsg,
    }
    here, *corners = _to_degrees(
        record.epsg, [(camera.x, camera.y), *view_outline(camera, distance)]
    )
    features = [
        _feature({"type": "Point", "coordinates": [*here, round(camera.z, 2)]},
                 {"kind": "camera", **properties}),
        _feature({"type": "Polygon", "coordinates": [[list(corner) for corner in corners]]},
                 {"kind": "view", "name": record.name, "distance_m": distance}),
    ]  # fmt: skip
    collection = {"type": "FeatureCollection", "features": features}
    return json.dumps(collection, indent=1, ensure_ascii=False) + "\n"


def _feature(geometry: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def to_kml(record: CameraRecord, distance: float) -> str:
    """Return KML with the camera as a place to look from, and the sector that it sees.

    The heading is from true north, tilt 90 is level, and roll is positive anticlockwise, seen from
    behind.
    """
    camera = record.camera
    here, *corners = _to_degrees(
        record.epsg, [(camera.x, camera.y), *view_outline(camera, distance)]
    )
    name = escape(record.name or "camera")
    ring = " ".join(f"{longitude:.7f},{latitude:.7f},0" for longitude, latitude in corners)
    wide = min(field_of_view(camera), 179.0)
    tall = min(2 * math.degrees(math.atan(camera.height / 2 / camera.f)), 179.0)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
<Document>
<name>{name}</name>
<Placemark>
<name>{name}</name>
<Camera>
<gx:horizFov>{wide:.3f}</gx:horizFov>
<longitude>{here[0]:.7f}</longitude>
<latitude>{here[1]:.7f}</latitude>
<altitude>{camera.z:.2f}</altitude>
<heading>{_true_heading(record):.4f}</heading>
<tilt>{90 + camera.pitch:.4f}</tilt>
<roll>{-camera.roll:.4f}</roll>
<altitudeMode>absolute</altitudeMode>
</Camera>
<Point>
<altitudeMode>absolute</altitudeMode>
<coordinates>{here[0]:.7f},{here[1]:.7f},{camera.z:.2f}</coordinates>
</Point>
</Placemark>
<Placemark>
<name>{name}: view, {wide:.1f} x {tall:.1f} degrees</name>
<Style><LineStyle><width>2</width></LineStyle><PolyStyle><color>40ffffff</color></PolyStyle></Style>
<Polygon>
<tessellate>1</tessellate>
<altitudeMode>clampToGround</altitudeMode>
<outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs>
</Polygon>
</Placemark>
</Document>
</kml>
"""


def _true_heading(record: CameraRecord) -> float:
    """Return the azimuth of the view from true north, degrees."""
    from ...camera.map_crs import convergence

    camera = record.camera
    return (camera.yaw + convergence(record.epsg, camera.x, camera.y)) % 360


def _to_degrees(epsg: int, places: list[tuple[float, float]]) -> list[Place]:
    """Return longitude and latitude (WGS 84) of places on the map."""
    from pyproj import Transformer

    from ...camera.map_crs import find_crs

    transformer = Transformer.from_crs(find_crs(epsg), 4326, always_xy=True)
    x, y = transformer.transform(*zip(*places, strict=True))
    return [(round(a, 8), round(b, 8)) for a, b in zip(x, y, strict=True)]
