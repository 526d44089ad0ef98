"""``python -m eval plot``: curves and histograms from results files."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import IsegError
from core.json_files import MALFORMED, read_json
from core.metrics import NOC_PERCENTS, Curve, NoC, iou_at, noc

_MOST_CLICKS = 10_000  # more than anyone has given; plots have a point for each


@dataclass(frozen=True)
class PlottedRun:
    """Curves of one model on one data set, for plots."""

    label: str
    dataset: str
    max_clicks: int
    target_iou: float
    curves: tuple[Curve, ...]

    def mean_ious(self) -> tuple[list[int], list[float]]:
        """Clicks (from 0 where a box or a mask came first) and the mean IoU after them."""
        began = all(curve.start is not None for curve in self.curves)
        offset = 0 if began else 1
        clicks = range(offset, self.max_clicks + 1)
        means = iou_at([curve.steps for curve in self.curves], [k + 1 - offset for k in clicks])
        return list(clicks), list(means.values())

    def nocs(self, percent: int) -> list[NoC]:
        """Clicks to an IoU in percent, of every object."""
        return [
            noc(curve.ious, percent / 100, self.max_clicks, start=curve.start)
            for curve in self.curves
        ]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "plot", help="plot results of 'noc'", description="Plot mIoU@k and NoC histograms."
    )
    parser.add_argument("results", nargs="+", type=Path, help="JSON files written by 'noc'")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the PNGs")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Draw ``<data set>_miou.png`` and ``<data set>_noc.png`` for every data set."""
    results = [result for path in args.results for result in read_results(path)]
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        for dataset in dict.fromkeys(result.dataset for result in results):
            chosen = [result for result in results if result.dataset == dataset]
            plot_mean_ious(args.output / f"{dataset}_miou.png", chosen)
            plot_nocs(args.output / f"{dataset}_noc.png", chosen)
    except OSError as error:
        raise IsegError(
            f"Cannot write plots into {args.output}: {error.strerror}. Choose another folder "
            "with --output."
        ) from error


def read_results(path: Path) -> list[PlottedRun]:
    """Read a results file: one object or a list of them.

    Raises
    ------
    IsegError
        If the file cannot be read or is not a results file.
    """
    try:
        content = read_json(path)
        documents = content if isinstance(content, list) else [content]
        return [_result(document, path.stem) for document in documents]
    except OSError as error:
        raise IsegError(f"Cannot read {path}: {error.strerror}. Check the path.") from error
    except MALFORMED as error:
        raise IsegError(
            f"{path} is not a results file ({error!r}); give files that 'eval noc --json' wrote."
        ) from error


def _result(document: dict[str, Any], stem: str) -> PlottedRun:
    settings = document["settings"]
    max_clicks = int(settings["max_clicks"])
    if not 1 <= max_clicks <= _MOST_CLICKS:
        raise ValueError(f"max_clicks is {max_clicks}")
    return PlottedRun(
        label=f"{document['model']}, {document['mode']} ({stem})",
        dataset=str(document["dataset"]),
        max_clicks=max_clicks,
        target_iou=float(settings["target_iou"]),
        curves=tuple(_curve(item) for item in document["objects"]),
    )


def _curve(item: dict[str, Any]) -> Curve:
    start = item.get("iou_start")
    ious = tuple(float(iou) for iou in item["ious"])
    return Curve(ious, None if start is None else float(start))


def plot_mean_ious(path: Path, results: Sequence[PlottedRun]) -> None:
    """Plot mean IoU against clicks; objects that stopped early keep their last IoU."""
    figure, axes = new_figure()
    for result in results:
        axes.plot(*result.mean_ious(), marker=".", label=result.label)
    axes.set(xlabel="clicks", ylabel="mean IoU", title=results[0].dataset)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def plot_nocs(path: Path, results: Sequence[PlottedRun]) -> None:
    """Plot how many objects took how many clicks to the highest IoU that all results measured.

    Objects that never got there stand apart, right of the last click.
    """
    figure, axes = new_figure()
    percent = _measured(results)
    never = max(result.max_clicks for result in results) + 1
    for place, result in enumerate(results):
        counts = Counter(item.count if item.reached else never for item in result.nocs(percent))
        left = (place + 0.5) / len(results) - 0.5
        positions = [clicks + 0.8 * left for clicks in counts]
        axes.bar(positions, list(counts.values()), 0.8 / len(results), label=result.label)
    axes.set_xticks(range(never + 1), [*map(str, range(never)), "never"])
    axes.set_xlim(-0.5, never + 0.5)
    axes.set(xlabel=f"clicks to {percent} % IoU", ylabel="objects", title=results[0].dataset)
    axes.legend()
    figure.savefig(path, dpi=120)


def _measured(results: Iterable[PlottedRun]) -> int:
    """Highest reported IoU, in percent, that no target IoU hides; the lowest if all are hidden."""
    target = min(result.target_iou for result in results)
    return max((p for p in NOC_PERCENTS if p / 100 <= target), default=min(NOC_PERCENTS))


def new_figure(columns: int = 1) -> tuple[Any, Any]:
    """Make a figure without a window system, with axes in columns."""
    # Not pyplot: it looks for a display and keeps every figure.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns)
