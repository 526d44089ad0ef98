"""DEMs and viewsheds held between requests, so that only the first request takes long."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..camera import CameraRecord
from ..errors import TerrainError
from ..projection.cache import default_folder
from ..projection.viewshed import Viewshed, compute_viewshed
from ..terrain import Terrain
from ..terrain.sources import Dem, open_dem
from ..terrain.surroundings import read_surroundings
from .protocol import PosedView

_MOST_VIEWSHEDS = 3  # a photo of 24 megapixels takes 100 MB
_MOST_DEMS = 4
_MOST_SURROUNDINGS = 2
_STEP = 1000.0  # metres, to which surroundings are rounded, so that one more point needs no others

_Value = TypeVar("_Value")


class UnwantedError(Exception):
    """The answer is not wanted any more."""


def check_wanted(is_wanted: Callable[[], bool]) -> None:
    """Raise `UnwantedError` if the answer is not wanted any more."""
    if not is_wanted():
        raise UnwantedError


class ViewshedCache:
    """The DEMs and viewsheds used last."""

    def __init__(self) -> None:
        self._dems: OrderedDict[Any, Dem] = OrderedDict()
        self._viewsheds: OrderedDict[Any, Viewshed] = OrderedDict()
        self._surroundings: OrderedDict[Any, Terrain] = OrderedDict()

    def dem(self, paths: Sequence[str], epsg: int) -> Dem:
        """Return the DEM of these files or folders, opened again if they have changed.

        Raises
        ------
        TerrainError
            If there is none, or it cannot be read.
        """
        if not paths:
            raise TerrainError("Choose a DEM: without one, no ground is known.")
        key = (epsg, tuple((path, _modified_ns(path)) for path in paths))
        return _get(self._dems, key, lambda: open_dem(list(paths), epsg), _MOST_DEMS)

    def surroundings(
        self, dem: Dem, places: Sequence[tuple[float, float]], noise: float | None
    ) -> Terrain:
        """Return the terrain around places, without its noise; see `read_surroundings`.

        Raises
        ------
        TerrainError
            If the DEM has no height there.
        """
        low = np.floor(np.min(places, axis=0) / _STEP) * _STEP
        high = np.ceil(np.max(places, axis=0) / _STEP) * _STEP
        key = (dem.identity, *low, *high, noise)
        return _get(
            self._surroundings,
            key,
            lambda: read_surroundings(dem, (low, high), noise),
            _MOST_SURROUNDINGS,
        )

    def viewshed(self, view: PosedView, is_wanted: Callable[[], bool]) -> Viewshed:
        """Return the viewshed of the camera of a request.

        Raises
        ------
        CameraError, TerrainError
            If the record is no camera, or the DEM cannot be read or does not reach the view.
        UnwantedError
            If it is not wanted any more before it is computed.
        """
        record = CameraRecord.from_json(view.record)
        dem, folder = self.dem(view.dem, record.epsg), default_folder()
        viewshed = _get(
            self._viewsheds,
            (
                record.camera,
                record.near_field_m,
                record.near_field_px,
                record.dem_noise_m,
                dem.identity,
            ),
            lambda: compute_viewshed(record, dem, folder, lambda _: check_wanted(is_wanted)),
            _MOST_VIEWSHEDS,
        )
        return replace(viewshed, record=record)  # of the same pose, its covariance may be another


def range_map_folder(viewshed: Viewshed) -> str:
    """Return where the range map lies on disk; "" if it could not be written."""
    distances = viewshed.range_map.distances
    file = distances.filename if isinstance(distances, np.memmap) else None
    return str(Path(file).parent) if file else ""


def _get(
    held: OrderedDict[Any, _Value], key: object, make: Callable[[], _Value], most: int
) -> _Value:
    """Return the value of a key, made if there is none; the value used longest ago is dropped."""
    if key not in held:
        held[key] = make()
        if len(held) > most:
            held.popitem(last=False)
    held.move_to_end(key)
    return held[key]


def _modified_ns(path: str) -> int:
    """Return when a file or folder was changed, nanoseconds; 0 if there is none."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
