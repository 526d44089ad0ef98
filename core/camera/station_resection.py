"""Resection of a station: views of a camera that pans, tilts and zooms, from one position.

All views are solved jointly: the position is shared, and the lens too, or all of it but the focal
length where the camera zooms. Two control points a view are enough then, if the position is known.
A view can be added later, from what the others tell.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .accuracy import estimate_point_noise
from .adjustment import AdjustmentProblem, JointPrior, adjust
from .camera import Camera
from .confused_grids import require_one_grid
from .diagnosis import require_focal_in_pixels
from .initial_pose import poses_at
from .jacobian import FOCAL, K1, POSITION, PRINCIPAL_POINT, SCALES, record_jacobian
from .joint_solution import LENS, WEIGHTED, JointSolution, best_start, solve_jointly
from .lens import Projection
from .pose_record import HeightModel, PoseTerrain, SolvedPose, make_record
from .resection import (
    PRINCIPAL_POINTS,
    PosePrior,
    best_adjustment,
    blank_camera,
    held_warnings,
    make_problem,
)
from .station import SHARED, Station, shared_covariance
from .validation import duplicate_warnings, gcp_heights, require_on_map, require_usable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .accuracy import PointNoise
    from .adjustment import Adjustment
    from .control_points import ControlPoint
    from .jacobian import Places
    from .ray_casting import Floats, HeightsAt
    from .record import CameraRecord

_OWN = ("yaw_deg", "pitch_deg", "roll_deg", "f_px", "k1", "cx", "cy")  # of a view
_LEAST, _ALONE = 2, 4  # points of a view; of one that is posed without a position
_SAME_FOCAL = 0.03  # relative difference of focal lengths that begin as one
_MOST_FOCALS = 8
_FOUND_SIGMA = (10.0, 10.0, 5.0)  # metres: of a position that one view found, for others to begin
_ODD = 3.5  # sigmas of a residual, from which a point does not fit the others


@dataclass(frozen=True)
class StationView:
    """A view of a station: its control points, at least 2 in use, and its photo's size."""

    name: str
    points: Sequence[ControlPoint]
    size: tuple[int, int]


def solve_station(
    views: Sequence[StationView],
    *,
    epsg: int,
    terrain: HeightModel | HeightsAt | None = None,
    prior: PosePrior | None = None,
    projection: Projection = Projection.PINHOLE,
    zooms: bool = False,
    near_field: float | None = None,
    dem_noise: float | None = None,
) -> tuple[Station, list[CameraRecord]]:
    """Solve the views of a station jointly.

    Parameters
    ----------
    views
        At least 2, with names of their own; one of them with 4 points where the position is not
        known.
    prior
        What is known of the camera; a focal length is in pixels of the first view.
    zooms
        Whether each view has a focal length of its own.
    epsg, terrain, projection, near_field, dem_noise
        As of `resection.solve_pose`.

    Returns
    -------
    The station, without camera files, and the record of each view.

    Raises
    ------
    CameraError
        If the views do not determine a station; the message names the view and what to do.
    """
    prior = prior or PosePrior()
    _require_views(views, prior)
    setting = PoseTerrain(epsg, terrain, near_field, dem_noise)
    prepared = [_prepare(view, setting, _for_view(prior, view, views[0])) for view in views]
    total = sum(len(part.used) for part in prepared)
    share = prior.principal_point_sigma if total >= PRINCIPAL_POINTS else None
    made = [_problem(part, setting, share, projection) for part in prepared]
    problems, blanks = [problem for problem, _ in made], [blank for _, blank in made]
    shared = {*POSITION, *LENS} - ({FOCAL} if zooms else set())
    starts = _starts(problems, blanks, zooms=zooms)
    start = best_start(problems, starts, shared)
    solution = solve_jointly(problems, start, shared) if start else None
    if solution is None:
        raise CameraError(
            "No pose of the station sees the control points of all views in front of it. Check "
            "that each table belongs to its view, pixels and places, and the position."
        )
    held = held_warnings(prior, total)
    records = [
        _record(part, fit, solution.noise, setting, held)
        for part, fit in zip(prepared, solution.fits, strict=True)
    ]
    return _station(solution, shared, [view.name for view in views], epsg), records


