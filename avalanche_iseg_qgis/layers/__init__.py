"""Raster layers as pixels: grid, pixel window, pixel source, image origin."""
