"""Resection: the pose of one camera from ground control points and priors.

The result is the optimum of one least-squares problem with Gaussian priors. Initial poses and
outliers are found first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CameraError
from .accuracy import estimate_point_noise, leave_one_out_errors, loo_rms
from .adjustment import K1_SIGMA, Adjustment, AdjustmentProblem, adjust
from .camera import Camera
from .confused_grids import grid_warnings, require_one_grid
from .control_points import ControlPoint
from .diagnosis import mistake_warnings, reject_common_mistake, require_focal_in_pixels
from .initial_pose import initial_poses
from .lens import Projection
from .outliers import find_outliers
from .pose_record import HeightModel, PoseTerrain, SolvedPose, make_record
from .skyline_adjustment import SkylineObservation, adjust_with_skyline
from .validation import duplicate_warnings, gcp_heights, require_on_map, require_usable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .calibration import Calibration
    from .ray_casting import Floats, HeightsAt
    from .record import CameraRecord

POSITION_SIGMA = (10.0, 10.0, 5.0)
"""Default standard deviations of a position, metres."""

PRINCIPAL_POINTS = 6
"""Control points from which the principal point can be free."""

_KNOWN_SIGMA = 10.0  # metres: position as good as this, with focal length: one point less is needed
_K2_POINTS = 20  # points from which k2 is tried
_CALIBRATED_FOCAL, _CALIBRATED_K1 = 0.02, 1e-3  # sigmas of a calibrated lens
_IMPLAUSIBLE = 0.1  # of the photo's width: rms from which a pose is refused


@dataclass(frozen=True)
class PosePrior:
    """Prior knowledge of a camera; everything may be left out.

    Attributes
    ----------
    position
        x, y and z, metres; z None with ``height_above_ground``.
    position_sigma
        Standard deviations of x, y and z, metres; None takes `POSITION_SIGMA`.
    focal
        Focal length, pixels.
    focal_sigma
        Its standard deviation, as a share of it.
    height_above_ground
        Height of the camera above the terrain, metres.
    calibration
        Of the lens: its principal point, distortion and projection are taken as they are, its focal
        length, to 2 %, where none is given.
    principal_point_sigma
        Standard deviation of the principal point about the calibrated one, or else the photo's
        centre, as a share of the width; None holds it there, as fewer than 6 points do.

    Examples
    --------
    >>> from core.camera import PosePrior
    >>> PosePrior(position=(2722385, 1125773, None), height_above_ground=8, focal=1500).sigmas
    (10.0, 10.0, 5.0)
    """

    position: Sequence[Any] | None = None
    position_sigma: Sequence[float] | None = None
    focal: float | None = None
    focal_sigma: float = 0.10
    height_above_ground: float | None = None
    calibration: Calibration | None = None
    principal_point_sigma: float | None = None

    @property
    def sigmas(self) -> Sequence[float]:
        """Standard deviations of the position, metres."""
        return self.position_sigma or POSITION_SIGMA

    def for_size(self, size: tuple[int, int]) -> PosePrior:
        """Return it for photos of ``size`` (width, height), with the calibration's focal length."""
        if self.calibration is None:
            return self
        lens = self.calibration.fitted(size)
        if self.focal:
            return replace(self, calibration=lens)
        return replace(self, calibration=lens, focal=lens.f, focal_sigma=_CALIBRATED_FOCAL)


