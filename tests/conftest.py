"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared test data beside the checkout; tests that need it say so if absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"shared test data not found: expected the folder {data}")
    return data
