"""Docks, options page, and the widgets that docks share."""
