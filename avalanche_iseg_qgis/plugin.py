"""The plugin as QGIS sees it: starts, opens its panels when asked to, and leaves nothing behind."""

from __future__ import annotations


class Plugin:
    """Made by QGIS at its start; everything else is made when it is first used."""

    def __init__(self, iface) -> None:
        self._iface = iface

    def initGui(self) -> None:  # noqa: N802
        """Add the actions; called by QGIS."""

    def unload(self) -> None:
        """Take everything away; called by QGIS."""