def add_view(
    station: Station,
    view: StationView,
    *,
    terrain: HeightModel | HeightsAt | None = None,
    prior: PosePrior | None = None,
    projection: Projection = Projection.PINHOLE,
    near_field: float | None = None,
    dem_noise: float | None = None,
) -> CameraRecord:
    """Solve one more view of a station, from 2 points or more.

    Its position, and the lens if that is shared, are those of the station within their covariance.

    Raises
    ------
    CameraError
        As of `solve_station`.
    """
    setting = PoseTerrain(station.epsg, terrain, near_field, dem_noise)
    place = tuple(station.values[name] for name in SHARED[:3])
    variances = np.diag(shared_covariance(station))
    values = station.values
    known = replace(
        prior or PosePrior(), position=place, position_sigma=tuple(np.sqrt(variances[:3]))
    )
    if "f_widths" in values:
        sigma = math.sqrt(variances[list(values).index("f_widths")]) / values["f_widths"]
        known = replace(known, focal=values["f_widths"] * view.size[0], focal_sigma=sigma)
    part = _prepare(view, setting, known.for_size(view.size))
    problem, blank = _problem(part, setting, None, projection)
    blank = _with_lens(blank, values)
    problem = replace(problem, k1=values.get("k1", problem.k1))
    starts = poses_at(problem, blank)
    alone = replace(
        problem,
        position_sigmas=np.full(3, math.inf),
        focal_sigma=math.inf if "f_widths" in values else problem.focal_sigma,
        k1_sigma=math.inf if "k1" in values else problem.k1_sigma,
        principal_point_sigma=math.inf if "cx_widths" in values else 0.0,
        joint=_joint_prior(station, blank),
    )
    fits = [adjust(alone, start) for start in starts]
    best = min((fit for fit in fits if fit), key=lambda fit: fit.chi2, default=None)
    if best is None:
        raise CameraError(
            f"View {view.name}: from the station's position, its control points are not before "
            "the camera. Check the points."
        )
    noise = estimate_point_noise(best)
    weighted = replace(alone, sigmas=noise.sigmas(best))
    return _record(part, adjust(weighted, best.camera) or best, noise, setting, ())


# --- before the fit ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A view with heights, what is known of it, and warnings."""

    view: StationView
    points: Sequence[ControlPoint]
    prior: PosePrior
    warnings: Sequence[str]

    @property
    def used(self) -> list[ControlPoint]:
        return [point for point in self.points if point.use]


def _require_views(views: Sequence[StationView], prior: PosePrior) -> None:
    if len(views) < 2:
        raise CameraError(
            "A station has two views or more: give the control points of each, or pose a single "
            "one with `camera solve`."
        )
    same = [name for name, count in Counter(view.name for view in views).items() if count > 1]
    if same:
        raise CameraError(f"Several views are called {', '.join(same)}: give each its own name.")
    counts = [sum(point.use for point in view.points) for view in views]
    if prior.position is None and max(counts) < _ALONE:
        raise CameraError(
            f"No view has {_ALONE} control points in use, and the position is not given: give the "
            "station's position, or add points to one of the views."
        )


def _for_view(prior: PosePrior, view: StationView, first: StationView) -> PosePrior:
    """Return the prior for a view, whose photo may be of another size than the first one's."""
    focal = prior.focal and prior.focal * view.size[0] / first.size[0]
    return replace(prior, focal=focal).for_size(view.size)


def _prepare(view: StationView, setting: PoseTerrain, prior: PosePrior) -> _Prepared:
    """Check the points of a view and give them heights; errors name the view."""
    heights_at = setting.heights_at
    places = np.array([(p.x, p.y) for p in view.points]).reshape(-1, 2)
    try:
        require_usable(view.points, view.size, _LEAST)
        require_focal_in_pixels(prior.focal, view.size, _projection(prior, Projection.PINHOLE))
        require_on_map(places, [p.name for p in view.points], setting.epsg, heights_at)
        require_one_grid(places, prior.position, setting.epsg, heights_at)
        z, warnings = gcp_heights(view.points, heights_at)
    except CameraError as error:
        raise CameraError(f"View {view.name}: {error}") from error
    points = [replace(p, z=float(height)) for p, height in zip(view.points, z, strict=True)]
    return _Prepared(view, points, prior, [*duplicate_warnings(points), *warnings])


def _projection(prior: PosePrior, given: Projection) -> Projection:
    return prior.calibration.projection if prior.calibration else given


def _problem(
    part: _Prepared, setting: PoseTerrain, share: float | None, projection: Projection
) -> tuple[AdjustmentProblem, Camera]:
    """Return the problem of a view and its camera without a pose.

    The principal point is free by a share of the width; None holds it.
    """
    size, prior = part.view.size, part.prior
    blank = blank_camera(size, _projection(prior, projection), prior.calibration)
    problem = make_problem(part.used, prior, blank, setting.heights_at)
    return replace(problem, principal_point_sigma=(share or 0.0) * size[0]), blank


def _starts(
    problems: Sequence[AdjustmentProblem], blanks: Sequence[Camera], *, zooms: bool
) -> list[list[Camera]]:
    """Return initial poses of all views, at one position, for some focal lengths if shared."""
    found = _with_position(problems, blanks)
    if found is None:
        return []
    position, known = found
    poses = [poses_at(p, blank) for p, blank in zip(known, blanks, strict=True)]
    if not all(poses):
        return []
    if zooms:
        return [[_at(each[0], position) for each in poses]]
    focals: list[float] = []
    for focal in (camera.f / camera.width for each in poses for camera in each):
        if all(abs(math.log(focal / other)) > _SAME_FOCAL for other in focals):
            focals.append(focal)
    starts = []
    for focal in sorted(focals, key=lambda f: abs(math.log(f / np.median(focals))))[:_MOST_FOCALS]:
        views = []
        for problem, blank in zip(known, blanks, strict=True):
            near = focal * blank.width
            seen = poses_at(replace(problem, focal=near, focal_sigma=0.01 * near), blank)
            views += [replace(_at(camera, position), f=near) for camera in seen[:1]]
        if len(views) == len(blanks):
            starts.append(views)
    return starts


