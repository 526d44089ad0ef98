"""The window *Models*: files like the published ones, from a server on this computer."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from model_server import BLOB, CONTENT, HALF, serving
from qgis.core import QgsSettings
from qgis.PyQt.QtWidgets import QMessageBox
from waiting import wait_until

from avalanche_iseg_qgis.core.zoo.registry import MODELS
from avalanche_iseg_qgis.gui.models_dialog import ModelsDialog
from avalanche_iseg_qgis.models import catalogue
from avalanche_iseg_qgis.models.catalogue import ModelPresence, entry_of, part_path, usable


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def cache(tmp_path, monkeypatch, server):
    """The folder of models, in which ``slf`` is what the local server publishes."""
    folder = tmp_path / "models"
    model = replace(MODELS["slf"], url=server.url, file_name="model.pth", git_blob=BLOB)
    monkeypatch.setattr(catalogue, "MODELS", MappingProxyType({**MODELS, "slf": model}))
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(folder))
    QgsSettings().remove("avalanche_iseg")
    yield folder
    QgsSettings().remove("avalanche_iseg")


@pytest.fixture
def dialog(cache):
    """The window, with ``slf`` selected."""
    window = ModelsDialog()
    window.show()
    window.select("slf")
    yield window
    window.end()
    window.deleteLater()


def fetch(dialog) -> str:
    dialog.get.click()
    wait_until(lambda: dialog._download is None, 30, "the end of the download")
    return dialog.status.text()


def rows(dialog) -> dict[str, list[str]]:
    items = [dialog.table.topLevelItem(row) for row in range(dialog.table.topLevelItemCount())]
    return {item.text(3): [item.text(column) for column in range(3)] for item in items}


# --- what is shown ------------------------------------------------------------------------------


def test_lists_the_default_the_published_and_what_is_known_of_them(dialog):
    shown = rows(dialog)
    assert set(shown) == set(MODELS)
    assert shown["default"] == ["Standard model", "8 MB", "comes with the plugin"]
    assert shown["slf"][0] == "Avalanches, SLF (Hafner et al. 2024)"
    assert shown["slf"][2] == "not here"
    assert all(size.endswith(" MB") for _, size, _ in shown.values())
    text = dialog.details.text()
    for words in ("Licence", "MIT", "Cite", "Cryosphere", "Trained on", "model.pth"):
        assert words in text
    dialog.select("coco_lvis_h18_itermask")
    assert "1.54 clicks" in dialog.details.text()
    assert list(shown)[:2] == ["default", "slf"]


def test_what_can_be_done_with_which(dialog):
    assert dialog.get.isEnabled()
    assert not dialog.use.isEnabled()
    assert not dialog.delete.isEnabled()
    assert not dialog.check.isEnabled()
    dialog.select("default")
    assert not dialog.get.isEnabled()
    assert not dialog.use.isEnabled()  # it is in use
    assert not dialog.delete.isEnabled()
    assert dialog.check.isEnabled()


def test_the_shipped_model_is_checked(dialog):
    dialog.select("default")
    dialog.check.click()
    assert dialog.status.text() == "The file is what was published."


# --- download -----------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["serve", "redirect", "no length"])
def test_downloads_into_the_folder_of_the_worker(dialog, cache, server, act):
    server.plan = [act]
    changes, chosen = [], []
    dialog.models_changed.connect(lambda: changes.append(1))
    dialog.model_chosen.connect(lambda: chosen.append(QgsSettings().value("avalanche_iseg/model")))
    assert "is here" in fetch(dialog)
    assert (cache / "model.pth").read_bytes() == CONTENT
    assert not part_path(cache / "model.pth").exists()
    assert rows(dialog)["slf"] == ["Avalanches, SLF (Hafner et al. 2024)", "1 MB", "downloaded"]
    assert changes == [1]
    assert chosen == []
    assert "slf" in usable("default")
    dialog.check.click()
    assert dialog.status.text() == "The file is what was published."
    dialog.use.click()
    assert chosen == ["slf"]
    assert not dialog.use.isEnabled()


def test_cancelled_and_gone_on_with(dialog, cache, server):
    server.plan = ["stall"]
    dialog.get.click()
    part = part_path(cache / "model.pth")
    wait_until(lambda: dialog._download._received >= HALF, 10, "half of it")
    assert dialog.progress.isVisible()
    assert "0.5 of 1.0 MB" in dialog.status.text()
    dialog.stop.click()
    assert part.stat().st_size == HALF
    assert "kept" in dialog.status.text()
    assert rows(dialog)["slf"][2] == "partly downloaded"
    assert dialog.get.text() == "Continue download"
    fetch(dialog)
    assert (cache / "model.pth").read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize("act", ["ignore range", "416"])
def test_a_server_that_gives_no_parts(dialog, cache, server, act):
    cache.mkdir(parents=True)
    part_path(cache / "model.pth").write_bytes(b"x" * 1000)
    server.plan = [act]
    fetch(dialog)
    assert (cache / "model.pth").read_bytes() == CONTENT


def test_a_part_as_long_as_the_file(dialog, cache, server):
    cache.mkdir(parents=True)
    part_path(cache / "model.pth").write_bytes(b"x" * len(CONTENT))
    assert "is here" in fetch(dialog)
    assert (cache / "model.pth").read_bytes() == CONTENT


# --- what goes wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("404", "answers 404"),
        ("403", "answers 403"),
        ("503", "answers 503"),
        ("cut", "0.5 MB that have arrived are kept"),
    ],
)
def test_a_failure_is_said_with_its_remedy(dialog, cache, server, act, words):
    server.plan = [act]
    text = fetch(dialog)
    assert words in text
    assert "127.0.0.1" in text
    assert "Download" in text or "Add file" in text
    assert not (cache / "model.pth").exists()
    assert "is here" in fetch(dialog)  # the second time


def test_a_wrong_part_is_dropped(dialog, cache, server):
    cache.mkdir(parents=True)
    part_path(cache / "model.pth").write_bytes(CONTENT[:HALF])
    server.plan = ["wrong range"]
    assert "another part" in fetch(dialog)
    assert not part_path(cache / "model.pth").exists()


@pytest.mark.parametrize(
    "content", [CONTENT[:-1] + b"x", CONTENT[:99], b"<html>log in</html>", b""]
)
def test_what_is_not_the_published_file_is_not_kept(dialog, cache, server, content):
    server.content = content
    server.plan = ["serve"]
    text = fetch(dialog)
    assert "not the published file" in text
    assert server.url in text
    assert not (cache / "model.pth").exists()
    assert not part_path(cache / "model.pth").exists()


def test_a_server_that_is_gone(dialog, cache, server, monkeypatch):
    gone = replace(catalogue.MODELS["slf"], url="http://127.0.0.1:9/model.pth")
    monkeypatch.setattr(catalogue, "MODELS", {**catalogue.MODELS, "slf": gone})
    text = fetch(dialog)
    assert "The download from 127.0.0.1 failed" in text
    assert "proxy" in text


def test_a_folder_that_cannot_be_made(dialog, cache):
    cache.write_text("a file")
    text = fetch(dialog)
    assert "cannot be written" in text
    assert str(cache) in text


def test_closing_while_it_downloads_asks(dialog, server, monkeypatch):
    server.plan = ["stall"]
    dialog.get.click()
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    dialog.quit.click()
    assert dialog.isVisible()
    dialog.quit.click()
    assert not dialog.isVisible()
    assert dialog._download is None


# --- files --------------------------------------------------------------------------------------


def test_a_damaged_file_is_told_deleted_and_downloaded_again(dialog, cache):
    cache.mkdir(parents=True)
    (cache / "model.pth").write_bytes(CONTENT[:-1] + b"x")
    dialog.refresh()
    dialog.check.click()
    assert "damaged" in dialog.status.text()
    dialog.delete.click()
    assert not (cache / "model.pth").exists()
    assert entry_of("slf").presence is ModelPresence.ABSENT
    assert "is here" in fetch(dialog)


def test_deleting_the_model_in_use_goes_back_to_the_default(dialog, cache):
    fetch(dialog)
    dialog.use.click()
    dialog.delete.click()
    assert QgsSettings().value("avalanche_iseg/model") == "default"


def test_a_file_of_ones_own(dialog, tmp_path):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(b"a model")
    dialog.add_file(str(path))
    assert dialog.current.name == str(path)
    assert dialog.use.isEnabled()
    dialog.use.click()
    assert QgsSettings().value("avalanche_iseg/model") == str(path)
    assert usable(str(path))[str(path)] == "mine.safetensors"
    again = ModelsDialog()  # the next day
    assert again.current.name == str(path)
    path.unlink()
    again.refresh()
    assert not again.use.isEnabled()
    again.delete.click()
    assert str(path) not in [entry.name for entry in catalogue.entries()]
    again.deleteLater()


def test_a_file_downloaded_by_hand_goes_where_it_belongs(dialog, cache, tmp_path):
    path = tmp_path / "Downloads" / "model.pth"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    dialog.add_file(str(path))
    assert dialog.current.name == "slf"
    assert (cache / "model.pth").read_bytes() == CONTENT
    path.write_bytes(b"another")
    dialog.add_file(str(path))
    assert dialog.current.name == str(path)


# --- in the panel -------------------------------------------------------------------------------


def test_panel_offers_what_is_here_by_human_names(plugin, cache, monkeypatch):
    controller = plugin.open()
    live = sys.modules[catalogue.__name__]  # QGIS imports anew when it loads the plugin again
    monkeypatch.setattr(live, "MODELS", catalogue.MODELS)
    client = controller.segmentation_client
    wait_until(lambda: client.state.name == "READY", 180, "the worker")
    combo = controller.dock.model
    assert [combo.itemText(row) for row in range(combo.count())] == ["Standard model"]
    controller.dock.models.click()
    window = controller.setup_actions.models_dialog
    window.select("slf")
    fetch(window)
    wait_until(lambda: combo.count() == 2, 20, "the model in the panel")
    names = {combo.itemData(row): combo.itemText(row) for row in range(combo.count())}
    assert names == {"default": "Standard model", "slf": "Avalanches, SLF (Hafner et al. 2024)"}
    assert combo.currentData() == "default"
    assert Path(entry_of("slf").path).is_file()
    window.quit.click()
