"""Tiny training runs in processes of their own, on packs made on the fly."""

from __future__ import annotations

import copy
import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from data_fixtures import photo

from core.datasets import ImageSample
from training.build import build
from training.config import Config
from training.data.shards import ShardWriter
from training.experiment import Experiment
from training.processes import Processes
from training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]
LIGHT = {"architecture": "light", "channels": 16}
HRNET = {
    "architecture": "hrnet",
    "width": 4,
    "ocr_width": 8,
    "small": True,
    "use_rgb_conv": False,
    "use_leaky_relu": True,
    "use_disks": True,
    "norm_radius": 5,
    "with_prev_mask": True,
    "with_aux_output": True,
}


def pack(folder: Path, count: int = 10, name: str = "blobs") -> Path:
    """Pack ``count`` images of 90 x 96 pixels with two bright ellipses each."""
    common = {"set": name, "mask_kind": "instances", "source": "", "licence": ""}
    with ShardWriter(folder, 10**6, common) as writer:
        for number in range(count):
            writer.add(f"p{number:02d}", blobs(number), 92)
    return folder


def rewrite(folder: Path, change) -> Path:
    """Write the only shard anew, each member's content changed by name (None drops it)."""
    (path,) = folder.glob("*.tar")
    with tarfile.open(path) as archive:
        members = [(m.name, archive.extractfile(m).read()) for m in archive]
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            content = change(name, content)
            if content is not None:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return folder


def blobs(number: int) -> ImageSample:
    """One of the images."""
    rng = np.random.default_rng(number)
    image, labels = photo(90, 96, seed=number) // 2, np.zeros((90, 96), np.uint8)
    for identity, col in ((1, 26), (2, 68)):
        centre = (col + int(rng.integers(-4, 5)), int(rng.integers(30, 60)))
        axes = (int(rng.integers(12, 19)), int(rng.integers(14, 26)))
        cv2.ellipse(labels, centre, axes, float(rng.integers(180)), 0, 360, identity, -1)
    image[labels > 0] += 110
    return ImageSample("", image, labels[None].astype(np.int32), ((1, 0), (2, 0)))


def configuration(data: Path, model: dict, **sections) -> dict:
    """Plain values of a tiny run; ``sections`` change values within sections."""
    config = {
        "name": "tiny",
        "model": dict(model),
        "train": [{"dataset": "shards", "path": str(data)}],
        "samples": {
            "recipe": "windows",
            "crop": [64, 64],
            "box": 0.1,
            "given_mask": 0.2,
            "first_click": 0.3,
        },
        "optimiser": {"rate": 0.001, "multipliers": "none"},
        "schedule": {"kind": "cosine", "smooth": True},
        "run": {
            "epochs": 2,
            "epoch_size": 28,
            "batch": 4,
            "seed": 3,
            "device": "cpu",
            "threads": 1,
            "workers": 0,
            "checkpoint_steps": 2,
            "log_steps": 1,
            "picture_steps": 0,
        },
    }
    config = copy.deepcopy(config)
    for section, values in sections.items():
        if isinstance(values, dict):
            config.setdefault(section, {}).update(values)
        else:
            config[section] = values
    return config


def save(path: Path, config: dict) -> Path:
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def command(*arguments, processes: int = 1) -> list[str]:
    """The command line of ``python -m training``, under torchrun for several processes."""
    start = [sys.executable, "-m"]
    if processes > 1:
        start += ["torch.distributed.run", "--nproc-per-node", str(processes)]
        start += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0", "-m"]
    return [*start, "training", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def train(*arguments, processes: int = 1, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """Run to the end; the result holds status, stdout and stderr."""
    return subprocess.run(
        command(*arguments, processes=processes),
        cwd=cwd or ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=550,
    )


def run_here(folder, values, resume=False) -> Trainer:
    """Run to the end in this process."""
    config = build(Config, values)
    experiment = Experiment(folder)
    experiment.create(values)
    trainer = Trainer(config, experiment, Processes(torch.device("cpu")), resume=resume)
    trainer.run()
    return trainer


def train_until(folder: Path, step: int, number: signal.Signals, *arguments) -> int:
    """Run until the log tells of ``step``, then send a signal; returns the status."""
    process = subprocess.Popen(
        command(*arguments),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = folder / "logs" / "train.log"
    limit = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < limit:
        if log.is_file() and f"step {step}:" in log.read_text(encoding="utf-8"):
            process.send_signal(number)
            break
        time.sleep(0.005)
    return process.wait(timeout=60)


def losses(folder: Path) -> dict[int, float]:
    """Exact loss of every step, from TensorBoard's files."""
    return dict(scalars(folder)["TrainLosses/overall"])


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "logs"), size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def snapshot(folder: Path) -> dict:
    return torch.load(folder / "checkpoints" / "last_checkpoint.pt", weights_only=True)


def same(first, second) -> bool:
    """Whether nested values are equal bit for bit."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[k], second[k]) for k in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second
