"""Plain values, as YAML holds them, made into nested dataclasses; every name and type checked."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import types
import typing
from reprlib import repr as short_repr
from typing import Any, Literal, TypeVar, Union

from core.errors import ConfigError

T = TypeVar("T")
_LARGEST = 2**62  # whole number


def build(kind: type[T], data: object, where: str = "") -> T:
    """Make a dataclass from plain values, naming what does not fit."""
    if not isinstance(data, dict):
        raise ConfigError(
            f"{where or 'The configuration'} must hold named values, got {short_repr(data)}."
        )
    hints = typing.get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = [str(name) for name in data if name not in fields]
    if unknown:
        known = ", ".join(fields)
        raise ConfigError(
            f"Unknown: {', '.join(unknown)} in {where or 'the file'}; known: {known}."
        )
    missing = [
        name
        for name, item in fields.items()
        if name not in data
        and item.default is dataclasses.MISSING
        and item.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"Missing in {where or 'the configuration'}: {', '.join(missing)}.")
    values = {
        name: _convert(hints[name], value, f"{where}.{name}".lstrip("."))
        for name, value in data.items()
    }
    return kind(**values)


def _convert(hint: Any, value: object, where: str) -> Any:  # noqa: ANN401
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast("type[Any]", hint), value, where)
    if origin in (types.UnionType, Union):
        return None if value is None else _convert(arguments[0], value, where)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) == len(value):
            return tuple(
                _convert(kind, item, f"{where}[{index}]")
                for index, (kind, item) in enumerate(zip(kinds, value, strict=True))
            )
    if origin is Literal and isinstance(value, str) and value in arguments:
        return value
    if origin is dict and isinstance(value, dict):
        return value
    if hint is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):  # text: YAML takes 5e-4 for a word
            if math.isfinite(float(value)):
                return float(value)
    if type(value) is int and abs(value) > _LARGEST:
        raise ConfigError(f"{where} is {short_repr(value)}, expected at most {_LARGEST}.")
    if isinstance(hint, type) and hint is not float and type(value) is hint:
        return value
    expected = ", ".join(map(str, arguments)) if origin is Literal else _name(hint)
    raise ConfigError(f"{where} is {short_repr(value)}, expected {expected}.")


def _name(hint: Any) -> str:  # noqa: ANN401
    return hint.__name__ if isinstance(hint, type) else str(hint)
