"""Examples in docstrings of names that `core` itself does not export; see test_api for those."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("core.predictor.options", "core.robot_user")


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
