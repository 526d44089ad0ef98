"""Makes the names of QGIS's own classes, of which these checks ask nothing."""

from __future__ import annotations

from unittest.mock import MagicMock


class Anything(type):
    """A class that has every attribute: enums, static methods, other classes."""

    def __getattr__(cls, name: str) -> MagicMock:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=f"{cls.__name__}.{name}")


def ask_nothing(name: str, *bases: type) -> type:
    """Return a class whose objects have every attribute that their bases have not."""

    def attribute(_self: object, attribute: str) -> MagicMock:
        return MagicMock(name=f"{name}.{attribute}")

    kind = type("", (Anything, *{type(base) for base in bases}), {})
    made = {"__getattr__": attribute}
    if not bases:
        made["__init__"] = lambda *_, **__: None
    return kind(name, bases, made)