def _with_position(
    problems: Sequence[AdjustmentProblem], blanks: Sequence[Camera]
) -> tuple[Floats, list[AdjustmentProblem]] | None:
    """Return the position to begin at, and problems with that: given, or of the fullest view."""
    if np.isfinite(problems[0].position_sigmas).all():
        position, known = problems[0].position, list(problems)
    else:
        fullest = max(range(len(problems)), key=lambda i: len(problems[i].points))
        fit = best_adjustment(problems[fullest], blanks[fullest])
        if fit is None:
            return None
        position = fit.camera.position
        sigmas = np.array(_FOUND_SIGMA)
        known = [replace(p, position=position, position_sigmas=sigmas) for p in problems]
    return position, known


def _at(camera: Camera, position: Floats) -> Camera:
    """Return the camera at a position (3,)."""
    x, y, z = position.tolist()
    return replace(camera, x=x, y=y, z=z)


# --- after the fit -----------------------------------------------------------------------------


def _record(
    part: _Prepared,
    fit: Adjustment,
    noise: PointNoise,
    setting: PoseTerrain,
    warnings: Sequence[str],
) -> CameraRecord:
    """Return the record of a view, with the sigma of its marks as all views tell it."""
    residuals = np.hypot(*fit.normalized_residuals.reshape(-1, 2).T)
    odd = [p.name for p, size in zip(part.used, residuals, strict=True) if size > _ODD]
    if odd:
        warnings = [
            *warnings,
            f"{', '.join(odd)} of view {part.view.name} may be wrong: all other points of the "
            "station fit much better. Check pixel and place.",
        ]
    names = [point.name for point in part.used]
    texts = [*part.warnings, *warnings]
    record = make_record(SolvedPose(fit, WEIGHTED, part.points, names, set(odd), texts), setting)
    return replace(record, view=part.view.name, sigma_px=noise.mark)


def _station(solution: JointSolution, shared: set[int], names: Sequence[str], epsg: int) -> Station:
    """Return what the views share, and the joint covariance."""
    first = solution.fits[0]
    chosen = [int(p) for p in first.parameters if p in shared and p < len(SHARED)]
    camera = first.camera
    width, height = camera.width, camera.height
    of_lens = {
        FOCAL: camera.f / width,
        K1: camera.k1,
        PRINCIPAL_POINT[0]: (camera.cx - (width - 1) / 2) / width,
        PRINCIPAL_POINT[1]: (camera.cy - (height - 1) / 2) / width,
    }
    place = dict(enumerate(camera.position.tolist()))
    values = {SHARED[p]: {**place, **of_lens}[p] for p in chosen}
    labels, rows = list(values), []
    for parameter in chosen:
        row = np.zeros(len(solution.covariance))
        row[solution.columns[0][first.parameters == parameter]] = SCALES[parameter] * (
            values["f_widths"] if parameter == FOCAL else 1.0
        )
        rows.append(row)
    for name, fit, columns in zip(names, solution.fits, solution.columns, strict=True):
        by_own = record_jacobian(fit.camera, fit.parameters)
        for index, label in zip(range(len(POSITION), len(by_own)), _OWN, strict=False):
            if index not in chosen:
                row = np.zeros(len(solution.covariance))
                row[columns] = by_own[index]
                labels.append(f"{name}: {label}")
                rows.append(row)
    change = np.array(rows)
    covariance = change @ solution.covariance @ change.T
    return Station(epsg, values, labels, covariance.tolist(), {})


def _with_lens(blank: Camera, values: Mapping[str, float]) -> Camera:
    """Return a camera with what is shared of the lens."""
    width, height = blank.width, blank.height
    return replace(
        blank,
        f=values.get("f_widths", blank.f / width) * width,
        k1=values.get("k1", blank.k1),
        cx=(width - 1) / 2 + values["cx_widths"] * width if "cx_widths" in values else blank.cx,
        cy=(height - 1) / 2 + values["cy_widths"] * width if "cy_widths" in values else blank.cy,
    )


def _joint_prior(station: Station, blank: Camera) -> JointPrior:
    """Return what a station tells of one more view."""
    names = [n for n in station.values if not (blank.projection.is_panorama and n == "k1")]
    chosen: Places = np.array([SHARED.index(name) for name in names])
    kept = [list(station.values).index(name) for name in names]
    values = np.array([station.values[name] for name in names])
    is_focal = chosen == FOCAL
    slopes = SCALES[chosen] * np.where(is_focal, values, 1.0)
    covariance = shared_covariance(station)[np.ix_(kept, kept)] / np.outer(slopes, slopes)
    told, vectors = np.linalg.eigh(covariance)
    root = vectors.T / np.sqrt(np.maximum(told, 1e-12))[:, None]
    values[is_focal] = np.log(values[is_focal])
    return JointPrior(chosen, values / SCALES[chosen], root)
