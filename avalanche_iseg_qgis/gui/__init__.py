"""Docks, options, messages."""
