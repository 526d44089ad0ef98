"""Uncertainty on the map of points and outlines marked in a photo.

A pixel's ground point X is where its ray meets the ground, locally a plane:
``X = C + d (n . (X0 - C)) / (n . d)``. Its derivatives by pose and pixel propagate the pose's
covariance and the pixel's scatter to the map; an error of the DEM moves X along the view. On the
edge of a ridge a pixel may also show what lies behind: there half the jump is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..camera.accuracy import height_sigma
from ..camera.record import PARAMETERS
from ..camera.refraction import curvature_drop
from .outline_cells import terrain_gradient, weighted_quantiles

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from shapely import MultiPolygon, Polygon

    from ..camera import Camera
    from ..terrain import Terrain
    from .viewshed import Viewshed

SIGMA_PIXEL = 1.0
"""Standard deviation of a marked pixel, in u and in v, where the camera's points do not tell."""

_LEAST_RISE = math.tan(math.radians(1.0))
# Of PARAMETERS, for differences.
_STEPS = (0.1, 0.1, 0.1, 1e-3, 1e-3, 1e-3, 0.01, 1e-4, 0.01, 0.01)
_PIXEL_STEP = 0.05
_EDGE_RATIO = 3.0  # a jump exceeds what the slope explains so many times, and
_EDGE = 5.0  # by so many metres
_LARGEST_RADIUS = 5  # pixels, of the neighbourhood searched for jumps


@dataclass(frozen=True, eq=False)
class ViewGeometry:
    """Geometry of rays to ground points, each on its local plane.

    Heights and slopes are apparent: lowered by curvature and refraction, so that rays are straight.

    Attributes
    ----------
    points
        (N, 3) x, y and apparent height, metres.
    gradient
        (N, 2) rise of the plane eastwards and northwards.
    forward
        (N, 2) horizontal unit vector away from the camera.
    distance
        (N,) horizontal, metres.
    tangent
        (N,) of the ray's elevation angle.
    """

    points: NDArray[np.float64]
    gradient: NDArray[np.float64]
    forward: NDArray[np.float64]
    distance: NDArray[np.float64]
    tangent: NDArray[np.float64]

    @property
    def rise(self) -> NDArray[np.float64]:
        """(N,) rise of the ground relative to the ray, per metre away from the camera.

        Its inverse is the shift of the point by a DEM error of one metre.
        """
        return np.asarray((self.gradient * self.forward).sum(axis=1) - self.tangent)

    @property
    def grazing(self) -> NDArray[np.float64]:
        """(N,) angle between ray and ground, degrees; negative on ground facing away."""
        lengths = np.hypot(1, self.tangent) * np.sqrt(1 + np.square(self.gradient).sum(axis=1))
        return np.asarray(np.degrees(np.arcsin(self.rise / lengths)))


def view_geometry(points: ArrayLike, camera: Camera, terrain: Terrain) -> ViewGeometry:
    """Compute the geometry of rays to points (N, 3) of the map; NaN where the slope is unknown."""
    points = np.asarray(points, np.float64).reshape(-1, 3)
    offset = points[:, :2] - camera.position[:2]
    distance = np.hypot(*offset.T)
    forward = offset / distance[:, None]
    drop = curvature_drop(distance, camera.refraction)
    height = points[:, 2] - drop
    gradient = terrain_gradient(terrain, *points[:, :2].T)
    return ViewGeometry(
        points=np.column_stack([points[:, :2], height]),
        gradient=gradient - (2 * drop / distance)[:, None] * forward,
        forward=forward,
        distance=distance,
        tangent=(height - camera.z) / distance,
    )


def point_covariance(
    points: ArrayLike,
    viewshed: Viewshed,
    *,
    sigma_px: float | None = None,
    sigma_z: float | None = None,
) -> NDArray[np.float64]:
    """Compute the covariance on the map of points marked in the photo.

    Parameters
    ----------
    points
        (N, 3) x, y, z, metres.
    viewshed
        Viewshed of the camera. If its record has no covariance, the pose counts as exact.
    sigma_px, sigma_z
        Standard deviations of the mark, in u and in v, and of the DEM's heights; by default those
        that the camera's control points and the DEM's noise tell.

    Returns
    -------
    ndarray
        (N, 2, 2) of x and y, square metres; NaN behind the camera and on unknown ground. Ground
        seen at less than 1 degree, or facing away, counts as seen at 1 degree.
    """
    smooth, jump, _ = _covariances(points, viewshed, sigma_px, sigma_z)
    return smooth + jump


