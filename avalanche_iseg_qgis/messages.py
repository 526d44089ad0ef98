"""What users are told: in the message bar, and in QGIS's log."""

from __future__ import annotations

from qgis.core import Qgis, QgsMessageLog

TITLE = "Avalanche ISeg"
_SECONDS = 7


class Messages:
    """Tells, through QGIS's interface."""

    def __init__(self, iface) -> None:
        self._iface = iface

    def warn(self, text: str) -> None:
        """Something did not work; the text says what to do."""
        self._push(text, Qgis.MessageLevel.Warning)

    def inform(self, text: str) -> None:
        """Something has been done."""
        self._push(text, Qgis.MessageLevel.Info)

    def _push(self, text: str, level: Qgis.MessageLevel) -> None:
        QgsMessageLog.logMessage(text, TITLE, level, notifyUser=False)
        self._iface.messageBar().pushMessage(TITLE, text, level, _SECONDS)
