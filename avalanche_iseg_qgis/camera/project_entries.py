"""Texts that the plugin stores in the QGIS project."""

from __future__ import annotations

from qgis.core import QgsProject

_SCOPE = "avalanche_iseg"


class ProjectEntries:
    """Entries of the open project, by key."""

    def read(self, key: str, default: str) -> str:
        """Return an entry, or the default where there is none."""
        return str(QgsProject.instance().readEntry(_SCOPE, key, default)[0])

    def write(self, key: str, text: str) -> None:
        """Store an entry."""
        QgsProject.instance().writeEntry(_SCOPE, key, text)

    def to_stored_path(self, path: str) -> str:
        """Return a path as the project stores it: relative to its own, if it is set so."""
        return str(QgsProject.instance().writePath(path))

    def to_absolute_path(self, path: str) -> str:
        """Return the path that `to_stored_path` was given."""
        return str(QgsProject.instance().readPath(path))
