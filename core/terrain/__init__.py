"""Terrain: heights in memory (`Terrain`, NumPy only) and DEM files (`open_dem`, rasterio)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .terrain import Terrain

if TYPE_CHECKING:
    from .sources import Dem, open_dem

__all__ = ["Dem", "Terrain", "open_dem"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- PEP 562: rasterio is imported at the first use
    if name in __all__:
        from . import sources

        return getattr(sources, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
