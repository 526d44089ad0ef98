"""Messages for people, in their language where there is a translation."""

from __future__ import annotations

from collections.abc import Callable

_translate: Callable[[str], str] = str


def set_translator(translate: Callable[[str], str]) -> None:
    """Translate by Qt, which what imports this module need not know."""
    global _translate
    _translate = translate


def tr(text: str) -> str:
    """Return the text in the user's language."""
    return _translate(text)
