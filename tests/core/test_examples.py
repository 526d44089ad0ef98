"""The examples in docstrings, as a script author would run them."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "core.datasets",
    "core.engine.loading",
    "core.image",
    "core.metrics.clicks",
    "core.metrics.overlap",
    "core.outline.polygonise",
    "core.outline.write",
    "core.predictor.options",
    "core.predictor.prediction",
    "core.predictor.predictor",
    "core.prompts",
    "core.robot_user",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
