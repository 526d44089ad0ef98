"""What a session holds of cameras and DEMs, so that only the first question takes long."""

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
from ..terrain.sources import Dem, open_dem
from .protocol import PosedView

_MOST_SIGHTS = 3  # a picture of 24 megapixels takes 100 MB
_MOST_DEMS = 4

_Thing = TypeVar("_Thing")


class UnwantedError(Exception):
    """Nobody waits for the answer any more."""


def stop_unless(wanted: Callable[[], bool]) -> None:
    """Raise `UnwantedError` if nobody waits for the answer any more."""
    if not wanted():
        raise UnwantedError


class Views:
    """DEMs and sights, those used last."""

    def __init__(self) -> None:
        self._dems: OrderedDict[Any, Dem] = OrderedDict()
        self._sights: OrderedDict[Any, Viewshed] = OrderedDict()

    def dem(self, paths: Sequence[str], epsg: int) -> Dem:
        """The DEM of these files or folders, opened again if they have changed.

        Raises
        ------
        TerrainError
            If there is none, or it cannot be read.
        """
        if not paths:
            raise TerrainError("Choose a DEM: without one, no ground is known.")
        key = (epsg, tuple((path, _changed(path)) for path in paths))
        return _held(self._dems, key, lambda: open_dem(list(paths), epsg), _MOST_DEMS)

    def sight(self, view: PosedView, wanted: Callable[[], bool]) -> Viewshed:
        """What the camera of a request sees.

        Raises
        ------
        CameraError, TerrainError
            If the record is no camera, or the DEM cannot be read or does not reach the view.
        UnwantedError
            If it is not wanted any more before it is found.
        """

        def find() -> Viewshed:
            return compute_viewshed(record, dem, default_folder(), progress)

        def progress(_: float) -> None:
            stop_unless(wanted)

        record = CameraRecord.from_json(view.record)
        dem = self.dem(view.dem, record.epsg)
        sight = _held(self._sights, (record.camera, dem.identity), find, _MOST_SIGHTS)
        return replace(sight, record=record)  # of the same pose, its covariance may be another


def folder_of(sight: Viewshed) -> str:
    """Where the range map lies on disk; "" if it could not be kept there."""
    distances = sight.range_map.distances
    file = distances.filename if isinstance(distances, np.memmap) else None
    return str(Path(file).parent) if file else ""


def _held(
    held: OrderedDict[Any, _Thing], key: object, make: Callable[[], _Thing], most: int
) -> _Thing:
    """What is held under a key, made if there is none; that used longest ago goes."""
    if key not in held:
        held[key] = make()
        if len(held) > most:
            held.popitem(last=False)
    held.move_to_end(key)
    return held[key]


def _changed(path: str) -> int:
    """When a file or folder has changed; 0 if there is none."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
