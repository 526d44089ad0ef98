"""``python -m training from-mapped``: from mapped avalanches to a fine-tuned model."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.arguments import natural
from core.errors import TrainingError, write_errors
from core.files import replacing, write_text
from core.series import NameRule
from core.zoo import resolve_model
from core.zoo.cache import own_dir

if TYPE_CHECKING:
    from .card import TuningReport
    from .measuring import ClickedObject

PACKAGES = {
    "torch": "torch",
    "yaml": "pyyaml",
    "tqdm": "tqdm",
    "pyogrio": "pyogrio",
    "safetensors": "safetensors",
    "scipy": "scipy",
}
"""Modules that are needed, with the names of their packages."""

DESCRIPTION = """\
Fine-tune a model on mapped avalanches: outlines and clicks from the plugin's GeoPackages, with the
photos and rasters that they were mapped in. Only what a reviewer accepted is taken.

A third of the outlines, in whole days, is kept aside and clicked with the old and the new model.
The table says whether the gain is beyond chance; where there are too few outlines or days to tell,
nothing is trained. DIR gets NAME.safetensors, its card NAME.md, report.json and report.txt, and the
model appears in the plugin's list. A call that was stopped goes on with the same options.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command ``from-mapped``."""
    parser = subparsers.add_parser(
        "from-mapped",
        help="fine-tune a model on mapped avalanches",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("outlines", type=Path, nargs="+", metavar="FILE", help="GeoPackage of the plugin")
    add("--out", type=Path, required=True, metavar="DIR", help="new folder, or one to go on in")
    add(
        "--photos",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FOLDER",
        help="where images are that are no longer where they were mapped (default: beside FILE)",
    )
    add("--all", action="store_true", help="take all outlines that are not rejected")
    add("--model", default="default", metavar="NAME|FILE", help="to start from (default: default)")
    add("--name", metavar="NAME", help="of the new model (default: that of DIR)")
    add("--rule", default="", metavar="RULE", help="how camera and time stand in names of photos")
    add("--zone", default="", metavar="ZONE", help="of times and days (default: this computer's)")
    add(
        "--general",
        type=Path,
        metavar="FOLDER",
        help="packed images of other objects, learnt again so as not to be forgotten",
    )
    add("--samples", type=natural, metavar="N", help="to train on (default: 48 an outline)")
    parser.set_defaults(run=run, stopped="start again with the same options to go on")


def run(args: argparse.Namespace) -> None:
    """Fine-tune, or go on with it; prints table and conclusion.

    Raises
    ------
    IsegError
        If packages, outlines, images or days are missing; says which.
    """
    _require_packages()
    # Only here: without the packages, these cannot be imported.
    from core.engine import load_model
    from core.model.checkpoint import load_checkpoint

    from . import dealing, measuring, tuning
    from .card import TuningReport
    from .images import find_images, summary_of
    from .outlines import choose_outlines, read_outlines
    from .preparing import PLAN, keep_plan, write_dataset

    name = _name_of(args)
    rule = NameRule(args.rule, args.zone)
    parent = load_model(resolve_model(args.model), engine="torch")
    if (own_dir() / f"{name}.safetensors").exists() and not (args.out / PLAN).exists():
        raise TrainingError(
            f"The list of models has one called {name}: give another name with --name, or delete "
            f"it in the plugin's window Models."
        )
    _tell(0, "reading outlines")
    outlines = choose_outlines(read_outlines(args.outlines), with_unreviewed=args.all)
    images, faults = find_images(outlines, args.photos, rule)
    for text in summary_of(faults):
        print(f"warning: left out: {text}", file=sys.stderr)
    sides = dealing.deal_days(dealing.gather_days(images))
    learnt, choosing = (
        [item for day in sides[side] for image in day.images for item in image.objects]
        for side in (dealing.TRAIN, dealing.CHOOSE)
    )
    samples = args.samples or tuning.samples_for(len(learnt))
    keep_plan(args.out, _plan(args, name, samples, sides))
    data = args.out / "data"
    write_dataset(data, sides, _stage(1, 5, "preparing images"))
    new = tuning.tune(
        args.out / "run",
        data,
        parent,
        samples=samples,
        general=args.general,
        tell=_stage(5, 75, "training"),
    )
    old = load_checkpoint(parent.path).stages[0]
    share, tried = tuning.choose_share(
        old,
        new,
        parent,
        measuring.open_side(data, dealing.CHOOSE) if choosing else None,
        _stage(75, 85, "choosing the share of the new weights"),
    )
    aside = measuring.open_side(data, dealing.ASIDE)
    model = tuning.mean_of(old, new, share)
    before, after = (
        measuring.click_objects(measuring.as_loaded(network, parent), aside, tell, 20)
        for network, tell in (
            (old, _stage(85, 92, "clicking with the old model")),
            (model, _stage(92, 99, "clicking with the new model")),
        )
    )
    known = {item.avalanche for item in (*learnt, *choosing)}
    fresh = [place for place, item in enumerate(before) if item.avalanche not in known]
    has_enough = len(fresh) >= dealing.LEAST_ASIDE
    report = TuningReport(
        name=name,
        parent=parent.name,
        sides=sides,
        seen=len(before) - len(fresh),
        share=share,
        tried=tried,
        gains=measuring.compare(before, after),
        unseen=measuring.compare(
            [before[place] for place in fresh], [after[place] for place in fresh]
        )
        if has_enough
        else None,
        samples=samples,
        with_clicks=sum(len(item.clicks) > 0 for item in learnt),
    )
    _publish(args.out, report, dict(parent.metadata), model, before, after)
    _tell(100, "done")
    print(report.table() + "\n" + report.conclusion())


def _require_packages() -> None:
    missing = [
        name for module, name in PACKAGES.items() if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise TrainingError(
            f"Training needs packages that this Python ({sys.executable}) does not have: "
            f"{', '.join(missing)}. In QGIS press “Set up…” in the panel Segment and choose the "
            f"environment with PyTorch; elsewhere: pip install {' '.join(missing)}."
        )


def _name_of(args: argparse.Namespace) -> str:
    name = str(args.name or args.out.resolve().name)
    if name != Path(name).name or name.startswith(".") or set(name) & set('<>:"|?*\\'):
        raise TrainingError(f"{name!r} is no name for a file: give another with --name.")
    return name


def _plan(args: argparse.Namespace, name: str, samples: int, sides: Any) -> dict[str, Any]:  # noqa: ANN401
    content = resolve_model(args.model).read_bytes()
    return {
        "files": [str(path.resolve()) for path in args.outlines],
        "model": hashlib.sha256(content).hexdigest(),
        "name": name,
        "all": args.all,
        "general": args.general and str(args.general.resolve()),
        "samples": samples,
        "sides": {side: {day.name: day.outlines for day in days} for side, days in sides.items()},
    }


def _publish(
    out: Path,
    report: TuningReport,
    metadata: dict[str, Any],
    model: Any,  # noqa: ANN401
    before: list[ClickedObject],
    after: list[ClickedObject],
) -> None:
    """Write report, card and model, and put the model where the plugin finds it."""
    from core.model.native import write

    from .measuring import summary_json

    about = report.to_json()
    sides = {"before": summary_json(before), "after": summary_json(after)}
    with write_errors(out):
        text = json.dumps({**about, **sides}, indent=1, ensure_ascii=False)
        write_text(out / "report.json", text + "\n")
        write_text(out / "report.txt", f"{report.table()}\n{report.conclusion()}\n")
        if not report.share:
            return
        for key in ("run", "validation", "metrics"):
            metadata.pop(key, None)
        licence = str(metadata.get("licence") or "as that of its parent")
        write(out / f"{report.name}.safetensors", model, {**metadata, "fine_tuned": about})
        write_text(out / f"{report.name}.md", report.markdown(licence))
    if report.verdict == "worse":
        return
    folder = own_dir()
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in (".md", ".safetensors"):
            with replacing(folder / f"{report.name}{suffix}") as temporary:
                shutil.copyfile(out / f"{report.name}{suffix}", temporary)


def _stage(start: float, end: float, text: str) -> Callable[[float], None]:
    """Return what tells the progress of a part of the work, from ``start`` to ``end`` percent."""
    told = [-1]

    def tell(share: float) -> None:
        percent = int(start + (end - start) * share)
        if percent != told[0]:
            told[0] = percent
            _tell(percent, text)

    return tell


def _tell(percent: int, text: str) -> None:
    """Write a line of progress, which the plugin reads."""
    print(f"[{percent:3d} %] {text}", file=sys.stderr, flush=True)
