"""Stands in for QGIS on Qt 6: `PyQt` is PyQt6, as there; what is QGIS's own only has its names."""
