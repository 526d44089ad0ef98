"""Measuring: the published click protocol (`python -m eval noc`) and its plots (`… plot`)."""
