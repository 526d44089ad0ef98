"""``stats``: numbers about a data set, and a contact sheet to look at."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from core.arguments import natural
from core.errors import DatasetError
from core.image import write_png

from .contact_sheet import contact_sheet, thumbnail
from .measures import ObjectMeasures, measure_image, summarise, table
from .source import add_source, chosen_names, open_source, read_images


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser("stats", help="statistics and a contact sheet")
    add_source(parser)
    add = parser.add_argument
    add("--sheet", type=Path, metavar="PNG", help="write a contact sheet")
    add("--count", type=natural, default=60, help="images on the sheet (%(default)s)")
    add("--seed", type=int, default=0, help="of the choice for the sheet")
    add("--json", type=Path, help="write the statistics")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure all images, show some."""
    dataset = open_source(args)
    names = chosen_names(dataset, args.only)
    rng = np.random.default_rng(args.seed)
    shown = set(rng.permutation(names)[: args.count].tolist()) if args.sheet else set()
    sizes: list[tuple[int, int]] = []
    objects: list[list[ObjectMeasures]] = []
    thumbnails = []
    for image in read_images(dataset, names):
        height, width = image.image.shape[:2]
        sizes.append((height, width))
        objects.append(measure_image(image))
        if image.name in shown:
            thumbnails.append(thumbnail(image))
    summary = summarise(sizes, objects)
    print(table(summary))
    if args.sheet:
        write_png(args.sheet, contact_sheet(thumbnails))
    if args.json:
        try:
            args.json.write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
        except OSError as error:
            raise DatasetError(f"Cannot write {args.json}: {error}.") from error
    return 0
