"""Diagnosis: a common mistake in all control points, or in what was given with them.

A mistake that explains gross residuals is refused; one that the points tell in another way, by the
focal length, the position or by where they lie in the photo, is warned of.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .adjustment import adjust
from .confused_grids import datum_shifts
from .jacobian import SCALES
from .lens import Projection
from .validation import FEET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .adjustment import Adjustment, AdjustmentProblem
    from .camera import Camera
    from .ray_casting import Floats

    Solve = Callable[[AdjustmentProblem, Camera], Adjustment | None]
    Draped = Callable[[Floats], Floats] | None

_POOR = 0.005  # of the photo's width: rms from which a mistake is sought
_LEAST_POINTS, _GAIN = 6, 5.0  # a hypothesis must make the rms so many times smaller
_SIMILAR = 1.5  # times the least rms: of such hypotheses the first is taken
_SURE = 3.0  # sigmas by which the points contradict what was given
_EVIDENCE = 25.0  # gain in chi2, by the noise of the hypothesis, from which to warn of it
_SHRUNK = (1.25, 4 / 3, 1.5, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # sizes of photos in use
_CORNER = 1.2  # the points lie in the upper left part: of the size, divided by this
_DIAGONAL_35MM = math.hypot(36, 24)
_LONGEST_LENS = 1200.0  # millimetres
_WIDEST = 0.2  # of the longer side: focal lengths below (136 degrees) are none of a photo
_FULL_TURN = 0.15  # of the width: radius below which a panorama is more than a full turn


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    """A problem with one mistake undone, the camera to fit, and the mistake, given its pose."""

    problem: AdjustmentProblem
    blank: Camera
    describe: Callable[[Camera], str]


def require_focal_in_pixels(
    focal: float | None, size: tuple[int, int], projection: Projection
) -> None:
    """Refuse a focal length that no photo of ``size`` has, such as one in millimetres.

    Raises
    ------
    CameraError
        With what it would be in pixels.
    """
    width, height = size
    if focal is None:
        return
    if projection.is_panorama:
        if focal < _FULL_TURN * width:
            raise CameraError(
                f"With a focal length of {focal:g} pixels, a panorama {width} pixels wide is more "
                "than a full turn. Give the radius of its cylinder in pixels, not millimetres."
            )
    elif projection is Projection.PINHOLE and focal < _WIDEST * max(size):
        raise CameraError(
            f"A focal length of {focal:g} pixels is none of a photo of {width} x {height} pixels: "
            f"it looks like millimetres. Give pixels: {_in_pixels(focal, size):.0f} if it is the "
            f"35-mm equivalent, else millimetres x {width} / the sensor's width in millimetres."
        )


def reject_common_mistake(
    fit: Adjustment | None, problem: AdjustmentProblem, blank: Camera, solve: Solve
) -> None:
    """Refuse a poor pose that one common mistake explains.

    Parameters
    ----------
    fit
        The best pose, perhaps without outliers; None where no pose sees all points.
    problem
        Has all points.
    blank
        Camera with the photo's size, projection and lens.
    solve
        Returns the best pose of a problem, for such a camera.

    Raises
    ------
    CameraError
        With the mistake and how to correct it.
    """
    rms = fit.rms if fit else math.inf
    if rms < _POOR * blank.width or len(problem.points) < _LEAST_POINTS:
        return
    limit = rms / _GAIN if fit else _POOR * blank.width
    found = []
    for hypothesis in (*_gross_mistakes(problem, blank), *_size_mistakes(problem, blank)):
        other = solve(hypothesis.problem, hypothesis.blank)
        if other is not None and other.rms < limit:
            found.append((other.rms, hypothesis.describe(other.camera)))
    if not found:
        return
    least = min(other for other, _ in found)
    closest, text = next(entry for entry in found if entry[0] <= _SIMILAR * least)
    if fit:
        missed = f"The best pose misses its control points by {rms:.0f} pixels, but"
    else:
        missed = "No pose sees all control points in front of it, but one misses them"
    raise CameraError(f"{missed} by {closest:.1f} pixels only if {text}")


def mistake_warnings(
    first: Adjustment, best: Adjustment, blank: Camera, solve: Solve, epsg: int, draped: Draped
) -> list[str]:
    """Return warnings of mistakes that the points tell although a pose fits them.

    Parameters
    ----------
    first, best
        The best pose of all points, and the one that is kept.
    blank, solve
        As of `reject_common_mistake`.
    epsg
        CRS of the points.
    draped
        Returns the points (N, 3) at other x and y (N, 2), with the terrain's heights where the
        points have these; None where none of them has.
    """
    text = _best_explanation(first, _size_mistakes(first.problem, blank), solve)
    if text:
        return [f"The control points fit much better if {text}"]
    text = _best_explanation(first, _datum_mistakes(first, blank, epsg, draped), solve)
    texts = [f"The control points fit much better if {text}"] if text else []
    return [*texts, *_focal_warnings(best)]


def _best_explanation(
    fit: Adjustment, hypotheses: Iterable[_Hypothesis], solve: Solve
) -> str | None:
    """Return the description of the mistake that explains a fit best, if one does."""
    rated = [(_EVIDENCE, "")]
    for hypothesis in hypotheses:
        other = solve(hypothesis.problem, hypothesis.blank)
        if other is not None:
            rated.append((_evidence(fit, other), hypothesis.describe(other.camera)))
    return max(rated, key=lambda entry: entry[0])[1] or None


def _evidence(fit: Adjustment, other: Adjustment) -> float:
    """Return by how much another fit's chi2 is smaller, given the noise that it finds.

    Noise is that of the points' residuals, widened where few tell of it; priors have none.
    """
    freedom = max(other.degrees_of_freedom, 1.0)
    of_points = [float(np.sum(each.normalized_residuals**2)) for each in (fit, other)]
    of_priors = [each.chi2 - part for each, part in zip((fit, other), of_points, strict=True)]
    noise = max(1.0, of_points[1] / freedom) * (1 + 2 * math.sqrt(2 / freedom))
    return (of_points[0] - of_points[1]) / noise + of_priors[0] - of_priors[1]


def _gross_mistakes(problem: AdjustmentProblem, blank: Camera) -> Iterator[_Hypothesis]:
    upwards = problem.pixels * (1, -1) + (0, blank.height - 1)
    yield _Hypothesis(replace(problem, pixels=upwards), blank, _flipped)
    in_metres = replace(problem, points=problem.points * (1, 1, FEET))
    yield _Hypothesis(in_metres, blank, lambda _: "z is in feet: multiply it by 0.3048.")
    if math.isfinite(problem.focal_sigma):
        free = replace(problem, focal_sigma=math.inf)
        yield _Hypothesis(free, blank, lambda camera: _other_focal(camera, problem.focal))
    if np.isfinite(problem.position_sigmas).all():
        free = replace(problem, position_sigmas=np.full(3, math.inf))
        yield _Hypothesis(free, blank, _elsewhere)


def _flipped(camera: Camera) -> str:
    if abs(camera.roll) < 90:
        return "v_px is counted from the bottom: count it downwards from the top."
    return (
        "the photo is mirrored (count u_px from the left of the true photo), or x and y are "
        "exchanged."
    )


def _elsewhere(camera: Camera) -> str:
    return (
        f"the camera stands at ({camera.x:.0f}, {camera.y:.0f}, {camera.z:.0f}), not at the "
        "position given. Correct it, or give it a larger sigma."
    )


# --- size of the photo ------------------------------------------------------------------------


def _size_mistakes(problem: AdjustmentProblem, blank: Camera) -> Iterator[_Hypothesis]:
    """Yield problems of points that were measured in a photo of another size."""
    width, height = blank.width, blank.height
    extent = problem.pixels.max(axis=0) + 0.5
    room = 1.01 * float(np.min((width, height) / np.maximum(extent, 1.0)))
    for times in _SHRUNK if room > _CORNER else ():
        if times <= room:
            larger = (problem.pixels + 0.5) * times - 0.5
            yield _Hypothesis(
                replace(problem, pixels=larger, sigmas=problem.sigmas * times),
                blank,
                lambda camera, times=times: _shrunk(camera, times),  # type: ignore[misc]
            )
    centred = (blank.cx, blank.cy) == ((width - 1) / 2, (height - 1) / 2)
    if centred and width != height and (extent <= min(width, height) + 1).all():
        turned = replace(blank, width=height, height=width, cx=math.nan, cy=math.nan)
        centre = replace(problem, principal_point=(turned.cx, turned.cy))
        yield _Hypothesis(centre, turned, _exchanged)


def _shrunk(camera: Camera, times: float) -> str:
    width, height = camera.width, camera.height
    return (
        f"they were measured in a picture of about {width / times:.0f} x {height / times:.0f} "
        f"pixels, not of {width} x {height}: multiply u_px and v_px by {times:.4g}, or give the "
        "size of that picture."
    )


def _exchanged(camera: Camera) -> str:
    return (
        f"the photo is {camera.width} pixels wide and {camera.height} high: width and height look "
        "exchanged. Give the size as W,H, or the photo turned as it was when they were measured."
    )


# --- datum ------------------------------------------------------------------------------------


def _datum_mistakes(
    fit: Adjustment, blank: Camera, epsg: int, draped: Draped
) -> Iterator[_Hypothesis]:
    """Yield problems of points, position or both in a grid with nearly the same numbers."""
    problem = fit.problem
    known = bool(np.isfinite(problem.position_sigmas[:2]).all())
    off = known and float(np.abs(problem.prior_residuals(fit.camera)[:2]).max()) > _SURE
    poor = draped is not None and fit.rms > _POOR / 2 * blank.width
    if not (off or poor):
        return
    x, y = np.median(problem.points[:, :2], axis=0)
    for name, shift in datum_shifts(epsg, x, y):
        step = np.array([*shift, 0.0])
        moved = problem.points + step
        points = moved if draped is None else draped(moved[:, :2])
        position = problem.position + step
        cases = [("the control points are", points, problem.position)]
        if known:
            cases.append(("the camera's position is", problem.points, position))
            if draped is not None:
                cases.append(("points and the camera's position are", points, position))
        for what, places, stand in cases:
            if np.isfinite(places).all():
                text = f"{what} in {name}, not in EPSG:{epsg}: transform them."
                yield _Hypothesis(
                    replace(problem, points=places, position=stand),
                    blank,
                    lambda _, text=text: text,  # type: ignore[misc]
                )


# --- focal length -----------------------------------------------------------------------------


def _focal_warnings(fit: Adjustment) -> list[str]:
    """Return a warning where the points contradict the focal length given.

    They are fitted without it; their noise counts for what they find, not for what was given.
    """
    problem = fit.problem
    if not math.isfinite(problem.focal_sigma):
        return []
    free = adjust(replace(problem, focal_sigma=math.inf), fit.camera)
    if free is None:
        return []
    squares = float(np.sum(free.normalized_residuals**2))
    noise = math.sqrt(max(1.0, squares / max(free.degrees_of_freedom, 1.0)))
    information = free.jacobian.T @ free.jacobian + free.prior_information
    variance = float(np.linalg.pinv(information, hermitian=True)[6, 6])
    sigma = math.hypot(problem.focal_sigma / problem.focal, noise * SCALES[6] * math.sqrt(variance))
    if abs(math.log(free.camera.f / problem.focal)) < _SURE * sigma:
        return []
    return [f"The points fit much better if {_other_focal(free.camera, problem.focal)}"]


def _other_focal(camera: Camera, given: float) -> str:
    """Describe a focal length that is not the one given."""
    size = camera.width, camera.height
    ratio = given / camera.f
    text = f"the focal length is {camera.f:.0f} px, not the {given:.0f} px given"
    text += f" ({ratio:.2f} times as long): " if ratio > 0.1 else ": "
    if given < _LONGEST_LENS and ratio < 0.7:
        as_pixels = _in_pixels(given, size) / camera.f
        if abs(math.log(as_pixels)) < 0.25:
            return text + "it looks like a 35-mm equivalent in millimetres; give pixels."
    return text + (
        "check it (was it that of another size of the photo, another zoom, or a 35-mm equivalent "
        "of another sensor?), or its sigma."
    )


def _in_pixels(millimetres: float, size: tuple[int, int]) -> float:
    """Return the focal length in pixels of a 35-mm equivalent."""
    return millimetres / _DIAGONAL_35MM * math.hypot(*size)
