"""How good a pose is: covariance, left-out points, and what a user should be warned of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

from .adjustment import adjust, projection_jacobian, record_jacobian
from .camera import Projection
from .ray_casting import cast_rays

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .adjustment import Adjustment
    from .camera import Camera

    Floats = NDArray[np.float64]
    HeightsAt = Callable[[Floats, Floats], Floats]

_PLACES = 1.0  # metres to which control points are known on the map, at worst
_POOR = 0.01  # of the photo's width: residuals worth a word
_SURE = 4.0  # sigmas by which points contradict what is known beforehand
_FEW = 6  # points; fewer cannot be left out in turn
_WIDE = 100.0  # degrees of view from which one radial coefficient is not enough


def pose_covariance(fit: Adjustment) -> Floats:
    """(8, 8) covariance of the record's parameters; k2, where it is fitted, is taken as exact.

    That of the estimator: ``A^-1 (J'V J + P) A^-1`` with ``A = J'J + P``, where priors P are what
    they say. The points' noise V is that of their sigmas and, as far as the residuals leave room
    for it, of places known to 1 m, which near points show in many pixels. Where residuals are
    larger, all of it grows.
    """
    free = min(fit.jacobian.shape[1], 8)
    slopes, known = fit.jacobian[:, :free], fit.prior_information[:free, :free]
    inverse: Floats = np.asarray(np.linalg.pinv(slopes.T @ slopes + known, hermitian=True))
    noise = _noise_covariance(fit, slopes, known, inverse)
    spread = inverse @ (slopes.T @ noise @ slopes + known) @ inverse
    change = record_jacobian(fit.camera, free)
    return np.asarray(change @ spread @ change.T)


def _noise_covariance(fit: Adjustment, slopes: Floats, known: Floats, inverse: Floats) -> Floats:
    """(2 N, 2 N) covariance of the points' errors in their sigmas, as the misfits tell it.

    Few degrees of freedom tell it badly, so that the share of the places' errors is taken from
    their upper end (1.5 standard deviations) and excess noise is widened as Student's t is.
    """
    pixels = np.eye(len(slopes))
    by_place = projection_jacobian(fit.camera, fit.problem.points, 3) / 10  # per metre
    by_place *= _PLACES / fit.problem.sigmas[:, None, None]
    places = block_diag(*(steep @ steep.T for steep in by_place))
    freedom = fit.degrees_of_freedom
    if freedom < 1:
        return np.asarray(pixels + places)
    left = pixels - slopes @ inverse @ slopes.T  # misfits per error

    def expected(noise: Floats) -> float:
        return float(np.trace(left @ noise @ left))

    from_priors = float(np.trace(slopes @ inverse @ known @ inverse @ slopes.T))
    found = max(0.0, float(np.sum(fit.normalized_residuals**2)) - from_priors)
    upper = found * (1 + 1.5 * math.sqrt(2 / freedom))
    share = min(1.0, max(0.0, (upper - expected(pixels)) / expected(places)))
    noise = pixels + share * places
    excess = max(0.0, found / expected(noise) - 1)
    return np.asarray(noise * (1 + excess * freedom / max(freedom - 2, 1.0)))


def leave_one_out_errors(fit: Adjustment, terrain: HeightsAt | None) -> tuple[Floats, Floats]:
    """Errors of every point by the pose fitted to all others.

    Returns
    -------
    pixels, metres
        (N,) distance in the photo; and on the map, between the point and the ground that its
        pixel sees. NaN where it cannot be had.
    """
    places, seen = fit.problem.points, fit.problem.pixels
    pixels, metres = np.full(len(places), np.nan), np.full(len(places), np.nan)
    fitted: dict[int, Camera] = {}
    for index in range(len(places)):
        others = np.arange(len(places)) != index
        other = adjust(fit.problem.subset(others), fit.camera, 30) if others.sum() >= 3 else None
        if other is not None:
            fitted[index] = other.camera
            drawn = other.camera.project(places[index : index + 1])[0]
            pixels[index] = float(np.hypot(*(drawn - seen[index])))
    if terrain is not None and fitted:
        known = list(fitted)
        hits = cast_rays(list(fitted.values()), seen[known], terrain)
        metres[known] = np.hypot(*(hits - places[known])[:, :2].T)
    return pixels, metres


def loo_rms(pixels: Floats) -> float | None:
    """Root mean square of left-out errors (N,) per point; None where there are none."""
    known = pixels[np.isfinite(pixels)]
    return float(np.sqrt(np.mean(known**2))) if known.size else None


def pose_warnings(fit: Adjustment, spread: Floats, pixels: Floats) -> list[str]:
    """What the user should know about a pose.

    Parameters
    ----------
    fit
        Of N points.
    spread
        (8, 8) covariance.
    pixels
        (N,) left-out errors.
    """
    camera, places = fit.camera, fit.problem.points
    distances = np.linalg.norm(places - camera.position, axis=1)
    sigma = np.sqrt(np.diag(spread))
    along = math.hypot(*sigma[:3])
    texts = []
    turn = max(sigma[3], sigma[4])
    if turn > 1.0 or along > 0.2 * float(np.median(distances)):
        texts.append(
            f"Bad pose: its points leave the position open to {along:.0f} m and the heading to "
            f"{sigma[3]:.1f} degrees. Do not map with it: add points, or give position and focal."
        )
    loo = loo_rms(pixels)
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
    if not np.isfinite(pixels).all():
        texts.append(
            "There are too few points to check the pose by leaving points out."
            if len(places) < _FEW
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
    texts += _correlation_warnings(spread)
    texts += _lens_warnings(camera)
    return texts


def _prior_warnings(fit: Adjustment) -> list[str]:
    """What was known beforehand and is far from what the points say, their noise considered."""
    camera, problem = fit.camera, fit.problem
    noise = math.sqrt(
        max(1.0, float(np.sum(fit.normalized_residuals**2)) / max(fit.degrees_of_freedom, 1.0))
    )
    *place, focal = np.abs(problem.prior_residuals(camera)[:4]) / noise
    texts = []
    if max(place) > _SURE:
        metres = float(np.linalg.norm(camera.position - problem.position))
        east, north, up = camera.position - problem.position
        texts.append(
            f"The points see the camera {metres:.0f} m from the position given (x {east:+.0f} m, "
            f"y {north:+.0f} m, z {up:+.0f} m), far more than its sigma allows: check the position "
            "and the height, or give a larger sigma."
        )
    if focal > _SURE:
        texts.append(
            f"The points tell a focal length of {camera.f:.0f} px, not the {problem.focal:.0f} px "
            "given: check it (was it that of another size of the photo?), or its sigma."
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


def _correlation_warnings(spread: Floats) -> list[str]:
    sigma = np.sqrt(np.maximum(np.diag(spread), 1e-30))
    matrix = spread / np.outer(sigma, sigma)
    if np.abs(matrix[6, :3]).max() < 0.98:
        return []
    return [
        "Focal length and position can hardly be told apart. Give one of them, or add points much "
        "nearer than the others."
    ]


def _lens_warnings(camera: Camera) -> list[str]:
    if camera.projection is Projection.CYLINDRICAL:
        return []
    view = 2 * math.degrees(math.atan(camera.width / 2 / camera.f))
    if view > _WIDE:
        return [
            f"The photo is {view:.0f} degrees wide: so wide a lens is not drawn well by one "
            "radial coefficient. Check the residuals near the edges."
        ]
    return []
