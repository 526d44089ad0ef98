"""Accuracy of a pose: covariance, leave-one-out errors, warnings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .adjustment import adjust
from .jacobian import K2, POSITION, SCALES, projection_jacobian, record_jacobian
from .lens import Projection
from .ray_casting import cast_rays

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .adjustment import Adjustment
    from .camera import Camera
    from .jacobian import Places
    from .ray_casting import Floats, HeightsAt

INSIDE_68, INSIDE_95 = math.sqrt(-2 * math.log(1 - 0.68)), math.sqrt(-2 * math.log(1 - 0.95))
"""Edges of error ellipses, in standard deviations."""

_PLACE = np.array(POSITION)
_MARKS = np.geomspace(0.3, 30, 15)  # pixels
_MARK_PRIOR = -np.square(np.log(_MARKS / 3)) / 2  # people click to 3 pixels, within a factor of e
_PLACES = np.array([0.05, 0.2, 0.5, 1, 2, 4, 8])  # metres
_PLACE_PRIOR = -np.square(np.log(np.maximum(_PLACES, 0.2))) / 2
_FEWEST = 4  # points, of which shares are told
_LEAST_HEIGHT = 0.3  # metres: no DEM is better
_REMAINING = 0.55  # of its noise, when that is smoothed away
_POOR = 0.01  # of the photo's width: rms from which to warn
_SURE = 4.0  # sigmas by which points contradict a prior
_FEW = 6  # points; fewer cannot be left out in turn
_WIDE = 100.0  # degrees of view from which one radial coefficient is not enough


def pose_covariance(fit: Adjustment, noise: PointNoise) -> Floats:
    """Compute the covariance of `record.PARAMETERS`; a fitted k2 counts as exact.

    (10, 10), or (8, 8) where the principal point was held.
    """
    covariance = _parameter_covariance(fit, noise)
    change = record_jacobian(fit.camera, _inexact(fit))
    return np.asarray(change @ covariance @ change.T)


def _parameter_covariance(fit: Adjustment, noise: PointNoise) -> Floats:
    """Compute the covariance (P, P) of the fitted parameters without k2.

    That of the estimator: ``A^-1 (J'V J + P) A^-1`` with ``A = J'J + P``, priors P and the noise V
    of the points.
    """
    count = len(_inexact(fit))  # k2 is the last
    jacobian, prior = fit.jacobian[:, :count], fit.prior_information[:count, :count]
    inverse: Floats = np.asarray(np.linalg.pinv(jacobian.T @ jacobian + prior, hermitian=True))
    by_point = jacobian.reshape(-1, 2, count)
    scatter = np.einsum("nip,nij,njq->pq", by_point, noise.covariances(fit), by_point)
    return np.asarray(inverse @ (scatter + prior) @ inverse)


def _inexact(fit: Adjustment) -> Places:
    """Return the fitted parameters without k2."""
    return np.asarray(fit.parameters[fit.parameters != K2])


@dataclass(frozen=True)
class PointNoise:
    """Standard deviations of control points, as their residuals tell.

    Attributes
    ----------
    mark
        In u and in v, of a point whose own sigma is 1 pixel.
    place
        In x, y and z, metres: many pixels for near points.
    """

    mark: float
    place: float

    def sigmas(self, fit: Adjustment) -> Floats:
        """Return the standard deviations (N,) of u and of v of the points, pixels."""
        variance = np.trace(self.covariances(fit), axis1=1, axis2=2) / 2
        return np.asarray(fit.problem.sigmas * np.sqrt(variance))

    def covariances(self, fit: Adjustment) -> Floats:
        """Return the covariances (N, 2, 2) of the points' errors, in their sigmas."""
        return np.asarray(self.mark**2 * np.eye(2) + self.place**2 * _place_covariances(fit))


def _place_covariances(fit: Adjustment) -> Floats:
    """Return the covariances (N, 2, 2), in the points' sigmas, of errors of 1 m of their places."""
    by_point = projection_jacobian(fit.camera, fit.problem.points, _PLACE) / SCALES[:3]
    by_point /= fit.problem.sigmas[:, None, None]
    return np.asarray(by_point @ by_point.transpose(0, 2, 1))


def estimate_point_noise(fit: Adjustment) -> PointNoise:
    """Estimate the noise of the points of a fit from its residuals; see `joint_point_noise`."""
    return joint_point_noise([fit], [np.arange(len(fit.parameters))])


def joint_point_noise(fits: Sequence[Adjustment], columns: Sequence[Places]) -> PointNoise:
    """Estimate the noise of the points of fits that share parameters from their residuals.

    `columns` (P,) are the places of each fit's parameters among those of all.

    The mean of its variances over their probability, given residuals and priors of the pose
    (residual maximum likelihood): few points leave much open, and then more is taken. Residuals
    beyond four robust sigmas count as four.
    """
    count = 1 + max(int(own.max()) for own in columns)
    residuals = np.concatenate([fit.normalized_residuals for fit in fits])
    jacobian = _spread([fit.jacobian for fit in fits], columns, count)
    of_priors = [fit.problem.jacobians(fit.camera)[1] for fit in fits]
    by_prior = _spread(of_priors, columns, count)
    from_priors = np.concatenate([fit.problem.prior_residuals(fit.camera) for fit in fits])
    finite = np.isfinite(by_prior).all(axis=1) & np.isfinite(from_priors)
    by_prior, from_priors = by_prior[finite], from_priors[finite]
    limit = 4 * max(1.0, 1.4826 * float(np.median(np.abs(residuals))))
    residuals = np.clip(residuals, -limit, limit).reshape(-1, 2)
    jacobian = jacobian.reshape(len(residuals), 2, -1)
    information = by_prior.T @ by_prior
    pull = by_prior.T @ from_priors
    on_map = np.concatenate([_place_covariances(fit) for fit in fits])
    covariances = np.square(_MARKS)[:, None, None, None, None] * np.eye(2)
    covariances = covariances + np.square(_PLACES)[None, :, None, None, None] * on_map
    inverse = np.linalg.inv(covariances)  # (marks, places, N, 2, 2)
    weighted = np.moveaxis(jacobian.transpose(0, 2, 1) @ inverse, 3, 2)
    weighted = weighted.reshape(*weighted.shape[:3], -1)  # parameters by residuals
    normal = weighted @ jacobian.reshape(residuals.size, -1) + information
    slope = weighted @ residuals.ravel() + pull
    squares = np.einsum("ni,abnij,nj->ab", residuals, inverse, residuals)
    squares -= (slope * np.linalg.solve(normal, slope[..., None])[..., 0]).sum(axis=-1)
    spread = np.log(np.linalg.det(covariances)).sum(axis=-1)
    likelihoods = -(spread + np.linalg.slogdet(normal)[1] + squares) / 2
    likelihoods += _MARK_PRIOR[:, None] + _PLACE_PRIOR
    weights = np.exp(likelihoods - likelihoods.max())
    weights /= weights.sum()
    return PointNoise(
        math.sqrt(float(weights.sum(axis=1) @ _MARKS**2)),
        math.sqrt(float(weights.sum(axis=0) @ _PLACES**2)),
    )


def _spread(parts: Sequence[Floats], columns: Sequence[Places], count: int) -> Floats:
    """Return rows (n, P) of several fits, one below the other, with the columns (Q) of all."""
    rows = np.zeros((sum(map(len, parts)), count))
    first = 0
    for part, own in zip(parts, columns, strict=True):
        rows[first : first + len(part), own] = part
        first += len(part)
    return rows


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Errors of each point by the pose fitted to all others; NaN where unknown.

    Attributes
    ----------
    pixels, metres
        (N,) distances in the photo, and on the map between the point and the ground that its pixel
        shows.
    ratios
        (N,) errors in units of the standard deviation that is expected of them in their direction:
        `INSIDE_68` and `INSIDE_95` are the edges of error ellipses.
    """

    pixels: Floats
    metres: Floats
    ratios: Floats


def leave_one_out_errors(
    fit: Adjustment,
    terrain: HeightsAt | None,
    near_field: float | None = None,
    sigma_height: float | None = None,
) -> LeftOut:
    """Compute the errors of each point by the pose fitted to all others.

    `sigma_height` is that of the terrain, metres, for the ratios, which are NaN without. What is
    expected of a point is what all others tell: its own error would widen its ellipse.
    """
    points, observed = fit.problem.points, fit.problem.pixels
    least = 3 if fit.problem.joint is None else 2  # other photos tell where it stands
    pixels, metres, ratios = np.full((3, len(points)), np.nan)
    fitted: dict[int, Camera] = {}
    for index in range(len(points)):
        others = np.arange(len(points)) != index
        rest = fit.problem.subset(others)
        other = adjust(rest, fit.camera, 30) if others.sum() >= least else None
        if other is not None:
            fitted[index] = other.camera
            error = other.camera.project(points[index : index + 1])[0] - observed[index]
            pixels[index] = float(np.hypot(*error))
            if sigma_height is not None:
                ratios[index] = _error_ratio(
                    other,
                    points[index],
                    observed[index],
                    fit.problem.sigmas[index],
                    terrain,
                    estimate_point_noise(other),
                    sigma_height,
                )
    if terrain is not None and fitted:
        known = list(fitted)
        hits = cast_rays(list(fitted.values()), observed[known], terrain, near_field)
        metres[known] = np.hypot(*(hits - points[known])[:, :2].T)
    return LeftOut(pixels, metres, ratios)


def _error_ratio(
    fit: Adjustment,
    point: Floats,
    observed: Floats,
    sigma: float,
    terrain: HeightsAt | None,
    noise: PointNoise,
    sigma_height: float,
) -> float:
    """Return the error of a point by a pose it was left out of, in what is expected of it.

    In the photo, of the terrain at the point: to first order, that is its error ellipse on the map.
    """
    if terrain is not None:
        ground = float(np.asarray(terrain(point[:1], point[1:2]))[0])
        point = point if math.isnan(ground) else np.array([*point[:2], ground])
    covariance = _parameter_covariance(fit, noise)
    (jacobian,) = projection_jacobian(fit.camera, point[None], _inexact(fit))
    by_place = jacobian[:, :3] / SCALES[:3]
    expected = jacobian @ covariance @ jacobian.T + (noise.mark * sigma) ** 2 * np.eye(2)
    expected += sigma_height**2 * np.outer(by_place[:, 2], by_place[:, 2])
    expected += noise.place**2 * by_place @ by_place.T
    error = fit.camera.project(point[None])[0] - observed
    return math.sqrt(float(error @ np.linalg.solve(expected, error)))


def coverage(ratios: Floats) -> tuple[float, float] | None:
    """Return the shares of left-out errors (N,) within their 68 % and 95 % ellipses.

    None if there are fewer than four.
    """
    known = ratios[np.isfinite(ratios)]
    if len(known) < _FEWEST:
        return None
    return float(np.mean(known <= INSIDE_68)), float(np.mean(known <= INSIDE_95))


def height_sigma(above: Floats, noise: float) -> float:
    """Return the standard deviation of a DEM's heights without its noise, metres.

    Parameters
    ----------
    above
        (N,) heights of points on the ground over the DEM, metres; masts and roofs are outvoted.
    noise
        Standard deviation of the noise that was smoothed away.
    """
    known = np.abs(above[np.isfinite(above)])
    least = math.hypot(_LEAST_HEIGHT, _REMAINING * noise)
    if len(known) < _FEWEST:
        return least
    spread = 1.4826 * float(np.median(known))
    return spread if spread > max(least, 1.2 * noise) else least


def loo_rms(pixels: Floats) -> float | None:
    """Return the root mean square of leave-one-out errors (N,); None if all are NaN."""
    known = pixels[np.isfinite(pixels)]
    return float(np.sqrt(np.mean(known**2))) if known.size else None


def pose_warnings(fit: Adjustment, covariance: Floats, loo_px: Floats) -> list[str]:
    """Return warnings about a pose, given its covariance and leave-one-out errors (N,)."""
    camera, points = fit.camera, fit.problem.points
    distances = np.linalg.norm(points - camera.position, axis=1)
    sigma = np.sqrt(np.diag(covariance))
    position = math.hypot(*sigma[:3])
    texts = []
    if max(sigma[3:5]) > 1.0 or position > 0.2 * float(np.median(distances)):
        texts.append(
            f"Bad pose: its points leave the position open to {position:.0f} m and the heading to "
            f"{sigma[3]:.1f} degrees. Do not map with it: add points, or give position and focal."
        )
    loo = loo_rms(loo_px)
    if loo is not None and loo > max(3.0 * fit.rms, 3.0) and loo > 0.004 * camera.width:
        texts.append(
            f"Left-out points miss by {loo:.1f} px, those fitted by {fit.rms:.1f} px: the pose "
            "fits its points and little else. Add points all over the photo."
        )
    if fit.rms > _POOR * camera.width:
        texts.append(
            f"The pose misses its points by {fit.rms:.0f} px. Check that each pixel is paired with "
            "its own place, and that all is in metres."
        )
    is_alone = fit.problem.joint is None  # else other photos tell of position or lens
    if not np.isfinite(loo_px).all() and (is_alone or len(points) > _FEW):
        texts.append(
            "There are too few points to check the pose by leaving points out."
            if len(points) < _FEW
            else "The pose of all other points does not even see some that are left out: do not "
            "trust it."
        )
    if is_alone and np.ptp(distances) < 0.1 * float(np.max(distances)):
        texts.append(
            "All points are about equally far away: position and focal length cannot be told "
            "apart. Add nearer and farther points."
        )
    texts += _prior_warnings(fit)
    texts += _coverage_warnings(fit)
    texts += _correlation_warnings(covariance)
    texts += _lens_warnings(camera)
    return texts


def _prior_warnings(fit: Adjustment) -> list[str]:
    """Return warnings of a position that the points contradict, considering the points' noise."""
    camera, problem = fit.camera, fit.problem
    squares = float(np.sum(fit.normalized_residuals**2))
    noise = math.sqrt(max(1.0, squares / max(fit.degrees_of_freedom, 1.0)))
    position = np.abs(problem.prior_residuals(camera)[:3]) / noise
    texts = []
    if max(position) > _SURE:
        metres = float(np.linalg.norm(camera.position - problem.position))
        east, north, up = camera.position - problem.position
        texts.append(
            f"The points see the camera {metres:.0f} m from the position given (x {east:+.0f} m, "
            f"y {north:+.0f} m, z {up:+.0f} m), far more than its sigma allows: check the position "
            "and the height, or give a larger sigma."
        )
    return texts


def _coverage_warnings(fit: Adjustment) -> list[str]:
    spans = np.ptp(fit.problem.pixels, axis=0) / (fit.camera.width, fit.camera.height)
    if spans[0] > 0.35 and spans[1] > 0.12:
        return []
    return [
        f"The points cover {spans[0]:.0%} of the photo's width and {spans[1]:.0%} of its height: "
        "elsewhere the pose is a guess. Add points there."
    ]


def _correlation_warnings(covariance: Floats) -> list[str]:
    sigma = np.sqrt(np.maximum(np.diag(covariance), 1e-30))
    correlation = covariance / np.outer(sigma, sigma)
    if np.abs(correlation[6, :3]).max() < 0.98:
        return []
    return [
        "Focal length and position can hardly be told apart. Give one of them, or add points much "
        "nearer than the others."
    ]


def _lens_warnings(camera: Camera) -> list[str]:
    if camera.projection is not Projection.PINHOLE or camera.distortion.k3:
        return []
    view = 2 * math.degrees(math.atan(camera.width / 2 / camera.f))
    if view > _WIDE:
        return [
            f"The photo is {view:.0f} degrees wide: one radial coefficient does not describe so "
            "wide a lens well. Check the residuals near the edges."
        ]
    return []
