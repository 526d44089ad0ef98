"""What goes wrong on the network: the WMS provider only shows nothing then."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qgis.core import QgsNetworkAccessManager, QgsNetworkReplyContent
from qgis.PyQt.QtNetwork import QNetworkReply

if TYPE_CHECKING:
    from collections.abc import Iterator

# What servers say where they have no tile is no failure.
_NO_TILE = (
    QNetworkReply.NetworkError.ContentNotFoundError,
    QNetworkReply.NetworkError.ContentGoneError,
    QNetworkReply.NetworkError.ProtocolInvalidOperationError,
)


@contextmanager
def network_failures() -> Iterator[list[str]]:
    """Collect why requests of this thread failed; what succeeds later is taken out again."""
    failed: dict[str, str] = {}
    texts: list[str] = []

    def hear(reply: QgsNetworkReplyContent) -> None:
        url = reply.request().url().toString()
        failed.pop(url, None)
        if reply.error() not in (QNetworkReply.NetworkError.NoError, *_NO_TILE):
            failed[url] = reply.errorString()
        texts[:] = sorted(set(failed.values()))

    finished = QgsNetworkAccessManager.instance().finished[QgsNetworkReplyContent]
    finished.connect(hear)
    try:
        yield texts
    finally:
        finished.disconnect(hear)
