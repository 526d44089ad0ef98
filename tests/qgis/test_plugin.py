"""The plugin starts and stops."""

from __future__ import annotations


def test_starts(plugin):
    assert type(plugin).__name__ == "Plugin"
