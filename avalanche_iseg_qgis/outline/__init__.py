"""From what the worker outlines to a geometry."""
