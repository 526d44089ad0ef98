"""One network forward: our engines against our own plain eager single precision.

python -m tests.bench.forward [MODEL.pth …]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from core.engine import Engine, OpenVinoEngine, TorchEngine
from core.model import ClickModel, HRNetConfig, build_model
from core.model.checkpoint import load_checkpoint
from core.model.click_maps import points_tensor
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
        image, points = example(160, 160)
        for _ in range(8):
            model(image + 0.1 * torch.rand_like(image), points)
    return model.eval().requires_grad_(False)


def example(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of two random images with a previous mask, and three clicks."""
    torch.manual_seed(1)
    clicks = [Click(height / 2, width / 2), Click(height / 3, width / 4), Click(5, 9, False)]
    return torch.rand(2, 4, height, width), points_tensor(clicks).repeat(2, 1, 1)


def main() -> None:
    """Print the ratios, and how far the logits move."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="model files instead of random h18s and h18")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    one_thread()
    models = {Path(f).stem: load_checkpoint(f).stages[0] for f in arguments.models}
    for name, model in (models or {name: random_model(name) for name in _CONFIGS}).items():
        engines: dict[str, Engine] = {
            "eager PyTorch (reference)": TorchEngine(model, torch.device("cpu")),
            "OpenVINO": OpenVinoEngine(model),
        }
        for size in ((400, 400), (267, 400)):
            image, points = (tensor[:1] for tensor in example(*size))
            _compare(
                f"{name}, {size[0]}x{size[1]}, 1 thread", engines, image, points, arguments.rounds
            )


def _compare(
    title: str,
    engines: dict[str, Engine],
    image: torch.Tensor,
    points: torch.Tensor,
    rounds: int,
) -> None:
    def run(engine: Engine) -> Callable[[], torch.Tensor]:
        return lambda: engine.compute_logits(image, points)

    runs = {name: run(engine) for name, engine in engines.items()}
    reference, *others = (run() for run in runs.values())
    report(title, cpu_seconds(runs, rounds), next(iter(runs)))
    for name, other in zip(list(runs)[1:], others, strict=True):
        logits, moved = (other - reference).abs().max(), other.sigmoid() - reference.sigmoid()
        print(f"  {name}: logits move by {logits:.1e}, probabilities by {moved.abs().max():.1e}")


if __name__ == "__main__":
    main()
