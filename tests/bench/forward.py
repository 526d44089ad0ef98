"""One network forward: our engines against our own plain eager single precision.

python -m tests.bench.forward [MODEL …]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch

from core.engine import Engine, TorchEngine, load_model
from core.engine.conversion import convert_to_openvino
from core.model import ClickModel, HRNetConfig, build_model
from core.model.arrays import click_points
from core.prompts import Click

from .measure import cpu_seconds, one_thread, report

_FAMILY = {
    "use_rgb_conv": False,
    "use_leaky_relu": True,
    "use_disks": True,
    "norm_radius": 5,
    "with_aux_output": True,
    "with_prev_mask": True,
}
_CONFIGS = {
    "h18s": HRNetConfig(width=18, ocr_width=48, small=True, **_FAMILY),  # type: ignore[arg-type]
    "h18": HRNetConfig(width=18, ocr_width=64, **_FAMILY),  # type: ignore[arg-type]
}


def random_model(name: str) -> ClickModel:
    """The named architecture with PyTorch's random weights and settled batch norms."""
    torch.manual_seed(0)
    model = build_model(_CONFIGS[name])
    with torch.no_grad():
        image, points = map(torch.from_numpy, example(160, 160))
        for _ in range(8):
            model(image + 0.1 * torch.rand_like(image), points)
    return model.eval().requires_grad_(False)


def example(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch of two random images with a previous mask, and three clicks."""
    image = np.random.default_rng(1).random((2, 4, height, width), np.float32)
    clicks = [Click(height / 2, width / 2), Click(height / 3, width / 4), Click(5, 9, False)]
    return image, click_points(clicks).repeat(2, axis=0)


def main() -> None:
    """Print the ratios, and how far the logits move."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names or files; else random h18s and h18")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    one_thread()
    for name in arguments.models or _CONFIGS:
        engines = loaded(name) if arguments.models else converted(random_model(name))
        for size in ((400, 400), (352, 352), (267, 400)):
            image, points = (values[:1] for values in example(*size))
            _compare(
                f"{name}, {size[0]}x{size[1]}, 1 thread", engines, image, points, arguments.rounds
            )


def loaded(model: str) -> dict[str, Engine]:
    """The engines that the program chooses from for a model file."""
    light = load_model(model).name == "default"
    names = ("torch", "openvino", *(("openvino-bf16",) if light else ()))
    return {name: load_model(model, engine=name, threads=1).stages[0] for name in names}


def converted(model: ClickModel) -> dict[str, Engine]:
    """The engines for a network in PyTorch."""
    return {
        "torch": TorchEngine(model, torch.device("cpu")),
        "openvino": convert_to_openvino(model, threads=1),
    }


def _compare(
    title: str, engines: dict[str, Engine], image: np.ndarray, points: np.ndarray, rounds: int
) -> None:
    def run(engine: Engine) -> Callable[[], np.ndarray]:
        return lambda: engine.compute_logits(image, points)

    runs = {name: run(engine) for name, engine in engines.items()}
    reference, *others = (run() for run in runs.values())
    report(title, cpu_seconds(runs, rounds), next(iter(runs)))
    for name, other in zip(list(runs)[1:], others, strict=True):
        moved = np.abs(other - reference).max()
        print(f"  {name}: logits move by {moved:.1e}")


if __name__ == "__main__":
    main()
