"""Lens of cameras of one model: fitted jointly to the control points of all of them.

Each camera keeps a pose of its own. Focal length and principal point are shared in widths of the
photo, so photos may be of different sizes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CameraError
from .adjustment import K1_SIGMA, AdjustmentProblem
from .joint_solution import LENS, WEIGHTED, JointSolution, best_start, choose_k2, solve_jointly
from .pose_record import PoseTerrain, SolvedPose, make_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .camera import Camera
    from .control_points import ControlPoint
    from .record import CameraRecord

_LEAST = 3  # points of a camera
_K2_POINTS = 20  # points of all, from which k2 is tried
_SAME_SHAPE = 0.01  # relative difference of aspect ratios
_SAME_FOCAL = 0.1  # relative difference of the focal lengths of one model, in widths


def fit_lens(
    records: Sequence[CameraRecord], *, principal_point_sigma: float | None = None
) -> list[CameraRecord]:
    """Fit one lens to cameras of one model, jointly with the pose of each.

    Parameters
    ----------
    records
        Posed cameras with their control points, as of `solve_pose`: at least 2, of photos of one
        shape. What was known of each position counts, and of the first one's focal length.
    principal_point_sigma
        As of `PosePrior`.

    Returns
    -------
    Records with the shared lens: new poses, residuals and covariances.

    Raises
    ------
    CameraError
        If these are no cameras of one model; the message names the camera and what to do.
    """
    _require_one_model(records)
    problems = [_problem(record, principal_point_sigma) for record in records]
    starts = [_starts(records, problems, share) for share in _focals(records)]
    start = best_start(problems, starts, LENS)
    points = sum(len(problem.points) for problem in problems)
    if start and points >= _K2_POINTS and not records[0].camera.projection.is_panorama:
        problems = choose_k2(problems, start, LENS)
    solution = solve_jointly(problems, start, LENS) if start else None
    if solution is None:
        raise CameraError(
            "No lens sees the control points of all cameras in front of them: are they of one "
            "model, and at one zoom?"
        )
    return [_record(record, index, solution) for index, record in enumerate(records)]


def _require_one_model(records: Sequence[CameraRecord]) -> None:
    if len(records) < 2:
        raise CameraError("One lens is fitted to two cameras or more: give them all.")
    first = records[0]
    for record in records:
        camera, used = record.camera, _used(record)
        if len(used) < _LEAST:
            raise CameraError(
                f"The camera {_name(record)} has {len(used)} control points in use, and needs at "
                f"least {_LEAST}: pose it with `camera solve`, whose files keep the points."
            )
        if camera.projection is not first.camera.projection:
            raise CameraError(
                f"{_name(record)} has the projection {camera.projection.value}, {_name(first)} "
                f"{first.camera.projection.value}: these are different lenses."
            )
        shape = camera.width * first.camera.height / (camera.height * first.camera.width)
        if abs(shape - 1) > _SAME_SHAPE:
            raise CameraError(
                f"The photo of {_name(record)} has {camera.width} x {camera.height} pixels, that "
                f"of {_name(first)} {first.camera.width} x {first.camera.height}: another shape, "
                "so another part of the lens."
            )


def _name(record: CameraRecord) -> str:
    return record.name or record.image or record.pose_id


def _used(record: CameraRecord) -> list[ControlPoint]:
    """Return the points that the pose hangs on: in use, and not contradicting the others."""
    return [fit.point for fit in record.points if fit.point.use and not fit.suspect]


def _problem(record: CameraRecord, principal_point_sigma: float | None) -> AdjustmentProblem:
    camera, used = record.camera, _used(record)
    place = np.array(record.position_prior or [0, 0, 0, *[np.inf] * 3], np.float64)
    focal, sigma = record.focal_prior or (1.0, np.inf)
    width, height = camera.width, camera.height
    return AdjustmentProblem(
        np.array([(p.x, p.y, p.z) for p in used], np.float64),
        np.array([(p.u, p.v) for p in used]),
        np.array([p.sigma for p in used]),
        place[:3],
        place[3:],
        focal,
        sigma,
        principal_point=((width - 1) / 2, (height - 1) / 2),
        principal_point_sigma=(principal_point_sigma or 0.0) * width,
        k1_sigma=K1_SIGMA,
    )


def _focals(records: Sequence[CameraRecord]) -> list[float]:
    """Return focal lengths to begin at, in widths: the middle one, and those far from it."""
    each = [record.camera.f / record.camera.width for record in records]
    middle = float(np.median(each))
    return [middle, *(f for f in each if abs(f / middle - 1) > _SAME_FOCAL)]


def _starts(
    records: Sequence[CameraRecord], problems: Sequence[AdjustmentProblem], share: float
) -> list[Camera]:
    """Return the cameras with one lens of a focal length in widths."""
    k1 = float(np.median([record.camera.k1 for record in records]))
    return [
        replace(
            record.camera,
            f=share * record.camera.width,
            k1=k1,
            k2=0.0,
            cx=problem.principal_point[0],
            cy=problem.principal_point[1],
        )
        for record, problem in zip(records, problems, strict=True)
    ]


def _record(record: CameraRecord, index: int, solution: JointSolution) -> CameraRecord:
    """Return a record with its new pose, and all else as it was."""
    fit = solution.fits[index]
    points = [each.point for each in record.points]
    suspects = {each.point.name for each in record.points if each.suspect}
    names = [point.name for point in _used(record)]
    setting = PoseTerrain(record.epsg, None, record.near_field_m, record.dem_noise_m)
    found = make_record(SolvedPose(fit, WEIGHTED, points, names, suspects, ()), setting)
    return record.with_camera(
        found.camera,
        covariance=found.covariance,
        points=found.points,
        rms_px=found.rms_px,
        loo_rms_px=found.loo_rms_px,
        loo_map_median_m=None,
        loo_map_p90_m=None,
        warnings=found.warnings,
        sigma_px=solution.noise.mark,
    )
