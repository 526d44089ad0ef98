"""The data set that a sub-command works on, as named on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from core.arguments import natural, number
from core.datasets import DATASETS, Dataset, ImageSample, open_dataset
from core.datasets.base import shorten
from core.errors import DatasetError
from core.file_names import same_name
from core.text_files import read_lines


def add_source(parser: argparse.ArgumentParser, *, choice: bool = True) -> None:
    """Add the options that `open_source` reads, and those of `chosen_names` where ``choice``."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="FAMILY=DIR; DIR alone where one of these tools wrote it. Families: "
        + ", ".join(sorted(DATASETS)),
    )
    parser.add_argument("--part", help="train, val ... where the family comes in parts")
    if choice:
        parser.add_argument(
            "--only",
            type=Path,
            metavar="LIST",
            help="file with the names of the images to take, one a line, as `split` writes it",
        )


def open_source(args: argparse.Namespace) -> Dataset:
    """Open the data set; `DatasetError` where it cannot be."""
    source = str(args.source)
    family, sign, folder = source.partition("=")
    if not sign or (family not in DATASETS and Path(source).is_dir()):  # folders may have a =
        folder, family = source, _written_form(Path(source))
    return open_dataset(family, Path(folder), args.part)


def chosen_names(dataset: Dataset, only: Path | None) -> list[str]:
    """Names of the images to take, in order; `DatasetError` names those that are not there."""
    names = list(dataset.images().names)
    if only is None:
        return names
    try:
        wanted = {same_name(line) for line in read_lines(only)}
    except (OSError, ValueError) as error:
        raise DatasetError(f"Cannot read the list of images {only}: {error}.") from error
    missing = sorted(wanted - {same_name(name) for name in names})
    if not wanted:
        raise DatasetError(f"The list {only} is empty: write names of images, one a line.")
    if missing:
        raise DatasetError(
            f"{only} names images that {dataset.root} does not have (it has {names[0]}): "
            + ", ".join(shorten(missing))
        )
    return [name for name in names if same_name(name) in wanted]


def read_images(dataset: Dataset, names: Sequence[str]) -> Iterator[ImageSample]:
    """Read the images of these names one by one, with a progress bar on a terminal."""
    images = dataset.images()
    places = {name: place for place, name in enumerate(images.names)}
    for name in tqdm(names, unit="picture", disable=None, file=sys.stderr):
        yield images[places[name]]


def quality(text: str) -> int:
    """Read a JPEG quality, 1 to 100."""
    value = natural(text)
    if value > 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a JPEG quality from 1 to 100")
    return value


def share(text: str) -> float:
    """Read a number from 0 up to, but not including 1."""
    value = number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 0.2")
    return value


def _written_form(folder: Path) -> str:
    """Family of a folder that these tools or `core.datasets.export_dataset` wrote."""
    marks = {
        "iseg": folder / "iseg.json",
        "shards": folder / "manifest.csv",
        "images": folder / "masks",
    }
    for family, mark in marks.items():
        if mark.exists():
            return family
    raise DatasetError(
        f"Cannot tell what {folder} holds: name its family, as in slf={folder}. Families: "
        f"{', '.join(sorted(DATASETS))}."
    )
