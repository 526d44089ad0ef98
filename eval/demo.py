"""``python -m eval demo``: map the avalanches of an image as a user would, and show the result."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.arguments import natural
from core.datasets import ImageSample, open_dataset
from core.errors import DatasetError, IsegError
from core.image import write_png
from core.outline import Attribute, draw_overlay, mask_to_polygons, pixel_to_map, write_outlines
from core.prompts import Click, Prompts
from core.robot_user import simulate_clicks
from core.worker.client import Worker

from .options import between_0_and_1, dataset_folder

RGB = tuple[int, int, int]
COLOURS: tuple[RGB, ...] = (
    (255, 140, 0),
    (0, 160, 255),
    (230, 40, 160),
    (60, 200, 90),
    (250, 220, 40),
)
_LEAST_AREA = 64  # pixels; a glimpse of an avalanche behind trees is not worth mapping


class MappedAvalanche(NamedTuple):
    """One object: its clicks, the mask they gave, (H, W) bool, and the IoU with the truth."""

    name: str
    clicks: list[Click]
    mask: NDArray[np.bool_]
    iou: float


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="click the objects of one image and draw the result",
        description="Click every object of one image of a data set through the worker process "
        "that QGIS uses, until its IoU reaches the target; write OUT/overlay.png, OUT/truth.png "
        "OUT/labels.png and OUT/avalanches.gpkg, and print clicks and IoU.",
    )
    add = parser.add_argument
    add("--dataset", type=dataset_folder, required=True, metavar="NAME=DIR")
    add("--picture", type=natural, default=1, metavar="N", help="number of the image, from 1")
    add("--model", default="default", metavar="NAME|FILE")
    add("--out", type=Path, required=True, metavar="DIR")
    add("--clicks", type=natural, default=10, metavar="N", help="at most, per object (default 10)")
    add("--target", type=between_0_and_1, default=0.9, metavar="IOU", help="default 0.9")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Map the image's objects, then write and print what came out."""
    images = open_dataset(*args.dataset).images()
    if args.picture > len(images):
        raise DatasetError(f"There are {len(images)} images, not {args.picture}.")
    image = images[args.picture - 1]
    numbers = [
        number
        for number, layer in image.objects
        if np.count_nonzero(image.layers[layer] == number) >= _LEAST_AREA
    ]
    if not numbers:
        raise DatasetError(f"{image.name} shows nothing to map: choose another image.")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsegError(f"Cannot write to {args.out}: {error}") from error
    with Worker() as worker:
        loaded = worker.load_model(args.model)
        worker.set_image(image.name, image.image)
        mapped = [
            _map(worker, image, number, loaded.threshold, args.clicks, args.target)
            for number in numbers
        ]
    _write(args.out, image, mapped)
    for item in mapped:
        print(f"avalanche {item.name}: {len(item.clicks)} clicks, IoU {item.iou:.3f}")
    clicks = sum(len(item.clicks) for item in mapped) / len(mapped)
    mean = sum(item.iou for item in mapped) / len(mapped)
    print(f"{len(mapped)} avalanches, {clicks:.1f} clicks each, mean IoU {mean:.3f}")
    print(f"Look at {args.out / 'overlay.png'}; outlines: {args.out / 'avalanches.gpkg'}")


def _map(
    worker: Worker, image: ImageSample, number: int, threshold: float, most: int, target: float
) -> MappedAvalanche:
    turns = simulate_clicks(
        image.mask(number),
        lambda clicks: worker.predict(image.name, Prompts(clicks)).mask(threshold),
        max_clicks=most,
        target_iou=target,
    )
    clicks, masks, ious = zip(*turns, strict=True)
    return MappedAvalanche(str(number), list(clicks), masks[-1], ious[-1])


def _write(out: Path, image: ImageSample, mapped: list[MappedAvalanche]) -> None:
    shown = truth = image.image
    labels = np.zeros(shown.shape[:2], np.uint8)
    for index, item in enumerate(mapped):
        colour = COLOURS[index % len(COLOURS)]
        shown = draw_overlay(shown, item.mask, item.clicks, colour=colour)
        truth = draw_overlay(truth, image.mask(int(item.name)) == 1, colour=colour)
        labels[item.mask] = index + 1
    write_png(out / "overlay.png", shown)
    write_png(out / "truth.png", truth)
    write_png(out / "labels.png", labels)
    outlines = [
        pixel_to_map(mask_to_polygons(item.mask, min_area=_LEAST_AREA), None) for item in mapped
    ]
    about: list[dict[str, Attribute]] = [
        {"name": item.name, "clicks": len(item.clicks), "iou": item.iou} for item in mapped
    ]
    features = list(zip(outlines, about, strict=True))
    write_outlines(out / "avalanches.gpkg", features, crs_wkt=None)
