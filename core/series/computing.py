"""Work on many photos: in several processes, on several machines, gone on with where it stopped.

Results are lines of text files beside the records; a photo whose result is there is not worked on
again unless its file has another size, or another version of the program worked on it. Each process
of `avalanche-iseg series` writes a file of its own, so machines that share the folder share the
work. No machine waits for another: what one that was ended has left undone, the others do.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import IsegError, write_errors
from ..files import visible_files
from ..json_files import MALFORMED, parse_json
from ..text_files import read_limited
from ..version import __version__

Task = TypeVar("Task")
Result = dict[str, Any]

_STARTS = 3  # of processes, if some are killed
_AHEAD = 4  # tasks for each process that wait in the queue
_LOOKED = 10.0  # seconds between looks at what other machines have done


def file_version(path: Path) -> str:
    """Return what tells one writing of a file from another: its size; -1 where it is missing."""
    try:
        return str(path.stat().st_size)
    except OSError:
        return "-1"


def task_version(content: object) -> str:
    """Return what tells a task from others: short, and the same for content that reads the same."""
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class PhotoShare:
    """Which part of the work is done here: every ``count``-th photo, from ``number`` (1 up).

    With ``helps``, what is missing of the other parts is done after it, so that the result is
    whole: of machines that are slower, or were ended.
    """

    number: int = 1
    count: int = 1
    helps: bool = False

    @property
    def name(self) -> str:
        """Name of the file of results."""
        return "all" if self.count == 1 else f"{self.number}of{self.count}"

    def order(self, keys: Sequence[str]) -> list[str]:
        """Return the keys to work on in their order; helpers seldom begin with the same one."""
        own: list[str] = []
        others: list[str] = []
        for index, key in enumerate(keys):
            (own if index % self.count == self.number - 1 else others).append(key)
        random.Random(self.number).shuffle(others)  # noqa: S311 # nosec B311
        return own + others if self.helps else own


class ResultLog:
    """Results by key of the photo, in ``<folder>/*.jsonl``; a line that was cut off is made again.

    Parameters
    ----------
    folder
        Of one kind of result, made at the first one.
    share
        Names the file that is written; those of all shares are read.
    """

    def __init__(self, folder: Path, share: PhotoShare) -> None:
        self._folder = folder
        self._path = folder / f"{share.name}.jsonl"

    def read(self, versions: Mapping[str, str]) -> dict[str, Result]:
        """Return the results of photos whose version is that which was worked on."""
        found: dict[str, Result] = {}
        if not self._folder.is_dir():
            return {}
        for path in visible_files(self._folder, ".jsonl"):
            try:
                lines = read_limited(path).decode("utf-8", errors="replace").split("\n")
            except (OSError, ValueError) as error:
                raise IsegError(f"{path} cannot be read: {error}.") from error
            for line in filter(None, lines):
                key, version, result = _parse(line)
                if key in versions and version == _stamped(versions[key]):
                    found[key] = result
        return found

    def append(self, photo: str, version: str, result: Result) -> None:
        """Note a result."""
        line = json.dumps(
            {"photo": photo, "version": _stamped(version), "result": result}, ensure_ascii=False
        )
        with write_errors(self._path):
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab+") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":
                        file.write(b"\n")
                file.write(f"{line}\n".encode())


def compute(
    function: Callable[[Task], Result],
    tasks: Mapping[str, tuple[str, Task]],
    log: ResultLog,
    *,
    share: PhotoShare | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Result]:
    """Return the result of each task, from the log or computed now, in the order of the tasks.

    Parameters
    ----------
    function
        Computes the result of a task, as JSON, from the task alone; of a module, for other
        processes import it.
    tasks
        By key of the photo: version of what is worked on, and the task.
    log
        Where results are kept.
    share
        The part to compute here; results of other parts are returned where they are there.
    workers
        Number of processes; 1 computes in this one.
    progress
        Called with the number of results, and of all.
    """
    share = share or PhotoShare()
    versions = {key: version for key, (version, _) in tasks.items()}
    found = log.read(versions)
    order = share.order(list(tasks))
    total = len(found.keys() | set(order))
    report = progress or (lambda *_: None)
    report(len(found), total)

    def keep(key: str, result: Result) -> None:
        log.append(key, tasks[key][0], result)
        found[key] = result
        report(len(found), total)

    def waiting() -> Iterator[tuple[str, Task]]:
        looked = time.monotonic()
        for key in order:
            if share.helps and time.monotonic() - looked > _LOOKED:
                found.update(log.read(versions))
                looked = time.monotonic()
            if key not in found:
                yield key, tasks[key][1]

    if workers == 1 or len(set(order) - found.keys()) < 2:
        for key, task in waiting():
            keep(key, function(task))
    else:
        _compute_in_processes(function, waiting, workers, keep)
    return {key: found[key] for key in tasks if key in found}


def _compute_in_processes(
    function: Callable[[Task], Result],
    waiting: Callable[[], Iterator[tuple[str, Task]]],
    workers: int,
    keep: Callable[[str, Result], None],
) -> None:
    for _ in range(_STARTS):
        # Spawned: a fork may inherit locks held by threads of OpenCV.
        context = multiprocessing.get_context("spawn")
        try:
            with ProcessPoolExecutor(workers, context) as pool:
                running: dict[Future[Result], str] = {}
                for key, task in waiting():
                    if len(running) >= _AHEAD * workers:
                        _collect(running, keep)
                    running[pool.submit(function, task)] = key
                while running:
                    _collect(running, keep)
        except BrokenProcessPool:  # one was killed: what it had not finished is done again
            continue
        return
    raise IsegError(
        "Processes that work on the photos were ended from outside, again and again; perhaps the "
        "memory is used up: run it again with fewer --workers, it goes on where it was."
    )


def _stamped(version: str) -> str:
    """Return a version of what is worked on, with that of the program."""
    return f"{__version__} {version}"


def _parse(line: str) -> tuple[str, str, Result]:
    """Return photo, version and result of a line; empty texts if it was cut off."""
    try:
        content = parse_json(line)
        return str(content["photo"]), str(content["version"]), dict(content["result"])
    except MALFORMED:
        return "", "", {}


def _collect(running: dict[Future[Result], str], keep: Callable[[str, Result], None]) -> None:
    """Keep the results that are there, at least one."""
    for done in wait(running, return_when=FIRST_COMPLETED).done:
        keep(running.pop(done), done.result())
