"""``pack``: images and masks, shrunk, into tar shards for machines with slow disks."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from core.arguments import natural, positive

from .folder import flat_stem
from .shards import ShardWriter, shrink
from .source import add_source, chosen_names, open_source, quality, read_images


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "pack",
        help="tar shards for machines with slow disks",
        description="Writes OUT/SET-000.tar ... and OUT/manifest.csv, read back as shards=OUT. "
        "Images are shuffled, so that each shard is a fair sample.",
    )
    add_source(parser)
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="new or empty folder")
    add("--longest", type=natural, default=336, help="of the longer side, in pixels (%(default)s)")
    add("--shard-mb", type=positive, default=64.0, help="(%(default)s)")
    add("--quality", type=quality, default=92, help="of the JPEGs (%(default)s)")
    add("--seed", type=int, default=0, help="of the order (%(default)s)")
    add("--set", help="name of the set (default: that of the folder OUT)")
    add(
        "--kind",
        choices=("instances", "regions", "binary"),
        default="instances",
        help="whole objects, a full partition of the image, or object and background",
    )
    add("--source-note", default="", help="where the images come from")
    add("--licence", default="", help="of images and masks")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pack."""
    dataset = open_source(args)
    names = chosen_names(dataset, args.only)
    order = np.random.default_rng(args.seed).permutation(len(names))
    common = {
        "set": args.set or args.out.resolve().name,
        "mask_kind": args.kind,
        "source": args.source_note,
        "licence": args.licence,
    }
    packed = expected = 0
    with ShardWriter(args.out, round(args.shard_mb * 1e6), common) as writer:
        for image in read_images(dataset, [names[i] for i in order]):
            small = shrink(image, args.longest)
            packed += writer.add(flat_stem(image.name), small, args.quality)
            expected += len(image.objects)
    print(
        f"{len(names)} images, {packed} objects in {writer.shards} shards; "
        f"{expected - packed} objects shrank to nothing."
    )
    return 0
