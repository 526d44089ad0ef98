"""A random walk of actions and faults: nothing is lost, raised or stuck."""

from __future__ import annotations

import os

import pytest
from qgis.utils import iface
from walk import Walk

FAULTS = int(os.environ.get("ISEG_FAULTS", "100"))


@pytest.mark.timeout(1500)
def test_nothing_is_lost_in_a_random_walk(interpreter, tmp_path):
    walk = Walk(iface, interpreter, tmp_path, seed=1)
    walk.run(FAULTS)
    assert walk.problems == []
    assert walk.violations == 0
    assert sum(row["injected"] for row in walk.table.values()) == FAULTS