def _sigma_height(viewshed: Viewshed) -> float:
    """Return the standard deviation of the terrain's heights, metres."""
    fits = [fit for fit in viewshed.record.points if not fit.suspect and fit.point.z is not None]
    x, y, z = np.array([(p.x, p.y, p.z) for p in (fit.point for fit in fits)]).reshape(-1, 3).T
    return height_sigma(z - viewshed.terrain.sample(x, y), viewshed.noise)


@dataclass(frozen=True, eq=False)
class BoundaryUncertainty:
    """Uncertainty of the vertices of an outline.

    Attributes
    ----------
    points
        (N, 2) vertices, ring after ring, each once.
    major_m, minor_m
        (N,) standard deviations along the axes of the error ellipse, metres. 68 % of points lie
        within 1.51 of them, 95 % within 2.45.
    azimuth_deg
        (N,) of the major axis, clockwise from grid north, 0 to 180.
    sigma_m
        (N,) root mean square distance between true and mapped point, metres:
        ``sqrt(major^2 + minor^2)``. Comparable to leave-one-out errors on the map.
    edge
        (N,) bool, whether the vertex lies on an edge with ground far behind it.
    median_m, p90_m
        Quantiles of `sigma_m` without the jumps, by length of the boundary; None if unknown: an
        outline that ends on a ridge ends there, not half-way to what lies behind.
    """

    points: NDArray[np.float64]
    major_m: NDArray[np.float64]
    minor_m: NDArray[np.float64]
    azimuth_deg: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    edge: NDArray[np.bool_]
    median_m: float | None
    p90_m: float | None


def boundary_uncertainty(
    polygon: Polygon | MultiPolygon, viewshed: Viewshed
) -> BoundaryUncertainty:
    """Compute the uncertainty of an outline (in the CRS of the camera) that was drawn in the photo.

    Standard deviations of marks and heights are the defaults of `point_covariance`.
    """
    points, lengths = _vertices(polygon)
    ground = np.column_stack([points, viewshed.terrain.sample(*points.T)])
    smooth, jump, edge = _covariances(ground, viewshed, None, None)
    covariance = smooth + jump
    known = np.asarray(np.isfinite(covariance).all(axis=(1, 2)))
    values, vectors = np.linalg.eigh(np.where(known[:, None, None], covariance, 0.0))
    values = np.where(known[:, None], values.clip(min=0), np.nan)
    east, north = vectors[:, :, 1].T
    sigma = np.sqrt(np.trace(smooth[known], axis1=1, axis2=2))
    median, p90 = (
        weighted_quantiles(sigma, lengths[known], (0.5, 0.9)) if known.any() else (None, None)
    )
    return BoundaryUncertainty(
        points=points,
        major_m=np.sqrt(values[:, 1]),
        minor_m=np.sqrt(values[:, 0]),
        azimuth_deg=np.degrees(np.arctan2(east, north)) % 180,
        sigma_m=np.sqrt(values.sum(axis=1)),
        edge=edge,
        median_m=median,
        p90_m=p90,
    )


def _vertices(polygon: Polygon | MultiPolygon) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the vertices (N, 2) and the length of boundary that belongs to each (N,)."""
    import shapely

    rings = shapely.get_rings(shapely.get_parts(polygon))
    points, lengths = [np.zeros((0, 2))], [np.zeros(0)]
    for ring in rings:
        corners = shapely.get_coordinates(ring)
        sides = np.hypot(*np.diff(corners, axis=0).T)
        points.append(corners[:-1])
        lengths.append((sides + np.roll(sides, 1)) / 2)
    return np.concatenate(points), np.concatenate(lengths)


def _covariances(
    points: ArrayLike, viewshed: Viewshed, sigma_px: float | None, sigma_z: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return covariances (N, 2, 2) of points (N, 3), those of jumps, and which are on an edge."""
    camera = viewshed.record.camera
    if sigma_px is None:
        sigma_px = SIGMA_PIXEL if viewshed.record.sigma_px is None else viewshed.record.sigma_px
    if sigma_z is None:
        sigma_z = _sigma_height(viewshed)
    points = np.asarray(points, np.float64).reshape(-1, 3)
    view = _with_least_rise(view_geometry(points, camera, viewshed.terrain))
    pixels = camera.project(points)
    by_pixel = _pixel_jacobian(camera, pixels, view)
    scatter = np.broadcast_to(sigma_px**2 * np.eye(2), by_pixel.shape)
    if viewshed.record.covariance is not None:
        pose = np.asarray(viewshed.record.covariance, np.float64)
        by_pose = np.linalg.solve(
            by_pixel, _pose_jacobian(camera, pixels, view, pose.diagonal() > 0)
        )
        scatter = scatter + by_pose @ pose @ by_pose.transpose(0, 2, 1)
    reach = _scatter_radius(scatter)
    half = _half_distance_range(pixels, viewshed.range_map.distances, reach)
    explained = reach * np.abs(view.forward[:, None] @ by_pixel).sum(axis=(1, 2))
    edge = half > _EDGE_RATIO * explained + _EDGE
    along = view.forward[:, :, None] * view.forward[:, None, :]
    smooth = by_pixel @ scatter @ by_pixel.transpose(0, 2, 1)
    smooth += np.square(sigma_z / view.rise)[:, None, None] * along
    jump = np.maximum(np.square(half) - np.square(explained), 0)[:, None, None] * along
    return smooth, jump, edge


