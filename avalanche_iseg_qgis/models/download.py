"""Download of a published model through QGIS's network settings.

The files are those of `core.zoo.download`: the same folder, the same names, the same lock. So the
worker finds them, and what one began the other goes on with.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

from qgis.core import QgsNetworkAccessManager
from qgis.PyQt.QtCore import QObject, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from ..core.files import move
from ..core.zoo.download import MOST_BYTES
from ..core.zoo.integrity import integrity_error
from ..core.zoo.lock import lock_or_fail
from ..i18n import tr
from .catalogue import part_path

if TYPE_CHECKING:
    from .catalogue import ModelEntry

_BUFFER = 1 << 20  # bytes that Qt reads ahead
_PARTIAL, _NOT_SATISFIABLE = 206, 416


class ModelDownload(QObject):
    """Downloads one model.

    Signals
    -------
    progressed
        Bytes received, and of the whole file (-1 where it is not known).
    finished
        "", or why it failed and what to do. Not emitted after `cancel`.
    """

    progressed = pyqtSignal("qint64", "qint64")
    finished = pyqtSignal(str)

    def __init__(self, entry: ModelEntry, parent: QObject | None = None) -> None:
        super().__init__(parent)
        if entry.zoo is None or entry.zoo.url is None:
            raise ValueError(f"{entry.name} is not published for download.")
        self._zoo, self._url, self._path = entry.zoo, entry.zoo.url, entry.path
        self._reply: QNetworkReply | None = None
        self._file: BinaryIO | None = None
        self._received, self._total = 0, -1
        self._stack = ExitStack()

    def start(self) -> None:
        """Begin, or go on where an earlier download ended."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = self._path.with_name(f"{self._path.name}.lock")
            self._stack.enter_context(lock_or_fail(lock))
            part = part_path(self._path)
            self._received = part.stat().st_size if part.is_file() else 0
        except BlockingIOError:
            self._end(tr("Another program downloads this model. Wait until it is done."))
            return
        except OSError as error:
            self._end(self._disk_text(error))
            return
        self._request()

    def cancel(self) -> None:
        """End at once. What has arrived is kept."""
        self._close()

    # --- the connection ------------------------------------------------------------------------

    def _request(self) -> None:
        request = QNetworkRequest(QUrl(self._url))
        request.setRawHeader(b"Accept-Encoding", b"identity")  # else lengths are those of a zip
        if self._received:
            request.setRawHeader(b"Range", f"bytes={self._received}-".encode())
        safe = QNetworkRequest.RedirectPolicy.NoLessSafeRedirectPolicy
        request.setAttribute(QNetworkRequest.Attribute.RedirectPolicyAttribute, safe)
        fresh = QNetworkRequest.CacheLoadControl.AlwaysNetwork
        request.setAttribute(QNetworkRequest.Attribute.CacheLoadControlAttribute, fresh)
        request.setAttribute(QNetworkRequest.Attribute.CacheSaveControlAttribute, False)
        reply = self._reply = QgsNetworkAccessManager.instance().get(request)
        reply.setReadBufferSize(_BUFFER)
        reply.readyRead.connect(self._read)
        reply.finished.connect(self._on_finished)

    def _status(self) -> int:
        attribute = QNetworkRequest.Attribute.HttpStatusCodeAttribute
        return int(self._reply.attribute(attribute) or 0) if self._reply is not None else 0

    def _read(self) -> None:
        """Store what has arrived."""
        reply = self._reply
        if reply is None or self._status() >= 300:
            return
        try:
            if self._file is None and not self._open(reply):
                self._discard()
                self._end(self._broken_text(tr("the server sent another part than asked for")))
                return
            data = bytes(reply.readAll())
            if self._file is not None and data:
                self._file.write(data)
                self._received += len(data)
        except OSError as error:
            self._end(self._disk_text(error))
            return
        if self._received > (self._zoo.size or MOST_BYTES):
            self._discard()
            self._end(self._wrong_text(tr("it is larger")))
            return
        self.progressed.emit(self._received, self._total)

    def _open(self, reply: QNetworkReply) -> bool:
        """Open the part file where the answer begins; return whether it is what was asked for."""
        length = int(reply.header(QNetworkRequest.KnownHeaders.ContentLengthHeader) or -1)
        if self._status() == _PARTIAL:
            header = bytes(reply.rawHeader(b"Content-Range")).decode(errors="replace")
            place = re.match(r"bytes (\d+)-", header)
            if place is None or int(place[1]) != self._received:
                return False
            self._file = part_path(self._path).open("ab")
        else:
            self._received = 0
            self._file = part_path(self._path).open("wb")
        self._total = self._received + length if length >= 0 else self._zoo.size or -1
        return True

    def _on_finished(self) -> None:
        self._read()
        reply = self._reply
        if reply is None:
            return
        if self._status() == _NOT_SATISFIABLE and self._received:
            self._close_reply()
            self._discard()
            self._request()
            return
        if reply.error() != QNetworkReply.NetworkError.NoError:
            self._end(self._network_text(reply))
        elif self._received < self._total:
            self._end(self._broken_text(tr("the connection broke off")))
        else:
            self._finish()

    def _finish(self) -> None:
        """Check the file, and give it its name."""
        part, zoo = part_path(self._path), self._zoo
        try:
            if self._file is None:  # nothing has arrived
                part.write_bytes(b"")
            else:
                self._file.close()
            fault = integrity_error(part, git_blob=zoo.git_blob, sha256=zoo.sha256, size=zoo.size)
            if fault is None and not self._received:
                fault = tr("it is empty")
            if fault is None:
                move(part, self._path)
            else:
                self._discard()
        except OSError as error:
            self._end(self._disk_text(error))
            return
        self._end("" if fault is None else self._wrong_text(fault))

    # --- the end -------------------------------------------------------------------------------

    def _discard(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        part_path(self._path).unlink(missing_ok=True)
        self._received = 0

    def _close_reply(self) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.readyRead.disconnect(self._read)
            reply.finished.disconnect(self._on_finished)
            reply.abort()
            reply.deleteLater()

    def _close(self) -> None:
        self._close_reply()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._stack.close()

    def _end(self, text: str) -> None:
        self._close()
        self.finished.emit(text)

    # --- reasons -------------------------------------------------------------------------------

    def _network_text(self, reply: QNetworkReply) -> str:
        status = self._status()
        if status >= 400:
            text = tr(
                "The server {} answers {}. Try again later, or download {} in a browser and take "
                "it with “Add file…”."
            )
            return text.format(QUrl(self._url).host(), status, self._url)
        return self._broken_text(reply.errorString())

    def _broken_text(self, reason: str) -> str:
        text = tr(
            "The download from {} failed: {}. Check the connection and the proxy in QGIS's "
            "options, Network, and press Download again."
        ).format(QUrl(self._url).host(), reason.rstrip("."))
        kept = tr("The {:.1f} MB that have arrived are kept.").format(self._received / 1e6)
        return f"{text} {kept}" if self._received else text

    def _wrong_text(self, fault: str) -> str:
        return tr(
            "What arrived is not the published file: {}. It was deleted. Try again; if it stays "
            "so, download {} in a browser, in another network, and take it with “Add file…”."
        ).format(fault, self._url)

    def _disk_text(self, error: OSError) -> str:
        return tr(
            "The file {} cannot be written: {}. Make room or write access there, and press "
            "Download again."
        ).format(self._path, error.strerror or error)
