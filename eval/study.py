"""``python -m eval study``: time, clicks, and IoU after each click of what persons mapped."""

from __future__ import annotations

import argparse
import base64
import csv
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.commands.export import in_stored_pixels, read_avalanches
from core.engine import load_model
from core.errors import IsegError, PromptError, write_errors
from core.exchange.avalanche import AvalancheRecord
from core.exchange.images import ImageFiles
from core.files import write_text
from core.image import read_image
from core.json_files import MALFORMED, is_true, parse_json
from core.mask_image import turn_back
from core.metrics import bootstrap_interval, iou
from core.predictor import Predictor, PredictorOptions
from core.prompts import Box, Click, Prompts

from .plots import new_figure

DESCRIPTION = """\
Tell how long persons worked on each avalanche of a GeoPackage of the plugin, with how many clicks
and steps taken back, and repeat its clicks one by one: IoU with the outline that was accepted after
each. Outlines that were drawn by hand stand beside them.

The CSV has a row for each object; the summary printed has medians with the intervals of 95 % of
2,000 resamples of the objects, for each way of mapping.
"""
WAYS = ("clicks", "correction", "by hand")
"""How an object was mapped: from nothing, from a start mask, without prompts."""

_TARGETS = (0.85, 0.9)
_LARGEST = 32_000_000  # pixels: larger images are mapped in windows, which are not known any more
_LONGEST = 1 << 26  # characters of prompts
COLUMNS = (
    "uuid",
    "image",
    "way",
    "mapper",
    "finished_at",
    "seconds",
    "clicks",
    "positive",
    "negative",
    "box",
    "undone",
    "seconds_per_click",
    "clicks_to_85",
    "clicks_to_90",
    "iou_start",
    "ious",
    "fault",
)


