"""Work on parts of an image in threads: NumPy releases Python's lock in long operations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Progress = Callable[[float], None]
"""Called with the share that is done; raises to stop the work."""

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


def map_in_threads(
    work: Callable[[_Part], _Result], parts: Sequence[_Part], progress: Progress | None = None
) -> Iterator[_Result]:
    """Yield results of `work` in the order of the parts; call `progress` from this thread."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [pool.submit(work, part) for part in parts]
        try:
            for done, future in enumerate(futures, 1):
                yield future.result()
                if progress is not None:
                    progress(done / len(futures))
        finally:
            for future in futures:
                future.cancel()
