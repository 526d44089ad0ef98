"""Clicks for each avalanche of a synthetic winter, with the series and without it.

``python -m tests.bench.series_clicks WINTER`` for a folder that ``avalanche-iseg synthetic WINTER
--winter 60`` made. A robot user maps each avalanche in each usable photo that shows it:

- without the series from nothing, by clicks, until the IoU is 85 %, and Enter;
- with the series from the outline that is carried from the last photo: one press accepts all
  outlines of a photo that fit (IoU of 85 % or more); one that does not fit is chosen, corrected by
  clicks as QGIS does, and Enter; one of an avalanche that has faded is dropped by a press, unless
  the photo shows no avalanche at all, which is noted either way and ends all of them. The first
  time, or where nothing can be carried, it is mapped from nothing.

Every press counts as a click. The first outline of an avalanche costs the same both ways, so the
share of the clicks is told twice: of all outlines, beside the least that it can be in this winter
(every carried outline fits), and of those that have an earlier one, which is what the series can
save. Once more with the series by a user who outlines well, to 90 %, since what is carried is no
better than what was outlined. A second argument names the folder of the series, to go on with.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.camera import Camera
from core.engine import load_model
from core.image import read_image, read_mask_values
from core.metrics import iou
from core.outline import mask_to_polygons
from core.outline.rings import polygon_rings
from core.predictor import Predictor, PredictorOptions
from core.prompts import Click, Prompts
from core.robot_user import ClickResult, simulate_clicks
from core.series import NameRule, SeriesPhoto, SeriesStore, list_photos
from core.series.archive import register_series, screen_series
from core.series.carrying import Rings, carry_outline, fill_rings

from .series import outline, visible

TARGET, WELL, MOST = 0.85, 0.9, 20
SECONDS_PER_CLICK = 3.0
"""Of a person, to look and to click; an assumption, the same for both ways."""

Outline = tuple[str, int]
NEW, ACCEPTED, CORRECTED = "mapped from nothing", "accepted as carried", "corrected"


@dataclass
class Work:
    """What one way of working took.

    Attributes
    ----------
    clicks
        Clicks and presses for each outline, by photo and number.
    presses
        For all outlines of a photo, and to drop some.
    machine
        Seconds.
    ends
        What became of the outlines; only "mapped from nothing" is not carried.
    """

    clicks: dict[Outline, int] = field(default_factory=dict)
    presses: int = 0
    machine: float = 0.0
    ious: list[float] = field(default_factory=list)
    ends: dict[Outline, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Clicks and presses."""
        return sum(self.clicks.values()) + self.presses

    def seconds(self) -> float:
        """Seconds for each outline."""
        return (SECONDS_PER_CLICK * self.total + self.machine) / len(self.clicks)

    def line(self, name: str) -> str:
        """Return the figures as a line."""
        count = len(self.clicks)
        return (
            f"{name:<15} {self.total:4} clicks, {self.total / count:5.2f} an outline, "
            f"{self.seconds():5.1f} s an outline (of it machine {self.machine / count:.2f} s), "
            f"median IoU {np.median(self.ious):.3f}"
        )


class Robot:
    """Clicks in photos until the IoU is reached."""

    def __init__(self) -> None:
        self._model = load_model("default")
        self._predictor = Predictor(self._model, PredictorOptions(correct_mask=True))
        self._shown: Path | None = None

    def map(
        self,
        photo: SeriesPhoto,
        truth: NDArray[np.bool_],
        start: NDArray[np.bool_] | None,
        target: float = TARGET,
    ) -> tuple[ClickResult, int, float]:
        """Return what the last click gave, how many it took, and the seconds."""
        began = time.perf_counter()
        if photo.path != self._shown:
            self._predictor.set_image(read(photo.path))
            self._shown = photo.path

        def answer(clicks: tuple[Click, ...]) -> NDArray[np.bool_]:
            return self._predictor.predict(Prompts(clicks, mask=start)).mask(self._model.threshold)

        turns = list(
            simulate_clicks(
                truth.astype(np.int8), answer, max_clicks=MOST, target_iou=target, mask=start
            )
        )
        return turns[-1], len(turns), time.perf_counter() - began


def main() -> None:
    """Print the figures of one winter."""
    with tempfile.TemporaryDirectory() as folder:
        given = sys.argv[2] if len(sys.argv) > 2 else Path(folder, "winter.series")
        compare(Path(sys.argv[1]), Path(given))


