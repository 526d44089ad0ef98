"""A series as one GeoPackage: outlines on the map and in pixels, releases, days."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import IsegError, write_errors
from ...exchange.avalanche import iso_time
from ...outline import check_output_path, pixel_to_map
from ...outline.rings import rings_to_polygons
from ...outline.vector_files import VectorTable, is_unchanged, write_geopackage
from ...outline.write import NO_CRS
from ...series import (
    DayActivity,
    Listing,
    Observation,
    Presence,
    ReleaseInterval,
    SeriesPhoto,
    SeriesState,
)
from ..camera.features import reproject
from .carrying import transform_in_qgis
from .mapping import OnMap

if TYPE_CHECKING:
    from shapely import MultiPolygon

MAP, PIXELS, RELEASES, DAYS = "avalanches", "avalanches_pixels", "releases", "days"

_NAMES = uuid.UUID("6f1f2c9e-2d0c-4b7e-9d35-1f0a3a0f5a11")
_MEASURES = (
    ("area_m2", "real"),
    ("area_surface_m2", "real"),
    ("length_m", "real"),
    ("width_m", "real"),
    ("size_suggested", "int"),
    ("z_max", "real"),
    ("z_min", "real"),
    ("z_release", "real"),
    ("z_deposit", "real"),
    ("aspect_deg", "real"),
    ("aspect_8", "text"),
    ("slope_mean_deg", "real"),
    ("slope_release_deg", "real"),
    ("bridged", "bool"),
    ("vis_frac", "real"),
    ("sigma_map_m", "real"),
    ("sigma_map_p90_m", "real"),
    ("grazing_med_deg", "real"),
    ("range_med_m", "real"),
)
_RELEASED = (("released_from", "datetime"), ("released_to", "datetime"), ("quality", "text"))
_OUTLINES = (
    ("uuid", "text"),
    ("avalanche_id", "text"),
    ("part", "text"),
    ("observed_at", "datetime"),
    *_RELEASED,
    *_MEASURES,
    ("image_name", "text"),
    ("photo", "text"),
    ("camera_id", "text"),
    ("pose_id", "text"),
    ("drift_deg", "real"),
    ("method", "text"),
    ("confidence", "real"),
    ("by_program", "bool"),
    ("mapper", "text"),
    ("modified_at", "datetime"),
)
_RELEASES = (
    ("avalanche_id", "text"),
    ("camera_id", "text"),
    *_RELEASED,
    ("missed", "int"),
    ("last_seen", "datetime"),
    ("by_program", "bool"),
    ("photo_without", "text"),
    ("photo_with", "text"),
    ("outlines", "int"),
    ("outlined_in", "text"),
    ("uuid", "text"),
    ("image_name", "text"),
    ("observed_at", "datetime"),
    *_MEASURES,
)
_DAYS = (
    ("date", "text"),
    ("camera", "text"),
    ("photos", "int"),
    ("repeats", "int"),
    ("dark", "int"),
    ("looked_at", "int"),
    ("nothing_released", "int"),
    ("could_not_see", "int"),
    ("with_avalanches", "int"),
    ("observation", "text"),
    ("avalanches_in_view", "int"),
    ("new_avalanches", "int"),
    ("new_same_day", "int"),
)

Observed = tuple[SeriesPhoto, Observation]


def check_series_file(path: Path) -> None:
    """Refuse a file that cannot be written, or that somebody has worked in since.

    Raises
    ------
    IsegError
        With what to do.
    """
    check_output_path(path, (".gpkg",), (MAP, PIXELS, RELEASES, DAYS))
    if path.is_file() and not is_unchanged(path):
        raise IsegError(
            f"{path} was not written by `series run`, or was changed since: choose another file, "
            "so that no work is lost."
        )


def observed_outlines(listing: Listing, state: SeriesState) -> list[Observed]:
    """Return all outlines that show an avalanche, in the order of camera, time and avalanche."""
    shown: dict[str, list[Observation]] = {}
    for _, observation in sorted(state.observations.items()):
        if observation.presence is Presence.PRESENT and observation.rings:
            shown.setdefault(observation.photo, []).append(observation)
    return [(photo, each) for photo in listing.photos for each in shown.get(photo.key, ())]


def write_series(
    path: Path,
    observed: Sequence[Observed],
    on_map: Mapping[tuple[str, str], OnMap],
    intervals: Mapping[str, ReleaseInterval],
    days: Iterable[DayActivity],
    epsg: int | None,
) -> None:
    """Write the layers; the same content gives the same bytes.

    Parameters
    ----------
    path
        ``.gpkg``, see `check_series_file`.
    observed
        See `observed_outlines`.
    on_map
        Their outlines on the map, by avalanche and key of the photo.
    intervals
        By avalanche.
    days
        All days of all cameras.
    epsg
        CRS of the map; None if no camera was posed: then there is no layer of the map.

    Raises
    ------
    IsegError
        If it cannot be written.
    """
    rows = _outline_rows(observed, on_map, intervals)
    placed = {key: _reprojected(mapped, epsg) for key, mapped in on_map.items() if epsg}
    crs = None if epsg is None else f"EPSG:{epsg}"
    keys = [(observation.avalanche, photo.key) for photo, observation in observed]
    mapped = [(row, placed[key]) for row, key in zip(rows, keys, strict=True) if key in placed]
    tables = [
        VectorTable(PIXELS, NO_CRS, _OUTLINES, rows, [_wkb(_in_pixels(*each)) for each in observed])
    ]
    if crs is not None:
        on_it = [row for row, _ in mapped], [_wkb(polygon) for _, polygon in mapped]
        tables.insert(0, VectorTable(MAP, crs, _OUTLINES, *on_it))
    names = {key: row["uuid"] for key, row in zip(keys, rows, strict=True)}
    releases = [_release_row(each, observed, on_map, names) for each in intervals.values()]
    shapes = [_wkb(placed.get((row["avalanche_id"], row["outlined_in"]))) for row in releases]
    tables.append(VectorTable(RELEASES, crs, _RELEASES, releases, shapes))
    listed = [{**asdict(day), "date": day.date.isoformat()} for day in days]
    tables.append(VectorTable(DAYS, None, _DAYS, listed))
    with write_errors(path):
        write_geopackage(path, tables)


def _outline_rows(
    observed: Sequence[Observed],
    on_map: Mapping[tuple[str, str], OnMap],
    intervals: Mapping[str, ReleaseInterval],
) -> list[dict[str, Any]]:
    first = {}
    for photo, observation in reversed(observed):
        if not observation.is_by_program:
            first[observation.avalanche] = photo.key
    rows = []
    for photo, observation in observed:
        name = observation.avalanche
        mapped = on_map.get((name, photo.key))
        person = not observation.is_by_program
        # What a person outlined first is the feature of QGIS's layer, under its uuid.
        is_first = first.get(name) == photo.key
        rows.append(
            {
                "uuid": name if is_first else str(uuid.uuid5(_NAMES, f"{name} {photo.key}")),
                "avalanche_id": name,
                "part": "avalanche",
                "observed_at": iso_time(photo.taken_at),
                **_released(intervals.get(name)),
                **({} if mapped is None else mapped.values),
                "image_name": photo.path.name,
                "photo": photo.key,
                "camera_id": photo.camera,
                "method": "imported",
                "confidence": observation.confidence,
                "by_program": not person,
                "mapper": observation.by if person else None,
                "modified_at": iso_time(observation.at) if person else None,
            }
        )
    return rows


def _released(interval: ReleaseInterval | None) -> dict[str, Any]:
    if interval is None:
        return {}
    return {
        "released_from": iso_time(interval.after),
        "released_to": iso_time(interval.before),
        "quality": interval.quality.value,
    }


def _release_row(
    interval: ReleaseInterval,
    observed: Sequence[Observed],
    on_map: Mapping[tuple[str, str], OnMap],
    names: Mapping[tuple[str, str], str],
) -> dict[str, Any]:
    """Return an avalanche with the outline that says most: on the map, a person's, the surest."""
    name = interval.avalanche
    outlines = [each for each in observed if each[1].avalanche == name]

    def rank(each: Observed) -> tuple[bool, bool, float]:
        photo, outline = each
        return (name, photo.key) in on_map, not outline.is_by_program, outline.confidence

    best = max(outlines, key=rank, default=None)  # the first of those alike
    mapped = on_map.get((name, best[0].key)) if best else None
    return {
        "avalanche_id": name,
        "camera_id": best[0].camera if best else None,
        **_released(interval),
        "missed": interval.missed,
        "last_seen": iso_time(interval.last_seen),
        "by_program": interval.by_program,
        "photo_without": interval.after_photo,
        "photo_with": interval.before_photo,
        "outlines": len(outlines),
        "outlined_in": best[0].key if best else None,
        "uuid": names[name, best[0].key] if best else None,
        "image_name": best[0].path.name if best else None,
        "observed_at": iso_time(best[0].taken_at) if best else None,
        **({} if mapped is None else mapped.values),
    }


def _in_pixels(photo: SeriesPhoto, observation: Observation) -> MultiPolygon:
    """Return an outline where QGIS shows the photo, as stored: x to the right, y negative."""
    transform = transform_in_qgis(photo.path, observation.size)
    return pixel_to_map(rings_to_polygons(observation.rings, observation.parts), transform)


def _reprojected(mapped: OnMap, epsg: int) -> MultiPolygon:
    polygon: MultiPolygon = reproject(mapped.polygon, mapped.epsg, epsg)
    return polygon


def _wkb(polygon: MultiPolygon | None) -> bytes | None:
    import shapely

    return None if polygon is None else bytes(shapely.to_wkb(shapely.orient_polygons(polygon)))
