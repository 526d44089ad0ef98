"""Download of one file: resumed after interruptions, checked, safe beside a second process.

pooch would be the usual choice, but it can neither resume a download nor check git blob ids.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import NoReturn, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, build_opener

from ..errors import DownloadError
from ..files import move
from .integrity import integrity_error
from .lock import exclusive_lock

Progress = Callable[[int, "int | None"], None]  # a string, for QGIS's Python 3.9
"""Called with the number of bytes received, and of the whole file if known."""

WAITS = (1.0, 2.0, 4.0)
"""Seconds before the second, third and fourth attempt after an interruption."""

MOST_BYTES = 512 << 20
"""Size beyond which an answer cannot be the file, where its size is not published."""

LEAST_SPEED = 1000.0
"""Bytes a second, on average over `SLOW_SECONDS`, below which a download is given up."""

SLOW_SECONDS = 60.0

_CHUNK = 1 << 17  # bytes read at once
_TRANSIENT = (408, 429, 500, 502, 503, 504)  # HTTP states worth another attempt
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
    """Download ``url`` to ``target``, unless a file of the right content is there already.

    Return ``target``.

    The content is written to ``<target>.part`` first. If the connection breaks off, this call
    (after a pause) or a later one resumes from that file. Only a complete and checked file gets
    the name ``target``, in one step. A second process that needs the same file waits for the
    first.

    Parameters
    ----------
    url
        An http or https address.
    target
        Path of the file; missing folders are made.
    git_blob, sha256, size
        Expected content, see `integrity_error`; None is not checked, but a file of unknown size
        has `MOST_BYTES` at most.
    progress
        Called often. It may raise to cancel: the exception propagates, the part file stays.
    timeout
        Seconds of silence after which a connection counts as broken.

    Raises
    ------
    DownloadError
        No connection, or one slower than `LEAST_SPEED`, an HTTP error, content other than the
        published one, or a full or read-only disk. The message says what to do.
    """
    if not _is_web_address(url):
        raise DownloadError(f"Cannot download {url}: the address must start with https or http.")
    job = _Download(url, target, size, progress or (lambda _done, _total: None), timeout)

    def fault(path: Path) -> str | None:
        return integrity_error(path, git_blob=git_blob, sha256=sha256, size=size)

    with job.locked():
        if not (target.is_file() and fault(target) is None):
            job.prepare()
            job.fetch()
            job.finish(fault)
    return target


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True)
class _Download:
    """One file being downloaded: address, destination, and progress."""

    url: str
    target: Path
    size: int | None
    progress: Progress
    timeout: float

    @property
    def part(self) -> Path:
        """File with the content received so far."""
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def most(self) -> int:
        """Number of bytes that the file has at most."""
        return MOST_BYTES if self.size is None else self.size

    def prepare(self) -> None:
        """Remove a part file that is none: a link, or longer than the file."""
        with self.disk_errors():
            if self.part.is_symlink() or self.received() > self.most:
                self.part.unlink()

    def received(self) -> int:
        """Return the number of bytes received so far."""
        try:
            return self.part.stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the part file against other processes."""
        lock = exclusive_lock(
            self.target.with_name(f"{self.target.name}.lock"),
            on_wait=lambda: self.progress(self.received(), self.size),
        )
        with ExitStack() as stack:
            with self.disk_errors():
                self.target.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lock)
            yield

    def fetch(self) -> None:
        """Complete the part file, in several attempts if necessary."""
        if self.received() == self.size:
            return
        for wait in (*WAITS, None):
            try:
                self._continue()
                return
            except _Interrupted as fault:  # noqa: PERF203 - one try per attempt
                if wait is None:
                    raise self.failure(str(fault)) from fault
                time.sleep(wait)

    def finish(self, check: Callable[[Path], str | None]) -> None:
        """Move the part file to its final name, or remove it if its content is wrong."""
        with self.disk_errors():
            fault = check(self.part)
            if fault is None:
                move(self.part, self.target)
                return
            self.part.unlink()
        raise self.failure(f"what arrived is not the published file, {fault}")

    def _continue(self) -> None:
        """Append the missing bytes to the part file, in one connection."""
        with self._open(self.received()) as response:
            done, total = self._content_range(response)
            if done == 0:
                with self.disk_errors():
                    self.part.write_bytes(b"")
            self._require_room(done, total)
            self.progress(done, total)
            began, before = time.monotonic(), done
            while chunk := self._read(response):
                done += len(chunk)
                if done > self.most:
                    self._discard(f"the answer is longer than the {self.most} bytes of the file")
                with self.disk_errors(), self.part.open("ab") as handle:
                    handle.write(chunk)
                self.progress(done, total)
                seconds = time.monotonic() - began
                if seconds >= SLOW_SECONDS:
                    if done - before < LEAST_SPEED * seconds:
                        raise self.failure(
                            f"{done - before} bytes arrived in {seconds:.0f} seconds, which is "
                            "too slow to end"
                        )
                    began, before = time.monotonic(), done
        if total is not None and done < total:
            raise _Interrupted(f"the connection broke off after {done} of {total} bytes")

    def _require_room(self, done: int, total: int | None) -> None:
        """Refuse an answer that is longer than the file can be, or than the disk has room for."""
        if total is None:
            return
        if total > self.most:
            self._discard(
                f"the server announces {total} bytes, but the file has "
                + (f"{self.most}" if self.size is not None else f"at most {self.most}")
            )
        with self.disk_errors():
            free = shutil.disk_usage(self.target.parent).free
            if total - done > free:
                needs = f"{total - done} bytes are needed, {free} are free"
                raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {needs}")

    def _discard(self, reason: str) -> NoReturn:
        """Remove what arrived, which is not the file, and say why."""
        with self.disk_errors():
            self.part.unlink(missing_ok=True)
        raise self.failure(reason)

    def _open(self, offset: int) -> HTTPResponse:
        """Request the content from byte ``offset`` on."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        request = Request(self.url, headers=headers)  # noqa: S310 - scheme checked by download()
        try:
            return cast(HTTPResponse, build_opener().open(request, timeout=self.timeout))
        except HTTPError as fault:
            fault.close()
            if fault.code == _RANGE_NOT_SATISFIABLE and offset:
                return self._open(0)
            reason = f"the server answers {fault.code} {fault.reason}"
            if fault.code in _TRANSIENT:
                raise _Interrupted(reason) from fault
            raise self.failure(reason) from fault
        except (OSError, HTTPException, ValueError) as fault:
            raise _Interrupted(f"no connection to the server ({fault})") from fault

    def _content_range(self, response: HTTPResponse) -> tuple[int, int | None]:
        """Return the offset of a response, and the length of the whole file if known."""
        if response.status != 206:  # the whole file, whatever the request
            return 0, self.size if response.length is None else response.length
        header = response.headers.get("Content-Range", "")
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", header)
        if found is None or int(found[1]) != self.received():
            with self.disk_errors():
                self.part.unlink(missing_ok=True)
            raise _Interrupted(f"the server sent another part than asked for ({header!r})")
        return int(found[1]), self.size if found[2] == "*" else int(found[2])

    def _read(self, response: HTTPResponse) -> bytes:
        try:
            return response.read1(_CHUNK)  # what is there: a slow connection is seen as such
        except (OSError, HTTPException, ValueError) as fault:
            raise _Interrupted(f"the connection broke off ({fault!r})") from fault

    @contextmanager
    def disk_errors(self) -> Iterator[None]:
        """Turn errors of the file system into a `DownloadError`; not for network code."""
        try:
            yield
        except OSError as fault:
            raise DownloadError(
                f"Could not store {self.url} as {self.target}: {fault}. Make room or write access "
                "there, choose another folder with the environment variable AVALANCHE_ISEG_CACHE, "
                "or give the path of a model file with --model FILE."
            ) from fault

    def failure(self, reason: str) -> DownloadError:
        """Build the error with the reason and what to do."""
        kept = self.received()
        resume = f" The {kept} bytes that arrived are kept for the next attempt." if kept else ""
        return DownloadError(
            f"Could not download {self.url}: {reason}.{resume} Check the connection and try "
            f"again, or download it by hand in a browser and put the file at {self.target}, or "
            "give its path with --model FILE."
        )
