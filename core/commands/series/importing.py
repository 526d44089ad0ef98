"""`python -m core series import`: outlines that persons made in QGIS, noted in the series."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...camera.turning import turned_point
from ...containers import orientation_of
from ...errors import IsegError
from ...image import read_image
from ...outline.rings import polygon_rings
from ...outline.vector_files import open_vectors
from ...series import (
    Listing,
    Observation,
    PhotoState,
    Review,
    SeriesPhoto,
    SeriesStore,
    merge_records,
)
from ...series.records import default_author
from ..camera.common import warn
from ..camera.features import Feature, read_polygons
from . import common

if TYPE_CHECKING:
    from ...series.records import Record

_PIXELS = "avalanches_pixels"  # layer of the plugin: outlines in pixels of their photos
_IDENTIFIERS = ("uuid", "avalanche_id")
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
        help="polygons in pixels x, -y of their photos, with uuid and image_name",
    )
    parser.add_argument(
        "--layer", metavar="NAME", help=f"(default: {_PIXELS}, or the only one with polygons)"
    )


def run(args: argparse.Namespace) -> None:
    """Note each outline as an observation of a person; those noted before are passed over."""
    store, listing = common.open_series(args.series)
    layer = args.layer
    if layer is None:
        with open_vectors(args.outlines) as file:
            layer = _PIXELS if _PIXELS in file.layer_names() else None
    features, _ = read_polygons(args.outlines, layer)
    found: list[Observation] = []
    for feature in features:
        name = _first(feature.properties, _PHOTOS)
        try:
            if not _first(feature.properties, _IDENTIFIERS) or not name:
                raise IsegError("it has no uuid, or no image_name.")
            found.append(_observation(feature, common.find_photo(listing, Path(name).name)))
        except IsegError as error:
            warn(f"{args.outlines}, feature {feature.fid}: {error} It is left out.")
    noted = _new(store, listing, found)
    store.append(noted)
    outlines = sum(isinstance(record, Observation) for record in noted)
    print(f"noted {outlines} outlines; {len(found) - outlines} were noted before")


def _new(store: SeriesStore, listing: Listing, found: list[Observation]) -> list[Record]:
    """Return the outlines that are new, and that their photos show avalanches."""
    records = store.records()
    state, known_before = merge_records(records), set(records)
    new = [observation for observation in found if observation not in known_before]
    counts: dict[str, set[str]] = {}
    for observation in new:
        known = counts.setdefault(observation.photo, set(state.avalanches_in(observation.photo)))
        known.add(observation.avalanche)
    last = {observation.photo: observation for observation in new}
    reviews = [
        Review(photo.key, last[photo.key].at, last[photo.key].by, PhotoState.AVALANCHES, len(names))
        for photo in listing.photos
        if (names := counts.get(photo.key))
    ]
    return [*new, *reviews]


def _observation(feature: Feature, photo: SeriesPhoto) -> Observation:
    """Return the outline of a feature in pixels of its photo as displayed."""
    height, width = read_image(photo.path).pixels.shape[:2]
    orientation = orientation_of(photo.path)
    stored = (height, width) if orientation >= 5 else (width, height)
    rings, parts = polygon_rings(feature.polygon)
    values = feature.properties
    moved = []
    for ring in rings:
        turned = (turned_point(x - 0.5, -y - 0.5, stored, orientation) for x, y in ring)
        moved.append(tuple((round(u + 0.5, 2), round(v + 0.5, 2)) for u, v in turned))
    if any(min(u, v) < -1 or u > width + 1 or v > height + 1 for ring in moved for u, v in ring):
        raise IsegError(f"it lies outside of its photo {photo.path.name}: are these pixels x, -y?")
    return Observation(
        photo.key,
        at=_time(values) or photo.time,
        by=str(values.get("mapper") or "") or default_author(),
        avalanche=_first(values, _IDENTIFIERS),
        rings=tuple(moved),
        parts=parts,
        size=(width, height),
    )


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first text that is there."""
    return next((str(values[name]) for name in names if values.get(name)), "")


def _time(values: Mapping[str, Any]) -> datetime | None:
    """Return when a feature was outlined, UTC; None if it does not tell."""
    text = _first(values, ("modified_at", "created_at"))
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00").replace("/", "-"))
    except ValueError:
        return None
    time = time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time
    return time.replace(microsecond=time.microsecond // 1000 * 1000).astimezone(timezone.utc)
