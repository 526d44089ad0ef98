"""Contours of fields, and horizons in tables: against plain, slow computations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from ray_caster import camera_of, mountainside
from scipy.ndimage import gaussian_filter
from skimage.measure import find_contours

from core.camera import CameraRecord
from core.projection import compute_viewshed
from core.projection.contours import trace_contours
from core.projection.horizon_table import interpolate, tabulate_horizon


def rings(field, level):
    places, lengths = trace_contours(field, level)
    return np.split(places, np.cumsum(lengths)[:-1]) if len(lengths) else []


@pytest.mark.parametrize("blur", [0, 1.5, 6])
@pytest.mark.parametrize("seed", [0, 1])
def test_contours_are_those_of_marching_squares(blur, seed):
    random = np.random.default_rng(seed)
    field = random.normal(size=(90, 130))
    field = gaussian_filter(field, blur) if blur else field
    field = np.pad(np.clip(field / field.std() / 4 + 0.4, 0, 1), 1).astype(np.float32)
    expected = find_contours(field, 0.4999)
    found = rings(field, 0.4999)
    assert len(found) == len(expected)
    areas, others = (
        np.sort([shapely.Polygon(ring).area for ring in part])
        for part in (found, [ring[:, ::-1] for ring in expected])
    )
    np.testing.assert_allclose(areas, others, atol=1e-3)


def test_a_single_value_and_touching_corners():
    field = np.zeros((5, 6), np.float32)
    assert rings(field, 0.5) == []
    field[1, 1] = 1
    (ring,) = rings(field, 0.5)
    assert sorted(map(tuple, ring.tolist())) == [(0.5, 1), (1, 0.5), (1, 1.5), (1.5, 1)]
    field[2, 2] = 1  # across a corner: two
    assert sorted(map(len, rings(field, 0.5))) == [4, 4]
    field[1, 2] = 1
    assert len(rings(field, 0.5)) == 1


def test_holes_run_the_other_way():
    field = np.zeros((20, 20), np.float32)
    field[2:18, 2:18] = 1
    field[8:12, 8:12] = 0
    signs = [np.sign(shapely.LinearRing(ring).is_ccw - 0.5) for ring in rings(field, 0.5)]
    assert sorted(signs) == [-1, 1]


@pytest.mark.parametrize("view", ["good", "mid", "poor"])
def test_the_table_holds_what_the_lines_of_sight_say(view):
    terrain = mountainside()
    viewshed = compute_viewshed(
        CameraRecord(camera_of(terrain, view, 2000, 1600), 2056, dem_noise_m=0.0), terrain
    )
    lines = viewshed.lines_of_sight
    random, yaw = np.random.default_rng(0), np.radians(viewshed.record.camera.yaw)
    azimuth = random.uniform(-0.1, 0.1, 60_000).astype(np.float32)
    distance = random.uniform(400, 900, 60_000).astype(np.float32)
    table = tabulate_horizon(lines, yaw, azimuth, distance)
    assert table is not None
    found = table.lookup(azimuth, distance) * distance
    expected = lines.horizon(azimuth + yaw, distance)
    known = np.isfinite(expected)
    assert known.mean() > 0.95
    error = np.abs(found - expected)[known]
    assert np.quantile(error, 0.5) < 0.02  # metres
    assert np.quantile(error, 0.95) < 0.2
    # From another north, and over the seam of a full circle, the same.
    turned = tabulate_horizon(lines, yaw - 2 * np.pi + 0.05, azimuth - np.float32(0.05), distance)
    assert turned is not None
    moved = turned.lookup(azimuth - np.float32(0.05), distance) * distance
    assert np.quantile(np.abs(moved - found)[known], 0.95) < 0.1
    assert tabulate_horizon(lines, yaw, azimuth[:10], distance[:10]) is None
    empty = replace(lines, starts=np.zeros_like(lines.starts))
    assert tabulate_horizon(empty, yaw, azimuth, distance) is None


def test_interpolation_between_values():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    col = np.linspace(-1, 4, 9000).astype(np.float32)
    found = interpolate(values, col, np.full(9000, 0.5, np.float32))
    np.testing.assert_allclose(found, np.clip(col, 0, 3) + 2, atol=1e-5)
