"""``python -m training synthetic``: many scenes, and the data set that they make."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from core.arguments import natural, natural_or_zero
from core.datasets.export import FORMAT, INDEX, VERSION
from core.errors import DatasetError

from .camera import PINHOLE, PROJECTIONS
from .files import IMAGE, LABELS, write_scene, write_winter
from .scene import make_scene
from .winter import make_winter


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``synthetic``."""
    parser = subparsers.add_parser(
        "synthetic",
        help="make webcam images of avalanches in random mountains",
        description="Make webcam images of avalanches in random mountains, with masks, elevation "
        "model, camera, control points and true outlines, each in a folder; and images/, masks/ "
        "and iseg.json, which open as the data set 'iseg'.",
    )
    add = parser.add_argument
    add("out", type=Path, metavar="OUT", help="new or empty folder")
    add("--count", type=natural, default=1, metavar="N", help="default 1")
    add(
        "--seed", type=natural_or_zero, default=0, metavar="S", help="of the first scene, default 0"
    )
    add("--size", type=_size, default=(1600, 1000), metavar="WxH", help="default 1600x1000")
    add(
        "--projection",
        choices=PROJECTIONS,
        default=PINHOLE,
        help="of the camera: an ordinary lens (default), a panorama or an equidistant fisheye",
    )
    add("--workers", type=natural, default=1, metavar="K", help="default 1")
    add(
        "--winter",
        type=natural,
        metavar="N",
        help="N photos of one camera over days, instead of scenes: drift, fog, night, snowfall, "
        "avalanches that release at known times and fade; with the truth as tables and masks",
    )
    add(
        "--year",
        action="store_true",
        help="with --winter: its days are spread over a year, in which snow melts and comes again, "
        "and the camera is aimed anew twice",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Make the scenes, or a winter.

    Raises
    ------
    DatasetError
        If the folder is in use.
    """
    out: Path = args.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out} is not an empty folder: name a new one.")
    if args.year and not args.winter:
        raise DatasetError("--year says how a winter is spread: give its photos with --winter N.")
    if args.winter and args.projection != PINHOLE:
        raise DatasetError("A winter is that of an ordinary lens: leave --projection out.")
    if args.winter:
        write_winter(make_winter(args.seed, args.winter, *args.size, year=args.year), out)
        return
    for part in ("images", "masks"):
        (out / part).mkdir(parents=True)
    make = partial(_make, out=out, seed=args.seed, size=args.size, projection=args.projection)
    # Spawned: a fork may inherit locks held by threads of OpenCV or torch.
    context = multiprocessing.get_context("spawn")
    with context.Pool(args.workers, cv2.setNumThreads, (1,)) as pool:
        numbers = range(1, args.count + 1)
        entries = list(tqdm(pool.imap(make, numbers), "scenes", args.count, disable=None))
    content = {"format": FORMAT, "version": VERSION, "pictures": entries}
    (out / INDEX).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _make(
    number: int, out: Path, seed: int, size: tuple[int, int], projection: str
) -> dict[str, Any]:
    """Make and write one scene; its entry in the index."""
    scene = make_scene(seed + number - 1, *size, projection)
    name = f"scene_{number:06d}"
    write_scene(scene, out / name)
    image, mask = f"images/{name}.jpg", f"masks/{name}.png"
    shutil.copyfile(out / name / IMAGE, out / image)
    shutil.copyfile(out / name / LABELS, out / mask)
    objects = [{"id": number, "kind": kind} for number, _, kind in scene.outlines]
    return {"image": image, "mask": mask, "objects": objects}


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text)
    if not match or min(int(match[1]), int(match[2])) < 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT from 64x64 up")
    return int(match[1]), int(match[2])
