"""Download one file: resumed where it broke off, checked, and safe beside a second process.

pooch would be the usual choice, but it can neither resume a download nor check git blob ids.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from ..errors import DownloadError
from .integrity import integrity_error
from .lock import exclusive_lock

Progress = Callable[[int, int | None], None]
"""Called with the bytes that have arrived and those of the whole file, if known."""

WAITS = (1.0, 2.0, 4.0)
"""Seconds before the second, third and fourth attempt after an interruption."""

_CHUNK = 1 << 17  # bytes read at once
_TRY_AGAIN = (408, 429, 500, 502, 503, 504)  # HTTP states that may pass
_RANGE_NOT_SATISFIABLE = 416


class _Interrupted(Exception):  # noqa: N818 - not an error yet: another attempt may succeed
    """The connection failed or broke off."""


def download(
    url: str,
    target: Path,
    *,
    git_blob: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    timeout: float = 30.0,
) -> Path:
    """Fetch ``url`` to ``target``, unless a file of the right content is there already.

    The content goes to ``<target>.part`` first. If the connection breaks off, that file is
    kept, and this call (after a pause) or a later one goes on from there. Only a complete and
    checked file gets the name ``target``, in one step. A second process that wants the same
    file waits for the first.

    Parameters
    ----------
    url
        An http or https address.
    target
        Where to put the file; missing folders are made.
    git_blob, sha256, size
        What the content must be, see `integrity_error`; None is not checked.
    progress
        Called often. It may raise to cancel: the exception goes through, the part is kept.
    timeout
        Seconds of silence after which a connection counts as broken.

    Returns
    -------
    Path
        ``target``.

    Raises
    ------
    DownloadError
        No connection, an answer other than the file, content other than the published one, or
        a full or read-only disk. The message says what to do.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"Cannot download {url}: the address must start with https or http.")
    job = _Job(url, target, size, progress or _silent, timeout)

    def fault(path: Path) -> str | None:
        return integrity_error(path, git_blob=git_blob, sha256=sha256, size=size)

    with job.locked():
        if not (target.is_file() and fault(target) is None):
            job.fetch()
            job.accept(fault)
    return target


def _silent(_done: int, _total: int | None) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class _Job:
    """One file on its way: address, destination, and how to tell about it."""

    url: str
    target: Path
    size: int | None
    progress: Progress
    timeout: float

    @property
    def part(self) -> Path:
        """Where the content collects until it is complete."""
        return self.target.with_name(f"{self.target.name}.part")

    def arrived(self) -> int:
        """Bytes that are on disk already."""
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes away from the part file."""
        lock = exclusive_lock(
            self.target.with_name(f"{self.target.name}.lock"),
            on_wait=lambda: self.progress(self.arrived(), self.size),
        )
        with ExitStack() as stack:
            with self.on_disk():
                self.target.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock)
            yield

    def fetch(self) -> None:
        """Complete the part file, in several attempts if need be."""
        for wait in (*WAITS, None):
            try:
                self._receive()
                return
            except _Interrupted as fault:  # noqa: PERF203 - one try per attempt is the point
                if wait is None:
                    raise self.failure(str(fault)) from fault
                time.sleep(wait)

    def accept(self, fault_in: Callable[[Path], str | None]) -> None:
        """Give the part file its final name, or remove it if its content is wrong."""
        with self.on_disk():
            fault = fault_in(self.part)
            if fault is None:
                self.part.replace(self.target)
                return
            self.part.unlink()
        raise self.failure(f"what arrived is not the published file, {fault}")

    def _receive(self) -> None:
        """Append to the part file what it lacks, in one connection."""
        with self._open(self.arrived()) as response:
            done, total = self._span(response)
            if done == 0:
                with self.on_disk():
                    self.part.write_bytes(b"")
            self.progress(done, total)
            while chunk := self._read(response):
                self._append(chunk)
                done += len(chunk)
                self.progress(done, total)
        if total is not None and done < total:
            raise _Interrupted(f"the connection broke off after {done} of {total} bytes")

    def _open(self, offset: int) -> HTTPResponse:
        """Ask for the content from byte ``offset`` on."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        request = Request(self.url, headers=headers)  # noqa: S310 - scheme checked by download()
        try:
            return cast(HTTPResponse, build_opener().open(request, timeout=self.timeout))
        except HTTPError as fault:
            fault.close()
            if fault.code == _RANGE_NOT_SATISFIABLE and offset:
                return self._open(0)
            answer = f"the server answers {fault.code} {fault.reason}"
            if fault.code in _TRY_AGAIN:
                raise _Interrupted(answer) from fault
            raise self.failure(answer) from fault
        except (OSError, HTTPException) as fault:
            raise _Interrupted(f"no connection to the server ({fault})") from fault

    def _span(self, response: HTTPResponse) -> tuple[int, int | None]:
        """Bytes that the answer leaves out, and bytes of the whole file if known."""
        if response.status != 206:  # the whole file, whatever was asked for
            return 0, self.size if response.length is None else response.length
        header = response.headers.get("Content-Range", "")
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", header)
        if found is None or int(found[1]) != self.arrived():
            with self.on_disk():
                self.part.unlink(missing_ok=True)
            raise _Interrupted(f"the server sent another part than asked for ({header!r})")
        return int(found[1]), self.size if found[2] == "*" else int(found[2])

    def _read(self, response: HTTPResponse) -> bytes:
        try:
            return response.read(_CHUNK)
        except (OSError, HTTPException) as fault:
            raise _Interrupted(f"the connection broke off ({fault!r})") from fault

    def _append(self, chunk: bytes) -> None:
        with self.on_disk(), self.part.open("ab") as handle:
            handle.write(chunk)

    @contextmanager
    def on_disk(self) -> Iterator[None]:
        """Turn faults of the file system into a message; no network inside."""
        try:
            yield
        except OSError as fault:
            raise DownloadError(
                f"Could not store {self.url} as {self.target}: {fault}. Make room or write access "
                "there, choose another folder with the environment variable AVALANCHE_ISEG_CACHE, "
                "or give the path of a model file with --model FILE."
            ) from fault

    def failure(self, reason: str) -> DownloadError:
        """Error that tells what happened and how to get the file all the same."""
        kept = self.arrived()
        resume = f" The {kept} bytes that arrived are kept for the next attempt." if kept else ""
        return DownloadError(
            f"Could not download {self.url}: {reason}.{resume} Check the connection and try "
            f"again, or download it by hand in a browser and put the file at {self.target}, or "
            "give its path with --model FILE."
        )
