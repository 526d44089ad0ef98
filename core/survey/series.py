"""Answers about series of photos: outlines carried into a photo, screening."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..camera import CameraRecord
from ..camera.resizing import resized
from ..camera.turning import as_displayed
from ..errors import CameraError
from ..image import read_image
from ..series import NameRule, Observation, SeriesPhoto, SeriesStore, list_photos
from .protocol import Carried, CarryOutlines, Screened, ScreenSeries
from .viewshed_cache import check_wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .viewshed_cache import ViewshedCache

_IDLE_PRIORITY_CLASS = 0x40  # of Windows
_screenings: dict[str, Iterator[tuple[int, int]]] = {}  # under way, by series


def carry(request: CarryOutlines, _cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Carried:
    """Carry outlines into one photo."""
    from ..series.archive import SeriesCamera, carry_into

    photo = _photo(request.picture)
    sources, without, start = [], {}, 0
    for content in request.sources:
        source, count = _photo(content["picture"]), sum(content["rings"])
        rings = _rings(request.points[start : start + count], content["rings"])
        start += count
        name, (width, height) = str(content["avalanche"]), content["size"]
        outline = Observation(
            source.key,
            avalanche=name,
            rings=rings,
            parts=tuple(content["parts"]),
            size=(width, height),
        )
        sources.append((source, outline))
        without[name] = [_photo(picture) for picture in content["without"]]
    camera = None
    if request.record is not None:
        image = read_image(request.reference)
        height, width = image.pixels.shape[:2]
        record = CameraRecord.from_json(request.record)
        record = as_displayed(record, image.orientation, (width, height))
        camera = SeriesCamera(Path(request.reference), resized(record, width, height).camera)
    check_wanted(is_wanted)
    store = SeriesStore(Path(request.series), (), NameRule())
    found = carry_into(store, photo, sources, without, camera)
    points = [point for outline in found for ring in outline.rings for point in ring]
    return Carried(
        [
            {
                "avalanche": outline.avalanche,
                "confidence": outline.confidence,
                "rings": [len(ring) for ring in outline.rings],
                "parts": list(outline.parts),
                "size": list(outline.size),
            }
            for outline in found
        ],
        np.array(points, np.float32).reshape(-1, 2),
        seconds=0.0,
    )


def _photo(content: Sequence[str]) -> SeriesPhoto:
    key, path, taken_at = content
    return SeriesPhoto(key, Path(path), "", datetime.fromisoformat(taken_at))


def _rings(
    points: NDArray[np.float32], counts: Sequence[int]
) -> tuple[tuple[tuple[float, float], ...], ...]:
    rounded = [(round(float(x), 2), round(float(y), 2)) for x, y in points.tolist()]
    if len(rounded) != sum(counts):
        raise CameraError(f"An outline of {len(rounded)} points whose rings have {sum(counts)}.")
    places = iter(rounded)
    return tuple(tuple(next(places) for _ in range(count)) for count in counts)


def screen(request: ScreenSeries, _cache: ViewshedCache, is_wanted: Callable[[], bool]) -> Screened:
    """Screen for a while; what was measured is kept, so any worker goes on with it."""
    from ..series.archive import screening_steps

    _give_way()
    end = time.monotonic() + request.seconds
    steps = _screenings.get(request.series)
    if steps is None:
        store = SeriesStore.open(request.series)
        steps = screening_steps(store, list_photos(store.folders, store.rule))
        _screenings[request.series] = steps
    reached = 0, -1
    try:
        while reached[0] != reached[1]:
            reached = next(steps)
            if time.monotonic() > end or not is_wanted():
                break
    except BaseException:
        _screenings.pop(request.series, None)
        raise
    if reached[0] == reached[1]:
        _screenings.pop(request.series, None)
    return Screened(*reached, seconds=0.0)


def _give_way() -> None:
    """Let all other programs of the computer go first."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _IDLE_PRIORITY_CLASS)
    elif os.getpriority(os.PRIO_PROCESS, 0) < 19:
        os.nice(19)
