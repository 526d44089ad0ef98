"""Terrain: heights in memory (`Terrain`, NumPy only) and DEM files (`open_dem`, rasterio)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_getattr
from .terrain import Terrain

if TYPE_CHECKING:
    from .sources import Dem, open_dem

__getattr__ = lazy_getattr(__name__, {"sources": ("Dem", "open_dem")})
__all__ = ["Dem", "Terrain", "open_dem"]
