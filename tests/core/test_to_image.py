"""Outlines and lines of the map in the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
from projection_fixtures import X, Y, overlap, ridge, sight_of, slope, webcam

from core.errors import CameraError
from core.outline import mask_to_polygons
from core.projection.to_image import lines_to_image, polygon_to_image, polygon_to_mask
from core.projection.viewshed import Viewshed


def box(west, south, east, north) -> shapely.Polygon:
    return shapely.box(X + west, Y + south, X + east, Y + north)


@pytest.fixture(scope="module")
def on_slope() -> Viewshed:
    return sight_of(slope, webcam())


@pytest.fixture(scope="module")
def on_ridge() -> Viewshed:
    return sight_of(ridge, webcam())


def every_pixel(polygon, sight) -> np.ndarray:
    """Whether the ground that each pixel of the whole picture sees lies in a polygon."""
    places = sight.range_map.unproject_rows(slice(None))
    return shapely.contains_xy(polygon, places[..., 0], places[..., 1])


def test_as_opencv_draws_it(on_slope):
    """Where nothing is hidden, the projected outline filled."""
    camera = on_slope.record.camera
    outline = box(-80, 400, 60, 650)
    x, y = shapely.get_coordinates(shapely.segmentize(outline.exterior, 5.0)).T
    lens = np.array([[camera.f, 0, camera.cx], [0, camera.f, camera.cy], [0, 0, 1]])
    # No curvature in OpenCV: 3 cm at 650 m.
    offset = np.stack([x, y, on_slope.terrain.sample(x, y)], axis=1) - camera.position
    pixels, _ = cv2.projectPoints(
        offset @ camera.rotation_matrix().T, np.zeros(3), np.zeros(3), lens, None
    )
    filled = np.zeros((400, 600), np.uint8)
    cv2.fillPoly(filled, [np.rint(pixels * 16).astype(np.int32)], 1, shift=4)
    assert overlap(polygon_to_mask(outline, on_slope), filled > 0) > 0.97


@pytest.mark.parametrize(
    "outline",
    [
        box(-60, 480, 60, 900),
        box(-60, 480, 60, 900).difference(box(-30, 500, 30, 560)).union(box(80, 500, 100, 520)),
        box(-3, 590, 3, 594),
        shapely.MultiPolygon([box(-200, 300, 0, 340), box(30, 700, 90, 800)]),
    ],
    ids=["across the ridge", "hole and parts", "some pixels", "in front and behind"],
)
def test_every_pixel_that_sees_it_and_no_other(on_ridge, outline):
    np.testing.assert_array_equal(
        polygon_to_mask(outline, on_ridge), every_pixel(outline, on_ridge)
    )


@pytest.mark.parametrize("cell", [5.0, 25.0])
def test_close_ground_across_the_edge_of_the_picture(cell):
    """Samples of an outline lie many pixels apart there."""
    sight = sight_of(slope, webcam(1800, 1200, z=3.0, pitch=-5.0, f=1200.0), cell=cell)
    outline = box(-200, 25, 4, 60)
    expected = every_pixel(outline, sight)
    assert expected[:, 0].any()  # or nothing is tested
    np.testing.assert_array_equal(polygon_to_mask(outline, sight), expected)


def test_what_a_ridge_hides_is_not_drawn(on_ridge):
    mask = polygon_to_mask(box(-60, 480, 60, 900), on_ridge)
    rows = mask[:, 300].nonzero()[0]
    behind = polygon_to_mask(box(-60, 700, 60, 900), on_ridge)[:, 300].nonzero()[0]
    front = polygon_to_mask(box(-60, 480, 60, 600), on_ridge)[:, 300].nonzero()[0]
    assert len(rows) == np.ptp(rows) + 1  # in the picture both parts touch
    assert behind.max() < front.min()


def test_its_outline_counts_from_corners(on_slope):
    outline = box(-80, 400, 60, 650)
    mask = polygon_to_mask(outline, on_slope)
    assert polygon_to_image(outline, on_slope) == mask_to_polygons(mask)


@pytest.mark.parametrize(
    ("outline", "reason"),
    [
        (shapely.Polygon(), "empty"),
        (box(-80, -400, 60, -300), "beside or behind"),
        (box(700, 300, 800, 400), "beside or behind"),
        (box(20_000, 400, 20_100, 500), "beyond the DEM"),
        (box(-30, 625, 30, 650), "hidden"),
        (box(0, 400, 0.01, 400.01), "smaller"),
    ],
)
def test_nothing_to_draw_has_a_reason(on_ridge, outline, reason):
    with pytest.raises(CameraError, match=reason):
        polygon_to_mask(outline, on_ridge)


def test_lines_follow_the_ground_and_stop_where_it_is_hidden(on_ridge):
    runs = lines_to_image([(X + 10, Y + 450), (X + 20, Y + 900)], on_ridge)
    assert len(runs) == 2
    places = on_ridge.range_map.unproject(np.concatenate(runs))
    line = shapely.LineString([(X + 10, Y + 450), (X + 20, Y + 900)])
    known = np.isfinite(places[:, 0])
    assert known.mean() > 0.95
    away = shapely.distance(line, shapely.points(places[known, :2]))
    assert np.median(away) < 0.5
    near, far = sorted(runs, key=lambda run: -run[:, 1].max())
    assert near[:, 1].min() > far[:, 1].max() - 2


def test_lines_out_of_the_picture(on_ridge):
    assert lines_to_image([(X, Y - 300), (X + 50, Y - 200)], on_ridge) == []
    (run,) = lines_to_image([(X - 900, Y + 400), (X + 900, Y + 400)], on_ridge)
    assert ((run >= -0.5) & (run <= (599.5, 399.5))).all()
    assert np.ptp(run[:, 0]) > 580
