"""``crops``: one crop round each object, with its proportions kept, for training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.arguments import natural, positive
from core.datasets import ImageSample, open_dataset
from core.datasets.base import OBJECT

from .folder import ObjectFolder, flat_stem
from .resize import fitted_shape, resize_ids, resize_pixels
from .source import add_source, chosen_names, open_source, quality, read_images


@dataclass(frozen=True)
class CropRule:
    """Margin and size of crops.

    Attributes
    ----------
    margin
        Height and width of the crop in those of the object's bounding box.
    min_size
        Pixels of the image that a crop is high and wide at least, where the image has them.
    longest
        Pixels that the longer side is shrunk to.
    enlarge
        Whether smaller crops are brought to ``longest`` too.
    """

    margin: float = 1.1
    min_size: int = 1000
    longest: int = 1000
    enlarge: bool = False


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "crops",
        help="crops round the objects, proportions kept",
        description="Writes OUT/images and OUT/masks: the object of a crop is NAME_1.png, "
        "other objects in sight follow.",
    )
    add_source(parser)
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="new or empty folder")
    rule = CropRule()
    add("--margin", type=positive, default=rule.margin, help="of the bounding box (%(default)s)")
    add("--min-size", type=natural, default=rule.min_size, help="pixels (%(default)s)")
    add("--longest", type=natural, default=rule.longest, help="side afterwards (%(default)s)")
    add("--enlarge", action="store_true", help="bring small crops to it too")
    add("--quality", type=quality, default=95, help="of the JPEGs (%(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Cut; 1 where an object could not be cut out."""
    dataset = open_source(args)
    names = chosen_names(dataset, args.only)
    rule = CropRule(args.margin, args.min_size, args.longest, args.enlarge)
    count, lost = 0, 0
    with ObjectFolder(args.out) as target:
        for image in read_images(dataset, names):
            for number, crop in crops(image, rule):
                if crop is None:
                    lost += 1
                    print(f"Object {number} of {image.name} leaves no pixel.", file=sys.stderr)
                    continue
                stem = flat_stem(image.name)
                name = stem if len(image.objects) == 1 else f"{stem}_{number}"
                target.write(name, *crop, args.quality)
                count += 1
    print(f"{count} crops from {len(names)} images.")
    if count:
        open_dataset("images", args.out).images()  # would say what does not pair
    return int(lost > 0)


Crop = tuple[NDArray[np.uint8], list[NDArray[np.int8]]]


def crops(image: ImageSample, rule: CropRule) -> Iterator[tuple[int, Crop | None]]:
    """Yield the id of each object of an image and the crop that is made for it.

    A crop is ((H, W, 3) uint8 RGB, masks): (H, W) int8 of 1, 0, -1; the first is the object's,
    then those of other objects in sight. None where the object has no pixel (left).
    """
    for number, _ in image.objects:
        inside = image.mask(number) == OBJECT
        if not inside.any():
            yield number, None
            continue
        window = crop_window(inside, rule)
        layers = image.layers[:, window[0], window[1]]
        cut = ImageSample(image.name, image.image[window], layers, image.objects)
        shape = fitted_shape(cut.image.shape[:2], rule.longest, enlarge=rule.enlarge)
        target = resize_ids(cut.mask(number), shape)
        others = (resize_ids(cut.mask(i), shape) for i, _ in image.objects if i != number)
        visible = [mask for mask in others if (mask == OBJECT).any()]
        kept = (target == OBJECT).any()
        yield number, (resize_pixels(cut.image, shape), [target, *visible]) if kept else None


def crop_window(inside: NDArray[np.bool_], rule: CropRule) -> tuple[slice, slice]:
    """Window round an (H, W) mask that holds the whole object, moved rather than cut at edges."""
    rows, cols = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    return (
        _span(int(rows[0]), int(rows[-1]) + 1, inside.shape[0], rule),
        _span(int(cols[0]), int(cols[-1]) + 1, inside.shape[1], rule),
    )


def _span(first: int, end: int, limit: int, rule: CropRule) -> slice:
    length = min(limit, max(round(rule.margin * (end - first)), end - first, rule.min_size))
    start = round((first + end - length) / 2)
    start = min(max(start, 0), limit - length)
    return slice(start, start + length)
