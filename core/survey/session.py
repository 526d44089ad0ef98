"""What a survey worker does with each request."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import WorkerError
from ..version import __version__
from ..worker.protocol import Skipped
from . import mapping, poses
from .protocol import (
    REPLACES,
    REQUESTS,
    VERSION,
    Drape,
    FitSkyline,
    Hello,
    LookAt,
    Overlay,
    Register,
    SolvePose,
    ToImage,
    ToMap,
    Welcome,
)
from .views import UnwantedError, Views

_PACKAGES = ("numpy", "opencv-python-headless", "pyproj", "rasterio", "scipy", "shapely")
_ANSWERS: dict[type, Callable[[Any, Views, Callable[[], bool]], Any]] = {
    SolvePose: poses.pose,
    FitSkyline: poses.fit_skyline,
    Register: poses.register,
    LookAt: mapping.look_at,
    ToMap: mapping.to_map,
    ToImage: mapping.to_image,
    Overlay: mapping.overlay,
    Drape: mapping.drape_picture,
}


class CameraSession:
    """Answers requests, one after another."""

    requests = REQUESTS
    replaces = REPLACES

    def __init__(self) -> None:
        self._views = Views()

    def answer(self, request: Any, wanted: Callable[[], bool]) -> Any:  # noqa: ANN401
        """The answer to a request of `protocol`.

        Parameters
        ----------
        request
            Any but `Cancel`.
        wanted
            Tells whether the answer is still waited for.

        Raises
        ------
        IsegError
            If it cannot be done. The session goes on as before.
        """
        if isinstance(request, Hello):
            return _welcome(request)
        if not wanted():
            return Skipped()
        start = time.perf_counter()
        try:
            answer = _ANSWERS[type(request)](request, self._views, wanted)
        except UnwantedError:
            return Skipped()
        return replace(answer, seconds=time.perf_counter() - start)


def _welcome(request: Hello) -> Welcome:
    if request.protocol != VERSION:
        raise WorkerError(
            f"The survey worker speaks version {VERSION} of its protocol, the program version "
            f"{request.protocol}. Update the older of the two."
        )
    versions = {package: _version(package) for package in _PACKAGES}
    return Welcome(VERSION, {"core": __version__, "python": platform.python_version(), **versions})


def _version(package: str) -> str:
    """Of an installed package; "" where it goes by another name."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
