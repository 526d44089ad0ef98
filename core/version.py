"""The version of the project: of `core` in the plugin, in workers, in files."""

__version__ = "0.2.0"
