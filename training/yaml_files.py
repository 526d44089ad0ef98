"""YAML from files and command lines: plain values, each name once, of a bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from core.json_files import DEEPEST, MALFORMED
from core.text_files import decode_text, read_limited

_LARGEST = 16 << 20  # bytes
_MOST_VALUES = 100_000  # counted as often as they are referred to
_SHOWN = 400  # characters of a message


def read_yaml(path: Path | str) -> Any:  # noqa: ANN401
    """Read a YAML file; see `parse_yaml`.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is too large or no YAML of plain values; the message says why.
    """
    return parse_yaml(decode_text(read_limited(path, _LARGEST)))


def parse_yaml(text: str) -> Any:  # noqa: ANN401
    """Return the values of a YAML text: numbers, texts, lists, mappings.

    Raises
    ------
    ValueError
        If it is no YAML, asks for other objects, has a name twice in one mapping, or its values
        are too many or nested too deep; the message is the part of a sentence that says why.
    """
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 # nosec B506 (a SafeLoader)
    except (yaml.YAMLError, *MALFORMED) as error:
        reason = "its values are nested too deep" if isinstance(error, RecursionError) else error
        raise ValueError(str(reason)[:_SHOWN]) from error
    _count(value, {}, 0)
    return value


class _Loader(yaml.SafeLoader):
    """SafeLoader that takes no name twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping, whose names must differ."""
        names = [str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice and twice != ["<<"]:
            raise yaml.constructor.ConstructorError(
                None, None, f"the name {twice[0]} occurs twice: keep one", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _count(value: Any, known: dict[int, int], depth: int) -> int:  # noqa: ANN401
    """Count values, those behind aliases each time; `ValueError` where they are too many."""
    if depth > DEEPEST:
        raise ValueError(f"its values are nested deeper than {DEEPEST} levels, or in themselves")
    if not isinstance(value, (list, dict, set, tuple)):
        return 1
    if id(value) not in known:
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(item, known, depth + 1) for item in inside)
    if known[id(value)] > _MOST_VALUES:
        raise ValueError(f"it stands for more than {_MOST_VALUES} values")
    return known[id(value)]
