"""`python -m core series mark, outline, merge`: what persons note about photos."""

from __future__ import annotations

import argparse
from pathlib import Path

from ... import arguments
from ...errors import IsegError
from ...series import Look, Observation, PhotoState, Presence, Review, Screening, SeriesStore
from ...series.records import new_avalanche
from . import common

_STATES = {
    "unseen": PhotoState.UNSEEN,
    "nothing": PhotoState.NOTHING,
    "hidden": PhotoState.HIDDEN,
    "avalanches": PhotoState.AVALANCHES,
}


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to the parser of `series`."""
    mark = common.new_parser(subparsers, "mark", run_mark, "note what photos show")
    mark.add_argument("photos", metavar="PHOTO", nargs="+", help="end of the path is enough")
    mark.add_argument(
        "--state",
        choices=_STATES,
        help="unseen: not looked at; nothing: nothing released; hidden: could not see",
    )
    mark.add_argument(
        "--count", metavar="N", type=arguments.natural_or_zero, help="of avalanches in each"
    )
    mark.add_argument(
        "--look",
        choices=[look.name.lower() for look in Look],
        help="overrule the screening",
    )
    outline = common.new_parser(
        subparsers, "outline", run_outline, "note the avalanches of a photo from a mask"
    )
    outline.add_argument("photo", metavar="PHOTO", help="end of the path is enough")
    outline.add_argument(
        "mask", metavar="MASK", type=Path, help="each value that is not 0 is one avalanche"
    )
    outline.add_argument(
        "--avalanche",
        metavar="ID",
        action="append",
        default=[],
        help="identifier of each value in their order, to note an avalanche again "
        "(default: new ones)",
    )
    outline.add_argument(
        "--tolerance", metavar="PIXELS", type=arguments.not_negative, default=1.25,
        help="farthest an outline may leave the pixel edges (default: %(default)s)",
    )  # fmt: skip
    merge = common.new_parser(
        subparsers, "merge", run_merge, "take in what a colleague noted in a copy of the series"
    )
    merge.add_argument("other", metavar="OTHER.series", type=Path)


def run_mark(args: argparse.Namespace) -> None:
    """Note states and looks."""
    if not args.state and not args.look:
        raise IsegError("Nothing to note: give --state or --look.")
    if args.count is not None and args.state != "avalanches":
        raise IsegError("--count is for --state avalanches.")
    store, listing = common.open_series(args.series)
    photos = [common.find_photo(listing, name) for name in args.photos]
    if args.state:
        count = args.count if args.count is not None else int(args.state == "avalanches")
        store.append(Review(p.key, state=_STATES[args.state], count=count) for p in photos)
    if args.look:
        look = Look[args.look.upper()]
        store.append(Screening(p.key, look=look, reason="Noted by a person.") for p in photos)
    print(f"noted {len(photos)} photos")


def run_outline(args: argparse.Namespace) -> None:
    """Note the avalanches of a mask, and that the photo shows them."""
    from ...image import align_mask, read_mask_image
    from ...outline import mask_to_polygons
    from ...outline.rings import polygon_rings

    store, listing = common.open_series(args.series)
    photo = common.find_photo(listing, args.photo)
    objects = read_mask_image(args.mask)
    labels, numbers = align_mask(objects.labels, photo.path, args.mask), objects.numbers
    if not numbers:
        raise IsegError(
            f"The mask {args.mask} is empty: for a photo without avalanches, use "
            "`series mark --state nothing`."
        )
    if args.avalanche and len(args.avalanche) != len(numbers):
        raise IsegError(
            f"The mask {args.mask} holds {len(numbers)} avalanches: give --avalanche as often."
        )
    names = args.avalanche or [new_avalanche() for _ in numbers]
    size = (labels.shape[1], labels.shape[0])
    noted = []
    for number, name in zip(numbers, names, strict=True):
        rings, parts = polygon_rings(mask_to_polygons(labels == number, tolerance=args.tolerance))
        noted.append(
            Observation(
                photo.key,
                avalanche=name,
                presence=Presence.PRESENT,
                rings=rings,
                parts=parts,
                size=size,
            )
        )
        print(f"{name}: value {number}")
    review = Review(photo.key, state=PhotoState.AVALANCHES, count=len(noted))
    store.append([*noted, review])


def run_merge(args: argparse.Namespace) -> None:
    """Take in the records of another folder; tell where two persons state different things."""
    store = SeriesStore.open(args.series)
    count = store.take_in(SeriesStore.open(args.other))
    print(f"took in {count} records")
    for overruled, holding in store.read().conflicts:
        print(f"{holding.photo}: {holding.by} overruled {overruled.by}")
