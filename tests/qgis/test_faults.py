"""What goes wrong: a message that says what to do, and nothing lost."""

from __future__ import annotations

import hashlib
import os
import signal
import sys

import numpy as np
import pytest
import scenery
from driving import Driver
from qgis.core import (
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from waiting import wait_until

Key = Qt.Key


@pytest.fixture
def driver(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.photo(tmp_path))
    driver.said = []
    driver.space.message.connect(driver.said.append)
    return driver


def layers_of_features() -> list[QgsVectorLayer]:
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]


def features() -> int:
    return sum(layer.featureCount() for layer in layers_of_features())


def test_worker_killed_in_the_middle_of_a_request(driver):
    driver.click(*scenery.CENTRE)
    mask, first = driver.mask(), driver.studio.segmentation_client.pid
    driver.space.add_click(*scenery.OUTSIDE, False)
    os.kill(first, signal.SIGKILL)
    driver.settle()
    assert driver.studio.segmentation_client.pid != first
    assert len(driver.space.prompts.clicks) == 2
    assert driver.mask().any()
    driver.key(Key.Key_Backspace)
    assert np.array_equal(driver.mask(), mask)


def test_wrong_interpreter_then_the_right_one(iface, plugin, interpreter, tmp_path):
    rubbish = tmp_path / "python"
    rubbish.write_text("#!/bin/sh\nwhile true; do echo rubbish; done\n")
    rubbish.chmod(0o755)
    layer = QgsRasterLayer(str(scenery.photo(tmp_path)), "photo")
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    for wrong in (rubbish, tmp_path / "nothing", sys.executable, "/bin/true"):
        QgsSettings().setValue("avalanche_iseg/interpreter", str(wrong))
        studio = plugin.open()
        wait_until(
            lambda s=studio: s.segmentation_client.state.name == "BROKEN", 60, f"{wrong} refused"
        )
        assert "Set up" in studio.segmentation_client.text
        assert not studio.dock.notice.isHidden()  # offers Set up… and Options…
    studio.session.add_click(*scenery.CENTRE, True)
    QgsSettings().setValue("avalanche_iseg/interpreter", str(interpreter))
    studio.dock.restart.click()
    wait_until(lambda: studio.session.draft.up_to_date, 60, "the answer, nevertheless")
    assert len(studio.session.prompts.clicks) == 1


def test_missing_model(driver):
    driver.click(*scenery.CENTRE)
    QgsSettings().setValue("avalanche_iseg/model", "/nowhere/model.safetensors")
    driver.studio.configure_worker()
    wait_until(
        lambda: driver.studio.segmentation_client.state.name == "BROKEN", 60, "the model missed"
    )
    assert "/nowhere/model.safetensors" in driver.studio.segmentation_client.text
    driver.space.add_click(*scenery.OUTSIDE, False)
    QgsSettings().setValue("avalanche_iseg/model", "default")
    driver.studio.configure_worker()
    driver.settle()
    assert len(driver.space.prompts.clicks) == 2


