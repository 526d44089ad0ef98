"""``split``: training, validation and test images, no photo (or camera) on two sides."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.errors import DatasetError
from core.files import write_text

from .folder import make_folder
from .near_duplicates import BITS, difference_hash, near_duplicate_pairs
from .photos import CAMERA, PHOTO, camera_keys, linked_groups, photo_key
from .source import add_source, chosen_names, open_source, read_images, share

ALIKE = 16
"""Bits of 256 by which images of one photo may differ."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "split",
        help="split by photo or camera",
        description="Copies and crops of one photo (NAME_1, NAME_2 ...) and images that look the "
        "same stay together. The same source and seed give the same split.",
    )
    add_source(parser)
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="OUT.json, or a folder for train.txt, val.txt ...")
    add("--by", choices=("photo", "camera"), default="photo")
    add("--val", type=share, default=0.2, help="share of images (%(default)s)")
    add("--test", type=share, default=0.0, help="share of images (%(default)s)")
    add("--seed", type=int, default=0)
    add(
        "--photo-pattern",
        type=_pattern,
        default=PHOTO,
        metavar="REGEX",
        help="matches names without suffix; its first group names the photo "
        "(default: all before _1, _2 ...)",
    )
    add(
        "--camera-pattern",
        type=_pattern,
        default=CAMERA,
        metavar="REGEX",
        help="matches names without suffix; its groups name the camera "
        "(default: PLACE_DATE_TIME-idCAMERA, else the folder)",
    )
    add(
        "--alike",
        type=_bits,
        default=ALIKE,
        metavar="BITS",
        help=f"of {BITS}: images that differ in no more look the same; -1 for no comparison "
        "(%(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Split and write the lists."""
    dataset = open_source(args)
    names = chosen_names(dataset, args.only)
    keys = [[f"photo:{photo_key(name, args.photo_pattern)}"] for name in names]
    if args.by == "camera":
        for own, name in zip(keys, names, strict=True):
            own.extend(camera_keys(name, args.camera_pattern))
    pairs: list[tuple[int, int]] = []
    if args.alike >= 0:
        hashes = [difference_hash(image.image) for image in read_images(dataset, names)]
        pairs = list(near_duplicate_pairs(np.array(hashes), args.alike))
    for first, second in pairs:
        link = f"alike:{first}:{second}"
        keys[first].append(link)
        keys[second].append(link)
    groups = [[names[i] for i in group] for group in linked_groups(keys)]
    sides = assign(groups, {"test": args.test, "val": args.val}, args.seed)
    _write(args.out, {side: sorted(members) for side, members in sides.items()}, args)
    counts = ", ".join(f"{side} {len(members)}" for side, members in sides.items())
    largest = max(len(group) for group in groups)
    print(f"{counts} images; {len(groups)} groups, the largest of {largest}; {len(pairs)} alike.")
    return 0


def assign(
    groups: Sequence[Sequence[str]], shares: dict[str, float], seed: int
) -> dict[str, list[str]]:
    """Deal groups to sides, in an order that depends on names and seed alone.

    Parameters
    ----------
    groups
        Names that must stay together.
    shares
        Wanted share of all names for each side but ``train``, which gets the rest.
    seed
        Another seed, another order.

    Returns
    -------
    dict
        Side -> names; ``train`` first, sides of share 0 left out.

    Raises
    ------
    DatasetError
        Too few groups for each side to get one.
    """
    total = sum(len(group) for group in groups)
    wanted = {side: value * total for side, value in shares.items() if value > 0}
    if sum(shares.values()) >= 1:
        raise DatasetError("The shares of val and test leave nothing to train on: lower them.")
    if len(groups) <= len(wanted):
        raise DatasetError(
            f"{len(groups)} groups of images that belong together cannot be dealt to "
            f"{len(wanted) + 1} sides: add photos, or split by photo instead of camera."
        )
    waiting = sorted(groups, key=lambda group: _rank(min(group), seed))
    sides: dict[str, list[str]] = {"train": []}
    for side, target in wanted.items():
        taken: list[str] = []
        left = []
        for group in waiting:
            if abs(len(taken) + len(group) - target) < abs(len(taken) - target):
                taken.extend(group)
            else:
                left.append(group)
        if not taken:  # every group is larger than twice the share
            smallest = min(left, key=len)
            left.remove(smallest)
            taken.extend(smallest)
        sides[side], waiting = taken, left
    sides["train"] = [name for group in waiting for name in group]
    if not sides["train"]:
        raise DatasetError("The split leaves nothing to train on: lower the shares.")
    return sides


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _write(out: Path, sides: dict[str, list[str]], args: argparse.Namespace) -> None:
    try:
        if out.suffix == ".json":
            content = {"source": args.source, "by": args.by, "seed": args.seed, "splits": sides}
            write_text(out, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            return
        make_folder(out)
        for side, names in sides.items():
            write_text(out / f"{side}.txt", "".join(f"{n}\n" for n in names))
    except OSError as error:
        raise DatasetError(f"Cannot write the split to {out}: {error}.") from error


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None
    if not pattern.groups:
        raise argparse.ArgumentTypeError(f"{text!r} has no (group) that names what it looks for")
    return pattern


def _bits(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = BITS
    if not -1 <= value < BITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of bits from -1 to {BITS - 1}")
    return value
