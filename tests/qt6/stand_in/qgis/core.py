"""`qgis.core`: classes of which nothing is asked, but for those whose answers Qt is given."""

from __future__ import annotations

import functools

from PyQt6.QtGui import QIcon

from qgis.names import ask_nothing


class Qgis(ask_nothing("Qgis")):
    """The version that comes with Qt 6."""

    QGIS_VERSION_INT = 40000


class QgsApplication(ask_nothing("QgsApplication")):
    """Icons without a theme."""

    @staticmethod
    def getThemeIcon(name: str) -> QIcon:
        return QIcon(name)


class QgsSettings:
    """Settings of a new user."""

    def value(self, _name: str, default: object, type: type) -> object:
        return type(default)

    def setValue(self, name: str, value: object) -> None:
        pass


@functools.cache
def __getattr__(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return ask_nothing(name)