def _scatter_radius(scatter: NDArray[np.float64]) -> int:
    """Return the usual error of marks, pose included, in whole pixels: rms of u and v."""
    variance = np.nanmedian(scatter[:, 0, 0] + scatter[:, 1, 1]) / 2 if len(scatter) else 0.0
    return 1 if np.isnan(variance) else min(max(1, math.ceil(math.sqrt(variance))), _LARGEST_RADIUS)


def _with_least_rise(view: ViewGeometry) -> ViewGeometry:
    """Return the view with planes at grazing angles, or facing away, lifted to `_LEAST_RISE`."""
    lift = np.maximum(_LEAST_RISE - view.rise, 0.0)
    return replace(view, gradient=view.gradient + lift[:, None] * view.forward)


def _intersect_planes(
    camera: Camera, pixels: NDArray[np.float64], view: ViewGeometry
) -> NDArray[np.float64]:
    """Intersect the rays of pixels with their planes: x, y (N, 2)."""
    azimuth, tangent = camera.line_of_sight_angles(pixels)
    forward = np.column_stack([np.sin(azimuth), np.cos(azimuth)])
    rise = ((camera.position[:2] - view.points[:, :2]) * view.gradient).sum(axis=1)
    over = camera.z - view.points[:, 2] - rise  # height of the camera over the plane
    distance = over / ((view.gradient * forward).sum(axis=1) - tangent)
    return np.asarray(camera.position[:2] + distance[:, None] * forward)


def _pixel_jacobian(
    camera: Camera, pixels: NDArray[np.float64], view: ViewGeometry
) -> NDArray[np.float64]:
    """Return the derivatives (N, 2, 2) of x, y by u, v, metres per pixel."""
    columns = []
    for step in _PIXEL_STEP * np.eye(2):
        after, before = (_intersect_planes(camera, pixels + s, view) for s in (step, -step))
        columns.append((after - before) / (2 * _PIXEL_STEP))
    return np.stack(columns, axis=2)


def _pose_jacobian(
    camera: Camera, pixels: NDArray[np.float64], view: ViewGeometry, uncertain: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the derivatives (N, 2, P) of x, y by `PARAMETERS`; 0 for those that are exact."""
    columns = np.zeros((len(pixels), 2, len(uncertain)))
    for column in np.flatnonzero(uncertain):
        name, step = PARAMETERS[column].split("_")[0], _STEPS[column]
        value = getattr(camera, name)
        after, before = (
            _intersect_planes(replace(camera, **{name: value + sign * step}), pixels, view)
            for sign in (1, -1)
        )
        columns[:, :, column] = (after - before) / (2 * step)
    return columns


def _half_distance_range(
    pixels: NDArray[np.float64], distances: NDArray[np.float32], reach: int
) -> NDArray[np.float64]:
    """Return half the range of distances (N,) up to `reach` pixels around; 0 outside the photo."""
    height, width = distances.shape
    u, v = pixels.T
    inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
    col, row = np.rint(np.where(inside[:, None], pixels, 0)).astype(np.intp).T
    near = np.arange(-reach, reach + 1)
    rows = (row[:, None] + near).clip(0, height - 1)[:, :, None]
    cols = (col[:, None] + near).clip(0, width - 1)[:, None, :]
    window = np.asarray(distances[rows, cols], np.float64)
    sky = np.isnan(window)
    farthest = np.where(sky, -np.inf, window).max(axis=(1, 2))
    nearest = np.where(sky, np.inf, window).min(axis=(1, 2))
    return np.where(inside & np.isfinite(farthest), (farthest - nearest) / 2, 0.0)
