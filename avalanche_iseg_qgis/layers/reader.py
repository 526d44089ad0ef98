"""Reading of pixel windows in a background thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from qgis.core import QgsRasterBlockFeedback
from qgis.PyQt.QtCore import QObject, QThread, pyqtSignal, pyqtSlot

from ..core.errors import ImageError, IsegError
from ..i18n import tr
from .file_version import file_version
from .origin import read_origin
from .pixel_window import WindowImage

if TYPE_CHECKING:
    from .pixel_window import PixelWindow
    from .source import PixelSource

_MAX_CACHED = 2  # images
_ATTEMPTS, _PAUSE = 4, 0.15  # seconds: a webcam may be writing the file

_Value = TypeVar("_Value")


class ImageReader(QObject):
    """Reads images in a thread of its own, one at a time.

    A new request replaces the one before. The last two images are cached.

    Signals
    -------
    done
        (WindowImage): emitted from within `request` for a cached image.
    failed
        (name, text): name of the image, and what the user can do.
    origin_read
        (ImageOrigin)
    """

    done = pyqtSignal(object)
    failed = pyqtSignal(str, str)
    origin_read = pyqtSignal(object)
    _read = pyqtSignal(object)
    _read_origin = pyqtSignal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._cache: dict[str, WindowImage] = {}  # oldest first
        self._running: _ReadRequest | None = None
        self._next: _ReadRequest | None = None
        self._thread = QThread()
        self._background = _BackgroundReader()
        self._background.moveToThread(self._thread)
        self._read.connect(self._background.read)
        self._read_origin.connect(self._background.read_origin)
        self._background.ended.connect(self._on_ended)
        self._background.origin_read.connect(self.origin_read)
        self._thread.start()

    def request(self, source: PixelSource, window: PixelWindow, name: str) -> None:
        """Request an image; `done` or `failed` follows unless another request comes before.

        Parameters
        ----------
        source, window
            What to read.
        name
            Name of the image: the same only for the same layer, version of its file, and window.
        """
        cached = self._cache.get(name)
        running = self._running
        if cached is not None:
            self.cancel()
            self._add_to_cache(cached)
            self.done.emit(cached)
        elif running is None:
            self._start(_ReadRequest(source, window, name))
        elif running.name == name and not running.feedback.isCanceled():
            self._next = None
        else:
            running.feedback.cancel()
            self._next = _ReadRequest(source, window, name)

    def cached(self, name: str) -> WindowImage | None:
        """Return a cached image, None if it is not in the cache."""
        return self._cache.get(name)

    def request_origin(self, source: PixelSource) -> None:
        """Request the origin of a source; `origin_read` follows after a running read."""
        self._read_origin.emit(source.path, source.name)

    def cancel(self) -> None:
        """Withdraw the pending request, if there is one."""
        self._next = None
        if self._running is not None:
            self._running.feedback.cancel()

    def close(self) -> None:
        """End the thread; waits at most for the strip or tile that is being read."""
        self.cancel()
        self._thread.quit()
        self._thread.wait()

    def _start(self, request: _ReadRequest) -> None:
        self._running = request
        self._read.emit(request)

    def _add_to_cache(self, image: WindowImage) -> None:
        self._cache.pop(image.name, None)
        self._cache[image.name] = image
        for name in list(self._cache)[:-_MAX_CACHED]:
            del self._cache[name]

    @pyqtSlot(object, object, str)
    def _on_ended(self, request: _ReadRequest, image: WindowImage | None, text: str) -> None:
        self._running, following = None, self._next
        self._next = None
        if following is not None:
            self._start(following)
        if request.feedback.isCanceled():
            return
        if image is None:
            self.failed.emit(request.name, text)
        else:
            self._add_to_cache(image)
            self.done.emit(image)


@dataclass(frozen=True, eq=False)
class _ReadRequest:
    source: PixelSource
    window: PixelWindow
    name: str
    feedback: QgsRasterBlockFeedback = field(default_factory=QgsRasterBlockFeedback)


class _BackgroundReader(QObject):
    """The part of the reader that lives in the background thread."""

    ended = pyqtSignal(object, object, str)
    origin_read = pyqtSignal(object)

    @pyqtSlot(object)
    def read(self, request: _ReadRequest) -> None:
        try:
            source, window, feedback = request.source, request.window, request.feedback
            pixels, version = _steady(
                source.path, lambda: source.read(window, feedback), feedback.isCanceled
            )
            self.ended.emit(request, WindowImage(request.name, window, pixels, version), "")
        except IsegError as error:
            self.ended.emit(request, None, str(error))
        except MemoryError:
            text = tr("The image needs more memory than there is: close other programs.")
            self.ended.emit(request, None, text)
        except Exception as error:  # the thread must survive any error, for the next request
            text = tr("The image could not be read: {}. Try again, or report this.")
            self.ended.emit(request, None, text.format(error))

    @pyqtSlot(str, str)
    def read_origin(self, path: str, name: str) -> None:
        try:
            origin, version = _steady(path, lambda: read_origin(path, name))
        except ImageError:
            return  # it is being written: the next look at the file is a new one
        self.origin_read.emit(replace(origin, version=version))


def _steady(
    path: str, read: Callable[[], _Value], is_cancelled: Callable[[], bool] = lambda: False
) -> tuple[_Value, str]:
    """Return what is read from a file that nobody writes to meanwhile, and the file's version.

    Raises
    ------
    IsegError
        If it cannot be read.
    ImageError
        If the file changes again and again.
    """
    for _ in range(_ATTEMPTS):
        before, failure = file_version(path), None
        try:
            value = read()
        except IsegError as error:
            failure = error
        if file_version(path) == before:
            if failure is not None:
                raise failure
            return value, before
        if is_cancelled():
            break
        time.sleep(_PAUSE)
    text = tr("The file {} is being written: try again in a moment.")
    raise ImageError(text.format(path))
