"""Broken entries of an annotation file: named and passed over, so that the others stand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.json_files import MALFORMED


@contextmanager
def noted(faults: list[str], what: str) -> Iterator[None]:
    """Add a sentence about ``what`` to ``faults`` where malformed content makes Python raise."""
    try:
        yield
    except KeyError as error:
        faults.append(f"{what} is left out: it has no {error}.")
    except MALFORMED as error:
        faults.append(f"{what} is left out: {str(error).rstrip('.')}.")
