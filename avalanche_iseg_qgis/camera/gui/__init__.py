"""Docks, tools and canvas items of the camera work."""
