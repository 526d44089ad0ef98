"""Small images of photos, read in a thread; those asked for last come first."""

from __future__ import annotations

from collections import OrderedDict

from qgis.PyQt.QtCore import (
    QMutex,
    QMutexLocker,
    QObject,
    QSize,
    QThread,
    QWaitCondition,
    pyqtSignal,
)
from qgis.PyQt.QtGui import QImage, QImageReader

SIZE = QSize(128, 80)  # pixels
_KEPT = 600  # images of 40 kB
_WAITING = 60  # what was scrolled past is not read


class Thumbnails(QObject):
    """Keeps small images by file.

    Signals
    -------
    loaded
        (path): `image` has it now.
    """

    loaded = pyqtSignal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._images: OrderedDict[str, QImage] = OrderedDict()  # oldest use first
        self._reader = _ThumbnailReader()
        self._reader.read.connect(self._keep)
        self._reader.start(QThread.Priority.LowPriority)

    def image(self, path: str) -> QImage | None:
        """Return the small image of a file; None, and it is read, if it is not there yet.

        An image without pixels stands for a file that cannot be read.
        """
        found = self._images.get(path)
        if found is None:
            self._reader.request(path)
        else:
            self._images.move_to_end(path)
        return found

    def close(self) -> None:
        """End the thread."""
        self._reader.end()

    def _keep(self, path: str, image: QImage) -> None:
        self._images[path] = image
        while len(self._images) > _KEPT:
            self._images.popitem(last=False)
        self.loaded.emit(path)


class _ThumbnailReader(QThread):
    read = pyqtSignal(str, QImage)

    def __init__(self) -> None:
        super().__init__()
        self._mutex, self._woken = QMutex(), QWaitCondition()
        self._waiting: list[str] = []
        self._is_ending = False

    def request(self, path: str) -> None:
        with QMutexLocker(self._mutex):
            if path in self._waiting:
                self._waiting.remove(path)
            self._waiting.append(path)
            del self._waiting[:-_WAITING]
            self._woken.wakeOne()

    def end(self) -> None:
        with QMutexLocker(self._mutex):
            self._is_ending = True
            self._woken.wakeOne()
        self.wait()

    def run(self) -> None:
        """Read what is asked for; called by Qt in the thread."""
        while True:
            with QMutexLocker(self._mutex):
                while not self._waiting and not self._is_ending:
                    self._woken.wait(self._mutex)
                if self._is_ending:
                    return
                path = self._waiting.pop()
            self.read.emit(path, small_image(path))


def small_image(path: str) -> QImage:
    """Read an image at the size of `SIZE`, as it is displayed; without pixels if that fails."""
    reader = QImageReader(path)
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    whole = reader.size()
    if whole.isValid():  # JPEGs are decoded at a fraction of their size, which takes milliseconds
        reader.setScaledSize(_fitted(whole))
    image = reader.read()
    return image if image.isNull() else image.convertToFormat(QImage.Format.Format_RGB32)


def _fitted(whole: QSize) -> QSize:
    share = min(SIZE.width() / whole.width(), SIZE.height() / whole.height())
    return QSize(max(1, round(whole.width() * share)), max(1, round(whole.height() * share)))
