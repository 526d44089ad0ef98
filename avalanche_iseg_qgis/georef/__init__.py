"""Outlines of a posed photo on the map, and outlines of the map in the photo."""
