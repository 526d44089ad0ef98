"""Avalanche ISeg, a QGIS plugin: a click on an avalanche gives its polygon.

Nothing here imports torch, cv2 or rasterio: predictions come from a worker process
(`core.worker`) with an environment of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .plugin import Plugin


def classFactory(iface: QgisInterface) -> Plugin:  # noqa: N802
    """Make the plugin; called by QGIS."""
    from .plugin import Plugin

    return Plugin(iface)
