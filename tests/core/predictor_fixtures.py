"""Networks whose answers can be worked out by hand, and engines that note what they are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.engine import LoadedModel, TorchEngine
from core.model import ClickModel, ModelConfig
from core.model.network import Level, Logits
from core.predictor import Predictor, PredictorOptions
from core.prompts import Click, Prompts

Answer = Callable[[Tensor, Tensor], Tensor]


def red(rgb: Tensor, maps: Tensor) -> Tensor:
    """Logits that say: the object is what is red (the network of the published toy goldens)."""
    return 8 * (rgb[:, :1] - 0.5)


def disks(rgb: Tensor, maps: Tensor) -> Tensor:
    """Logits that say: the object is the disks of the positive clicks."""
    return 8 * (maps[:, -2:-1] - 0.5)


def echo(rgb: Tensor, maps: Tensor) -> Tensor:
    """Logits whose probabilities are the previous mask, a little paler, and the clicked disks."""
    mask = torch.clamp(0.9 * maps[:, :1] + 0.9 * maps[:, 1:2], 0.001, 0.95)
    return torch.logit(mask)


def left(rgb: Tensor, maps: Tensor) -> Tensor:
    """Logits that fall from left to right, whatever the image shows."""
    return torch.linspace(4, -4, rgb.shape[3]).expand(rgb.shape[0], 1, *rgb.shape[2:])


class ToyModel(ClickModel):
    """A click network without weights: ``answer`` makes logits of RGB in 0..1 and maps."""

    def __init__(self, answer: Answer, *, with_prev_mask: bool = True) -> None:
        super().__init__(
            ModelConfig(
                use_rgb_conv=False, use_disks=True, norm_radius=5, with_prev_mask=with_prev_mask
            )
        )
        self.answer = answer
        self.eval().requires_grad_(False)

    def encode(self, rgb: Tensor, maps: Tensor, level: Level) -> tuple[Tensor, ...]:
        return rgb * self.norm_std + self.norm_mean, maps

    def decode(self, features: tuple[Tensor, ...], level: Level) -> Logits:
        return Logits(self.answer(*features), None)


class NotingEngine(TorchEngine):
    """Plain PyTorch that notes every input: shapes (B, C, h, w), points, mean previous mask."""

    def __init__(self, model: ClickModel) -> None:
        super().__init__(model, torch.device("cpu"))
        self.shapes: list[tuple[int, ...]] = []
        self.points: list[np.ndarray] = []
        self.guidance: list[float] = []

    def compute_logits(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        self.shapes.append(tuple(image.shape))
        self.points.append(points)
        if image.shape[1] == 4:
            self.guidance.append(float(image[:, 3].mean()))
        return super().compute_logits(image, points)


@dataclass
class Bench:
    """A predictor with the engines it runs on."""

    predictor: Predictor
    engines: list[NotingEngine] = field(default_factory=list)

    @property
    def engine(self) -> NotingEngine:
        return self.engines[0]

    @property
    def passes(self) -> int:
        return sum(len(engine.shapes) for engine in self.engines)

    def each(self, clicks: Sequence[Click], **prompts: Any) -> list[Any]:
        """Predictions after every one of ``clicks``."""
        counts = range(1, len(clicks) + 1)
        return [self.predictor.predict(Prompts(clicks[:n], **prompts)) for n in counts]


def bench(
    *models: ClickModel, image: np.ndarray | None = None, knows_boxes: bool = False, **options: Any
) -> Bench:
    """A predictor with these stages; ``options`` are those of `PredictorOptions`."""
    engines = [NotingEngine(model) for model in models]
    metadata = {"knows_boxes": knows_boxes}
    loaded = LoadedModel("toy", Path("toy.pth"), tuple(engines), metadata=metadata)
    predictor = Predictor(loaded, PredictorOptions(**options))
    if image is not None:
        predictor.set_image(image)
    return Bench(predictor, engines)


def toy(answer: Answer, image: np.ndarray, **options: Any) -> Bench:
    """A predictor with a `ToyModel` of one stage."""
    return bench(ToyModel(answer), image=image, **options)


def red_box(size: tuple[int, int], rows: tuple[int, int], cols: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) black image with a red box; its bounds belong to it."""
    image = np.zeros((*size, 3), np.uint8)
    image[rows[0] : rows[1] + 1, cols[0] : cols[1] + 1, 0] = 255
    return image


def disc(size: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """(H, W) bool disc."""
    rows = np.arange(size[0])[:, None] - centre[0]
    cols = np.arange(size[1]) - centre[1]
    inside: np.ndarray = rows**2 + cols**2 <= radius**2
    return inside


def red_where(mask: np.ndarray) -> np.ndarray:
    """(H, W, 3) black image, red where ``mask`` is true."""
    image = np.zeros((*mask.shape, 3), np.uint8)
    image[mask, 0] = 255
    return image
