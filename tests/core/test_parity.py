"""The same masks as the research code gives, on photographs, click after click."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.engine import LoadedModel, load_model
from core.predictor import Prediction, Predictor, PredictorOptions, Zoom
from core.prompts import Click, Prompts

MODES: dict[str, dict[str, Any]] = {
    "zoom400_flip": {"zoom": Zoom(400), "flip": True},
    "zoom400_noflip": {"zoom": Zoom(400)},
    "full_flip": {"zoom": None, "flip": True},
    "full_noflip": {"zoom": None},
    "fixed400_flip": {"zoom": Zoom((400, 400), skip_clicks=-1), "flip": True},
}
# Every mode, image and both networks, but not every combination: that would take minutes.
CASES = [
    ("h18s_rand", "zoom400_flip", "106024.jpg"),
    ("h18s_rand", "zoom400_noflip", "banana1.bmp"),
    ("h18s_warm", "zoom400_flip", "106024.jpg"),
    ("h18s_warm", "zoom400_noflip", "banana1.bmp"),
    ("h18s_warm", "full_flip", "106024.jpg"),
    ("h18s_warm", "full_noflip", "person7.jpg"),
    ("h18s_warm", "fixed400_flip", "banana1.bmp"),
]


@functools.cache
def loaded(path: Path) -> LoadedModel:
    return load_model(path, engine="torch")


def answers(model: LoadedModel, mode: str, shared: Path, image: str) -> list[Prediction]:
    """Our predictions after each of the five clicks."""
    predictor = Predictor(model, PredictorOptions(reference=True, **MODES[mode]))
    pixels = cv2.imread(str(shared / "grabcut/data_GT" / image))
    predictor.set_image(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    given = json.loads((shared / "parity/fixed_clicks.json").read_text())[image]
    clicks = [Click(*values) for values in given]
    return [predictor.predict(Prompts(clicks[:n])) for n in range(1, len(clicks) + 1)]


@pytest.mark.parametrize(("network", "mode", "image"), CASES)
def test_predictions_are_those_of_the_research_code(
    network, mode, image, shared, parity_checkpoints
):
    rows = json.loads((shared / f"parity/meta_{network}.json").read_text())[f"{mode}/{image}"]
    ours = answers(loaded(parity_checkpoints[network]), mode, shared, image)
    assert len(ours) == len(rows) == 5
    for prediction, row in zip(ours, rows, strict=True):
        agree_in_figures(prediction, row)
    if network == "h18s_warm":  # the only one whose probabilities are kept
        with np.load(shared / f"parity/probs_every4px_u16_{network}.npz") as theirs:
            for count, prediction in enumerate(ours, start=1):
                agree_in_pixels(prediction, theirs[f"{mode}/{image}/{count}"])


def agree_in_figures(prediction: Prediction, row: dict[str, Any]) -> None:
    roi, probability = prediction.roi, prediction.probability
    window = [roi.row_min, roi.row_max, roi.col_min, roi.col_max]
    assert (window if prediction.views else None) == row["roi_rmin_rmax_cmin_cmax"]
    total = float(probability.astype(np.float64).sum())
    assert abs(total - row["sum"]) / probability.size < 1e-4
    assert float(probability.min()) == pytest.approx(row["min"], abs=2e-3)
    assert float(probability.max()) == pytest.approx(row["max"], abs=2e-3)
    flipped = abs(int(prediction.mask(0.49).sum()) - row["pixels_gt_0.49"])
    assert flipped <= row["pixels_in_0.4895_0.4905"]


def agree_in_pixels(prediction: Prediction, expected: np.ndarray) -> None:
    """``expected``: every fourth pixel both ways, uint16."""
    error = np.abs(prediction.probability[::4, ::4] - expected / np.float32(65535))
    assert error.max() < 1e-3
    assert error.mean() < 1e-4
