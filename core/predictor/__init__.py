"""Prompts in, probabilities out: see `Predictor`."""

from .options import MODES, BRSOptions, Mode, PredictorOptions, Zoom
from .prediction import Prediction
from .predictor import Predictor

__all__ = ["MODES", "BRSOptions", "Mode", "Prediction", "Predictor", "PredictorOptions", "Zoom"]