def solve_pose(
    points: Sequence[ControlPoint],
    size: tuple[int, int],
    *,
    epsg: int,
    terrain: HeightModel | HeightsAt | None = None,
    prior: PosePrior | None = None,
    projection: Projection = Projection.PINHOLE,
    skyline: SkylineObservation | None = None,
    near_field: float | None = None,
    dem_noise: float | None = None,
) -> CameraRecord:
    """Find the pose of a camera.

    The record holds residuals and leave-one-out errors of every point, covariance and warnings.

    Parameters
    ----------
    points
        At least 4 in use; 3 where position (to 10 m) and focal length are known.
    size
        (width, height) of the photo, pixels.
    epsg
        Projected CRS of x and y.
    terrain
        `Terrain`, `Dem` or a function of x and y: heights for points that have none, and for
        errors on the map. May be left out where all points have heights.
    prior
        What is known of the camera.
    projection
        Of the lens; that of the calibration, if there is one.
    skyline
        Of the photo, for few points.
    near_field, dem_noise
        See `CameraRecord.near_field_m` and `dem_noise_m`.

    Raises
    ------
    CameraError
        If the points do not determine a pose; the message names the points and what to do.

    Examples
    --------
    >>> from core.camera import Camera, ControlPoint, PosePrior, solve_pose
    >>> truth = Camera(1600, 1000, 2_700_000, 1_150_000, 1500, yaw=10, pitch=2, roll=0, f=2000)
    >>> places = truth.position + [(-200, 1500, 90), (400, 900, -40), (250, 2500, 300), (9, 700, 9)]
    >>> points = [
    ...     ControlPoint(str(i), *pixel, *place)
    ...     for i, (pixel, place) in enumerate(zip(truth.project(places), places))
    ... ]
    >>> prior = PosePrior(position=(2_700_005, 1_149_995, 1502), focal=2100)
    >>> record = solve_pose(points, size=(1600, 1000), epsg=2056, prior=prior)
    >>> round(record.camera.yaw)
    10
    """
    prior = (prior or PosePrior()).for_size(size)
    projection = prior.calibration.projection if prior.calibration else projection
    heights_at: Any = getattr(terrain, "sample", terrain)
    known = prior.position is not None and max(prior.sigmas[:2]) <= _KNOWN_SIGMA and prior.focal
    require_usable(points, size, 3 if known else 4)
    names = [point.name for point in points]
    require_focal_in_pixels(prior.focal, size, projection)
    places = np.array([(p.x, p.y) for p in points])
    require_on_map(places, names, epsg, heights_at)
    require_one_grid(places, prior.position, epsg, heights_at)
    z, height_warnings = gcp_heights(points, heights_at)
    draped = _draping([p for p in points if p.use], heights_at)
    points = [replace(p, z=float(height)) for p, height in zip(points, z, strict=True)]
    used = [point for point in points if point.use]
    blank = blank_camera(size, projection, prior.calibration)
    first = _solve(make_problem(used, prior, blank, heights_at), blank, [p.name for p in used])
    best, suspects, outlier_texts = _remove_outliers(first, used)
    reject_common_mistake(best, first.problem, blank, best_adjustment)
    mistakes = mistake_warnings(first, best, blank, best_adjustment, epsg, draped)
    best, skyline_warnings = adjust_with_skyline(best, skyline)
    best = _try_k2(best)
    _require_plausible(best)
    texts = (
        *outlier_texts.values(),
        *duplicate_warnings(points),
        *([] if heights_at else grid_warnings(places, epsg)),
        *mistakes,
        *height_warnings,
        *held_warnings(prior, len(used)),
        *skyline_warnings,
    )
    left = [point.name for point in used if point.name not in outlier_texts]
    solved = SolvedPose(best, estimate_point_noise(best), points, left, suspects, texts)
    return make_record(solved, PoseTerrain(epsg, terrain, near_field, dem_noise))


def held_warnings(prior: PosePrior, count: int) -> list[str]:
    """Return a warning where so few points do not let the principal point be free."""
    if not prior.principal_point_sigma or count >= PRINCIPAL_POINTS:
        return []
    return [
        f"The principal point is held where it was: {count} points do not tell it, and "
        f"{PRINCIPAL_POINTS} are needed. Add points."
    ]


def blank_camera(size: tuple[int, int], projection: Projection, lens: Calibration | None) -> Camera:
    """Return a camera without a pose, with what is given of its lens."""
    blank = Camera(*size, 0, 0, 0, 0, 0, 0, size[0], projection=projection)
    if lens is None:
        return blank
    given = {name: getattr(lens, name) for name in ("cx", "cy", "k1", "k2", "k3", "p1", "p2")}
    return replace(blank, **given)


def make_problem(
    used: Sequence[ControlPoint], prior: PosePrior, blank: Camera, terrain: HeightsAt | None
) -> AdjustmentProblem:
    """Return the problem of points with heights, and priors, for a camera without a pose."""
    position, sigmas = np.zeros(3), np.full(3, math.inf)
    if prior.position is not None:
        position, sigmas = _prior_position(prior, terrain), np.array(prior.sigmas, np.float64)
    focal = prior.focal or 1.0
    free = len(used) >= PRINCIPAL_POINTS
    return AdjustmentProblem(
        np.array([(p.x, p.y, p.z) for p in used]),
        np.array([(p.u, p.v) for p in used]),
        np.array([p.sigma for p in used]),
        position,
        sigmas,
        focal,
        prior.focal_sigma * focal if prior.focal else math.inf,
        k1=prior.calibration.k1 if prior.calibration else 0.0,
        k1_sigma=_CALIBRATED_K1 if prior.calibration else K1_SIGMA,
        principal_point=(blank.cx, blank.cy),
        principal_point_sigma=(prior.principal_point_sigma or 0.0) * blank.width if free else 0.0,
    )


def _prior_position(prior: PosePrior, terrain: HeightsAt | None) -> Floats:
    x, y, z = (*(prior.position or ()), None)[:3]
    if z is not None and math.isfinite(z):
        return np.array([x, y, z])
    if terrain is None or prior.height_above_ground is None:
        raise CameraError(
            "The camera's position has no height: give Z, or a DEM and the camera's height above "
            "the ground."
        )
    ground = float(terrain(np.array([x]), np.array([y]))[0])
    if math.isnan(ground):
        raise CameraError(
            f"The DEM does not cover the camera's position ({x:.0f}, {y:.0f}): give its Z, or take "
            "a DEM that reaches there."
        )
    return np.array([x, y, ground + prior.height_above_ground])


