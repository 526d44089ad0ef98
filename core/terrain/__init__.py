"""The ground: heights in memory (`Terrain`, NumPy only), and DEM files (`sources`, rasterio)."""

from .terrain import Terrain

__all__ = ["Terrain"]
