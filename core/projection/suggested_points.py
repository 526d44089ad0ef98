"""Suggested control points: a view rendered from the terrain, matched to the photo.

From a rough pose the terrain is drawn as the camera would see it, lit as at the time of the photo
or covered with an orthophoto. The drawing is laid over the photo as a whole first, which finds a
turn of some degrees; then patches are matched, and the pose that most of them agree with is
adjusted, drawn again and matched again. The patches become control points: a person confirms them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy import fft

from ..camera import Camera, CameraRecord, ControlPoint
from ..camera.adjustment import AdjustmentProblem, adjust
from ..camera.aim_change import seen_by
from ..camera.patch_matching import edge_field, match_patches, select_patches
from ..camera.rotation_fit import fit_rotation, lengths
from ..errors import CameraError
from .rendered_view import RenderedView, render_view
from .viewshed import Viewshed, compute_viewshed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..terrain import Terrain
    from ..terrain.sources import Dem

    Floats = NDArray[np.float64]
    Photo = NDArray[np.uint8]
    Paint = Callable[[Viewshed], Terrain]

AREA = 1200 * 750
"""Photos are resized to about this number of pixels; all lengths here are of such a photo."""

FEWEST = 8
"""Points that must agree."""

_NEAR = 60.0  # metres: the ground about a camera whose place is uncertain
_LOWEST = 2.0  # metres above the ground, to which a camera below it is lifted
_SHARE = 0.3  # of the patches that must agree
_SPREAD = 0.1  # standard deviation of the points, of the photo's sides
_RESIDUAL = 3.0  # px: median beyond which they do not agree
_TOLERANCES = (12.0, 6.0, 4.0)  # px: of a rotation, of poses, of the last one
_WIDEST = 0.5  # of the photo's width, by which the drawing is wider at most
_ROLLS, _ZOOMS = (-2.0, 0.0, 2.0), (0.93, 1.0, 1.075)  # tried for the whole photo
_COARSE = 3  # times smaller photos are laid over each other
_HALVES = 0.4  # degrees by which poses of two halves of the points may differ
_FAR = 3.0  # sigmas by which a pose may differ from the rough one


@dataclass(frozen=True)
class RoughPose:
    """How well a rough pose is known, standard deviations.

    Attributes
    ----------
    position
        Of x and y, metres; of z half as much.
    angle
        Of each angle, degrees.
    focal
        Of the focal length, as a share of it.
    """

    position: float = 20.0
    angle: float = 2.0
    focal: float = 0.05


@dataclass(frozen=True)
class SuggestedPoints:
    """Control points that a program found.

    Attributes
    ----------
    points
        Those that agree, in use, and outliers, not in use; pixels of the photo.
    camera
        The pose that they give.
    residual_px
        Median residual of those in use, pixels of the photo.
    offered
        Patches that were looked for.
    turn_deg, moved_m
        From the rough pose to that of the points.
    trusted
        Whether they are worth a look.
    reason
        Why not, and what to do; else how well they agree.
    """

    points: tuple[ControlPoint, ...]
    camera: Camera
    residual_px: float
    offered: int
    turn_deg: float
    moved_m: float
    trusted: bool
    reason: str


@dataclass(frozen=True, eq=False)
class _Matches:
    """Places of the map (N, 3) and their pixels in the photo (N, 2); number of patches offered."""

    places: Floats
    pixels: Floats
    offered: int


def suggest_points(
    photo: Photo,
    record: CameraRecord,
    dem: Dem | Terrain,
    paint: Paint,
    rough: RoughPose | None = None,
) -> SuggestedPoints:
    """Suggest control points of a photo whose pose is known roughly.

    Parameters
    ----------
    photo
        (H, W, 3) uint8 RGB.
    record
        The rough pose, of the photo's size.
    dem
        Terrain, in the record's CRS.
    paint
        Gives the grey values of the terrain that a viewshed covers; see
        `rendered_view.sunlit_layer` and `orthophoto_layer`.
    rough
        How well the pose is known.

    Raises
    ------
    CameraError
        If the photo has another size than the camera, or shows no terrain to compare.
    TerrainError
        If the camera sees no terrain.
    """
    rough = rough or RoughPose()
    if photo.shape[:2] != (record.camera.height, record.camera.width):
        raise CameraError(
            f"The photo has {photo.shape[1]} x {photo.shape[0]} pixels, the camera "
            f"{record.camera.width} x {record.camera.height}: take the photo that it was posed in."
        )
    if record.camera.projection.is_panorama:
        raise CameraError("Points are suggested for plain photos, not for panoramas.")
    scale = math.sqrt(AREA / photo[:, :, 0].size)
    work = record.camera.resized(
        round(record.camera.width * scale), round(record.camera.height * scale)
    )
    start = replace(record, camera=work, covariance=None, points=())
    size = work.width, work.height
    shown = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA))
    field = edge_field(shown)
    drawn = _draw(start, dem, paint, 2.5 * rough.angle)
    camera = _lay_over(field, drawn, work)
    matches = _match(field, drawn, camera)
    first = _fit_turn(matches, camera)
    if first is None:
        return _refusal(record, matches, "nothing in it lies where the terrain would have it")
    camera, _ = first
    for _ in range(2):
        found = _adjust(matches, camera, work, rough, _TOLERANCES[1])
        if found is None:
            break
        camera = found[0]
        drawn = _draw(replace(start, camera=camera), dem, paint, 0.3)
        matches = _match(field, drawn, camera)
    last = _adjust(matches, camera, work, rough, _TOLERANCES[2])
    if last is None:
        return _refusal(record, matches, "too few pieces of terrain lie where they should")
    return _judge(record, matches, *last, work, rough)


# --- the drawing --------------------------------------------------------------------------------


def _draw(record: CameraRecord, dem: Dem | Terrain, paint: Paint, margin: float) -> RenderedView:
    """Draw the terrain, wider than the photo by some degrees on each side."""
    camera = record.camera
    extra = round(min(math.tan(math.radians(margin)) * camera.f, _WIDEST * camera.width))
    ground = float(np.asarray(dem.sample([camera.x], [camera.y]))[0])
    lowest = ground + _LOWEST if math.isfinite(ground) else camera.z
    wide = replace(
        camera,
        width=camera.width + 2 * extra,
        height=camera.height + 2 * extra,
        cx=camera.cx + extra,
        cy=camera.cy + extra,
        z=max(camera.z, lowest),
    )
    near = max(record.near_field_m or 0.0, _NEAR)
    viewshed = compute_viewshed(replace(record, camera=wide, near_field_m=near), dem)
    return render_view(viewshed, paint(viewshed))


def _lay_over(field: NDArray[np.complex64], drawn: RenderedView, camera: Camera) -> Camera:
    """Return the camera turned, and zoomed, so that the drawing as a whole lies on the photo."""
    wide = drawn.viewshed.record.camera
    small = wide.width // _COARSE, wide.height // _COARSE
    painted = np.asarray(cv2.resize(drawn.pixels, small, interpolation=cv2.INTER_AREA))
    whole = np.fft.fft2(edge_field(painted))
    land = np.fft.fft2(cv2.resize(drawn.land.astype(np.float32), small))
    best: tuple[float, Camera] = (-math.inf, camera)
    for roll in _ROLLS:
        for zoom in _ZOOMS:
            part, mask = _turned_field(field, camera, roll, zoom)
            shape = np.array(whole.shape)
            top, left = (shape - part.shape) // 2
            if min(top, left) < 0:
                continue
            padded = np.zeros(whole.shape, np.complex64)
            padded[top : top + part.shape[0], left : left + part.shape[1]] = part
            covered = np.zeros(whole.shape, np.float32)
            covered[top : top + part.shape[0], left : left + part.shape[1]] = mask
            score = fft.ifft2(whole * np.fft.fft2(padded).conj()).real
            share = fft.ifft2(land * np.fft.fft2(covered).conj()).real / max(1.0, mask.sum())
            score = np.where(share > 0.2, score, -np.inf)
            limits = np.ones(score.shape, bool)  # shifts within the margin only
            limits[top + 1 : -top or None] = False
            limits[:, left + 1 : -left or None] = False
            score = np.where(limits, score, -np.inf)
            row, col = np.unravel_index(int(score.argmax()), score.shape)
            value = float(score[row, col]) / math.sqrt(float((np.abs(part) ** 2).sum()) + 1)
            if value > best[0]:
                down = int(row) - (score.shape[0] if row > score.shape[0] // 2 else 0)
                right = int(col) - (score.shape[1] if col > score.shape[1] // 2 else 0)
                best = value, _aimed(camera, (right * _COARSE, down * _COARSE), roll, zoom)
    return best[1]


def _turned_field(
    field: NDArray[np.complex64], camera: Camera, roll: float, zoom: float
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Return the edges of a photo, smaller, as seen without a roll and zoom; and where they are."""
    size = camera.width // _COARSE, camera.height // _COARSE
    centre = (size[0] - 1) / 2, (size[1] - 1) / 2
    turn = cv2.getRotationMatrix2D(centre, -roll, 1 / zoom)
    parts = [
        cv2.warpAffine(cv2.resize(part, size, interpolation=cv2.INTER_AREA), turn, size)
        for part in (field.real.copy(), field.imag.copy())
    ]
    mask = cv2.warpAffine(np.ones(size[::-1], np.float32), turn, size)
    doubled = np.exp(2j * math.radians(roll))
    return np.asarray((parts[0] + 1j * parts[1]) * doubled, np.complex64), np.asarray(mask)


