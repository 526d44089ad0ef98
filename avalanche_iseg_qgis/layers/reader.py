"""Reading in the background."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qgis.core import QgsRasterBlockFeedback
from qgis.PyQt.QtCore import QObject, QThread, pyqtSignal, pyqtSlot

from ..core.errors import IsegError
from ..i18n import tr
from .origin import read_origin
from .pixel_window import WindowImage

if TYPE_CHECKING:
    from .pixel_window import PixelWindow
    from .source import PixelSource

_KEPT = 2  # pictures


class ImageReader(QObject):
    """Reads pictures, one at a time, while QGIS goes on.

    A new request takes the place of the one before. The last two pictures are kept.

    Signals
    -------
    done
        A `WindowImage`. At once, from within `request`, for one that is kept.
    failed
        The name of the picture, and what to do.
    described
        An `Origin`.
    """

    done = pyqtSignal(object)
    failed = pyqtSignal(str, str)
    origin_read = pyqtSignal(object)
    _read = pyqtSignal(object)
    _describe = pyqtSignal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kept: dict[str, WindowImage] = {}  # the newest one stands last
        self._running: _Reading | None = None
        self._next: _Reading | None = None
        self._thread = QThread()
        self._hand = _Hand()
        self._hand.moveToThread(self._thread)
        self._read.connect(self._hand.read)
        self._describe.connect(self._hand.request_origin)
        self._hand.ended.connect(self._on_ended)
        self._hand.origin_read.connect(self.origin_read)
        self._thread.start()

    def request(self, source: PixelSource, window: PixelWindow, name: str) -> None:
        """Ask for a picture; `done` or `failed` follows unless another one is asked for before.

        Parameters
        ----------
        source, window
            What to read.
        name
            Of the picture: the same only for the same layer and window.
        """
        kept = self._kept.get(name)
        running = self._running
        if kept is not None:
            self.cancel()
            self._keep(kept)
            self.done.emit(kept)
        elif running is None:
            self._start(_Reading(source, window, name))
        elif running.name == name and not running.feedback.isCanceled():
            self._next = None
        else:
            running.feedback.cancel()
            self._next = _Reading(source, window, name)

    def cached(self, name: str) -> WindowImage | None:
        """A picture that is kept."""
        return self._kept.get(name)

    def request_origin(self, source: PixelSource) -> None:
        """Ask where a source comes from; `origin_read` follows after what is being read."""
        self._describe.emit(source.path, source.name)

    def cancel(self) -> None:
        """Drop the request that is not answered yet, if there is one."""
        self._next = None
        if self._running is not None:
            self._running.feedback.cancel()

    def close(self) -> None:
        """End; waits for no more than the strip or tile that is being read."""
        self.cancel()
        self._thread.quit()
        self._thread.wait()

    def _start(self, reading: _Reading) -> None:
        self._running = reading
        self._read.emit(reading)

    def _keep(self, picture: WindowImage) -> None:
        self._kept.pop(picture.name, None)
        self._kept[picture.name] = picture
        for name in list(self._kept)[:-_KEPT]:
            del self._kept[name]

    @pyqtSlot(object, object, str)
    def _on_ended(self, reading: _Reading, picture: WindowImage | None, text: str) -> None:
        self._running, following = None, self._next
        self._next = None
        if following is not None:
            self._start(following)
        if reading.feedback.isCanceled():
            return
        if picture is None:
            self.failed.emit(reading.name, text)
        else:
            self._keep(picture)
            self.done.emit(picture)


@dataclass(frozen=True, eq=False)
class _Reading:
    source: PixelSource
    window: PixelWindow
    name: str
    feedback: QgsRasterBlockFeedback = field(default_factory=QgsRasterBlockFeedback)


class _Hand(QObject):
    """What works in the background thread."""

    ended = pyqtSignal(object, object, str)
    described = pyqtSignal(object)

    @pyqtSlot(object)
    def read(self, reading: _Reading) -> None:
        try:
            pixels = reading.source.read(reading.window, reading.feedback)
            self.ended.emit(reading, WindowImage(reading.name, reading.window, pixels), "")
        except IsegError as error:
            self.ended.emit(reading, None, str(error))
        except MemoryError:
            text = tr("The picture needs more memory than there is: close other programs.")
            self.ended.emit(reading, None, text)
        except Exception as error:  # whatever it is, the next request must find the thread alive
            text = tr("The picture could not be read: {}. Try again, or report this.")
            self.ended.emit(reading, None, text.format(error))

    @pyqtSlot(str, str)
    def describe(self, path: str, name: str) -> None:
        self.described.emit(read_origin(path, name))
