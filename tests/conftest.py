"""Fixtures shared by all tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep downloads and converted networks of tests out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AVALANCHE_ISEG_MODELS", str(tmp_path_factory.mktemp("own") / "models"))
        patch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path_factory.mktemp("cache") / "models"))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared test data beside the checkout; tests that need it say so if absent."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"shared test data not found: expected the folder {data}")
    return data


@pytest.fixture
def vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This computer's clock in the time zone of Vienna."""
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
