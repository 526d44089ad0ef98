"""Translation of the texts that users see."""

from __future__ import annotations

import functools
import gettext
import re
from collections.abc import Callable
from pathlib import Path

from .core.json_files import parse_json

CORE_MESSAGES = "core.json"
"""The sentences of `core`, with ``{}`` for what is filled in; made when the plugin is packaged."""

_translate: Callable[[str], str] = str


def use_language(locale: str) -> None:
    """Translate to the language of a locale such as "de_CH"; English where there is none.

    The catalogues are compiled when the plugin is packaged.
    """
    global _translate
    _core_messages.cache_clear()
    path = _folder() / f"{locale[:2]}.mo"
    if path.is_file():
        with path.open("rb") as file:
            _translate = gettext.GNUTranslations(file).gettext
    else:
        _translate = str


def tr(text: str) -> str:
    """Return the text in the user's language."""
    return _translate(text)


def tr_core(text: str) -> str:
    """Return a message of `core`, which speaks English only, in the user's language.

    What is filled in, such as the name of a file, stays; it may be a message too. A text that is
    none of them is returned as it is.
    """
    if _translate is str:
        return text
    for message in _core_messages():
        values = _values(message, text)
        if values is not None:
            return _translate(message).format(*map(tr_core, values))
    name, colon, rest = text.partition(": ")
    return name + colon + tr_core(rest) if colon else text


def _folder() -> Path:
    return Path(__file__).parent / "languages"


@functools.cache
def _core_messages() -> list[str]:
    """Return the messages of core, the most particular ones first; read when one is first shown."""
    messages = parse_json((_folder() / CORE_MESSAGES).read_text(encoding="utf-8"))
    return sorted(messages, key=_fixed_length, reverse=True)


def _fixed_length(message: str) -> int:
    return len(message.replace("{}", ""))


def _values(message: str, text: str) -> tuple[str, ...] | None:
    """Return what is filled into a message to make a text; None if nothing makes it."""
    parts = message.split("{}")
    if not (text.startswith(parts[0]) and text.endswith(parts[-1])):
        return None
    found = re.fullmatch("(.*?)".join(map(re.escape, parts)), text, re.DOTALL)
    return found.groups() if found else None
