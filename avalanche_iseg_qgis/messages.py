"""Messages to the user, in QGIS's message bar and log."""

from __future__ import annotations

from pathlib import Path

from qgis.core import Qgis, QgsMessageLog
from qgis.gui import QgisInterface

from .i18n import tr_core

TITLE = "Avalanche ISeg"
ICON = str(Path(__file__).parent / "icons" / "avalanche.svg")
HELP = "https://github.com/avalanche-iseg/avalanche-iseg/blob/main/docs/plugin.md"
_SECONDS = 7


class Messages:
    """Shows messages in QGIS's interface."""

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface

    def warn(self, text: str) -> None:
        """Report a failure, with what to do about it."""
        self._push(text, Qgis.MessageLevel.Warning)

    def inform(self, text: str) -> None:
        """Report a success."""
        self._push(text, Qgis.MessageLevel.Info)

    def _push(self, text: str, level: Qgis.MessageLevel) -> None:
        text = tr_core(text)
        QgsMessageLog.logMessage(text, TITLE, level, notifyUser=False)
        self._iface.messageBar().pushMessage(TITLE, text, level, _SECONDS)
