"""The picture on the map, and what of the map it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from projection_fixtures import X, Y, ridge, sight_of, visible, webcam

from core.camera import CameraRecord, Projection
from core.errors import CameraError, TerrainError
from core.projection.footprint import compute_footprint, view_cone
from core.projection.orthophoto import drape
from core.projection.viewshed import Viewshed


@pytest.fixture(scope="module")
def sight() -> Viewshed:
    return sight_of(ridge, webcam())


@pytest.fixture(scope="module")
def coded() -> np.ndarray:
    """A picture that tells by its colours where in it one is: u / 4 and v / 2."""
    v, u = np.mgrid[:400, :600]
    return np.stack([u // 4, v // 2, np.full_like(u, 200)], axis=2).astype(np.uint8)


def places_of(colours, transform) -> tuple[np.ndarray, np.ndarray]:
    size, _, west, _, _, north = transform
    rows, cols = colours.shape[:2]
    return np.meshgrid(
        west + (np.arange(cols) + 0.5) * size, north - (np.arange(rows) + 0.5) * size
    )


def test_every_cell_shows_its_pixel(sight, coded):
    colours, transform = drape(coded, sight, cell=4.0)
    assert transform[0] == 4.0
    assert transform[4] == -4.0
    x, y = places_of(colours, transform)
    shown = colours[..., 3] == 255
    assert 0.05 < shown.mean() < 0.95
    x, y = x[shown], y[shown]
    points = np.stack([x, y, sight.terrain.sample(x, y)], axis=1)
    expected = sight.record.camera.project(points) / (4, 2)
    assert np.abs(colours[shown][:, :2] - expected).max() < 1.1
    assert (colours[shown][:, 2] == 200).all()
    assert (colours[~shown] == 0).all()


def test_hidden_ground_is_transparent(sight, coded):
    colours, transform = drape(coded, sight, cell=4.0)
    x, y = places_of(colours, transform)
    near = (np.abs(x - X) < 100) & (y > Y + 400) & (y < Y + 800)
    x, y, shown = x[near], y[near], colours[near][:, 3] == 255
    points = np.stack([x, y, sight.terrain.sample(x, y)], axis=1)
    truth = visible(sight, points)
    assert 0.1 < truth.mean() < 0.95
    assert not (shown & ~truth).mean() > 0.02
    assert (shown == truth).mean() > 0.9  # the rest is looked at too flatly


def test_cells_are_as_large_as_pixels_unless_asked(sight, coded):
    _, (size, *_) = drape(coded, sight)
    assert 0.5 <= size <= 10


def test_another_picture(sight, coded):
    with pytest.raises(CameraError, match=r"300 x 200.*600 x 400"):
        drape(coded[::2, ::2], sight)


def test_sky_only(coded):
    up = sight_of(ridge, webcam(pitch=70.0))
    with pytest.raises(TerrainError, match="no ground"):
        drape(coded, up)
    assert compute_footprint(up).is_empty


def test_the_footprint_is_the_ground_that_is_seen(sight):
    ground = compute_footprint(sight)
    assert ground.is_valid
    random = np.random.default_rng(0)
    west, south, east, north = ground.bounds
    x, y = random.uniform(west, east, 4000), random.uniform(south, min(north, Y + 1500), 4000)
    points = np.stack([x, y, sight.terrain.sample(x, y)], axis=1)
    truth = visible(sight, points)
    assert (shapely.contains_xy(ground, x, y) == truth).mean() > 0.95


def test_the_cone_spans_the_field_of_view(sight):
    record = sight.record
    cone = view_cone(record, 1000.0)
    angle = 2 * np.arctan(300 / 600)
    assert cone.area == pytest.approx(angle / 2 * 1000**2, rel=0.05)  # it is pitched
    assert cone.covers(shapely.Point(X, Y + 999))
    assert not cone.intersects(shapely.Point(X, Y - 1))


def test_the_cone_of_a_panorama_goes_round(sight):
    camera = replace(
        sight.record.camera,
        width=3600,
        f=3600 / (2 * np.pi),
        cx=1799.5,
        pitch=0.0,
        roll=0.0,
        projection=Projection.CYLINDRICAL,
    )
    cone = view_cone(CameraRecord(camera, 2056), 1000.0)
    assert cone.is_valid
    assert cone.area == pytest.approx(np.pi * 1000**2, rel=0.01)
    assert cone.covers(shapely.Point(X, Y - 900))
