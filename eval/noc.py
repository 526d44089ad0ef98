"""``python -m eval noc``: number of clicks of models on data sets."""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from core.arguments import natural, natural_or_zero, positive
from core.datasets import DATASETS
from core.engine import DEFAULT_THRESHOLD, ENGINES, choose_engine
from core.predictor import MODES

from .jobs import Job, Share, plan
from .options import between_0_and_1, dataset_folder, zoom
from .overlays import save_overlays
from .report import EvaluationReport, table, write_csv, write_json, write_text
from .run import USERS
from .shards import Journal, join_shards

DESCRIPTION = """\
Click every object of the data sets as the published protocol does (a robot user corrects the
largest error) and report the number of clicks (NoC) to IoUs of 80, 85 and 90 %.

OUT is one JSON object for one model on one data set, otherwise a list of such objects, models
outermost. The text table is printed and written beside it (.txt). Under torchrun the objects are
shared between processes or machines; results are the same for any number of them. A stopped
evaluation goes on where it was when started again with the same options: finished objects lie in
OUT.journal until OUT is written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "noc",
        help="number of clicks of models on data sets",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_work(parser)
    _add_protocol(parser)
    _add_outputs(parser)
    parser.set_defaults(run=run, stopped="start again with the same options to go on")


def _add_work(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("models and data").add_argument
    add("--model", nargs="+", action="extend", required=True, metavar="NAME|FILE")
    add("--dataset", nargs="+", action="extend", type=dataset_folder, required=True,
        metavar="NAME=DIR",
        help=f"kind of data set and its folder; kinds: {', '.join(DATASETS)}")  # fmt: skip
    add("--limit", type=natural, metavar="N", help="only the first N objects of each data set")
    add("--threads", type=natural, default=1, metavar="N",
        help="threads per process (default 1). Sums that are split over threads round "
        "differently, so compare results of equal numbers only; for speed start several "
        "processes with torchrun")  # fmt: skip
    add("--device", default="cpu", metavar="D", help="such as cpu (default) or cuda")
    add("--engine", choices=ENGINES, default="auto",
        help="auto: torch with --reference, BRS or a GPU, else openvino if installed")  # fmt: skip


def _add_protocol(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("protocol").add_argument
    add("--mode", choices=MODES, default="NoBRS", help="(default NoBRS)")
    add("--zoom", type=zoom, default="own", metavar="own|cvpr|fixedN|off",
        help="cvpr: zoom to 400 pixels (DAVIS 600) from the second click on; own (default): the "
        "same, but to the size that the model's file asks for, if it does; fixedN: to N x N "
        "pixels from the first")  # fmt: skip
    add("--flip", action=argparse.BooleanOptionalAction, default=True,
        help="average with the mirrored image (default yes)")  # fmt: skip
    add("--reference", action="store_true", help="behave as the published code, faults included")
    add("--threshold", type=between_0_and_1, metavar="P",
        help=f"(default: the model's own; {DEFAULT_THRESHOLD} for files without, and with "
        "--reference)")  # fmt: skip
    add("--max-clicks", type=natural, default=20, metavar="N", help="(default 20)")
    add("--target-iou", type=positive, default=0.9, metavar="IOU",
        help="stop an object here (default 0.9); more than 1: never")  # fmt: skip
    add("--resize", type=natural, nargs=2, metavar=("W", "H"),
        help="shrink larger images to fit and measure at their own resolution; with "
        "--reference: stretch them to exactly W x H and measure there")  # fmt: skip
    add("--limit-longest-side", type=natural, metavar="N", help="largest input of the network")
    add("--box", action="store_true", help="start with the object's bounding box, 5 %% loosened")
    add("--from-mask", action="store_true",
        help="start from a flawed mask of the object, of an IoU of 0.75 to 0.85")  # fmt: skip
    add("--user", choices=USERS, default="robot",
        help="robot (default): clicks the deepest point of the largest error; noisy: clicks like "
        "people do, somewhere in it or just beyond its edge")  # fmt: skip
    add(
        "--seed", type=natural_or_zero, default=0, metavar="S", help="of the noisy user (default 0)"
    )
    add("--seeds", type=natural, default=1, metavar="N",
        help="evaluate the noisy user N times, with seeds from S on; gives the spread")  # fmt: skip


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("results").add_argument
    add("--json", type=Path, metavar="OUT",
        help="results file; without it the table is printed, and a stopped evaluation starts "
        "anew")  # fmt: skip
    add("--csv", type=Path, metavar="FILE", help="IoUs, one row per object")
    add("--overlays", type=Path, metavar="DIR", help="images of the best and worst objects")
    add("--overlay-count", type=natural, default=5, metavar="N", help="of each (default 5)")


def run(args: argparse.Namespace) -> None:
    """Evaluate and write the results."""
    args.engine = _engine(args)
    with join_shards() as shard, tempfile.TemporaryDirectory() as nowhere:
        jobs = plan(args)
        journal = Journal(args.json or Path(nowhere, "noc.json"), shard.rank)
        shares = shard.gather([job.run_share(shard, journal) for job in jobs])
        if shard.rank == 0:
            _publish(args, jobs, shares)
        shard.wait_for_all()
    journal.remove()


def _engine(args: argparse.Namespace) -> str:
    """Return the engine that results files name.

    Published behaviour is PyTorch's, and so are the gradients that BRS needs.
    """
    if args.engine == "auto" and (args.reference or args.mode != "NoBRS"):
        return "torch"
    return choose_engine(args.engine, args.device)


def _publish(args: argparse.Namespace, jobs: Sequence[Job], shares: list[list[Share]]) -> None:
    reports = merge(jobs, shares)
    text = table(reports)
    print(text, end="")
    if args.json:
        write_text(args.json.with_suffix(".txt"), text)
    if args.csv:
        write_csv(args.csv, reports)
    if args.overlays:
        for job, report in zip(jobs, reports, strict=True):
            save_overlays(args.overlays, report, job, args.overlay_count)
    if args.json:
        write_json(args.json, reports)


def merge(jobs: Sequence[Job], shares: Sequence[Sequence[Share]]) -> list[EvaluationReport]:
    """Put the shares of all shards (outer) for all jobs (inner) together, in the data's order.

    Different models of one name are told apart by the start of their checksums.
    """
    names = [share.model for share in shares[0]]
    models: dict[str, set[str]] = defaultdict(set)
    for name, job in zip(names, jobs, strict=True):
        models[name].add(job.model)
    reports = []
    for place, (name, job) in enumerate(zip(names, jobs, strict=True)):
        runs = {ref: run for share in shares for ref, run in share[place].runs.items()}
        title = name if len(models[name]) == 1 else f"{name}@{job.settings['model_sha256'][:8]}"
        ordered = tuple(runs[ref] for ref in job.refs)
        reports.append(EvaluationReport(title, job.options.mode, job.label, job.settings, ordered))
    return reports
