"""Algorithms of QGIS's Processing toolbox, which run without a window, too."""
