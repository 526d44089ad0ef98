"""Answers about the poses of cameras."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..camera import CameraRecord, ControlPoint, Projection
from ..camera.record import control_point_from_json
from ..camera.turning import as_displayed, as_stored
from ..errors import CameraError, TerrainError
from ..image import read_binary_mask, read_image, read_orientation
from ..json_files import MALFORMED
from ..mask_image import turn, turn_back
from .conversion import to_json_value
from .protocol import (
    FitSkyline,
    Posed,
    PosedStation,
    Register,
    Registered,
    SolvePose,
    SolveStation,
)
from .viewshed_cache import check_wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..camera import Camera
    from ..camera.ray_casting import HeightsAt
    from ..camera.resection import PosePrior
    from ..terrain import Terrain
    from ..terrain.sources import Dem
    from .viewshed_cache import ViewshedCache


_UPRIGHT = 45.0  # degrees of roll, in which people hold cameras


def solve_pose(request: SolvePose, cache: ViewshedCache, _: Callable[[], bool]) -> Posed:
    """Pose a camera from control points."""
    from ..camera import resection

    dem = cache.dem(request.dem, request.epsg) if request.dem else None
    points = [_control_point(content) for content in request.points]
    _require_on_map(request, points, dem)
    record = resection.solve_pose(
        points,
        (request.width, request.height),
        epsg=request.epsg,
        terrain=_terrain(request, points, dem, cache) if dem else None,
        prior=_prior(request),
        projection=Projection(request.projection),
        near_field=request.near_field,
        dem_noise=request.dem_noise,
    )
    if dem:
        record = replace(record, dem=dem.name, vertical_datum=dem.vertical_datum)
    return Posed(to_json_value(record.to_json()), seconds=0.0)


def solve_station(
    request: SolveStation, cache: ViewshedCache, _: Callable[[], bool]
) -> PosedStation:
    """Pose the views of a station jointly."""
    from ..camera import station_resection

    dem = cache.dem(request.dem, request.epsg) if request.dem else None
    try:
        views = [
            station_resection.StationView(
                str(view["name"]),
                [_control_point(content) for content in view["points"]],
                (int(view["width"]), int(view["height"])),
            )
            for view in request.views
        ]
    except MALFORMED as error:
        raise CameraError(f"A view of a station that is none ({error!r}).") from error
    for view in views:
        _require_on_map(request, view.points, dem, f"View {view.name}: ")
    points = [point for view in views for point in view.points]
    _station, records = station_resection.solve_station(
        views,
        epsg=request.epsg,
        terrain=_terrain(request, points, dem, cache) if dem else None,
        prior=_prior(request),
        projection=Projection(request.projection),
        zooms=request.zooms,
        near_field=request.near_field,
        dem_noise=request.dem_noise,
    )
    if dem:
        records = [
            replace(record, dem=dem.name, vertical_datum=dem.vertical_datum) for record in records
        ]
    return PosedStation([to_json_value(record.to_json()) for record in records], seconds=0.0)


def _prior(request: SolvePose | SolveStation) -> PosePrior:
    """Return what a request knows of the camera."""
    from ..camera import resection

    return resection.PosePrior(
        position=request.position,
        position_sigma=request.position_sigma,
        focal=request.focal,
        focal_sigma=request.focal_sigma,
        height_above_ground=request.height_above_ground,
        principal_point_sigma=request.principal_point_sigma,
    )


def _require_on_map(
    request: SolvePose | SolveStation,
    points: Sequence[ControlPoint],
    dem: Dem | None,
    whose: str = "",
) -> None:
    """Refuse points that lie elsewhere altogether, before the terrain around them is read."""
    from ..camera.validation import require_on_map

    if dem is None or not points:
        return
    places = np.array([(point.x, point.y) for point in points])
    try:
        require_on_map(places, [point.name for point in points], request.epsg, dem.sample)
    except CameraError as error:
        raise CameraError(f"{whose}{error}") from error


def _terrain(
    request: SolvePose | SolveStation,
    points: Sequence[ControlPoint],
    dem: Dem,
    cache: ViewshedCache,
) -> Terrain | HeightsAt:
    """Return the terrain around points and camera; that of the whole DEM where it has none."""
    places = [(point.x, point.y) for point in points]
    if not places:
        return dem.sample
    x, y = (*(request.position or ()), None, None)[:2]
    try:
        here = [] if x is None or y is None else [(x, y)]
        return cache.surroundings(dem, [*places, *here], request.dem_noise)
    except TerrainError:
        return dem.sample


def _control_point(content: Mapping[str, Any]) -> ControlPoint:
    """Return the control point that a camera file describes."""
    try:
        return control_point_from_json(content)
    except MALFORMED as error:
        raise CameraError(f"A control point that is none: {content} ({error!r}).") from error


def fit_skyline(request: FitSkyline, cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Posed:
    """Turn a camera until the terrain's skyline fits the photo's."""
    from ..camera.skyline_detection import detect_skyline
    from ..camera.skyline_fit import fit_skyline
    from ..projection.horizon import trace_horizon

    image = read_image(request.picture)  # as displayed: the sky is above
    stored = turn(image.pixels, image.orientation).shape[1::-1]  # as after turn_back, uncopied
    given = CameraRecord.from_json(request.record)
    start = as_displayed(given, image.orientation, image.pixels.shape[1::-1])
    if start is not given and abs(start.camera.roll) > _UPRIGHT:  # not posed yet
        start = replace(start, camera=replace(start.camera, roll=0.0))
    camera, dem = start.camera, cache.dem(request.dem, start.epsg)
    _require_size(image.pixels, request.picture, camera)
    rows = detect_skyline(image.pixels)
    lines = trace_horizon(camera, dem, lambda _: check_wanted(is_wanted))
    found = fit_skyline(rows, lines, camera)
    if not found.trusted:
        raise CameraError(found.reason)
    record = CameraRecord(
        found.camera,
        start.epsg,
        name=start.name,
        image=start.image,
        author=start.author,
        dem=dem.name,
        vertical_datum=dem.vertical_datum,
        warnings=[
            f"Posed by the skyline alone (within {found.residual_px:.1f} px): add control points "
            "before relying on it.",
        ],
        orientation=start.orientation,
        near_field_m=start.near_field_m,
        near_field_px=start.near_field_px,
        dem_noise_m=start.dem_noise_m,
    )
    if start is not given:
        record = as_stored(record, image.orientation, stored)
    return Posed(to_json_value(record.to_json()), seconds=0.0)


def register(request: Register, cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Registered:
    """Pose a camera that has moved a little."""
    from ..camera.registration import register

    record = CameraRecord.from_json(request.record)
    reference = read_pixels(request.reference, record.camera)
    foreground = np.zeros(reference.shape[:2], bool)
    mask = Path(request.reference).parent / record.foreground
    if mask.is_file():
        shown = read_binary_mask(mask, request.reference)
        foreground |= _as_in_camera(shown, read_orientation(request.reference), record.camera)
    if request.dem:  # where the photo shows no terrain
        foreground |= np.isnan(cache.viewshed(request, is_wanted).range_map.distances)
    found = register(reference, _read_stored(request.picture), record.camera, foreground)
    moved = record.with_camera(
        found.camera,
        image=Path(request.picture).name,
        points=(),
        drift_deg=float(np.linalg.norm(found.turn_deg)),
    )
    return Registered(
        record=to_json_value(moved.to_json()),
        shift_px=to_json_value(found.shift_px),
        residual_px=to_json_value(found.residual_px),
        patches=int(found.patches),
        trusted=bool(found.trusted),
        reason=found.reason,
        seconds=0.0,
    )


def read_pixels(path: str, camera: Camera) -> NDArray[np.uint8]:
    """Read the photo (H, W, 3) of a camera, as stored or as displayed, whichever the camera sees.

    Raises
    ------
    ImageError, CameraError
        If it cannot be read, or is of another size.
    """
    image = read_image(path)
    pixels = _as_in_camera(image.pixels, image.orientation, camera)
    _require_size(pixels, path, camera)
    return pixels


def _read_stored(path: str) -> NDArray[np.uint8]:
    """Read a photo as it is stored, which is how QGIS shows it."""
    image = read_image(path)
    return turn_back(image.pixels, image.orientation)


def _as_in_camera(shown: NDArray[Any], orientation: int, camera: Camera) -> NDArray[Any]:
    """Turn displayed pixels back, as the plugin's cameras see them, unless only they fit."""
    stored = turn_back(shown, orientation)
    return stored if stored.shape[1::-1] == (camera.width, camera.height) else shown


def _require_size(pixels: NDArray[np.uint8], path: str, camera: Camera) -> None:
    height, width = pixels.shape[:2]
    if (width, height) != (camera.width, camera.height):
        raise CameraError(
            f"{path} has {width} x {height} pixels, the camera's photo {camera.width} x "
            f"{camera.height}: choose the photo that the camera was posed in."
        )
