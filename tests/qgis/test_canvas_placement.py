"""Pixels and the screen, both ways, whatever is rotated or reprojected."""

from __future__ import annotations

import math

import numpy as np
import pytest
from canvases import LV95, NO_CRS, PHOTO, ROTATED, WGS84, look_at, screen
from qgis.core import QgsCoordinateReferenceSystem
from qgis.PyQt.QtCore import QPoint, QRect

from avalanche_iseg_qgis.canvas.placement import GridPlacement
from avalanche_iseg_qgis.layers.grid import Grid

POLAR = QgsCoordinateReferenceSystem("EPSG:3413")
WIDE = Grid(3000, 2000, (400.0, 0.0, 2000000.0, 0.0, -400.0, 1600000.0), LV95)
"""A thousand kilometres: where projections are curved."""

VIEWS = [
    (PHOTO, NO_CRS, 0.0),
    (PHOTO, NO_CRS, 30.0),
    (PHOTO, WGS84, 0.0),  # a photo in a project that has a CRS
    (ROTATED, LV95, 0.0),
    (ROTATED, WGS84, 0.0),
    (ROTATED, WGS84, -50.0),
    (ROTATED, POLAR, 10.0),
]


@pytest.mark.parametrize(("grid", "crs", "rotation"), VIEWS)
def test_both_ways(iface, grid, crs, rotation):
    canvas = iface.mapCanvas()
    look_at(canvas, grid, crs, rotation)
    placement = GridPlacement(canvas, grid)
    for row, col in [(0, 0), (100.25, 700.5), (599, 0), (599, 899)]:
        place = placement.to_screen(row, col)
        expected = screen(canvas, grid, row, col)
        assert math.hypot(place.x() - expected.x(), place.y() - expected.y()) < 1e-3
        view = QPoint(round(place.x()), round(place.y()))
        back = placement.to_screen(*placement.to_pixel(view))
        assert math.hypot(back.x() - view.x(), back.y() - view.y()) < 0.01


@pytest.mark.parametrize(("grid", "crs", "rotation"), [*VIEWS, (WIDE, WGS84, 0), (WIDE, POLAR, 20)])
def test_lookup_is_right_everywhere(iface, grid, crs, rotation):
    canvas = iface.mapCanvas()
    look_at(canvas, grid, crs, rotation, scale=0.5 if grid is WIDE else 1.2)
    placement, rect = GridPlacement(canvas, grid), QRect(20, 10, 803, 602)
    rows, cols = np.broadcast_arrays(*placement.lookup(rect))
    assert rows.shape == cols.shape == (602, 803)
    worst = 0.0
    for y, x in np.random.default_rng(0).integers((0, 0), (602, 803), (200, 2)):
        place = screen(canvas, grid, rows[y, x], cols[y, x])
        worst = max(worst, math.hypot(place.x() - 20.5 - x, place.y() - 10.5 - y))
    assert worst < 0.5


def test_straight_views_are_looked_up_by_row_and_column(iface):
    look_at(iface.mapCanvas(), PHOTO)
    rows, cols = GridPlacement(iface.mapCanvas(), PHOTO).lookup(QRect(0, 0, 300, 200))
    assert rows.shape == (200, 1)
    assert cols.shape == (1, 300)


def test_follows_the_canvas(iface):
    canvas = iface.mapCanvas()
    look_at(canvas, ROTATED, LV95)
    placement = GridPlacement(canvas, ROTATED)
    view = placement.projection
    assert placement.projection is view
    canvas.zoomByFactor(0.5)
    assert placement.projection is not view
    view = placement.projection
    look_at(canvas, ROTATED, WGS84)
    assert placement.projection is not view
    assert placement.to_screen(10, 20) == screen(canvas, ROTATED, 10, 20)


def test_nowhere(iface):
    """A place of the screen that the CRS of the layer does not know is in no raster."""
    canvas = iface.mapCanvas()
    gnomonic = QgsCoordinateReferenceSystem.fromProj("+proj=gnom +lat_0=46 +lon_0=8")
    grid = Grid(10, 10, (1.0, 0, 0, 0, -1.0, 0), gnomonic)
    look_at(canvas, Grid(360, 180, (1.0, 0, -180, 0, -1.0, 90), WGS84), WGS84)
    placement = GridPlacement(canvas, grid)
    far = screen(canvas, Grid(360, 180, (1.0, 0, -180, 0, -1.0, 90), WGS84), 160, 20).toPoint()
    assert not grid.contains(*placement.to_pixel(far))
    rows, _ = placement.lookup(QRect(far, far + QPoint(50, 50)))
    assert np.isfinite(rows).all()
