"""Training on this machine: steps against the plain way of the family, and loading against steps.

python -m tests.bench.training [--pack DIR] [--networks light h18s]

The reference is a step as the family computes it, in this very run: default memory layout, memory
given back after every step. Loading is measured alone, by two worker processes. The published code
itself took 5.1 s for an h18s step of 4 samples of 320x480 on two quiet AVX-512 cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from core.datasets import ImageSample
from core.model import ClickModel, HRNetConfig, build_model
from core.model.config import LightConfig, ModelConfig
from training.batches import TRAIN, Batch, SampleSet, load, rank_batches
from training.config import Config, RunSettings, SampleSettings, ScheduleSettings, SourceSettings
from training.data.shards import ShardWriter
from training.optimisation import make_optimiser
from training.processes import Processes, keep_freed_memory
from training.recipes import build_recipe
from training.sources import open_sources
from training.training_step import TrainingStep

from .forward import _FAMILY

_NETWORKS = {
    "light": (LightConfig(), "windows", (256, 256), 16),
    "h18s": (HRNetConfig(width=18, ocr_width=48, small=True, **_FAMILY), "cocolvis", (320, 480), 4),
}

_PICTURES, _SIZE = 40, (480, 640)
_LOADED, _ROUNDS = 256, 3


def main() -> None:
    """Print samples per second of steps and of loading, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pack", type=Path, help="packed images; random ones by default")
    parser.add_argument("--networks", nargs="+", choices=list(_NETWORKS), default=list(_NETWORKS))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pack = args.pack or _random_pack(Path(folder))
        for name in args.networks:
            _measure(name, pack)


def _measure(name: str, pack: Path) -> None:
    network, recipe, crop, batch = _NETWORKS[name]
    config = Config(
        name,
        {},
        (SourceSettings("shards", str(pack)),),
        SampleSettings(recipe, crop),
        RunSettings(1, batch),
        ScheduleSettings("cosine"),
    )
    plain, ours = (_step_seconds(config, network, ours=kind) for kind in (False, True))
    loading = _loading_rate(config)
    print(f"\n{name}, {crop[0]}x{crop[1]}, batch {batch}, {torch.get_num_threads()} threads")
    print(f"  steps, plain      {batch / plain:7.2f} samples/s   x 1.00")
    print(f"  steps, ours       {batch / ours:7.2f} samples/s   x {plain / ours:.2f}")
    print(f"  loading, 2 workers{loading:7.2f} samples/s   x {loading * ours / batch:.2f} of steps")


def _step_seconds(config: Config, network: ModelConfig, *, ours: bool) -> float:
    """Wall seconds of a step, in a process of its own: memory settings are for good."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run_steps, (config, network, ours, torch.get_num_threads()))


def _run_steps(config: Config, network: ModelConfig, ours: bool, threads: int) -> float:
    torch.set_num_threads(threads)
    model: ClickModel = build_model(network)
    if ours:
        keep_freed_memory()
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = make_optimiser(model, config.optimiser)
    stepper = TrainingStep(config, model, optimiser, Processes(torch.device("cpu")))
    batch = next(_loader(config, 1, workers=0))
    seconds = []
    for number in range(_ROUNDS + 1):
        began = time.perf_counter()
        stepper.step(batch, number)
        seconds.append(time.perf_counter() - began)
    return float(np.mean(seconds[1:]))


def _loading_rate(config: Config) -> float:
    """Samples per second of two loader processes, the first batches left out."""
    batch = config.run.batch
    loader = _loader(config, _LOADED // batch + 8, workers=2)
    for _ in range(8):
        next(loader)
    began = time.perf_counter()
    count = sum(len(part.keys) for part in loader)
    return count / (time.perf_counter() - began)


def _loader(config: Config, batches: int, workers: int) -> Iterator[Batch]:
    mixture = open_sources(config.train, config.samples.crop, validation=False)
    size = batches * config.run.batch
    samples = SampleSet(
        mixture, build_recipe(config.samples), seed=0, stream=TRAIN, epoch_size=size
    )
    return load(samples, rank_batches(0, size, config.run.batch), workers)


def _random_pack(folder: Path) -> Path:
    """Images of noise with discs, as many bytes as photos."""
    rng = np.random.default_rng(0)
    rows, cols = np.indices(_SIZE)
    about = {"set": "noise", "mask_kind": "instances", "source": "", "licence": ""}
    with ShardWriter(folder / "pack", 1 << 30, about) as writer:
        for number in range(_PICTURES):
            layer = np.zeros((1, *_SIZE), np.int32)
            for place in range(1, 6):
                centre = rng.uniform(80, 400), rng.uniform(80, 560)
                inside = np.hypot(rows - centre[0], cols - centre[1]) < rng.uniform(30, 90)
                layer[0][inside] = place
            ids = [int(i) for i in np.unique(layer) if i]
            image = cv2.resize(rng.integers(0, 256, (120, 160, 3), np.uint8), _SIZE[::-1])
            objects = tuple((i, 0) for i in ids)
            name = f"{number:03d}"
            writer.add(name, ImageSample(name, image, layer, objects), 92)
    return folder / "pack"


if __name__ == "__main__":
    main()
