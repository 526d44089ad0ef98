"""From a geometry to a feature with attributes."""
