"""A synthetic winter worked through as a user would, in figures.

``python -m tests.bench.series WINTER`` for a folder that ``avalanche-iseg synthetic WINTER --winter
60`` made; without one, such a winter is made first (minutes).
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.image import read_mask_values
from core.metrics import iou
from core.outline import mask_to_polygons
from core.outline.rings import polygon_rings
from core.series import (
    Look,
    NameRule,
    Observation,
    PhotoState,
    Presence,
    Review,
    SeriesStore,
    list_photos,
    release_intervals,
)
from core.series.archive import carry_series, screen_series
from core.series.carrying import fill_rings
from core.series.sources import FITS
from training.synthetic import make_winter, write_winter

ACCEPTED = {
    "clear": {Look.CLEAR},
    "haze": {Look.HAZE, Look.CLEAR},
    "fog": {Look.FOG},
    "snowfall": {Look.FOG},
    "snow on the lens": {Look.SNOW_ON_LENS},
    "night": {Look.NIGHT},
    "overexposed": {Look.OVEREXPOSED},
    "underexposed": {Look.UNDEREXPOSED},
    "repeat": {Look.REPEAT},
}
"""Classes of screening that are right for the weather of a winter's photo."""

SMALLEST = 60
"""Pixels of an avalanche that a person outlines."""


def main() -> None:
    """Print the figures of one winter."""
    with tempfile.TemporaryDirectory() as folder:
        winter = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder, "winter")
        if len(sys.argv) < 2:
            write_winter(make_winter(3), winter)
        work_through(winter, Path(folder, "winter.series"))


def work_through(winter: Path, series: Path) -> None:
    """List, screen, outline each avalanche once, carry, review, and compare with the truth."""
    store = SeriesStore.create(series, [winter / "photos"], NameRule(zone="UTC"))
    listing = list_photos(store.folders, store.rule)
    truth = {row["photo"]: row for row in read_rows(winter / "photos.csv")}
    print(f"{len(listing.photos)} photos, {len(listing.cameras())} camera")
    began = time.perf_counter()
    screenings = {s.photo: s for s in screen_series(store, listing)}
    seconds = (time.perf_counter() - began) / len(listing.photos)
    weather = {photo.key: truth[photo.path.name]["weather"] for photo in listing.photos}
    right = sum(screenings[key].look in ACCEPTED[kind] for key, kind in weather.items())
    usable = {key for key, screening in screenings.items() if screening.look.usable}
    lost = sum(weather[key] in ("clear", "haze") for key in set(weather) - usable)
    kept = sum(weather[key] not in ("clear", "haze") for key in usable)
    print(f"screened right: {right} of {len(weather)}; {1000 * seconds:.0f} ms a photo")
    print(f"usable photos sorted out: {lost}; spoilt photos kept: {kept}")
    told = Counter((kind, screenings[key].look.value) for key, kind in weather.items())
    for (kind, look), count in sorted(told.items()):
        print(f"  {kind} -> {look}: {count}")

    masks = {
        photo.key: read_mask_values(winter / "masks" / f"{photo.path.stem}.png")
        for photo in listing.photos
    }
    first: dict[int, str] = {}
    avalanches = read_rows(winter / "avalanches.csv")
    for photo in listing.photos:
        numbers = visible(masks[photo.key]) if photo.key in usable else []
        for number in numbers:
            if number not in first:
                first[number] = photo.key
                store.append([outline(photo.key, masks[photo.key], number)])
        if photo.key in usable:  # a person looks at photos in their order
            absent = {int(row["id"]) for row in avalanches} - set(first)
            store.append(
                Observation(photo.key, avalanche=str(number), presence=Presence.ABSENT)
                for number in sorted(absent)
            )
    began = time.perf_counter()
    carried = carry_series(store, listing, longest=timedelta(days=30))
    seconds = (time.perf_counter() - began) / max(1, len(carried))
    report_carried(carried, masks, first, len(usable), seconds)

    for photo in listing.photos:
        if photo.key in usable:
            numbers = visible(masks[photo.key])
            state = PhotoState.AVALANCHES if numbers else PhotoState.NOTHING
            seen = [Observation(photo.key, avalanche=str(n)) for n in numbers]
            store.append([Review(photo.key, state=state, count=len(numbers)), *seen])
    intervals = release_intervals(listing.photos, store.read())
    inside = 0
    for row in avalanches:
        released = datetime.fromisoformat(row["released_at"])
        interval = intervals.get(row["id"])
        if interval is None:
            print(f"  avalanche {row['id']}: in no usable photo")
            continue
        after = interval.after or datetime.min.replace(tzinfo=released.tzinfo)
        contains = after < released <= interval.before
        inside += contains
        print(
            f"  avalanche {row['id']}: {interval.quality.value}, {interval.missed} photos missed, "
            f"{'contains' if contains else 'DOES NOT CONTAIN'} the truth"
        )
    print(f"release intervals that contain the truth: {inside} of {len(intervals)}")


def report_carried(
    carried: list[Observation],
    masks: dict[str, NDArray[np.uint8]],
    first: dict[int, str],
    usable: int,
    seconds: float,
) -> None:
    """Print how carried outlines agree with what is true, before any correction."""
    ious, confident, gone = [], [], []
    for observation in carried:
        mask = masks[observation.photo]
        true = mask == int(observation.avalanche)
        if true.sum() < SMALLEST:
            gone.append(observation.confidence)
            continue
        value = iou(fill_rings(observation.rings, mask.shape), true)
        ious.append(value)
        if observation.presence is Presence.PRESENT:
            confident.append(value)
    if not ious:
        print("no outline was carried")
        return
    good = np.mean(np.array(ious) > 0.8)
    print(
        f"outlined by hand: {len(first)} avalanches; carried into {usable} usable photos: "
        f"{len(ious)} outlines, {seconds:.1f} s each"
    )
    print(
        f"IoU before correction: median {np.median(ious):.3f}, lowest {min(ious):.3f}, "
        f"{100 * good:.0f} % above 0.8"
    )
    print(
        f"confidence from {FITS:g} up: {len(confident)} of {len(ious)} that can still be seen, "
        f"{sum(c >= FITS for c in gone)} of {len(gone)} that have faded"
    )


def visible(mask: NDArray[np.uint8]) -> list[int]:
    """Return the numbers of the avalanches that a person would outline."""
    counts = np.bincount(mask.ravel())
    return [number for number in range(1, len(counts)) if counts[number] >= SMALLEST]


def outline(photo: str, mask: NDArray[np.uint8], number: int) -> Observation:
    """Return the outline that a person draws."""
    rings, parts = polygon_rings(mask_to_polygons(mask == number))
    return Observation(
        photo, avalanche=str(number), rings=rings, parts=parts, size=(mask.shape[1], mask.shape[0])
    )


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main()
