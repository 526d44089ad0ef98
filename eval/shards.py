"""Several processes for one evaluation, and a journal that survives when they are stopped."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from core.datasets import ObjectRef
from core.errors import IsegError
from core.json_files import MALFORMED, parse_json

from .run import ObjectRun

T = TypeVar("T")

PATIENCE = timedelta(days=7)
"""A shard may be slow; if one dies, torchrun ends the others at once, not this limit."""


@dataclass(frozen=True)
class Shard:
    """One of ``count`` processes; shard i takes the objects i, i + count, i + 2 count and so on."""

    rank: int = 0
    count: int = 1

    def share(self, total: int) -> range:
        """Indices of this shard's objects out of ``total``."""
        return range(self.rank, total, self.count)

    def gather(self, item: T) -> list[T]:
        """Collect one item of every shard, in rank order, in every shard."""
        if self.count == 1:
            return [item]
        import torch.distributed as dist  # seconds to load, and few need it

        items: list[T | None] = [None] * self.count
        dist.all_gather_object(items, item)
        return [item for item in items if item is not None]

    def wait_for_all(self) -> None:
        """Return when every shard has come this far."""
        if self.count > 1:
            import torch.distributed as dist

            dist.barrier()


@contextmanager
def join_shards() -> Iterator[Shard]:
    """Join the processes that torchrun started, if it did (environment RANK, WORLD_SIZE)."""
    shard = Shard(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))
    if shard.count == 1:
        yield shard
        return
    import torch.distributed as dist

    dist.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield shard
    finally:
        dist.destroy_process_group()


class Journal:
    """Finished objects on disk, so that a stopped evaluation goes on where it was.

    One file of JSON lines per rank in ``<results file>.journal``; all of them are read, so the
    number of shards may change in between. A line carries the fingerprint of the settings it was
    made with and counts only for the same ones. A line cut off by a kill is made again.
    """

    def __init__(self, results: Path, rank: int) -> None:
        self.folder = results.with_name(f"{results.name}.journal")
        self._file = self.folder / f"rank{rank}.jsonl"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._end_line()
        except OSError as error:
            raise self._unwritable(error) from error

    def read(self, fingerprint: str) -> dict[ObjectRef, ObjectRun]:
        """Objects finished with these settings, by any shard."""
        runs = (
            run
            for file in sorted(self.folder.glob("*.jsonl"))
            for line in file.read_text("utf-8", errors="replace").splitlines()
            if (run := _parse(line, fingerprint)) is not None
        )
        return {run.ref: run for run in runs}

    def append(self, fingerprint: str, run: ObjectRun) -> None:
        """Note a finished object."""
        record = {"fingerprint": fingerprint, **run.to_json(), "seconds": run.seconds}
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def remove(self) -> None:
        """Delete the journal of all shards; other shards may be doing the same."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end_line(self) -> None:
        """Close a line that a kill cut off, lest the next one be lost with it."""
        with self._file.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")

    def _unwritable(self, error: OSError) -> IsegError:
        return IsegError(
            f"Cannot write {self._file}: {error.strerror}. Make room, or choose another place "
            "with --json."
        )


def _parse(line: str, fingerprint: str) -> ObjectRun | None:
    """Return the object of a journal line; None if damaged or made with other settings."""
    try:
        record = parse_json(line)
        if not isinstance(record, dict) or record.get("fingerprint") != fingerprint:
            return None
        return ObjectRun.from_json(record)
    except (*MALFORMED, IsegError):
        return None
