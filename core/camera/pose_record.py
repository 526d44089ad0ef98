"""Records of poses: from an adjustment to what is kept and told of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .accuracy import (
    LeftOut,
    PointNoise,
    height_sigma,
    leave_one_out_errors,
    loo_rms,
    pose_covariance,
    pose_warnings,
)
from .near_field import NearField, examine_near_field
from .record import CameraRecord, PointFit

if TYPE_CHECKING:
    from .adjustment import Adjustment
    from .camera import Camera
    from .control_points import ControlPoint
    from .ray_casting import Floats, HeightsAt


class HeightModel(Protocol):
    """Source of heights, such as `core.terrain.Terrain`."""

    def sample(self, x: Floats, y: Floats, /) -> Floats:
        """Return heights (N,) at x (N,) and y (N,), metres; NaN where unknown."""


@dataclass(frozen=True, eq=False)
class SolvedPose:
    """A pose, and how it came about.

    Attributes
    ----------
    fit
        The optimum.
    noise
        Of the points of the fit.
    points
        All control points, with heights.
    fitted
        Names of those of the fit, in its order.
    suspects
        Names of those that contradict the others.
    warnings
        Of all before the fit.
    """

    fit: Adjustment
    noise: PointNoise
    points: Sequence[ControlPoint]
    fitted: Sequence[str]
    suspects: set[str]
    warnings: Sequence[str]


@dataclass(frozen=True, eq=False)
class PoseTerrain:
    """CRS and terrain that a camera is posed in; see `resection.solve_pose`."""

    epsg: int
    terrain: HeightModel | HeightsAt | None = None
    near_field: float | None = None
    dem_noise: float | None = None

    @property
    def heights_at(self) -> Any:  # noqa: ANN401
        """Function of x and y that returns heights; None without terrain."""
        return getattr(self.terrain, "sample", self.terrain)


def make_record(solved: SolvedPose, setting: PoseTerrain) -> CameraRecord:
    """Return the record of a pose: its accuracy, left-out errors of every point, and warnings."""
    best, noise = solved.fit, solved.noise
    covariance = pose_covariance(best, noise)
    stand = _examine_stand(best.camera, covariance, setting.terrain, setting.dem_noise)
    near_field = setting.near_field
    looked_from = near_field if near_field is not None or stand is None else stand.suggested
    sigma_height = _height_sigma(best, setting.terrain, setting.dem_noise)
    left_out = leave_one_out_errors(best, setting.heights_at, looked_from, sigma_height)
    errors = {name: (left_out, index) for index, name in enumerate(solved.fitted)}
    fits = _point_fits(solved.points, best.camera, solved.suspects, errors)
    on_map = left_out.metres[np.isfinite(left_out.metres)]
    known = best.problem
    where = [*known.position.tolist(), *known.position_sigmas.tolist()]
    focal = [known.focal, known.focal_sigma]
    return CameraRecord(
        best.camera,
        setting.epsg,
        position_prior=where if np.isfinite(where).all() else None,
        focal_prior=focal if math.isfinite(known.focal_sigma) else None,
        covariance=covariance.tolist(),
        points=tuple(fits),
        rms_px=best.rms,
        loo_rms_px=loo_rms(left_out.pixels),
        loo_map_median_m=float(np.median(on_map)) if on_map.size else None,
        loo_map_p90_m=float(np.percentile(on_map, 90)) if on_map.size else None,
        warnings=(
            *solved.warnings,
            *pose_warnings(best, covariance, left_out.pixels),
            *(stand.warnings(near_field) if stand else ()),
        ),
        near_field_m=near_field,
        dem_noise_m=setting.dem_noise,
        sigma_px=noise.mark,
    )


def _examine_stand(
    camera: Camera, covariance: Floats, terrain: HeightModel | HeightsAt | None, noise: float | None
) -> NearField | None:
    """Examine how the camera stands on the terrain, if there is one."""
    if terrain is None:
        return None
    heights_at: Any = getattr(terrain, "sample", terrain)
    return examine_near_field(
        camera,
        covariance.tolist(),
        heights_at,
        getattr(terrain, "cell", 0.0),
        noise or 0.0,
    )


def _height_sigma(
    fit: Adjustment, terrain: HeightModel | HeightsAt | None, noise: float | None
) -> float:
    """Return the standard deviation of the terrain's heights, as the points tell it, metres."""
    if terrain is None:
        return 0.0
    heights_at: Any = getattr(terrain, "sample", terrain)
    x, y, z = fit.problem.points.T
    known = getattr(terrain, "noise", 0.0) if noise is None else noise
    return height_sigma(z - np.asarray(heights_at(x, y)), known)


def _point_fits(
    points: Sequence[ControlPoint],
    camera: Camera,
    suspects: set[str],
    errors: dict[str, tuple[LeftOut, int]],
) -> list[PointFit]:
    projected = camera.project(np.array([(p.x, p.y, p.z) for p in points]))
    fits = []
    for point, (u, v) in zip(points, projected, strict=True):
        found: list[float | None] = [None] * 3
        if point.name in errors:
            left_out, index = errors[point.name]
            figures = (left_out.pixels, left_out.metres, left_out.ratios)
            found = [float(f[index]) if math.isfinite(f[index]) else None for f in figures]
        fits.append(
            PointFit(
                point,
                float(u - point.u),
                float(v - point.v),
                found[0],
                found[1],
                point.name in suspects,
                found[2],
            )
        )
    return fits