def compare(winter: Path, series: Path) -> None:
    """Map a winter both ways."""
    store = SeriesStore.create(series, [winter / "photos"], NameRule(zone="UTC"))
    listing = list_photos(store.folders, store.rule)
    usable = {s.photo for s in screen_series(store, listing) if s.look.usable}
    photos = [photo for photo in listing.photos if photo.key in usable]
    masks = {
        photo.key: read_mask_values(winter / "masks" / f"{photo.path.stem}.png") for photo in photos
    }
    shown = {photo.key: visible(masks[photo.key]) for photo in photos}
    if not store.read().observations:
        store.append(
            outline(key, masks[key], number) for key, numbers in shown.items() for number in numbers
        )
    poses = register_series(store, listing, longest=timedelta(days=30), progress=say)
    robot, alone = Robot(), Work()
    for photo in photos:
        for number in shown[photo.key]:
            found, count, seconds = robot.map(photo, masks[photo.key] == number, None)
            alone.clicks[photo.key, number] = count + 1  # Enter
            alone.machine += seconds
            alone.ious.append(found.iou)
    avalanches = len({number for numbers in shown.values() for number in numbers})
    print(
        f"{winter.name}: {avalanches} avalanches, {len(alone.clicks)} outlines in "
        f"{sum(map(bool, shown.values()))} of {len(photos)} usable photos"
    )
    print(alone.line("without series"), flush=True)
    for target in (TARGET, WELL):
        helped = with_series(robot, photos, masks, shown, poses, target)
        print(helped.line(f"series, to {target:g}"))
        report_shares(helped, alone)


def report_shares(helped: Work, alone: Work) -> None:
    """Print which share of clicks and seconds is left with the series."""
    later = [outline for outline, end in helped.ends.items() if end != NEW]
    first = sum(clicks for outline, clicks in helped.clicks.items() if outline not in later)
    least = (first + len({key for key, _ in later})) / alone.total
    saved_from = sum(alone.clicks[outline] for outline in later)
    ends = Counter(helped.ends.values())
    print(
        f"  share of the clicks {helped.total / alone.total:.2f} (at least {least:.2f}), "
        f"of the seconds {helped.seconds() / alone.seconds():.2f}; "
        f"of the clicks of outlines with an earlier one {(helped.total - first) / saved_from:.2f}"
    )
    print("  " + ", ".join(f"{name} {count}" for name, count in ends.items()), flush=True)


def with_series(
    robot: Robot,
    photos: Sequence[SeriesPhoto],
    masks: Mapping[str, NDArray[np.uint8]],
    shown: Mapping[str, Sequence[int]],
    poses: Mapping[str, Camera],
    target: float,
) -> Work:
    """Map with carried outlines."""
    helped = Work()
    last: dict[int, tuple[Path, str, Rings]] = {}
    for photo in photos:
        labels = masks[photo.key]
        accepts = False
        for number in sorted(last.keys() | set(shown[photo.key])):
            truth = labels == number
            start = carried(last.get(number), photo.path, photo.key, poses, labels.shape)
            if number not in shown[photo.key]:
                if start is not None:
                    helped.presses += bool(shown[photo.key])
                    del last[number]
                continue
            outline = photo.key, number
            if start is not None and iou(start, truth) >= TARGET:
                helped.ends[outline], helped.clicks[outline] = ACCEPTED, 0
                accepts, mask = True, start
                helped.ious.append(iou(start, truth))
            else:
                found, count, seconds = robot.map(photo, truth, start, target)
                helped.ends[outline] = NEW if start is None else CORRECTED
                helped.clicks[outline] = count + 1 + (start is not None)  # Enter, and to choose it
                helped.machine += seconds
                helped.ious.append(found.iou)
                mask = found.mask
            rings, _ = polygon_rings(mask_to_polygons(mask))
            last[number] = photo.path, photo.key, rings
        helped.presses += accepts
    return helped


def say(done: int, total: int) -> None:
    """Tell how far it is."""
    if done % 10 == 0:
        print(f"  registered {done} of {total}", file=sys.stderr, flush=True)


def carried(
    before: tuple[Path, str, Rings] | None,
    path: Path,
    key: str,
    poses: Mapping[str, Camera],
    shape: tuple[int, int],
) -> NDArray[np.bool_] | None:
    """Return the mask of an outline carried from the last photo; None if it cannot be."""
    if before is None or key not in poses or before[1] not in poses:
        return None
    old, name, rings = before
    moved = carry_outline(rings, (read(old), poses[name]), (read(path), poses[key]))
    mask = fill_rings(moved.rings, shape)
    return mask if mask.any() else None


@lru_cache(maxsize=4)
def read(path: Path) -> NDArray[np.uint8]:
    """Read a photo."""
    return read_image(path).pixels


if __name__ == "__main__":
    main()
