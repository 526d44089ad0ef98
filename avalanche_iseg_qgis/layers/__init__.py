"""From a raster layer to pixels: grid, window, picture."""
