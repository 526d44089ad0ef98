"""Results of models on data sets as JSON, CSV and the text table of the published evaluations."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from core import files
from core.errors import IsegError
from core.metrics import DROP, NOC_PERCENTS, Summary, failures, noc, summarise

from .run import ObjectRun


@dataclass(frozen=True)
class EvaluationReport:
    """All runs of one model on one data set, in the data set's order."""

    model: str
    mode: str
    dataset: str
    settings: dict[str, Any]
    runs: tuple[ObjectRun, ...]

    @cached_property
    def summary(self) -> Summary:
        """The figures."""
        return summarise(
            [run.curve for run in self.runs],
            sum(run.seconds for run in self.runs),
            max_clicks=self.settings["max_clicks"],
            target_iou=self.settings["target_iou"],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the form of the results file.

        ``noc``, its interval and ``failures`` are null for IoUs above the target, ``far_damage``
        and ``seconds_per_click`` without clicks. Intervals hold 95 % (see `bootstrap_interval`).
        ``seconds`` adds up the objects, whichever process ran them.
        """
        summary = self.summary
        return {
            "model": self.model,
            "mode": self.mode,
            "dataset": self.dataset,
            "settings": self.settings,
            "objects": [run.to_json() for run in self.runs],
            "noc": {str(key): value for key, value in summary.noc.items()},
            "failures": {
                str(key): value and value._asdict() for key, value in summary.failures.items()
            },
            "iou_at": {str(key): value for key, value in summary.iou_at.items()},
            "noc_interval": {str(key): value for key, value in summary.noc_interval.items()},
            "iou_at_interval": {str(key): item for key, item in summary.iou_at_interval.items()},
            "lowering_share": summary.harm,
            "far_damage": summary.far_damage,
            "seconds_per_click": summary.seconds_per_click,
            "seconds": summary.seconds,
        }


def write_json(path: Path, reports: Sequence[EvaluationReport]) -> None:
    """Write one report as an object, several as a list of objects."""
    documents = [report.to_json() for report in reports]
    write_text(path, json.dumps(documents[0] if len(documents) == 1 else documents) + "\n")


def write_csv(path: Path, reports: Sequence[EvaluationReport]) -> None:
    """Write one row per object: model, data set, image, object, IoU at the start and per click."""
    most = max(report.settings["max_clicks"] for report in reports)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    clicks = [f"iou_{k}" for k in range(1, most + 1)]
    rows.writerow(["model", "mode", "dataset", "image", "object", "iou_start", *clicks])
    for report in reports:
        for run in report.runs:
            unused = [""] * (most - len(run.ious))
            start = "" if run.iou_start is None else run.iou_start
            names = (report.model, report.mode, report.dataset, run.ref.image, run.ref.object)
            rows.writerow([*names, start, *run.ious, *unused])
    write_text(path, text.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all.

    Raises
    ------
    IsegError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, text)
    except OSError as error:
        raise IsegError(
            f"Cannot write {path}: {error.strerror}. Make room, or choose another place."
        ) from error


def table(reports: Sequence[EvaluationReport]) -> str:
    """Text table in the published layout, one block per model.

    ``>=20@85%`` counts, as published tables do, all objects that took 20 clicks. The lines under a
    row tell those that never reached the IoU from those that did so at the last click, and how far
    chance may have moved the means. Evaluations of a noisy user that differ in their seed only are
    followed by their mean and spread.
    """
    blocks = []
    for model, group in groupby(reports, key=lambda report: report.model):
        items = list(group)
        lines = [line for report in items for line in _lines(report)] + _spreads(items)
        header = _row(_titles(items[0].settings["max_clicks"]))
        rule = "-" * len(header)
        blocks.append("\n".join([f"Eval results for model: {model}", rule, header, rule, *lines]))
    return "\n\n".join(blocks) + "\n"


_WIDTHS = (13, 11, 13, 9, 9, 9, 9, 9, 7, 9)


def _row(fields: Sequence[str]) -> str:
    padded = (f"{field:^{width}}" for field, width in zip(fields, _WIDTHS, strict=True))
    return f"|{'|'.join(padded)}|"


def _titles(max_clicks: int) -> list[str]:
    counts = [f"NoC@{percent}%" for percent in NOC_PERCENTS]
    misses = [f">={max_clicks}@{percent}%" for percent in NOC_PERCENTS[1:]]
    return ["BRS Type", "Dataset", "Image Size", *counts, *misses, "SPC,s", "Time"]


def _lines(report: EvaluationReport) -> list[str]:
    summary = report.summary
    resize = report.settings["resize"]
    fields = [
        report.mode,
        report.dataset,
        str(tuple(resize)) if resize else "original",
        *("?" if value is None else f"{value:.2f}" for value in summary.noc.values()),
        *("?" if item is None else str(sum(item)) for item in list(summary.failures.values())[1:]),
        "?" if summary.seconds_per_click is None else f"{summary.seconds_per_click:.3f}",
        str(timedelta(seconds=int(summary.seconds))),
    ]
    return [_row(fields) + _other_target(report), _remarks(summary), _intervals(summary)]


def _intervals(summary: Summary) -> str:
    nocs = [
        f"NoC@{percent}% {low:.2f} to {high:.2f}"
        for percent, interval in summary.noc_interval.items()
        if interval
        for low, high in [interval]
    ]
    ious = [
        f"IoU@{k} {summary.iou_at[k]:.3f} ({low:.3f} to {high:.3f})"
        for k, (low, high) in summary.iou_at_interval.items()
        if k <= 1
    ]
    return f"  95 % intervals: {', '.join([*nocs, *ious])}"


_SEED = re.compile(r"_seed\d+$")


def _spreads(reports: Sequence[EvaluationReport]) -> list[str]:
    """Lines on the noisy user's evaluations: mean and standard deviation over the seeds."""
    lines = []
    for dataset, group in groupby(reports, key=lambda report: _SEED.sub("", report.dataset)):
        seeds = list(group)
        if len(seeds) == 1:
            continue
        summaries = [report.summary for report in seeds]
        figures = []
        for percent in NOC_PERCENTS:
            values = [item.noc[percent] for item in summaries]
            measured = [value for value in values if value is not None]
            if measured:
                figures.append(f"NoC@{percent}% {mean(measured):.2f} ± {stdev(measured):.2f}")
        lines.append(f"  {dataset}, {len(seeds)} seeds: {', '.join(figures)}")
    return lines


def _other_target(report: EvaluationReport) -> str:
    """Clicks to a target IoU that is none of the columns."""
    target, most = report.settings["target_iou"], report.settings["max_clicks"]
    if target > 1 or target in (percent / 100 for percent in NOC_PERCENTS):
        return ""
    nocs = [noc(run.ious, target, most, start=run.iou_start) for run in report.runs]
    clicks = mean(item.count for item in nocs)
    return f" NoC@{target:.1%} = {clicks:.2f}; >={most}@{target:.1%} = {sum(failures(nocs, most))}"


def _remarks(summary: Summary) -> str:
    ends = ", ".join(
        f"{percent}%: {item.never_reached} + {item.reached_at_last_click}"
        for percent, item in summary.failures.items()
        if item is not None
    )
    harm = f"clicks lowering the IoU by > {DROP}: {summary.harm:.1%}"
    if summary.far_damage is not None:
        harm += f"; spoilt far from a click: {summary.far_damage:.2%} of the object"
    return f"  never reached + reached at the last click {ends}; {harm}" if ends else f"  {harm}"
