"""Hook of mkdocs: what the documentation site takes from elsewhere in the repository.

- Pages of files that lie outside `docs`, and links to all such files.
- A folder in the navigation stands for all of its pages.
- ``[[Finish]]`` in the German pages: a text of the plugin in German, if it is translated.
- ``<!-- messages: core/camera -->``: the sentences that a folder or file may say to a user.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

sys.path.insert(0, str(Path(__file__).parent))
from source_messages import messages
from translations import LANGUAGES, read

if TYPE_CHECKING:
    from babel.messages import Catalog
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = {
    "CHANGELOG.md": "changelog.md",
    "CONTEXT.md": "glossary.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
    "resources/models/default.md": "default-model.md",
}
"""Files outside `docs`, and the pages that links to them lead to."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")
_TEXT = re.compile(r"\[\[(.+?)\]\]")
_MESSAGES = re.compile(r"<!-- messages: (.+?) -->")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages in the place of folders in the navigation; called by mkdocs."""
    config.nav = [_without_folders(entry) for entry in config.nav or []]
    return config


def _without_folders(entry: object) -> object:
    if isinstance(entry, dict):
        return {title: _without_folders(value) for title, value in entry.items()}
    if isinstance(entry, list):
        return [_without_folders(each) for each in entry]
    if isinstance(entry, str) and entry.endswith("/"):
        pages = sorted(path.name for path in (DOCS / entry).glob("*.md"))
        return [entry + name for name in sorted(pages, key=lambda name: name != "README.md")]
    return entry


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside `docs`; called by mkdocs."""
    for source, page in PAGES.items():
        if files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(
    markdown: str,
    page: Page,
    config: MkDocsConfig,
    files: Files,  # noqa: ARG001
) -> str:
    """Fill in what a page takes from the sources; called by mkdocs."""
    place = Path(str(page.file.abs_src_path))
    markdown = _LINK.sub(
        lambda link: (
            _target(link[1], place, page.file.src_uri, str(config.repo_url)) + (link[2] or "")
        ),
        markdown,
    )
    markdown = _MESSAGES.sub(lambda found: message_list(*found[1].split()), markdown)
    if page.file.src_uri.startswith("de/"):
        markdown = _TEXT.sub(lambda found: _escape(german(found[1])), markdown)
    return markdown


def _target(link: str, place: Path, page: str, repository: str) -> str:
    """Return where a link of a file leads on the site."""
    target = Path(os.path.normpath(place.parent / link))
    if target.is_relative_to(DOCS):
        found = target.relative_to(DOCS).as_posix()
    elif not target.exists() or not target.is_relative_to(ROOT):
        return link
    else:
        path = target.relative_to(ROOT).as_posix()
        if path not in PAGES:
            return f"{repository}/blob/main/{path}"
        found = PAGES[path]
    return os.path.relpath(found, Path(page).parent).replace(os.sep, "/")


# --- texts of the plugin -------------------------------------------------------------------------


def german(text: str) -> str:
    """Return a text of the plugin in German, or as it is if it is not translated."""
    message = _catalogue().get(text)
    return str(message.string or text) if message else text


@functools.cache
def _catalogue() -> Catalog:
    return read(LANGUAGES / "de.po")


def as_shown(text: str) -> str:
    """Return a text with ``…`` in the place of what is filled in."""
    return re.sub(r"\{[^}]*\}", "…", text).strip()


def _escape(text: str) -> str:
    return as_shown(text).replace("*", r"\*").replace("|", r"\|")


# --- messages of core, eval and training ---------------------------------------------------------


def message_list(*places: str) -> str:
    """Return the sentences that folders and files may say to a user, as a list."""
    texts = [as_shown(text) for place in places for text in messages(ROOT / place)]
    found = dict.fromkeys(_capitalised(text) for text in texts)
    return "\n".join(f"- {_escape_markup(text)}" for text in found)


def _capitalised(text: str) -> str:
    """Return a sentence with a capital, unless it begins with what is a name."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+[ ,:]", text) else text


def _escape_markup(text: str) -> str:
    return re.sub(r"([*_<>|\[\]])", r"\\\1", text)
