"""The request handler of the camera worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..ipc.envelope import Skipped, Welcome
from ..ipc.server import versions
from . import mapping, poses, series
from .protocol import (
    CAMERA_MESSAGES,
    VERSION,
    CarryOutlines,
    ComputeViewshed,
    Drape,
    FitSkyline,
    Overlay,
    Register,
    ScreenSeries,
    SolvePose,
    SolveStation,
    ToImage,
    ToMap,
)
from .viewshed_cache import UnwantedError, ViewshedCache

_PACKAGES = ("numpy", "opencv-python-headless", "pyproj", "rasterio", "scipy", "shapely")
_ANSWERS: dict[type, Callable[[Any, ViewshedCache, Callable[[], bool]], Any]] = {
    SolvePose: poses.solve_pose,
    SolveStation: poses.solve_station,
    FitSkyline: poses.fit_skyline,
    Register: poses.register,
    ComputeViewshed: mapping.find_viewshed,
    ToMap: mapping.to_map,
    ToImage: mapping.to_image,
    Overlay: mapping.overlay,
    Drape: mapping.write_drape,
    CarryOutlines: series.carry,
    ScreenSeries: series.screen,
}


class CameraHandler:
    """Holds DEMs and viewsheds; answers requests. See `RequestHandler`."""

    message_set = CAMERA_MESSAGES

    def __init__(self) -> None:
        self._cache = ViewshedCache()

    def welcome(self) -> Welcome:
        """Return the versions."""
        return Welcome(VERSION, versions(_PACKAGES))

    def answer(self, request: Any, is_wanted: Callable[[], bool]) -> Any:  # noqa: ANN401
        """Return the answer to a request; see `RequestHandler.answer`."""
        if not is_wanted():
            return Skipped()
        start = time.perf_counter()
        try:
            answer = _ANSWERS[type(request)](request, self._cache, is_wanted)
        except UnwantedError:
            return Skipped()
        return replace(answer, seconds=time.perf_counter() - start)
