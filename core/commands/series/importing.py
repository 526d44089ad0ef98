"""`python -m core series import`: outlines that persons made in QGIS, noted in the series."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ...camera.turning import turned_point
from ...containers import orientation_of
from ...errors import IsegError
from ...exchange.avalanche import AvalancheRecord
from ...geopackage.history import outline_times
from ...image import read_image
from ...outline.rings import polygon_rings, rings_to_polygons
from ...outline.vector_files import open_vectors
from ...outline.write import LAYER
from ...series import (
    Listing,
    Observation,
    PhotoState,
    Review,
    SeriesPhoto,
    SeriesState,
    merge_records,
)
from ...series.records import default_author
from ..camera.common import warn
from ..camera.features import Feature, read_polygons
from . import common

if TYPE_CHECKING:
    from ...series.records import Record

_PIXELS = "avalanches_pixels"  # layer of the plugin: outlines in pixels of their photos
_SAME = 0.5  # pixels of area by which an outline may differ from itself, by rounding
_PHOTOS = ("photo", "image_name", "image")


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `series`."""
    parser = common.new_parser(
        subparsers, "import", run, "note the outlines of a layer that was made in QGIS"
    )
    parser.add_argument(
        "outlines",
        metavar="FILE",
        type=Path,
        help="polygons in pixels x, -y of their photos, with avalanche_id or uuid, and image_name",
    )
    parser.add_argument(
        "--layer", metavar="NAME", help=f"(default: {_PIXELS}, or the only one with polygons)"
    )


def run(args: argparse.Namespace) -> None:
    """Note the outline of each avalanche in each photo; those noted before are passed over."""
    store, listing = common.open_series(args.series)
    layer = args.layer
    if layer is None:
        with open_vectors(args.outlines) as file:
            layer = _PIXELS if _PIXELS in file.layer_names() else None
    features, _ = read_polygons(args.outlines, layer)
    times = _saved_times(args.outlines, layer or LAYER)
    found: dict[tuple[str, str], Observation] = {}
    former: set[tuple[str, str]] = set()  # names under which earlier versions noted them
    records = store.records()
    state, unchanged = merge_records(records), 0
    for feature in features:
        values = AvalancheRecord((), feature.properties)
        name = next(filter(None, map(values.text, _PHOTOS)), "")
        try:
            if not values.group or not name:
                raise IsegError("it has no uuid, or no image_name.")
            photo = common.find_photo(listing, Path(name).name)
            observation = _observation(feature, photo, times)
        except IsegError as error:
            warn(f"{args.outlines}, feature {feature.fid}: {error} It is left out.")
            continue
        key = observation.avalanche, observation.photo
        if _is_by_program(values) and _is_unchanged(state.observations.get(key), observation):
            unchanged += 1
            continue
        found[key] = _joined(found[key], observation) if key in found else observation
        former.add((values.name, observation.photo))
    noted = _new(records, state, listing, found, former)
    store.append(noted)
    fresh = set(found.values())
    outlines = sum(record in fresh for record in noted)
    print(f"noted {outlines} outlines; {len(found) - outlines} were noted before")
    if unchanged:
        print(f"{unchanged} that a program outlined, and nobody has changed, are left out")


def _new(
    records: Sequence[Record],
    state: SeriesState,
    listing: Listing,
    found: Mapping[tuple[str, str], Observation],
    former: set[tuple[str, str]],
) -> list[Record]:
    """Return the outlines that are new, and that their photos show avalanches."""
    known_before = set(records)
    new = [
        observation
        for key, observation in found.items()
        if observation not in known_before
        and not _is_same(state.observations.get(key), observation)
    ]
    counts: dict[str, set[str]] = {}
    for observation in new:
        known = counts.setdefault(observation.photo, set(state.avalanches_in(observation.photo)))
        known.add(observation.avalanche)
    renamed = [
        Observation.taken_back(photo, name)
        for name, photo in sorted(former - set(found))
        if (noted := state.observations.get((name, photo))) and not noted.is_by_program
    ]
    for each in renamed:
        counts.setdefault(each.photo, set(state.avalanches_in(each.photo))).discard(each.avalanche)
    last: dict[str, Observation] = {each.photo: each for each in [*new, *renamed]}
    reviews = [
        Review(photo.key, last[photo.key].at, last[photo.key].by, PhotoState.AVALANCHES, len(names))
        for photo in listing.photos
        if (names := counts.get(photo.key))
    ]
    return [*new, *renamed, *reviews]


def _observation(
    feature: Feature, photo: SeriesPhoto, times: Mapping[str, datetime]
) -> Observation:
    """Return the outline of a feature in pixels of its photo as displayed."""
    height, width = read_image(photo.path).pixels.shape[:2]
    orientation = orientation_of(photo.path)
    stored = (height, width) if orientation >= 5 else (width, height)
    rings, parts = polygon_rings(feature.polygon)
    values = AvalancheRecord((), feature.properties)
    moved = []
    for ring in rings:
        turned = (turned_point(x - 0.5, -y - 0.5, stored, orientation) for x, y in ring)
        moved.append(tuple((round(u + 0.5, 2), round(v + 0.5, 2)) for u, v in turned))
    if any(min(u, v) < -1 or u > width + 1 or v > height + 1 for ring in moved for u, v in ring):
        raise IsegError(f"it lies outside of its photo {photo.path.name}: are these pixels x, -y?")
    told = values.moment("modified_at") or values.moment("created_at")
    known = [time for time in (told, times.get(values.name)) if time is not None]
    at = max(known, default=photo.time)
    return Observation(
        photo.key,
        at=at.replace(microsecond=at.microsecond // 1000 * 1000),
        by=values.text("mapper") or default_author(),
        avalanche=values.group,
        rings=tuple(moved),
        parts=parts,
        size=(width, height),
    )


def _joined(first: Observation, second: Observation) -> Observation:
    """Return one observation of two outlines of an avalanche in a photo: its parts."""
    import shapely

    areas = [rings_to_polygons(each.rings, each.parts) for each in (first, second)]
    whole = shapely.get_parts(shapely.union_all(areas))
    rings, parts = polygon_rings(shapely.MultiPolygon(list(whole)))
    rounded = tuple(tuple((round(x, 2), round(y, 2)) for x, y in ring) for ring in rings)
    return replace(max(first, second, key=lambda each: each.at), rings=rounded, parts=parts)


def _is_same(noted: Observation | None, found: Observation) -> bool:
    """Return whether the outline that holds is the one that was found."""
    if noted is None or noted.presence != found.presence or noted.is_by_program:
        return False
    return _has_same_outline(noted, found)


def _is_by_program(values: AvalancheRecord) -> bool:
    """Return whether `series run` wrote a row of what it found itself."""
    return bool(values.attributes.get("by_program")) and not values.text("mapper")


def _is_unchanged(noted: Observation | None, found: Observation) -> bool:
    """Return whether a row by a program is still as it was noted; what nobody noted is, too."""
    return noted is None or (noted.is_by_program and _has_same_outline(noted, found))


def _has_same_outline(noted: Observation, found: Observation) -> bool:
    if noted.size != found.size:
        return False
    first, second = (rings_to_polygons(each.rings, each.parts) for each in (noted, found))
    return bool(first.symmetric_difference(second).area < _SAME)


def _saved_times(path: Path, layer: str) -> Mapping[str, datetime]:
    """Return when each outline became what it is, by uuid, where the file keeps a history.

    QGIS's own tools change an outline, and leave the times among its attributes.
    """
    return outline_times(path, layer) if path.suffix.lower() == ".gpkg" else {}
