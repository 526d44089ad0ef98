"""Series in the camera worker: outlines carried into one photo, screening for a while."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from clock import utc
from test_series_carrying import RING, SIZE, develop, slope, turned, with_avalanche

from core.camera import CameraRecord
from core.errors import IsegError, WorkerError
from core.image import write_png
from core.metrics import iou
from core.series import (
    NameRule,
    Observation,
    PhotoState,
    Review,
    SeriesStore,
    list_photos,
)
from core.series.archive import carry_series, screen_series
from core.series.carrying import fill_rings, usual_camera
from core.series.sources import at_this_hour, outlines_to_carry, places_without
from core.survey.client import CameraWorker
from core.survey.handler import CameraHandler
from core.survey.protocol import Carried, CarryOutlines, Screened, ScreenSeries

TURNS = {8: (0, 0, 0), 9: (0.3, -0.2, 0), 10: (0, 0, 0), 11: (-0.4, 0.1, 0.3), 12: (0.2, 0, 0)}


@pytest.fixture
def store(tmp_path) -> SeriesStore:
    """Photos of one camera that turns a little; the avalanche is there from 10 o'clock."""
    folder = tmp_path / "cam"
    folder.mkdir()
    for hour, angles in TURNS.items():
        photo = with_avalanche(slope()) if hour >= 10 else slope()
        shown, _ = turned(photo, usual_camera(*SIZE), angles)
        write_png(folder / f"cam_20240115_{hour:02}0000.png", develop(shown, seed=hour))
    store = SeriesStore.create(tmp_path / "cam.series", [folder], NameRule(zone="UTC"))
    store.append(Review(_key(hour), state=PhotoState.NOTHING) for hour in (8, 9))
    store.append([Observation(_key(10), avalanche="a", rings=(RING,), parts=(1,), size=SIZE)])
    return store


def _key(hour: int) -> str:
    return f"cam/cam_20240115_{hour:02}0000.png"


def request(store: SeriesStore, hour: int, **changes) -> CarryOutlines:
    photos = list_photos(store.folders, store.rule).photos
    state = store.read()
    by_key = {photo.key: photo for photo in photos}
    photo = by_key[_key(hour)]
    sources = outlines_to_carry(photos, state)[photo.key]
    without = places_without(photos, state, sources)

    def named(photo):
        return [photo.key, str(photo.path), photo.taken_at.isoformat()]

    return CarryOutlines(
        str(store.path),
        named(photo),
        [
            {
                "picture": named(by_key[source.photo]),
                "avalanche": source.avalanche,
                "rings": [len(ring) for ring in source.rings],
                "parts": list(source.parts),
                "size": list(source.size),
                "without": [named(p) for p in at_this_hour(photo, without[source.avalanche])],
            }
            for source in sources
        ],
        np.array([p for s in sources for ring in s.rings for p in ring], np.float32),
        **changes,
    )


def answer(message):
    return CameraHandler().answer(message, lambda: True)


@pytest.mark.parametrize("hour", [11, 12])
@pytest.mark.parametrize("is_posed", [False, True])
def test_an_outline_is_carried_into_a_photo(store, hour, is_posed):
    changes = {}
    if is_posed:
        camera = replace(usual_camera(*SIZE), x=10.0, y=20.0, z=30.0)
        path = next(p for p in store.folders[0].iterdir() if "_10" in p.name)
        changes = {"reference": str(path), "record": CameraRecord(camera, 2056).to_json()}
    found = answer(request(store, hour, **changes))
    assert isinstance(found, Carried)
    (outline,) = found.outlines
    assert outline["avalanche"] == "a"
    assert outline["confidence"] > 0.5
    assert tuple(outline["size"]) == SIZE
    truth = fill_rings((RING,), SIZE[::-1]).astype(np.uint8)
    shown, _ = turned(truth, usual_camera(*SIZE), TURNS[hour])
    ring = tuple(map(tuple, found.points.tolist()))
    assert iou(fill_rings((ring,), SIZE[::-1]), shown > 0) > 0.95
    assert not list(store.path.glob("program-*"))  # proposed, not noted


