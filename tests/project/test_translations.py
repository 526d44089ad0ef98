"""Every text of the plugin and what it shows of core is translated, and nothing else is."""

from __future__ import annotations

import gettext
import re
import sys
from pathlib import Path

import pytest

from avalanche_iseg_qgis import i18n

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from translations import (  # noqa: E402
    LANGUAGES,
    PLUGIN,
    collect,
    collect_all,
    compile_languages,
    core_messages,
    read,
)

CODES = ("de", "fr", "it")


@pytest.mark.parametrize("language", CODES)
def test_all_texts_are_translated_and_none_is_left_over(language):
    catalogue = read(LANGUAGES / f"{language}.po")
    translated = {message.id for message in catalogue if message.id and message.string}
    texts = set(collect_all())
    assert sorted(texts - translated) == []
    assert sorted(translated - texts) == []
    assert not [message.id for message in catalogue if message.id and message.fuzzy]


@pytest.mark.parametrize("language", CODES)
def test_translations_have_the_form_of_the_texts(language):
    """Places for values, file patterns, spaces and the ends of sentences agree."""
    pairs = [(m.id, m.string) for m in read(LANGUAGES / f"{language}.po") if m.id]
    assert [pair for pair in pairs if form(pair[0]) != form(pair[1])] == []


def form(text: str) -> tuple[list[str], str, bool]:
    end = text[-1:] if text[-1:] in set(".:…?!") else ""
    return sorted(re.findall(r"\{[^}]*\}|\(\*[^)]*\)|\n", text)), end, text[:1].isspace()


def test_texts_must_be_constants(tmp_path):
    (tmp_path / "a.py").write_text("tr('one')\ntr('t' 'wo')\nother('three')\n")
    assert list(collect(tmp_path)) == ["one", "two"]
    (tmp_path / "b.py").write_text("tr(f'{1}')\n")
    with pytest.raises(ValueError, match=r"b\.py:1"):
        collect(tmp_path)


@pytest.fixture
def compiled(tmp_path, monkeypatch):
    """The languages as the package has them; English is in use again afterwards."""
    (tmp_path / "languages").mkdir()
    compile_languages(LANGUAGES, tmp_path / "languages")
    monkeypatch.setattr(i18n, "__file__", str(tmp_path / "i18n.py"))
    yield tmp_path / "languages"
    i18n.use_language("en")


def test_compiled_languages_are_used(compiled):
    with (compiled / "de.mo").open("rb") as file:
        german = gettext.GNUTranslations(file)
    text = next(iter(collect(PLUGIN)))
    i18n.use_language("de_CH")
    assert i18n.tr(text) == german.gettext(text) != text
    i18n.use_language("nl")
    assert i18n.tr(text) == text


@pytest.mark.parametrize("language", CODES)
def test_messages_of_core_are_shown_in_the_users_language(compiled, language):
    i18n.use_language(language)
    assert len(core_messages()) > 200
    for message in core_messages():
        values = [f"<{place}>" for place in range(message.count("{}"))]
        shown = i18n.tr_core(message.format(*values))
        assert shown != message.format(*values), message
        assert [value for value in values if value not in shown] == [], message


def test_what_is_filled_into_a_message_of_core_stays_or_is_a_message_too(compiled):
    i18n.use_language("de")
    path = "C:\\Bilder: neu\\a {b}.jpg"
    empty = f"The file {path} is empty (0 bytes): copy or download it again."
    assert path in i18n.tr_core(empty) != empty
    inner = "The image is empty."
    assert i18n.tr_core(f"Lawine 3: {inner}") == f"Lawine 3: {i18n.tr_core(inner)}"
    unfilled = (
        "There is no model and no file called a. Give the path of a model file, or one of: b."
    )
    assert i18n.tr_core(unfilled) != unfilled
    nested = f"Cannot use the model file a.pth: {inner}"
    assert i18n.tr_core(inner) in i18n.tr_core(nested) != nested
    for other in ("", "…: ", "Nichts davon.", i18n.tr_core(empty)):
        assert i18n.tr_core(other) == other
    i18n.use_language("en")
    assert i18n.tr_core(empty) == empty
