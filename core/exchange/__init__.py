"""Mapped avalanches in the forms of other programs: COCO, GeoJSON, AvaFrame, AWSOME, tables.

NumPy and the standard library only: the command line and the plugin both bring their avalanches in
the form of `avalanche.AvalancheRecord`, and write what is made of them.
"""
