"""``objects``: annotations of COCO or Scalabel, or label images, to one mask for each object."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from core.datasets import open_dataset

from .annotations import read_annotations
from .folder import ObjectFolder, flat_stem
from .label_images import LabelImages


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "objects",
        help="polygons or label images to one mask for each object",
        description="Writes OUT/images and OUT/masks with NAME_1.png, NAME_2.png ... for each "
        "image. Entries that are broken are named and left out; the status is then 1.",
    )
    add = parser.add_argument
    add(
        "source",
        type=Path,
        metavar="SOURCE",
        help="a .json file in the form of COCO or Scalabel, or a folder with 'images' and 'masks' "
        "whose values are object ids",
    )
    add("out", type=Path, metavar="OUT", help="new or empty folder")
    add("--images", type=Path, help="folder of the images of a .json file, if not beside it")
    add("--ignore", type=int, help="value of label images that means: ignore")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert; 1 where entries are broken."""
    faults: list[str] = []
    if args.source.is_dir():
        found: Iterator[tuple[str, Path, list[NDArray[np.int8]]]] = (
            (path.name, path, masks)
            for path, masks in LabelImages(args.source, args.ignore).sound(faults)
        )
    else:
        images = read_annotations(args.source, args.images, faults)
        progress = tqdm(images, unit="picture", disable=None)
        found = ((p.name, p.image, p.masks(args.source, faults)) for p in progress)
    counts = []
    with ObjectFolder(args.out) as target:
        for name, path, masks in found:
            if masks:
                target.copy(flat_stem(name), path, masks)
            counts.append(len(masks))
    for fault in faults:
        print(fault, file=sys.stderr)
    print(
        f"{sum(counts)} objects in {np.count_nonzero(counts)} images; {counts.count(0)} images "
        f"without a usable object left out; {len(faults)} broken entries."
    )
    if any(counts):
        open_dataset("images", args.out).images()  # would say what does not pair
    return int(bool(faults))
