"""Pose and view of a camera in KML and GeoJSON, read by other programs."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import Geod

from core.camera import Camera, CameraRecord, Projection
from core.commands import main

KML = {"k": "http://www.opengis.net/kml/2.2", "gx": "http://www.google.com/kml/ext/2.2"}
WGS84 = Geod(ellps="WGS84")
CAMERAS = {
    "Davos": (Camera(1600, 1000, 2_782_000, 1_186_000, 1560.0, 123.0, -4.0, 1.5, 1700.0), 2056),
    "Tyrol, north": (Camera(900, 700, 80_000, 230_000, 2100.0, 359.5, 3.0, -2.0, 600.0), 31254),
    "fisheye": (
        Camera(1000, 1000, 680_000, 5_230_000, 900.0, 20.0, 0.0, 0.0, 318.3,
               projection=Projection.FISHEYE), 25832),
}  # fmt: skip


def exported(tmp_path, camera, epsg, name, *options):
    record = CameraRecord(camera, epsg, name="Hütte <1> & Mast")
    record.write(tmp_path / "camera.json")
    out = tmp_path / name
    assert main(["camera", "export", str(tmp_path / "camera.json"), "-o", str(out), *options]) == 0
    return out


def bearings(here, ring):
    """True azimuths and distances of a ring's corners."""
    azimuth, _, away = WGS84.inv(*np.broadcast_arrays(*here, *np.array(ring).T[:2]))
    return azimuth % 360, away


@pytest.mark.parametrize("place", CAMERAS)
def test_geojson(place, tmp_path):
    camera, epsg = CAMERAS[place]
    out = exported(tmp_path, camera, epsg, "view.geojson", "--distance", "2000")
    content = json.loads(out.read_text(encoding="utf-8"))
    point, view = content["features"]
    assert point["properties"]["name"] == "Hütte <1> & Mast"
    assert point["geometry"]["coordinates"][2] == camera.z
    ring = view["geometry"]["coordinates"][0]
    azimuth, away = bearings(point["geometry"]["coordinates"][:2], ring[1:-1])
    assert away == pytest.approx(2000, rel=2e-3)
    from_axis = (azimuth - point["properties"]["heading_deg"] + 180) % 360 - 180
    half = point["properties"]["field_of_view_deg"] / 2
    assert np.abs(from_axis).max() == pytest.approx(half, abs=0.3)
    assert ring[0] == ring[-1] == point["geometry"]["coordinates"][:2]
    assert shapely.Polygon(ring).is_valid
    assert shapely.Polygon(ring).exterior.is_ccw
    assert len(pyogrio.raw.read(out)[2]) == 2


@pytest.mark.parametrize("place", ["Davos", "Tyrol, north"])
def test_kml(place, tmp_path):
    camera, epsg = CAMERAS[place]
    root = ElementTree.parse(exported(tmp_path, camera, epsg, "view.kml")).getroot()  # noqa: S314
    (look,) = root.iterfind(".//k:Camera", KML)
    values = {
        name: float(look.findtext(f"k:{name}", namespaces=KML))
        for name in ("longitude", "latitude", "altitude", "heading", "tilt", "roll")
    }
    assert values["tilt"] == pytest.approx(90 + camera.pitch)
    assert values["roll"] == pytest.approx(-camera.roll)
    assert values["altitude"] == camera.z
    assert look.findtext("k:altitudeMode", namespaces=KML) == "absolute"
    text = root.findtext(".//k:LinearRing/k:coordinates", namespaces=KML)
    ring = [tuple(map(float, corner.split(","))) for corner in text.split()]
    azimuth, away = bearings((values["longitude"], values["latitude"]), ring[1:-1])
    middle = azimuth[len(azimuth) // 2]
    assert abs((middle - values["heading"] + 180) % 360 - 180) < 2
    assert away == pytest.approx(5000, rel=2e-3)
    assert root.findtext(".//k:name", namespaces=KML) == "Hütte <1> & Mast"


def test_the_heading_is_that_of_a_place_ahead(tmp_path):
    """The convergence of the grid is 1.7 degrees there."""
    camera, epsg = CAMERAS["Davos"]
    content = json.loads(exported(tmp_path, camera, epsg, "v.geojson").read_text(encoding="utf-8"))
    heading = content["features"][0]["properties"]["heading_deg"]
    assert heading - camera.yaw == pytest.approx(1.7, abs=0.1)


def test_a_panorama_all_round_is_a_circle(tmp_path):
    camera = replace(CAMERAS["Davos"][0], f=1600 / (2 * np.pi), projection=Projection.CYLINDRICAL)
    out = exported(tmp_path, replace(camera, pitch=0.0, roll=0.0), 2056, "view.geojson")
    view = json.loads(out.read_text(encoding="utf-8"))["features"][1]
    ring = view["geometry"]["coordinates"][0]
    assert ring[0] == pytest.approx(ring[-1])
    polygon = shapely.Polygon(ring)
    assert polygon.is_valid
    assert polygon.exterior.is_ccw


def test_another_ending_is_refused(tmp_path, capsys):
    CameraRecord(CAMERAS["Davos"][0], 2056).write(tmp_path / "camera.json")
    assert main(["camera", "export", str(tmp_path / "camera.json"), "-o", "view.shp"]) == 2
    assert ".kml" in capsys.readouterr().err