def _aimed(camera: Camera, shift: tuple[float, float], roll: float, zoom: float) -> Camera:
    """Return the camera that sees in its middle what lay a shift (u, v) away, rolled and zoomed."""
    middle = np.array([[camera.cx, camera.cy]])
    ray = camera.camera_rays(middle + np.array([shift]))[0]
    axis = np.cross(ray, [0.0, 0.0, 1.0])
    angle = math.acos(min(1.0, float(ray[2])))
    unit = axis / max(float(np.linalg.norm(axis)), 1e-12)
    turn = cv2.Rodrigues(unit * angle)[0]
    rolled = cv2.Rodrigues(np.array([0.0, 0.0, -math.radians(roll)]))[0]
    return replace(camera, f=camera.f * zoom).rotated(np.asarray(rolled @ turn))


# --- patches ------------------------------------------------------------------------------------


def _match(field: NDArray[np.complex64], drawn: RenderedView, camera: Camera) -> _Matches:
    """Match patches of the drawing, as the camera would see it, in the photo."""
    wide = drawn.viewshed.record.camera
    rotation = wide.rotation_matrix() @ camera.rotation_matrix().T
    painted, _ = seen_by(drawn.pixels, wide, rotation, camera)
    land, inside = seen_by(drawn.land.astype(np.uint8), wide, rotation, camera)
    usable = (land > 0) & inside
    known = edge_field(painted)
    at = select_patches(known, usable)
    if not len(at):
        return _Matches(np.empty((0, 3)), np.empty((0, 2)), 0)
    old, new = at, at
    for level in (0.5, 1.0):
        size = round(camera.width * level), round(camera.height * level)
        fields = [_shrunk(part, size) for part in (known, field)] if level < 1 else [known, field]
        guess = at if level < 1 else _predict(old, new, at)
        old, new = match_patches(
            fields[0],
            fields[1],
            np.rint((at + 0.5) * level - 0.5),
            np.rint((guess + 0.5) * level - 0.5),
        )
        old, new = (old + 0.5) / level - 0.5, (new + 0.5) / level - 0.5
    source = wide.project_rays(camera.camera_rays(old) @ rotation.T)
    places = drawn.viewshed.range_map.unproject(source)
    known_places = np.isfinite(places).all(axis=1)
    return _Matches(places[known_places], new[known_places], len(at))


