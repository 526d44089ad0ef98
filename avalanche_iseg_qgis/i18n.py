"""Translation of the texts that users see."""

from __future__ import annotations

from collections.abc import Callable

_translate: Callable[[str], str] = str


def set_translator(translate: Callable[[str], str]) -> None:
    """Translate by a function, so that modules without Qt can import this one."""
    global _translate
    _translate = translate


def tr(text: str) -> str:
    """Return the text in the user's language."""
    return _translate(text)