def _draping(
    used: Sequence[ControlPoint], terrain: HeightsAt | None
) -> Callable[[Floats], Floats] | None:
    """Return what gives the points (N, 3) at other x and y (N, 2); see `mistake_warnings`."""
    given = np.array([math.nan if p.z is None else p.z for p in used], np.float64)
    if terrain is None or np.isfinite(given).all():
        return None

    def at(places: Floats) -> Floats:
        ground = np.asarray(terrain(places[:, 0], places[:, 1]), np.float64)
        return np.column_stack([places, np.where(np.isnan(given), ground, given)])

    return at


def _solve(problem: AdjustmentProblem, blank: Camera, names: Sequence[str]) -> Adjustment:
    """Return the best optimum of all initial poses."""
    best = best_adjustment(problem, blank)
    if best is None:
        reject_common_mistake(None, problem, blank, best_adjustment)
        behind = _points_behind(problem, blank)
        hint = (
            "behind the camera that sees the others: "
            f"{', '.join(n for n, hidden in zip(names, behind, strict=True) if hidden)}"
            if behind.any()
            else "no pose sees all of them in front of it"
        )
        raise CameraError(
            f"The control points do not belong together: {hint}. Check that pixels and places are "
            "paired rightly, that x and y are not exchanged, and the camera's position and focal "
            "length if you gave them."
        )
    return best


def best_adjustment(problem: AdjustmentProblem, blank: Camera) -> Adjustment | None:
    """Return the best optimum of all initial poses; None where none sees all points."""
    fits = [adjust(problem, initial) for initial in initial_poses(problem, blank)]
    return min((fit for fit in fits if fit is not None), key=lambda fit: fit.chi2, default=None)


def _points_behind(problem: AdjustmentProblem, blank: Camera) -> NDArray[np.bool_]:
    """Find the one or two points (N,) behind the camera that fits all others best."""
    count = len(problem.points)
    best, chosen = math.inf, np.zeros(count, bool)
    for size in (1, 2):
        for out in combinations(range(count), size) if count - size >= 4 else ():
            others = ~np.isin(np.arange(count), out)
            fit = best_adjustment(problem.subset(others), blank)
            hidden = (
                fit is not None
                and np.isnan(problem.normalized_residuals(fit.camera)[::2][~others]).all()
            )
            if fit is not None and hidden and fit.rms < best:
                best, chosen = fit.rms, ~others
        if best < _IMPLAUSIBLE * blank.width / 10:
            break
    return chosen


def _remove_outliers(
    best: Adjustment, used: Sequence[ControlPoint]
) -> tuple[Adjustment, set[str], dict[str, str]]:
    """Return the fit without outliers, the names of all suspects, and warnings by name."""
    wrong, doubtful = find_outliers(best)
    if wrong.any():
        best = adjust(best.problem.subset(~wrong), best.camera) or best
    out = {
        point.name: f"Point {point.name} does not fit the others and was left out: check it in the "
        "photo and on the map, or take it out of use."
        for point, is_wrong in zip(used, wrong, strict=True)
        if is_wrong
    }
    suspects = [point.name for point, is_odd in zip(used, doubtful, strict=True) if is_odd]
    texts = dict(out)
    if suspects:
        texts[""] = (
            f"{', '.join(suspects)} may be wrong: the other points fit much better without. Check "
            "pixel and place."
        )
    return best, {*out, *suspects}, texts


def _try_k2(fit: Adjustment) -> Adjustment:
    """Return the fit with k2 if points are many and both AICc and leave-one-out errors improve."""
    is_known = fit.camera.projection.is_panorama or fit.problem.k1_sigma < K1_SIGMA
    if len(fit.problem.points) < _K2_POINTS or is_known:
        return fit
    other = adjust(replace(fit.problem, fit_k2=True), fit.camera)
    if other is None or _aicc(other) >= _aicc(fit) - 2:
        return fit
    errors = [loo_rms(leave_one_out_errors(each, None).pixels) for each in (fit, other)]
    better = None not in errors and errors[1] < 0.98 * errors[0]  # type: ignore[operator]
    return other if better else fit


def _aicc(fit: Adjustment) -> float:
    """Return Akaike's information criterion, corrected for small samples."""
    n, k = fit.normalized_residuals.size, fit.jacobian.shape[1] + 1
    squares = float(np.sum(fit.normalized_residuals**2))
    return float(n * math.log(squares / n) + 2 * k + 2 * k * (k + 1) / (n - k - 1))


def _require_plausible(fit: Adjustment) -> None:
    camera = fit.camera
    if fit.rms > _IMPLAUSIBLE * camera.width:
        raise CameraError(
            f"The best pose misses its control points by {fit.rms:.0f} pixels: they do not belong "
            "together. Check that every pixel is paired with its own place, that x and y are not "
            "exchanged, that all is in metres, and the camera's position and focal length if you "
            "gave them."
        )