def _shrunk(field: NDArray[np.complex64], size: tuple[int, int]) -> NDArray[np.complex64]:
    parts = [
        cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        for part in (field.real.copy(), field.imag.copy())
    ]
    return np.asarray(parts[0] + 1j * parts[1], np.complex64)


def _predict(old: Floats, new: Floats, at: Floats) -> Floats:
    """Return where patches are expected by the median shift of those that were found coarsely."""
    shift = np.median(new - old, axis=0) if len(old) >= FEWEST else np.zeros(2)
    return at + shift


# --- the pose -----------------------------------------------------------------------------------


def _fit_turn(matches: _Matches, camera: Camera) -> tuple[Camera, NDArray[np.bool_]] | None:
    """Return the camera turned so that most matches agree, and which do."""
    if len(matches.places) < FEWEST:
        return None
    seen = camera.project(matches.places)
    fit = fit_rotation(camera, seen, matches.pixels, tolerance=_TOLERANCES[0])
    if fit.inliers.sum() < FEWEST:
        return None
    return camera.rotated(fit.rotation), fit.inliers


def _adjust(
    matches: _Matches, camera: Camera, start: Camera, rough: RoughPose, tolerance: float
) -> tuple[Camera, NDArray[np.bool_]] | None:
    """Adjust the pose to the matches that agree, with the rough pose as prior; None if too few."""
    turned = _fit_turn(matches, camera)
    if turned is None:
        return None
    camera, inliers = turned
    for _ in range(4):
        if inliers.sum() < FEWEST:
            return None
        fit = adjust(_problem(matches, inliers, start, rough), camera, 30)
        if fit is None:
            return None
        camera = fit.camera
        errors = lengths(camera.project(matches.places) - matches.pixels)
        errors = np.nan_to_num(errors, nan=np.inf)
        limit = 3 * float(np.median(errors[inliers]))
        inliers = errors < min(max(limit, 1.5), tolerance)
    return (camera, inliers) if inliers.sum() >= FEWEST else None


