"""Every text of the plugin is translated, and nothing else is."""

from __future__ import annotations

import gettext
import re
import sys
from pathlib import Path

import pytest

from avalanche_iseg_qgis import i18n

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from translations import LANGUAGES, PLUGIN, collect, compile_languages, read  # noqa: E402

CODES = ("de", "fr", "it")


@pytest.mark.parametrize("language", CODES)
def test_all_texts_are_translated_and_none_is_left_over(language):
    catalogue = read(LANGUAGES / f"{language}.po")
    translated = {message.id for message in catalogue if message.id and message.string}
    texts = set(collect(PLUGIN))
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


def test_compiled_languages_are_used(tmp_path, monkeypatch):
    compile_languages(LANGUAGES, tmp_path)
    with (tmp_path / "de.mo").open("rb") as file:
        german = gettext.GNUTranslations(file)
    text = next(iter(collect(PLUGIN)))
    (tmp_path / "languages").mkdir()
    (tmp_path / "de.mo").rename(tmp_path / "languages" / "de.mo")
    monkeypatch.setattr(i18n, "__file__", str(tmp_path / "i18n.py"))
    i18n.use_language("de_CH")
    assert i18n.tr(text) == german.gettext(text) != text
    i18n.use_language("nl")
    assert i18n.tr(text) == text
