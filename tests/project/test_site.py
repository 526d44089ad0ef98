"""The documentation site: it builds, leaves no page out, and has every message of the plugin."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "scripts"))

from site_pages import PAGES, as_shown, message_list  # noqa: E402
from translations import PLUGIN, collect  # noqa: E402

# Ends as a message does, but describes a layer, a model or the options.
NO_MESSAGES = (
    "Outlines ",
    "The model runs in a process",
    "The segmentation runs in a Python environment of its own: QGIS",
    "Objects of everyday photos",
    "Avalanches; the model",
    "Avalanches in photos and rasters",
)

FAULTS = {
    "'c.md'": "[no such page](c.md)",
    "'#parts'": "[no such part](b.md#parts)",
    "'images/c.png'": "![no such image](images/c.png)",
    "'/b.md'": "[absolute](/b.md)",
}
"""What is wrong, as mkdocs names it, and a link that is."""


def is_message(text: str) -> bool:
    """Whether a text of the plugin is a sentence that it says: no label, tooltip or file kind."""
    words = len(text.split())
    is_sentence = words > 2 and text.endswith(".")
    goes_on = words > 5 and re.search(r"(: ?|: \{\}|\. \{\})$", text)
    return bool(is_sentence or goes_on) and not text.startswith(NO_MESSAGES)


HELP = ["processing/texts.py"]
"""What algorithms do, in the toolbox: sentences, but no messages."""


def plugin_messages() -> list[str]:
    found = collect(PLUGIN).items()
    return [text for text, places in found if is_message(text) and places != HELP]


def build(configuration: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(configuration)]
    return subprocess.run(
        [*command, "-d", str(target)],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


def navigation(entries: object) -> list[str]:
    """Pages and folders of a part of the navigation."""
    if isinstance(entries, dict):
        entries = list(entries.values())
    if isinstance(entries, list):
        return [page for entry in entries for page in navigation(entry)]
    return [str(entries)]


def test_the_site_builds_without_a_warning(tmp_path):
    done = build(ROOT / "mkdocs.yml", tmp_path)
    assert done.returncode == 0, done.stderr
    pages = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")]
    assert len(pages) > 30
    for page in pages:
        content = (tmp_path / page).read_text(encoding="utf-8")
        assert not (page.startswith("de/") and "[[" in content), page
        assert "<!-- messages" not in content
    german = (tmp_path / "de" / "first-avalanche.html").read_text(encoding="utf-8")
    assert 'href="install.html' in german
    assert "blob/main/LICENSE" in (tmp_path / "licences.html").read_text(encoding="utf-8")
    assert (tmp_path / "decisions" / "0001-worker-processes.html").exists()
    assert "Keep a Changelog" in (tmp_path / "changelog.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("faults", [{}, FAULTS])
def test_what_leads_nowhere_is_an_error(tmp_path, faults):
    (tmp_path / "docs").mkdir()
    content = "\n\n".join(["# A", "[there](b.md#part)", *faults.values()])
    (tmp_path / "docs" / "index.md").write_text(content)
    (tmp_path / "docs" / "b.md").write_text("# B\n\n## Part\n")
    configuration = {
        "INHERIT": str(ROOT / "mkdocs.yml"),
        "docs_dir": "docs",
        "hooks": [],
        "nav": ["index.md", "b.md"],
    }
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(configuration))
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert (done.returncode != 0) == bool(faults), done.stderr
    assert [fault for fault in faults if fault not in done.stderr] == []


def test_every_page_is_in_the_navigation():
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = navigation(configuration["nav"])
    here = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    folders = tuple(entry for entry in listed if entry.endswith("/"))  # all pages in them
    rest = {page for page in here | set(PAGES.values()) if not page.startswith(folders)}
    assert sorted(listed) == sorted(rest | set(folders))
    assert all((ROOT / source).exists() for source in PAGES)


def test_what_users_of_the_plugin_need_is_there_in_german():
    german = {path.name for path in (DOCS / "de").glob("*.md")}
    english = {path.name for path in DOCS.glob("*.md")}
    assert german <= english
    assert {"install.md", "first-avalanche.md", "plugin.md", "troubleshooting.md"} <= german
    for name in german:
        headings = [
            len(re.findall(r"^##+ ", (folder / name).read_text(encoding="utf-8"), re.MULTILINE))
            for folder in (DOCS, DOCS / "de")
        ]
        assert abs(headings[0] - headings[1]) <= 1, name  # the command line is English


def test_messages_are_told_from_labels():
    assert is_message("The layer {} has no bands: choose another one.")
    assert is_message("The edits of {} could not be saved, and are still there: {}")
    assert is_message("The mask {} has {} x {} pixels, the image {} x {}. {}")
    assert not is_message("Probability above which a pixel belongs to the avalanche")
    assert not is_message("Close hidden gaps up to: ")
    assert not is_message("Images (*.png *.bmp *.tif *.tiff)")
    assert len(plugin_messages()) > 100


def test_every_message_of_the_plugin_is_explained():
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8").replace("\\*", "*")
    assert [text for text in plugin_messages() if as_shown(text) not in page] == []


def test_every_message_of_the_plugin_is_explained_in_german():
    page = (DOCS / "de" / "troubleshooting.md").read_text(encoding="utf-8")
    assert [text for text in plugin_messages() if f"[[{text}]]" not in page] == []


@pytest.mark.parametrize("page", sorted(path.name for path in (DOCS / "de").glob("*.md")))
def test_words_of_the_interface_in_german_pages_are_in_the_plugin(page):
    words = re.findall(r"\[\[(.+?)\]\]", (DOCS / "de" / page).read_text(encoding="utf-8"))
    assert sorted(set(words) - set(collect(PLUGIN))) == []


def test_every_field_of_the_layers_is_described():
    schema = (PLUGIN / "features" / "schema.py").read_text(encoding="utf-8")
    tree, names = ast.parse(schema), set()
    constants = {
        target.id: value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target, value in zip(
            getattr(node.targets[0], "elts", node.targets),
            getattr(node.value, "elts", [node.value]),
            strict=False,
        )
        if isinstance(value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
            "Attribute",
            "_by_user",
            "identifier",
        ):
            name = node.args[0]
            names.add(name.value if isinstance(name, ast.Constant) else constants[name.id])
    page = (DOCS / "files.md").read_text(encoding="utf-8")
    assert len(names) > 40
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_sentences_of_the_command_line_come_from_the_sources(tmp_path):
    (tmp_path / "a.py").write_text(
        '"""No message, but a docstring of a module."""\n'
        "def f(path, why):\n"
        '    """Return nothing that a user would see here."""\n'
        "    if why:\n"
        '        raise ValueError(f"{path} cannot be read: {why}. Check " + "the name of it.")\n'
        '    warn("the mask is empty; click on the object itself.")\n'
        '    add_argument("--mask", help="A help that argparse shows by itself.")\n'
        '    return f"{path}: {why}."\n'
    )
    assert message_list(str(tmp_path)).splitlines() == [
        "- … cannot be read: …. Check the name of it.",
        "- The mask is empty; click on the object itself.",
    ]
