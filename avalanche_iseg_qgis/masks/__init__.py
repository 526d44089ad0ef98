"""Masks from elsewhere, and to elsewhere."""
