"""From outlines in pixels to geometries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsProject,
    QgsWkbTypes,
)

from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.features.geometry import area_m2, to_geometry
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow

LV95 = QgsCoordinateReferenceSystem("EPSG:2056")
WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
NONE = QgsCoordinateReferenceSystem()
PHOTO = Grid(400, 300)
ROTATED = Grid(400, 300, (1.8, 0.6, 2_783_000.0, 0.6, -1.8, 1_187_000.0), LV95)
WINDOW = PixelWindow(20, 50, 200, 300)

OUTER = [(10, 10), (110, 10), (110, 90), (10, 90)]
HOLE = [(30, 30), (30, 60), (70, 60), (70, 30)]
ISLAND = [(150, 20), (180, 20), (180, 50)]


def outline(*parts):
    points = [point for part in parts for ring in part for point in ring]
    sizes = [[len(ring) for ring in part] for part in parts]
    return np.array(points, np.float32).reshape(-1, 2), sizes


def signed_area(ring) -> float:
    x, y = np.array([(p.x(), p.y()) for p in ring.points()]).T
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2


def test_photo_in_pixels_y_down_negative():
    made = to_geometry(*outline([OUTER, HOLE], [ISLAND]), PHOTO, WINDOW, NONE)
    assert made.wkbType() == QgsWkbTypes.Type.MultiPolygon
    assert made.isGeosValid()
    assert made.area() == 100 * 80 - 40 * 30 + 30 * 30 / 2
    box = made.boundingBox()
    assert (box.xMinimum(), box.yMaximum()) == (10 + 50, -(10 + 20))
    assert (box.xMaximum(), box.yMinimum()) == (180 + 50, -(90 + 20))
    assert [len(part.asPolygon()) for part in made.asGeometryCollection()] == [2, 1]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(("grid", "crs"), [(PHOTO, NONE), (ROTATED, LV95), (ROTATED, WGS84)])
def test_rings_are_oriented_and_closed_once(grid, crs, backwards):
    rings = [ring[::-1] if backwards else ring for ring in (OUTER, HOLE)]
    made = to_geometry(*outline(rings), grid, WINDOW, crs)
    part = made.asGeometryCollection()[0]
    polygon = part.constGet()
    assert signed_area(polygon.exteriorRing()) > 0
    assert signed_area(polygon.interiorRing(0)) < 0
    assert polygon.exteriorRing().numPoints() == 5


def test_rotated_grid_lies_where_its_pixels_lie():
    made = to_geometry(*outline([OUTER]), ROTATED, WINDOW, LV95)
    row, col = 20 + 50 - 0.5, 50 + 60 - 0.5  # middle of OUTER, as a pixel
    assert made.centroid().asPoint().distance(ROTATED.to_layer(row, col)) < 1e-6
    there = to_geometry(*outline([OUTER]), ROTATED, WINDOW, WGS84)
    there.transform(QgsCoordinateTransform(WGS84, LV95, QgsProject.instance()))
    assert there.hausdorffDistance(made) < 0.01  # metres; the datum's own inverse
    assert there.isGeosValid()


def test_area_is_measured_on_the_ellipsoid():
    made = to_geometry(*outline([OUTER]), ROTATED, WINDOW, LV95)
    pixel = 1.8**2 + 0.6**2
    area = area_m2(made, LV95)
    assert area == pytest.approx(8000 * pixel, rel=1e-3)
    there = to_geometry(*outline([OUTER]), ROTATED, WINDOW, WGS84)
    assert area_m2(there, WGS84) == pytest.approx(area, rel=1e-4)
    mercator = QgsCoordinateReferenceSystem("EPSG:3857")  # stretched by 2.1 there
    there = to_geometry(*outline([OUTER]), ROTATED, WINDOW, mercator)
    assert area_m2(there, mercator) == pytest.approx(area, rel=1e-4)
    assert area_m2(made, NONE) is None


def test_what_is_not_valid_is_mended():
    bow = [(0, 0), (40, 40), (40, 0), (0, 40)]
    made = to_geometry(*outline([bow]), PHOTO, WINDOW, NONE)
    assert made.isGeosValid()
    assert made.constGet().numGeometries() == 2
    spike = [(0, 0), (40, 0), (40, 20), (90, 20), (40, 20), (40, 40), (0, 40)]
    made = to_geometry(*outline([spike]), PHOTO, WINDOW, NONE)
    assert made.isGeosValid()
    assert made.wkbType() == QgsWkbTypes.Type.MultiPolygon
    assert made.area() == 1600
    touching = [[(0, 0), (40, 0), (40, 40), (0, 40)], [(0, 20), (20, 10), (20, 30)]]
    assert to_geometry(*outline(touching), PHOTO, WINDOW, NONE).isGeosValid()


def test_points_that_repeat_are_dropped():
    stutter = [point for point in OUTER for _ in range(3)]
    made = to_geometry(*outline([stutter]), PHOTO, WINDOW, NONE)
    assert made.constGet().nCoordinates() == 5


def test_a_round_outline_of_many_points():
    angles = np.linspace(0, 2 * math.pi, 2000, endpoint=False)
    ring = [(100 + 80 * math.cos(a), 100 + 80 * math.sin(a)) for a in angles]
    made = to_geometry(*outline([ring]), PHOTO, WINDOW, NONE)
    assert made.area() == pytest.approx(math.pi * 80**2, rel=1e-3)
    assert made.isGeosValid()


@pytest.mark.parametrize(
    ("grid", "crs", "words"),
    [(PHOTO, LV95, "without coordinates"), (ROTATED, NONE, "no coordinate system")],
)
def test_pixels_and_maps_are_not_mixed(grid, crs, words):
    with pytest.raises(IsegError, match=words):
        to_geometry(*outline([OUTER]), grid, WINDOW, crs)


@pytest.mark.parametrize("parts", [[], [[[(0, 0), (10, 0), (20, 0)]]], [[[(5, 5)]]]])
def test_nothing_left(parts):
    with pytest.raises(IsegError, match="Nothing is left"):
        to_geometry(*outline(*parts), PHOTO, WINDOW, NONE)


def test_shifts_with_the_window():
    shifted = PixelWindow(WINDOW.row + 3, WINDOW.col + 7, 200, 300)
    here = to_geometry(*outline([OUTER]), PHOTO, WINDOW, NONE)
    there = to_geometry(*outline([OUTER]), PHOTO, shifted, NONE)
    here.translate(7, -3)
    assert QgsGeometry.equals(here, there)