def test_corrupt_image(iface, plugin, tmp_path):
    path = scenery.photo(tmp_path)
    layer = QgsRasterLayer(str(path), "photo")
    QgsProject.instance().addMapLayer(layer)
    iface.setActiveLayer(layer)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    studio = plugin.open()
    said = []
    studio.session.message.connect(said.append)
    studio.session.add_click(*scenery.CENTRE, True)
    wait_until(lambda: said, what="the message")
    assert str(path) in said[-1] or path.name in said[-1]
    assert studio.session.prompts.clicks


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk(driver, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    assert os.system(f"mount -t tmpfs -o size=64k tmpfs {disk}") == 0
    try:
        (disk / "ballast").write_bytes(bytes(60 * 1024))
        QgsProject.instance().setFileName(str(disk / "project.qgz"))
        driver.click(*scenery.CENTRE)
        prompts = driver.space.prompts
        driver.key(Key.Key_Return)
        wait_until(lambda: driver.said, what="the message")
        assert "disk" in driver.said[-1].lower() or "space" in driver.said[-1].lower()
        assert driver.space.prompts is prompts
        assert features() == 0
        QgsProject.instance().setFileName(str(tmp_path / "project.qgz"))
        driver.key(Key.Key_Return)
        wait_until(lambda: features() == 1, what="the feature elsewhere")
    finally:
        os.system(f"umount -l {disk}")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a disk needs root")
def test_read_only_geopackage(driver, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    assert os.system(f"mount -t tmpfs -o size=8m tmpfs {disk}") == 0
    try:
        QgsProject.instance().setFileName(str(disk / "project.qgz"))
        driver.click(*scenery.CENTRE)
        driver.key(Key.Key_Return)
        wait_until(lambda: features() == 1, what="the first feature")
        (layer,) = layers_of_features()
        assert layer.commitChanges()
        QgsProject.instance().removeMapLayer(layer.id())
        assert os.system(f"mount -o remount,ro {disk}") == 0
        again = QgsVectorLayer(f"{disk}/avalanches.gpkg|layername=avalanches_pixels", "old")
        assert again.isValid()
        QgsProject.instance().addMapLayer(again)
        driver.studio.dock.target.setLayer(again)
        driver.click(*scenery.CENTRE)
        prompts = driver.space.prompts
        driver.key(Key.Key_Return)
        wait_until(lambda: driver.said, what="the message")
        assert "read-only" in driver.said[-1]
        assert driver.space.prompts is prompts
    finally:
        QgsProject.instance().clear()
        os.system(f"umount -l {disk}")


def test_target_layer_removed_while_segmenting(driver):
    driver.click(*scenery.CENTRE)
    driver.key(Key.Key_Return)
    wait_until(lambda: features() == 1, what="the first feature")
    driver.click(*scenery.CENTRE)
    for layer in list(QgsProject.instance().mapLayers().values()):
        if isinstance(layer, QgsVectorLayer):
            layer.commitChanges()
            QgsProject.instance().removeMapLayer(layer.id())
    driver.key(Key.Key_Return)
    wait_until(lambda: features() == 2, what="the layer found again, and the feature in it")


def test_nothing_to_finish(driver):
    driver.key(Key.Key_Return)
    assert "click" in driver.said[-1].lower()


def test_empty_mask_is_not_a_feature(driver, monkeypatch):
    errors = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: errors.append(error))
    driver.click(*scenery.CENTRE)
    assert not driver.studio.overlay.outline.geometry.isEmpty()
    dock = driver.studio.dock
    for empty, full in (
        (lambda: dock.min_area.setValue(1e7), lambda: dock.min_area.setValue(50)),
        (
            lambda: setattr(dock.threshold, "value", 0.99),
            lambda: setattr(dock.threshold, "value", 0.5),
        ),
    ):
        empty()
        driver.settle()
        if driver.mask().any() and dock.min_area.value() < 1e6:
            continue  # a mask that is certain everywhere
        assert driver.studio.overlay.outline.geometry.isEmpty()
        assert dock.hint.text().startswith("The outline is empty. Lower Threshold")
        full()
        driver.settle()
        assert not driver.studio.overlay.outline.geometry.isEmpty()
        assert "empty" not in dock.hint.text()
    dock.min_area.setValue(1e7)
    driver.settle()
    driver.key(Key.Key_Return)
    wait_until(lambda: driver.said, what="the message")
    assert features() == 0
    assert driver.space.prompts.clicks
    assert errors == []


SHIFT = 300  # pixels by which the shape lies farther right in the other image
ELSEWHERE = (scenery.CENTRE[0], scenery.CENTRE[1] + SHIFT)


def overwrite(path, content):
    path.write_bytes(content)


def rename(path, content):
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def keep_size_and_time(path, content):
    status = path.stat()
    assert len(content) == status.st_size
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def latest(iface, plugin, tmp_path):
    """(driver in latest.bmp, its path, content of the image that follows)"""
    path = scenery.write(tmp_path / "latest.bmp", scenery.pixels(), driver="BMP")
    other = np.roll(scenery.pixels(), SHIFT, axis=1)
    content = scenery.write(tmp_path / "next.bmp", other, driver="BMP").read_bytes()
    driver = Driver(iface, plugin, path)
    driver.said = []
    driver.space.message.connect(driver.said.append)
    wait_until(lambda: driver.space.image.origin.sha256, what="the checksum")
    return driver, path, content


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def saved(driver) -> list:
    """(sha256, whether it is the first shape, whether the second) of each feature."""
    (layer,) = layers_of_features()
    first = QgsGeometry.fromPointXY(QgsPointXY(scenery.CENTRE[1] - 60, -scenery.CENTRE[0]))
    second = QgsGeometry.fromPointXY(QgsPointXY(ELSEWHERE[1] + 60, -ELSEWHERE[0]))
    return [
        (f["image_sha256"], f.geometry().contains(first), f.geometry().contains(second))
        for f in layer.getFeatures()
    ]


@pytest.mark.parametrize(
    ("replace", "layer"),
    [
        (overwrite, "reloaded"),
        (overwrite, "as it is"),
        (rename, "added again"),
        (keep_size_and_time, "as it is"),
    ],
)
def test_replaced_before_a_click(latest, replace, layer):
    driver, path, content = latest
    driver.click(*scenery.CENTRE)
    driver.space.may_discard = lambda: True
    driver.key(Key.Key_Escape)
    replace(path, content)
    if layer == "reloaded":
        driver.layer.reload()
    if layer == "added again":
        QgsProject.instance().removeMapLayer(driver.layer.id())
        driver.layer = QgsRasterLayer(str(path), "again")
        QgsProject.instance().addMapLayer(driver.layer)
        driver.studio.dock.layer.setLayer(driver.layer)
    driver.space.add_click(*ELSEWHERE, True)
    driver.settle()
    driver.key(Key.Key_Return)
    wait_until(lambda: features() == 1, 60, "the feature")
    assert saved(driver) == [(checksum(content), False, True)]


@pytest.mark.parametrize("replace", [overwrite, rename, keep_size_and_time])
def test_replaced_while_an_avalanche_is_in_hand(latest, replace):
    driver, path, content = latest
    before = checksum(path.read_bytes())
    driver.space.add_click(*scenery.CENTRE, True)
    if replace is not rename:
        driver.settle()
    replace(path, content)
    if replace is not overwrite:  # else between click and Enter
        driver.space.add_click(*scenery.OUTSIDE, False)
    driver.space.finish()
    wait_until(lambda: features() == 1 or driver.said, 60, "the feature or a reason")
    if features() == 0:  # it was replaced before it was read
        assert "replaced" in driver.said[-1]
        assert driver.space.prompts.clicks
        return
    assert saved(driver) == [(before, True, False)]
    driver.space.add_click(*ELSEWHERE, True)
    driver.settle()
    driver.space.finish()
    wait_until(lambda: features() == 2, 60, "the second feature")
    assert saved(driver)[1] == (checksum(content), False, True)


def test_the_panel_lets_choose_the_new_image(latest):
    driver, path, content = latest
    driver.click(*scenery.CENTRE)
    rename(path, content)
    driver.space.add_click(*scenery.OUTSIDE, False)
    notice = driver.studio.dock.replaced
    wait_until(lambda: not notice.isHidden(), what="the notice")
    assert "latest.bmp" in notice.label.text()
    notice.buttons[0].click()
    driver.space.add_click(*ELSEWHERE, True)
    driver.settle()
    assert notice.isHidden()
    driver.space.finish()
    wait_until(lambda: features() == 1, 60, "the feature")
    assert saved(driver)[0][0] == checksum(content)


def test_a_worker_that_hangs_is_restarted(driver, monkeypatch):
    supervisor = sys.modules["avalanche_iseg_qgis.worker.supervisor"]
    monkeypatch.setattr(supervisor, "_SLOW", 1.0)
    driver.click(*scenery.CENTRE)
    client, dock = driver.studio.segmentation_client, driver.studio.dock
    pid = client.pid
    os.kill(pid, signal.SIGSTOP)
    driver.space.add_click(*scenery.OUTSIDE, False)
    driver.space.finish()
    wait_until(lambda: client.state.name == "SLOW", 10, "the hint")
    assert "No answer for" in dock.state.text()
    assert not dock.restart.isHidden()
    dock.restart.click()
    wait_until(lambda: features() == 1, 60, "the feature")
    assert client.pid != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert dock.restart.isHidden()


def test_enter_when_a_file_is_there_again(iface, plugin, tmp_path):
    transform = (2783000.0, 1.0, 0, 1188000.0, 0, -1.0)
    large = np.kron(scenery.pixels(), np.ones((10, 10, 1), np.uint8))  # read at the first click
    path = scenery.write(tmp_path / "large.tif", large, transform=transform, epsg=2056)
    driver = Driver(iface, plugin, path, transform)
    said = []
    driver.space.message.connect(said.append)
    path.rename(tmp_path / "away.tif")
    driver.space.add_click(*(10 * at for at in scenery.CENTRE), True)
    wait_until(lambda: said, what="the message")
    (tmp_path / "away.tif").rename(path)
    driver.key(Key.Key_Return)
    wait_until(lambda: features() == 1, 60, "the feature")


def test_finish_in_two_photos(driver, iface, plugin, tmp_path):
    other = scenery.write(tmp_path / "other.jpg", scenery.pixels()[::-1], driver="JPEG")
    second = QgsRasterLayer(str(other), "other")
    QgsProject.instance().addMapLayer(second)
    driver.space.add_click(*scenery.CENTRE, True)
    driver.space.finish()
    first = driver.space.image
    assert first.draft.state.name == "FINISHING"
    driver.studio.dock.layer.setLayer(second)
    assert driver.space.image is not first
    driver.space.add_click(scenery.HEIGHT - 1 - scenery.CENTRE[0], scenery.CENTRE[1], True)
    driver.space.finish()
    wait_until(lambda: features() == 2, 60, "both features")
    (layer,) = layers_of_features()
    names = sorted(feature["image_name"] for feature in layer.getFeatures())
    assert names == ["cam1_20240115_103000.jpg", "other.jpg"]
    assert all(feature["image_sha256"] for feature in layer.getFeatures())
    assert first.draft.prompts.empty


def test_panel_and_image_stay_in_step_when_layers_are_removed(driver, tmp_path):
    other = scenery.write(tmp_path / "other.jpg", scenery.pixels()[::-1], driver="JPEG")
    QgsProject.instance().addMapLayer(QgsRasterLayer(str(other), "other"))
    for _ in range(2):
        QgsProject.instance().removeMapLayer(driver.studio.dock.layer.currentLayer().id())
        layer, image = driver.studio.dock.layer.currentLayer(), driver.space.image
        assert (layer and layer.id()) == (image and image.layer_id)
