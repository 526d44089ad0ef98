"""Translation of the texts that users see."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from pathlib import Path

_translate: Callable[[str], str] = str


def use_language(locale: str) -> None:
    """Translate to the language of a locale such as "de_CH"; English where there is none.

    The catalogues are compiled when the plugin is packaged.
    """
    global _translate
    path = Path(__file__).parent / "languages" / f"{locale[:2]}.mo"
    if path.is_file():
        with path.open("rb") as file:
            _translate = gettext.GNUTranslations(file).gettext
    else:
        _translate = str


def tr(text: str) -> str:
    """Return the text in the user's language."""
    return _translate(text)