def test_what_was_carried_before_is_taken_again(store):
    first = answer(request(store, 11))
    for path in store.folders[0].iterdir():
        path.write_bytes(b"x" * path.stat().st_size)  # nothing to be read in it, of the same size
    again = answer(request(store, 11))
    assert np.array_equal(first.points, again.points)
    assert first.outlines == again.outlines


def test_a_photo_that_shows_something_else_is_said(store):
    other = np.random.default_rng(3).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    write_png(store.folders[0] / "cam_20240115_110000.png", other)
    with pytest.raises(IsegError, match="cam_20240115_110000"):
        answer(request(store, 11))


def test_an_outline_in_a_photo_that_cannot_be_registered_stops_nothing(store):
    """The one of the photo before is carried, as it was when that was the last."""
    alone = answer(request(store, 12))
    store.append([Observation(_key(11), avalanche="a", rings=(RING,), parts=(1,), size=SIZE)])
    other = np.random.default_rng(3).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    write_png(store.folders[0] / "cam_20240115_110000.png", other)
    found = answer(request(store, 12))
    assert found.outlines == alone.outlines
    assert np.array_equal(found.points, alone.points)
    carried = carry_series(store, list_photos(store.folders, store.rule))
    assert [(o.photo, o.avalanche) for o in carried] == [(_key(12), "a")]


def test_of_two_outlines_the_last_is_carried(store):
    middle = np.mean(RING, axis=0)
    half = tuple(map(tuple, (middle + 0.5 * (np.array(RING) - middle)).tolist()))
    store.append([Observation(_key(11), avalanche="a", rings=(half,), parts=(1,), size=SIZE)])
    (outline,) = carry_series(store, list_photos(store.folders, store.rule))
    areas = [fill_rings(rings, SIZE[::-1]).sum() for rings in (outline.rings, (half,))]
    assert areas[0] == pytest.approx(areas[1], rel=0.05)


def test_sources_are_those_that_persons_left_open(store):
    photos = list_photos(store.folders, store.rule).photos
    keys = [_key(hour) for hour in (11, 12)]
    assert list(outlines_to_carry(photos, store.read())) == keys
    assert [p.key for p in places_without(photos, store.read(), _outlines(store))["a"]] == [
        _key(8),
        _key(9),
    ]
    store.append([Review(_key(11), state=PhotoState.NOTHING, at=utc(2099, 1, 1))])
    assert not outlines_to_carry(photos, store.read())


def _outlines(store):
    return [o for o in store.read().observations.values() if o.rings]


def test_a_series_is_screened_bit_by_bit_as_in_one_go(store, tmp_path):
    steps = []
    while not steps or steps[-1].done < steps[-1].total:
        steps.append(answer(ScreenSeries(str(store.path), 0.0)))
        assert isinstance(steps[-1], Screened)
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    found = (store.path / "program-screening.jsonl").read_bytes()
    screen_series(store, list_photos(store.folders, store.rule))
    assert (store.path / "program-screening.jsonl").read_bytes() == found
    assert answer(ScreenSeries(str(store.path), 60.0)).done == len(TURNS) + 1


def test_a_worker_that_was_killed_is_gone_on_with(store):
    message = ScreenSeries(str(store.path), 0.0)
    with CameraWorker() as worker:
        for _ in range(3):
            done = worker.ask(message, Screened).done
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(WorkerError):
            worker.ask(message, Screened)
    (log,) = store.path.glob("looks/*.jsonl")
    kept = [json.loads(line)["photo"] for line in log.read_text(encoding="utf-8").splitlines()]
    assert len(kept) == len(set(kept)) >= done
    with CameraWorker() as worker:
        first = worker.ask(message, Screened)
        assert first.done >= done
        assert os.getpriority(os.PRIO_PROCESS, worker._process.pid) == 19
        last = worker.ask(ScreenSeries(str(store.path), 60.0), Screened)
    assert last.done == last.total == len(TURNS) + 1
    assert len(store.read().screenings) == len(TURNS)