def _problem(
    matches: _Matches, chosen: NDArray[np.bool_], start: Camera, rough: RoughPose
) -> AdjustmentProblem:
    sigmas = np.array([rough.position, rough.position, rough.position / 2])
    return AdjustmentProblem(
        matches.places[chosen],
        matches.pixels[chosen],
        np.full(int(chosen.sum()), 2.0),
        start.position,
        np.maximum(sigmas, 0.01),
        start.f,
        rough.focal * start.f,
        k1=start.k1,
        k1_sigma=0.02,
    )


def _judge(
    record: CameraRecord,
    matches: _Matches,
    camera: Camera,
    inliers: NDArray[np.bool_],
    work: Camera,
    rough: RoughPose,
) -> SuggestedPoints:
    """Return the points, and whether they are worth a look."""
    residuals = camera.project(matches.places) - matches.pixels
    errors = lengths(residuals[inliers])
    sigma = max(0.7, float(np.sqrt(np.mean(residuals[inliers] ** 2))))
    turn = camera.rotation_matrix() @ work.rotation_matrix().T
    angle = math.degrees(math.acos(min(1.0, (float(np.trace(turn)) - 1) / 2)))
    moved = float(np.linalg.norm(camera.position - work.position))
    doubt = _doubt(matches, camera, inliers, float(np.median(errors)), work, rough, angle)
    full = record.camera
    scale = full.width / work.width
    points = []
    for number, (place, pixel, agrees) in enumerate(
        zip(matches.places, matches.pixels, inliers, strict=True), 1
    ):
        u, v = (pixel + 0.5) * scale - 0.5
        points.append(
            ControlPoint(
                f"auto_{number:02}",
                float(u),
                float(v),
                x=float(place[0]),
                y=float(place[1]),
                z=float(place[2]),
                use=bool(agrees),
                sigma=round(sigma * scale, 2),
            )
        )
    count = int(inliers.sum())
    return SuggestedPoints(
        tuple(points),
        camera.resized(full.width, full.height),
        float(np.median(errors)) * scale,
        matches.offered,
        angle,
        moved,
        not doubt,
        doubt or f"{count} of {matches.offered} pieces of terrain agree.",
    )


def _doubt(
    matches: _Matches,
    camera: Camera,
    inliers: NDArray[np.bool_],
    residual: float,
    work: Camera,
    rough: RoughPose,
    angle: float,
) -> str:
    """Return why the points are not worth a look; empty if they are."""
    count = int(inliers.sum())
    hint = "Give a better pose, an orthophoto or the time of the photo, or mark points by hand."
    if count < max(FEWEST, _SHARE * matches.offered):
        return (
            f"Only {count} of {matches.offered} pieces of terrain were found in the photo. {hint}"
        )
    spread = matches.pixels[inliers].std(axis=0)
    if (spread < _SPREAD * np.array([work.width, work.height])).any():
        return f"All points lie in one part of the photo, which poses nothing well. {hint}"
    if residual > _RESIDUAL:
        return f"The points miss the pose that fits them best by {residual:.1f} px. {hint}"
    apart = abs(math.log(camera.f / work.f)) / rough.focal
    across = float(np.linalg.norm((camera.position - work.position)[:2]))
    if angle > _FAR * math.sqrt(3) * rough.angle or apart > _FAR or across > 4 * rough.position:
        return (
            f"The points would turn the camera by {angle:.1f} deg and move it by {across:.0f} m, "
            f"more than the rough pose can be off. {hint}"
        )
    order = np.argsort(matches.pixels[inliers][:, 0])
    halves = []
    for part in (order[::2], order[1::2]):
        chosen = np.zeros(len(inliers), bool)
        chosen[np.flatnonzero(inliers)[part]] = True
        fit = adjust(_problem(matches, chosen, work, rough), camera, 30)
        halves.append(None if fit is None else fit.camera.rotation_matrix())
    if halves[0] is None or halves[1] is None:
        return f"Half of the points give no pose. {hint}"
    trace = float(np.trace(halves[0] @ halves[1].T))
    differ = math.degrees(math.acos(min(1.0, (trace - 1) / 2)))
    if differ > _HALVES:
        return f"Two halves of the points give poses that differ by {differ:.1f} deg. {hint}"
    return ""


def _refusal(record: CameraRecord, matches: _Matches, why: str) -> SuggestedPoints:
    return SuggestedPoints(
        (), record.camera, math.inf, matches.offered, 0.0, 0.0, False,
        f"The photo cannot be compared with the terrain: {why}. Give a better pose, an orthophoto "
        "or the time of the photo, or mark points by hand.",
    )  # fmt: skip
