"""From image to map and back: lines of sight, range maps, outlines.

`lines_of_sight` and `range_map` need NumPy only and are used in QGIS's own process too; the others
are imported by name.
"""
