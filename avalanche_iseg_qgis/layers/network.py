"""Network errors: the WMS provider only logs them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qgis.core import QgsNetworkAccessManager, QgsNetworkReplyContent
from qgis.PyQt.QtNetwork import QNetworkReply

if TYPE_CHECKING:
    from collections.abc import Iterator

# Answers of servers that have no tile at a place: not a failure.
_NO_TILE = (
    QNetworkReply.NetworkError.ContentNotFoundError,
    QNetworkReply.NetworkError.ContentGoneError,
    QNetworkReply.NetworkError.ProtocolInvalidOperationError,
)


@contextmanager
def network_failures() -> Iterator[list[str]]:
    """Collect why requests of this thread failed; a request that later succeeds is removed."""
    failed: dict[str, str] = {}
    texts: list[str] = []

    def on_finished(reply: QgsNetworkReplyContent) -> None:
        url = reply.request().url().toString()
        failed.pop(url, None)
        if reply.error() not in (QNetworkReply.NetworkError.NoError, *_NO_TILE):
            failed[url] = reply.errorString()
        texts[:] = sorted(set(failed.values()))

    finished = QgsNetworkAccessManager.instance().finished[QgsNetworkReplyContent]
    finished.connect(on_finished)
    try:
        yield texts
    finally:
        finished.disconnect(on_finished)
