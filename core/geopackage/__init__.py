"""GeoPackages of avalanches: the history of each outline, who is editing, merging of two copies.

Standard library only, through SQLite: the command line and the plugin both use it.
"""
