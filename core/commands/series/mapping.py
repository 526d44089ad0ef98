"""Outlines of a series on the map: one viewshed for each photo that shows avalanches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...camera import Camera, CameraRecord
from ...errors import IsegError
from ...exchange.avalanche import plain_value
from ...outline.rings import rings_to_polygons
from ...projection import compute_viewshed, measure_attributes, outline_to_map
from ...series import Observation, SeriesPhoto, SeriesStore
from ...series.carrying import Rings
from ...series.computing import PhotoShare, ResultLog, compute, task_version
from ...terrain.sources import Dem, open_dem
from ...terrain.tiles import find_tiles
from ..camera.common import warn
from .cameras import PosedCamera

if TYPE_CHECKING:
    from shapely import MultiPolygon

MAPS = "maps"
"""Folder of results inside that of the series."""

_CRUMB = 0.01  # of the largest part's area, as in the plugin
_SHARES = ("vis_frac", "drift_deg")  # rounded to 0.001, others to 0.1 of their unit


class OnMap(NamedTuple):
    """An outline on the map, in the CRS of its camera, with what was measured of it."""

    polygon: MultiPolygon
    epsg: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class _MapTask:
    record: CameraRecord
    dem: tuple[str, ...]
    outlines: tuple[tuple[str, Rings, tuple[int, ...]], ...]


def map_series(
    store: SeriesStore,
    observed: Iterable[tuple[SeriesPhoto, Observation]],
    cameras: Mapping[str, PosedCamera],
    poses: Mapping[str, Camera],
    dem: Sequence[Path],
    *,
    workers: int = 1,
    share: PhotoShare | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[str, str], OnMap]:
    """Return by avalanche and key of the photo what observed outlines cover on the map.

    Those of photos that could not be registered, or whose camera was not posed, are not on it.
    Resumable, see `core.series.computing`.
    """
    shown: dict[str, list[Observation]] = {}
    of_camera: dict[str, PosedCamera] = {}
    for photo, observation in observed:
        if photo.camera in cameras and photo.key in poses:
            shown.setdefault(photo.key, []).append(observation)
            of_camera[photo.key] = cameras[photo.camera]
    identity = _identity(dem)
    tasks, records = {}, {}
    for key, observations in shown.items():
        records[key] = record = of_camera[key].turned(poses[key])
        outlines = tuple((o.avalanche, o.rings, o.parts) for o in observations)
        task = _MapTask(record, tuple(map(str, dem)), outlines)
        tasks[key] = task_version((record.to_json(), identity, outlines)), task
    log = ResultLog(store.path / MAPS, share or PhotoShare())
    results = compute(map_task, tasks, log, share=share, workers=workers, progress=progress)
    found = {}
    for key, result in results.items():
        for avalanche, mapped in result["outlines"].items():
            if "fault" in mapped:
                warn(f"{key}, avalanche {avalanche} is not on the map: {mapped['fault']}")
                continue
            found[avalanche, key] = _read(mapped, records[key])
    return found


def map_task(task: _MapTask) -> dict[str, Any]:
    """Return the outlines of a photo on the map as JSON."""
    import shapely

    record = task.record
    outlines: dict[str, dict[str, Any]] = {}
    try:
        viewshed = compute_viewshed(record, _open_dem(task.dem, record.epsg))
    except IsegError as error:
        return {"outlines": {name: {"fault": str(error)} for name, _, _ in task.outlines}}
    for name, rings, parts in task.outlines:
        try:
            mapped = outline_to_map(rings_to_polygons(rings, parts), viewshed, min_share=_CRUMB)
            if mapped.polygon.is_empty:
                outlines[name] = {"fault": "nothing is left of it."}
                continue
            measured = measure_attributes(mapped, viewshed.terrain, viewshed)
        except IsegError as error:
            outlines[name] = {"fault": str(error)}
            continue
        values = {key: plain_value(value) for key, value in measured.items()}
        wkb = shapely.to_wkb(shapely.orient_polygons(mapped.polygon), hex=True)
        outlines[name] = {"wkb": wkb, "values": values}
    return {"outlines": outlines}


def _read(mapped: Mapping[str, Any], record: CameraRecord) -> OnMap:
    import shapely

    values = {**mapped["values"], "pose_id": record.pose_id, "drift_deg": record.drift_deg}
    rounded = {
        name: round(value, 3 if name in _SHARES else 1) if isinstance(value, float) else value
        for name, value in values.items()
    }
    return OnMap(shapely.from_wkb(mapped["wkb"]), record.epsg, rounded)


def _identity(dem: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Return what tells a DEM from another one, on all machines that share it."""
    files = find_tiles(dem) if dem else []
    return [(file.name, file.stat().st_size, int(file.stat().st_mtime)) for file in files]


@lru_cache(maxsize=4)
def _open_dem(paths: tuple[str, ...], epsg: int) -> Dem:
    return open_dem(paths, epsg)
