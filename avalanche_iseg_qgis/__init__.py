"""Avalanche ISeg in QGIS: click on an avalanche, have a polygon.

Nothing here imports torch, cv2 or rasterio: predictions come from a worker process
(`core.worker`) with an environment of its own.
"""

from __future__ import annotations


def classFactory(iface):  # noqa: N802
    """Make the plugin; called by QGIS."""
    from .plugin import Plugin

    return Plugin(iface)