@dataclass(frozen=True)
class StudiedObject:
    """One object.

    Attributes
    ----------
    name, image, mapper, finished_at
        As in the layer.
    way
        One of `WAYS`.
    seconds
        Time spent, None if unknown: QGIS measures none of drawing by hand, but a person may have
        entered it.
    clicks
        Signs of the clicks in their order.
    has_box
        Whether a box was given.
    undone
        Steps that were taken back.
    ious
        After 0, 1, 2 ... clicks; empty if they were not repeated.
    fault
        Why they were not.
    """

    name: str
    image: str
    mapper: str
    finished_at: str
    way: str
    seconds: float | None
    clicks: tuple[bool, ...] = ()
    has_box: bool = False
    undone: int = 0
    ious: tuple[float, ...] = ()
    fault: str = ""

    def clicks_to(self, target: float) -> int | None:
        """Return the number of clicks to an IoU; None if it was not reached."""
        return next((count for count, value in enumerate(self.ious) if value >= target), None)

    def row(self) -> dict[str, Any]:
        """Return the row of `COLUMNS`."""
        count = len(self.clicks)
        known = self.seconds is not None and count
        return {
            "uuid": self.name,
            "image": self.image,
            "way": self.way,
            "mapper": self.mapper,
            "finished_at": self.finished_at,
            "seconds": _number(self.seconds),
            "clicks": count,
            "positive": sum(self.clicks),
            "negative": count - sum(self.clicks),
            "box": int(self.has_box),
            "undone": self.undone,
            "seconds_per_click": _number(self.seconds / count if known and self.seconds else None),
            "clicks_to_85": _number(self.clicks_to(_TARGETS[0])),
            "clicks_to_90": _number(self.clicks_to(_TARGETS[1])),
            "iou_start": f"{self.ious[0]:.4f}" if self.ious else "",
            "ious": " ".join(f"{value:.4f}" for value in self.ious[1:]),
            "fault": self.fault,
        }


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "study",
        help="time, clicks and IoU after each click of mapped avalanches",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("outlines", type=Path, metavar="FILE.gpkg", help="GeoPackage of the plugin")
    add("--images", type=Path, nargs="+", action="extend", default=[], metavar="FOLDER",
        help="where images are that are no longer where they were mapped (default: beside "
        "FILE)")  # fmt: skip
    add("--model", default="default", metavar="NAME|FILE",
        help="that repeats the clicks (default: %(default)s)")  # fmt: skip
    add("--no-replay", action="store_true", help="times and clicks only")
    add("--csv", type=Path, metavar="FILE", help="table of all objects to write")
    add("--plot", type=Path, metavar="FILE.png", help="plot to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Study, print, and write."""
    found = read_avalanches(args.outlines)
    replay = None if args.no_replay else Replay(args.model, [*args.images, args.outlines.parent])
    studied = [study(avalanche, crs, replay) for avalanche, crs in found]
    for each in studied:
        if each.fault:
            print(f"warning: {each.name or 'an outline'}: {each.fault}", file=sys.stderr)
    print(summary_text(studied), end="")
    if args.csv:
        with write_errors(args.csv):
            write_text(args.csv, to_csv(studied))
        print(f"wrote {args.csv}")
    if args.plot:
        with write_errors(args.plot):
            plot(args.plot, studied)
        print(f"wrote {args.plot}")


def study(avalanche: AvalancheRecord, crs: str | None, replay: Replay | None) -> StudiedObject:
    """Return what is known of an avalanche; ``crs`` is that of its points, None for pixels."""
    known = StudiedObject(
        avalanche.name,
        avalanche.text("image_name"),
        avalanche.text("mapper"),
        avalanche.text("modified_at") or avalanche.text("created_at"),
        WAYS[2],
        avalanche.number("seconds"),
    )
    text = avalanche.text("prompts")
    if not text:
        return known
    try:
        content = parse_json(text) if len(text) <= _LONGEST else {}
        clicks = [Click(row, col, is_true(kind)) for row, col, kind in content["clicks"]]
        box = Box(*content["box"]) if content["box"] else None
        undone = max(0, int(content.get("undone", 0)))
        start = content["mask"]
    except (*MALFORMED, PromptError):
        fault = "its prompts are damaged, so its clicks are not known."
        return replace(known, way=WAYS[0], fault=fault)
    signs = tuple(click.positive for click in clicks)
    way = WAYS[1] if start else WAYS[0]
    known = replace(known, way=way, clicks=signs, has_box=box is not None, undone=undone)
    if replay is None or not (clicks or box):
        return known
    try:
        return replace(known, ious=tuple(replay.ious(avalanche, crs, clicks, box, start)))
    except (IsegError, *MALFORMED, zlib.error) as error:
        return replace(known, fault=f"its clicks are not repeated. {error}")


class Replay:
    """Repeats stored clicks in their images.

    Parameters
    ----------
    model
        Name or file.
    folders
        Where images are looked for.
    """

    def __init__(self, model: str, folders: Sequence[Path]) -> None:
        self._model = load_model(model)
        self._predictor = Predictor(self._model, PredictorOptions())
        self._files = ImageFiles(folders)
        self._shown: Path | None = None

    def ious(
        self,
        avalanche: AvalancheRecord,
        crs: str | None,
        clicks: Sequence[Click],
        box: Box | None,
        start: dict[str, Any] | None,
    ) -> Iterator[float]:
        """Yield the IoU with the outline after 0, 1, 2 ... clicks.

        Raises
        ------
        IsegError
            If the image is away, was replaced, or is too large.
        """
        from rasterio.features import rasterize

        path = self._files.find(avalanche)
        inside, (width, height) = in_stored_pixels(path, avalanche, crs)
        if width * height > _LARGEST:
            raise IsegError(f"{path} has {width * height / 1e6:.0f} million pixels: too many.")
        if path != self._shown:
            image = read_image(path)
            self._predictor.set_image(turn_back(image.pixels, image.orientation))
            self._shown = path
        polygon = {
            "type": "MultiPolygon",
            "coordinates": [[ring.tolist() for ring in part] for part in inside.parts],
        }
        truth = np.asarray(rasterize([polygon], (height, width)), np.int8)
        mask = None if start is None else read_start_mask(start, (height, width))
        threshold = avalanche.number("threshold") or self._model.threshold
        for count in range(len(clicks) + 1):
            prompts = Prompts(clicks[:count], box, mask)
            if prompts.empty:
                yield 0.0
                continue
            yield float(iou(self._predictor.predict(prompts).mask(threshold), truth))


def read_start_mask(content: dict[str, Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Decode the start mask of stored prompts in an image of a (height, width).

    Raises
    ------
    ValueError
        If it does not fit the image.
    KeyError, TypeError, zlib.error
        If it is damaged otherwise.
    """
    (row, col), (height, width) = content["at"], content["size"]
    if min(row, col) < 0 or row + height > shape[0] or col + width > shape[1]:
        raise ValueError("the start mask lies outside of the image")
    packed = zlib.decompressobj().decompress(
        base64.b64decode(content["bits"]), (height * width + 7) // 8
    )
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=height * width)
    mask = np.zeros(shape, np.bool_)
    mask[row : row + height, col : col + width] = bits.reshape(height, width) > 0
    return mask


def to_csv(studied: Sequence[StudiedObject]) -> str:
    """Return the table of `COLUMNS`."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(each.row() for each in studied)
    return text.getvalue()


def summary_text(studied: Sequence[StudiedObject]) -> str:
    """Return a table of medians with their intervals, one line for each way and figure."""
    lines = [f"{'':<12} {'':<18} {'objects':>7} {'median':>8}  95 % interval"]
    for way in WAYS:
        chosen = [each for each in studied if each.way == way]
        for name, values in _figures(chosen).items():
            if values:
                low, high = bootstrap_interval(values, statistic=np.median)
                middle = float(np.median(values))
                lines.append(
                    f"{way:<12} {name:<18} {len(values):>7} {middle:>8.2f}  {low:.2f} to {high:.2f}"
                )
    unknown = sum(each.seconds is None for each in studied)
    if unknown:
        lines.append(f"Of {unknown} objects the time is unknown.")
    return "".join(f"{line}\n" for line in lines)


def _figures(studied: Sequence[StudiedObject]) -> dict[str, list[float]]:
    repeated = [each for each in studied if each.ious]
    clicked = [each for each in studied if each.way != WAYS[2]]
    figures: dict[str, list[float]] = {
        "seconds": [each.seconds for each in studied if each.seconds is not None],
        "clicks": [float(len(each.clicks)) for each in clicked],
        "undone": [float(each.undone) for each in clicked],
    }
    for count in (0, 1, 2, 3):
        figures[f"IoU after {count}"] = [
            each.ious[min(count, len(each.ious) - 1)] for each in repeated
        ]
    for target in _TARGETS:
        # One more than were made, where the outline was not reached, as in NoC.
        counts = (each.clicks_to(target) for each in repeated)
        figures[f"clicks to {100 * target:.0f} %"] = [
            float(len(each.ious) if count is None else count)
            for each, count in zip(repeated, counts, strict=True)
        ]
    return figures


def plot(path: Path, studied: Sequence[StudiedObject]) -> None:
    """Plot the IoU after each click, and the time by way of mapping, as PNG."""
    figure, (left, right) = new_figure(columns=2)
    repeated = [each for each in studied if each.ious]
    for each in repeated:
        left.plot(range(len(each.ious)), each.ious, color="tab:blue", alpha=0.25, linewidth=1)
    if repeated:
        most = max(len(each.ious) for each in repeated)
        means = [
            float(np.median([each.ious[min(count, len(each.ious) - 1)] for each in repeated]))
            for count in range(most)
        ]
        left.plot(range(most), means, color="tab:blue", linewidth=2.5, marker="o", label="median")
        left.legend(loc="lower right")
    for target in _TARGETS:
        left.axhline(target, color="grey", linewidth=0.8, linestyle=":")
    left.set(xlabel="clicks", ylabel="IoU with the accepted outline", ylim=(0, 1.02))
    left.set_title(f"{len(repeated)} objects")
    groups = {
        way: [each.seconds for each in studied if each.way == way and each.seconds is not None]
        for way in WAYS
    }
    for place, values in enumerate(groups.values()):
        spread = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else [0.0] * len(values)
        right.plot(place + np.asarray(spread), values, ".", color="tab:blue", alpha=0.6)
        if values:
            middle = float(np.median(values))
            right.plot([place - 0.25, place + 0.25], [middle] * 2, color="black", linewidth=2)
            right.annotate(f"{middle:.0f} s", (place + 0.28, middle), va="center")
    labels = [f"{way}\n{sum(each.way == way for each in studied)} objects" for way in WAYS]
    right.set_xticks(range(len(WAYS)), labels)
    right.set(ylabel="seconds", xlim=(-0.5, len(WAYS) - 0.3))
    right.set_ylim(bottom=0)
    right.set_title("time for each object, with medians")
    figure.savefig(path, dpi=120)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
