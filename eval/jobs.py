"""Jobs of one call: every model on every data set, and this process's share."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
from tqdm import tqdm

import core
from core.datasets import Dataset, ObjectRef, open_dataset
from core.engine import DEFAULT_THRESHOLD, LoadedModel, load_model
from core.errors import IsegError
from core.ipc.server import versions as installed_versions
from core.model import native
from core.predictor import BRSOptions, Predictor, PredictorOptions, Zoom
from core.zoo import resolve_model

from .run import ObjectRun, Protocol, run_object
from .shards import Journal, Shard


class Share(NamedTuple):
    """Results of one shard of a job: the model's name, and its runs by object."""

    model: str
    runs: dict[ObjectRef, ObjectRun]


@dataclass(frozen=True, eq=False)
class Job:
    """One model on one data set.

    Attributes
    ----------
    model
        Name or file.
    label
        Name of the data set in results.
    settings
        All that results depend on, as results files tell it.
    fingerprint
        Of the settings, the model's content and the place of the data.
    """

    model: str
    dataset: Dataset
    label: str
    options: PredictorOptions
    protocol: Protocol
    settings: dict[str, Any]
    fingerprint: str

    @property
    def refs(self) -> list[ObjectRef]:
        """The objects to click."""
        return list(self.dataset.refs[: self.settings["limit"]])

    def load(self) -> LoadedModel:
        """Load the model, unless it is the one loaded last."""
        device, engine, threads = (self.settings[key] for key in ("device", "engine", "threads"))
        return _load(self.model, device, engine, threads)

    def predictor(self) -> Predictor:
        """Make a fresh predictor."""
        model, options = self.load(), self.options
        if self.settings["zoom"] == "own" and (model.view_size is None or options.reference):
            options = replace(options, zoom=zoom_for("cvpr", self.dataset.name))
        return Predictor(model, options)

    def run_share(self, shard: Shard, journal: Journal) -> Share:
        """Click a shard's objects, but for those in the journal, with a progress bar on rank 0."""
        refs, done = self.refs, journal.read(self.fingerprint)
        share = shard.share(len(refs))
        missing = [index for index in share if refs[index] not in done]
        model = self.load().name
        hidden = True if shard.rank else None  # None: hidden unless stderr is a terminal
        predictor = self.predictor()
        bar = tqdm(
            missing,
            f"{model} on {self.label}",
            len(share),
            initial=len(share) - len(missing),
            disable=hidden,
        )
        for index in bar:
            run = run_object(predictor, self.dataset, index, self.protocol)
            journal.append(self.fingerprint, run)
            done[run.ref] = run
        return Share(model, {refs[index]: done[refs[index]] for index in share})


def plan(args: argparse.Namespace) -> list[Job]:
    """List the jobs of a call, models outermost; missing files show here, before any work."""
    if args.user == "robot" and (args.seed, args.seeds) != (0, 1):
        raise IsegError("The robot user leaves nothing to chance: seeds need --user noisy.")
    models = {model: resolve_model(model) for model in dict.fromkeys(args.model)}
    places = list(dict.fromkeys(args.dataset))
    twice = {name for name, count in Counter(name for name, _ in places).items() if count > 1}
    datasets = [
        (f"{name}_{root.name}" if name in twice else name, open_dataset(name, root))
        for name, root in places
    ]
    return [
        _job(args, model, f"{label}{suffix}", dataset, own | {"seed": seed})
        for model, path in models.items()
        for own in [{"model_sha256": _sha256(path), "threshold": _threshold(args, path)}]
        for label, dataset in datasets
        for seed in range(args.seed, args.seed + args.seeds)
        for suffix in ["" if args.seeds == 1 else f"_seed{seed}"]
    ]


def _threshold(args: argparse.Namespace, path: Path) -> float:
    """Return the threshold asked for, or that of the published protocol or of the model's file."""
    if args.threshold is not None:
        return float(args.threshold)
    if args.reference or not native.is_native(path):
        return DEFAULT_THRESHOLD
    with native.named_in_errors(path):
        _, metadata = native.read_header(path)
    return float(metadata.get("threshold", DEFAULT_THRESHOLD))


def _job(
    args: argparse.Namespace, model: str, label: str, dataset: Dataset, own: dict[str, Any]
) -> Job:
    settings = _settings(args) | own
    identity = [settings, args.mode, dataset.name, str(Path(dataset.root).resolve())]
    return Job(
        model=model,
        dataset=dataset,
        label=label,
        options=PredictorOptions(
            mode=args.mode,
            zoom=zoom_for(args.zoom, dataset.name),
            flip=args.flip,
            limit_longest_side=args.limit_longest_side,
            reference=args.reference,
            brs=BRSOptions(threshold=settings["threshold"]),
        ),
        protocol=Protocol(
            threshold=settings["threshold"],
            max_clicks=args.max_clicks,
            target_iou=args.target_iou,
            resize=args.resize and (args.resize[0], args.resize[1]),
            reference=args.reference,
            box=args.box,
            from_mask=args.from_mask,
            user=args.user,
            seed=settings["seed"],
        ),
        settings=settings,
        fingerprint=hashlib.sha256(json.dumps(identity).encode()).hexdigest(),
    )


SETTINGS = (
    "zoom", "flip", "reference", "threshold", "max_clicks", "target_iou", "resize", "limit",
    "limit_longest_side", "box", "from_mask", "user", "seed", "threads", "device", "engine",
)  # fmt: skip
"""Options that results depend on, and that results files tell under these names."""


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    versions = {"avalanche_iseg": core.__version__, "torch": installed_versions(["torch"])["torch"]}
    return {name: getattr(args, name) for name in SETTINGS} | {"versions": versions}


def zoom_for(text: str, dataset: str) -> Zoom | None:
    """Zoom of an evaluation protocol.

    ``own``: from the second click on, to the size that the model's file asks for, else as cvpr;
    ``cvpr``: 400 pixels (600 for DAVIS), as in published results;
    ``fixedN``: N x N pixels from the first click on; ``off``: none.
    """
    if text == "off":
        return None
    if text == "own":
        return Zoom()
    if text == "cvpr":
        return Zoom(target_size=600 if dataset.lower() == "davis" else 400)
    side = int(text.removeprefix("fixed"))
    return Zoom(target_size=(side, side), skip_clicks=-1)


@lru_cache(maxsize=1)
def _load(model: str, device: str, engine: str, threads: int) -> LoadedModel:
    cv2.setNumThreads(threads)
    return load_model(model, device=device, engine=engine, threads=threads)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
