"""Accuracy of a pose: covariance, leave-one-out errors, warnings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

from .adjustment import adjust
from .jacobian import projection_jacobian, record_jacobian
from .lens import Projection
from .ray_casting import cast_rays

if TYPE_CHECKING:
    from .adjustment import Adjustment
    from .camera import Camera
    from .ray_casting import Floats, HeightsAt

_MAP_SIGMA = 1.0  # metres: accuracy of control points on the map, at worst
_POOR = 0.01  # of the photo's width: rms from which to warn
_SURE = 4.0  # sigmas by which points contradict a prior
_FEW = 6  # points; fewer cannot be left out in turn
_WIDE = 100.0  # degrees of view from which one radial coefficient is not enough


def pose_covariance(fit: Adjustment) -> Floats:
    """Compute the covariance (8, 8) of `record.PARAMETERS`; a fitted k2 counts as exact.

    That of the estimator: ``A^-1 (J'V J + P) A^-1`` with ``A = J'J + P`` and priors P. The noise V
    is that of the points' sigmas and, as far as the residuals allow, of errors of 1 m on the map,
    which are many pixels for near points. Larger residuals scale all of it.
    """
    count = min(fit.jacobian.shape[1], 8)
    jacobian, prior = fit.jacobian[:, :count], fit.prior_information[:count, :count]
    inverse: Floats = np.asarray(np.linalg.pinv(jacobian.T @ jacobian + prior, hermitian=True))
    noise = _noise_covariance(fit, jacobian, prior, inverse)
    covariance = inverse @ (jacobian.T @ noise @ jacobian + prior) @ inverse
    change = record_jacobian(fit.camera, count)
    return np.asarray(change @ covariance @ change.T)


def _noise_covariance(fit: Adjustment, jacobian: Floats, prior: Floats, inverse: Floats) -> Floats:
    """Estimate the covariance (2 N, 2 N) of the points' errors, in their sigmas, from residuals.

    With few degrees of freedom the estimate is poor: the share of errors on the map is taken at
    its upper end (1.5 standard deviations), and excess noise is widened as Student's t.
    """
    pixels = np.eye(len(jacobian))
    by_point = projection_jacobian(fit.camera, fit.problem.points, 3) / 10  # per metre
    by_point *= _MAP_SIGMA / fit.problem.sigmas[:, None, None]
    on_map = block_diag(*(part @ part.T for part in by_point))
    freedom = fit.degrees_of_freedom
    if freedom < 1:
        return np.asarray(pixels + on_map)
    redundancy = pixels - jacobian @ inverse @ jacobian.T  # residuals per error

    def expected(noise: Floats) -> float:
        return float(np.trace(redundancy @ noise @ redundancy))

    from_priors = float(np.trace(jacobian @ inverse @ prior @ inverse @ jacobian.T))
    found = max(0.0, float(np.sum(fit.normalized_residuals**2)) - from_priors)
    upper = found * (1 + 1.5 * math.sqrt(2 / freedom))
    share = min(1.0, max(0.0, (upper - expected(pixels)) / expected(on_map)))
    noise = pixels + share * on_map
    excess = max(0.0, found / expected(noise) - 1)
    return np.asarray(noise * (1 + excess * freedom / max(freedom - 2, 1.0)))


def leave_one_out_errors(
    fit: Adjustment, terrain: HeightsAt | None, near_field: float | None = None
) -> tuple[Floats, Floats]:
    """Compute the errors of each point by the pose fitted to all others.

    Return distances (N,) in the photo, pixels, and on the map, metres, between the point and the
    ground that its pixel shows. NaN where unknown.
    """
    points, observed = fit.problem.points, fit.problem.pixels
    pixels, metres = np.full(len(points), np.nan), np.full(len(points), np.nan)
    fitted: dict[int, Camera] = {}
    for index in range(len(points)):
        others = np.arange(len(points)) != index
        other = adjust(fit.problem.subset(others), fit.camera, 30) if others.sum() >= 3 else None
        if other is not None:
            fitted[index] = other.camera
            projected = other.camera.project(points[index : index + 1])[0]
            pixels[index] = float(np.hypot(*(projected - observed[index])))
    if terrain is not None and fitted:
        known = list(fitted)
        hits = cast_rays(list(fitted.values()), observed[known], terrain, near_field)
        metres[known] = np.hypot(*(hits - points[known])[:, :2].T)
    return pixels, metres


def loo_rms(pixels: Floats) -> float | None:
    """Return the root mean square of leave-one-out errors (N,); None if all are NaN."""
    known = pixels[np.isfinite(pixels)]
    return float(np.sqrt(np.mean(known**2))) if known.size else None


def pose_warnings(fit: Adjustment, covariance: Floats, loo_px: Floats) -> list[str]:
    """Return warnings about a pose, given its covariance (8, 8) and leave-one-out errors (N,)."""
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
    if not np.isfinite(loo_px).all():
        texts.append(
            "There are too few points to check the pose by leaving points out."
            if len(points) < _FEW
            else "The pose of all other points does not even see some that are left out: do not "
            "trust it."
        )
    if np.ptp(distances) < 0.1 * float(np.max(distances)):
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
