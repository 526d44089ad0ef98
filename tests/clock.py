"""Times in tests."""

from __future__ import annotations

from datetime import datetime, timezone


def utc(*numbers: int) -> datetime:
    """Return a time in UTC, from year to second."""
    return datetime(*numbers, tzinfo=timezone.utc)
