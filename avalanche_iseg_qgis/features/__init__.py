"""Avalanches as features of vector layers: geometry, attributes, layer, queries."""
