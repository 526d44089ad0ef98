"""Import and export of masks."""
