"""Keep the plugin's languages up to date with the texts in its sources.

Usage: ``python scripts/translations.py``. New texts are added untranslated to each
`avalanche_iseg_qgis/languages/*.po`, those that are gone are dropped; what is left to translate is
printed.
"""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from source_messages import messages

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "core"
PLUGIN = ROOT / "avalanche_iseg_qgis"
LANGUAGES = PLUGIN / "languages"
CORE_MESSAGES = "core.json"  # as `avalanche_iseg_qgis.i18n` knows it
COMMAND_LINE = ("cli.py", "commands", "datasets", "metrics", "robot_user.py")
"""Rooms of `core` that the plugin and its workers do not use."""


def main() -> None:
    """Update all languages."""
    texts = collect_all()
    for path in sorted(LANGUAGES.glob("*.po")):
        old = read(path)
        new = Catalog(locale=path.stem, project="Avalanche ISeg", fuzzy=False)
        for text, places in texts.items():
            known = old.get(text)
            new.add(text, known.string if known else "", [(place, 0) for place in places])
        output = io.BytesIO()
        write_po(output, new, width=100, include_lineno=False, omit_header=True)
        path.write_bytes(_HEADER % path.stem.encode() + output.getvalue())
        missing = [text for text in texts if not new[text].string]
        print(f"{path.name}: {len(texts)} texts, {len(missing)} to translate")


_HEADER = b"""msgid ""
msgstr ""
"Language: %s\\n"
"Content-Type: text/plain; charset=utf-8\\n"

"""


def collect_all() -> dict[str, list[str]]:
    """Return the texts of the plugin and the messages of `core`, with where they stand."""
    texts = collect(PLUGIN)
    for room in sorted(CORE.iterdir()):
        if room.name not in COMMAND_LINE:
            for message in messages(room):
                texts.setdefault(message, []).append(f"core/{room.name}")
    return {text: list(dict.fromkeys(places)) for text, places in texts.items()}


def core_messages() -> list[str]:
    """Return the messages of `core` that the plugin may show."""
    places = collect_all().items()
    return [text for text, where in places if any(place.startswith("core/") for place in where)]


def collect(plugin: Path) -> dict[str, list[str]]:
    """Return the texts given to ``tr``, with the modules in which they stand.

    Raises
    ------
    ValueError
        If a text is no constant, so that it cannot be translated.
    """
    texts: dict[str, list[str]] = {}
    for path in sorted(plugin.rglob("*.py")):
        place = path.relative_to(plugin)
        if place.parts[0] == "core":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr":
                text = node.args[0]
                if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
                    raise ValueError(f"{place}:{node.lineno}: tr() needs a constant text.")
                places = texts.setdefault(text.value, [])
                if place.as_posix() not in places:
                    places.append(place.as_posix())
    return texts


def read(path: Path) -> Catalog:
    """Read a language."""
    with path.open("rb") as file:
        return read_po(file, locale=path.stem)


def compile_languages(source: Path, target: Path) -> None:
    """Write what `avalanche_iseg_qgis.i18n` reads, from a folder of ``*.po``."""
    (target / CORE_MESSAGES).write_text(json.dumps(core_messages(), indent=1), encoding="utf-8")
    for path in sorted(source.glob("*.po")):
        with (target / f"{path.stem}.mo").open("wb") as file:
            write_mo(file, read(path))


if __name__ == "__main__":
    main()
