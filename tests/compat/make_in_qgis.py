"""Makes ``made_at_0_1_0/project`` in the real QGIS, with the plugin of that version.

After `scene.py`: ``python3 tests/qgis/run.py --script tests/compat/make_in_qgis.py``. Options and
the camera are reached by the names that the code had then; the rest is done as a person does it.

What says where, when and by whom it was made is written over afterwards (`_tidy`).
"""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
from pathlib import Path

from operating import Mapper, middle
from person import RIGHT, Person, layer_named, vector_layers
from qgis import utils
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from waiting import wait_until

ROOT = Path(os.environ["ISEG_TESTS"]).parents[1]
HERE = ROOT / "tests" / "compat"
FOLDER = HERE / "made_at_0_1_0" / "project"
NAME = "avalanche_iseg_qgis"
CENTRE, BELOW, OUTSIDE = (118, 160), (150, 165), (30, 40)  # as in scene.py
AUTHOR = "A. Mapper"
# One that differs from the default, for every setting.
CHOSEN = {
    "model": "tiny.safetensors",
    "device": "cpu",
    "threads": 3,
    "opacity": 0.85,
    "colour": "#1a8cff",
    "click_size": 13,
    "tolerance": 3.25,
    "smoothing": 2.5,
    "min_area": 77.0,
    "fill_holes": False,
    "largest_only": True,
    "bridge": 42.0,
    "open_form": True,
}


def main() -> None:
    QgsSettings().setValue("avalanche_iseg/interpreter", str(ROOT / ".venv" / "bin" / "python"))
    QgsSettings().setValue("avalanche_iseg/author", AUTHOR)
    if NAME not in utils.available_plugins:
        utils.updateAvailablePlugins()
    assert utils.loadPlugin(NAME)
    assert utils.startPlugin(NAME)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for file in FOLDER.iterdir():
            if file.suffix in (".jpg", ".tif", ".csv", ".png") or file.name == "truth.json":
                shutil.copy(file, folder)
        QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:2056"))
        QgsProject.instance().setTitle("Made at 0.1.0")
        assert QgsProject.instance().write(str(folder / "project.qgz"))
        map_avalanches(folder)
        map_webcam(folder)
        for layer in vector_layers():
            assert layer.commitChanges()
            layer.saveNamedStyle(str(folder / f"{layer.name()}.qml"))
        assert QgsProject.instance().write(str(folder / "project.qgz"))
        choose_options(folder)
        for layer in vector_layers():
            layer.rollBack()
        utils.unloadPlugin(NAME)
        QgsProject.instance().setDirty(False)
        QgsProject.instance().clear()
        _tidy(folder)


def map_avalanches(folder: Path) -> None:
    """Three in the plain photo, from clicks, from a box and from a mask; one in the raster."""
    person = Person(utils.iface)
    person.open(QgsRasterLayer(str(folder / "cam1_20240115_103000.jpg"), "photo"))
    person.click(*CENTRE)
    person.click(*OUTSIDE, RIGHT)
    person.finish()
    person.drag((40, 100), (200, 225))
    person.click(*BELOW)
    person.finish()
    pixels = layer_named("avalanches_pixels")
    pixels.selectByIds([min(pixels.allFeatureIds())])
    utils.iface.setActiveLayer(pixels)
    studio = utils.plugins[NAME].studio
    studio.imports.from_selection()
    QTest.qWait(200)
    studio.dock.same_feature.setChecked(False)
    person.click(200, 60)
    person.finish()
    person.open(QgsRasterLayer(str(folder / "slope.tif"), "slope"))
    person.click(*CENTRE)
    person.finish()


def map_webcam(folder: Path) -> None:
    """One in a photo whose camera is posed; the camera is kept in the project and in a file."""
    from operating import OFF, control_points

    class Truth:
        x, y = (json.loads((folder / "truth.json").read_text())[axis] for axis in "xy")

    mapper = Mapper(utils.iface, utils.plugins[NAME], folder)
    mapper.push(mapper.dock.on_map)
    mapper.click_map(Truth.x + OFF[0], Truth.y + OFF[1])
    mapper.push(mapper.dock.add)
    for u, v, x, y in control_points(folder):
        mapper.click_picture(u, v)
        mapper.click_map(x, y)
    mapper.pose_of(6)
    mapper.click_picture(300.0, 100.0)  # a seventh that is not finished
    QTest.qWait(300)
    wait_until(lambda: mapper.desk.ranges is not None, 60, "what the camera sees")
    mapper.dock.name.setText("Hut")
    mapper.push(mapper.dock.save)
    QgsSettings().setValue("avalanche_iseg/camera_library", str(folder / "cameras.json"))
    mapper.desk.files.share() if hasattr(mapper.desk, "files") else _share(mapper)
    mapper.push(mapper.dock.add)
    mapper.studio._take_tool()
    mapper.prompt(*middle(folder, 2))
    QTest.keyClick(mapper.desk.picture_canvas, Qt.Key.Key_Return)
    wait_until(lambda: mapper.space.prompts.empty, 60, "the feature")


def _share(mapper) -> None:
    (action,) = [a for a in mapper.dock.menu.actions() if a.text() == "Put into the library"]
    action.trigger()
    QTest.qWait(50)


def choose_options(folder: Path) -> None:
    """Every option once, by its widget, and what the profile's file then says of them."""
    from avalanche_iseg_qgis.panel.options import OptionsPage

    studio = utils.plugins[NAME].studio
    page = OptionsPage(utils.iface.mainWindow(), lambda: None)
    page.threads.setValue(CHOSEN["threads"])
    page.apply()
    dock, camera = studio.dock, studio.desk.dock
    dock.opacity.value = CHOSEN["opacity"]
    from qgis.PyQt.QtGui import QColor

    dock.colour.setColor(QColor(CHOSEN["colour"]))
    dock.click_size.setValue(CHOSEN["click_size"])
    dock.detail.value = CHOSEN["tolerance"]
    dock.smoothing.value = CHOSEN["smoothing"]
    dock.min_area.setValue(CHOSEN["min_area"])
    dock.fill_holes.setChecked(CHOSEN["fill_holes"])
    dock.largest_only.setChecked(CHOSEN["largest_only"])
    dock.open_form.setChecked(CHOSEN["open_form"])
    camera.bridge.setValue(CHOSEN["bridge"])
    for choice, value in ((dock.model, CHOSEN["model"]), (dock.device, CHOSEN["device"])):
        choice.addItem(value, value)
        choice.setCurrentIndex(choice.count() - 1)
    dock.model_chosen.emit()
    settings = QgsSettings()
    settings.sync()
    lines = Path(settings.fileName()).read_text().splitlines()
    start = lines.index("[avalanche_iseg]")
    end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("[")), len(lines))
    text = "\n".join(line for line in lines[start:end] if line) + "\n"
    text = re.sub("(?m)^interpreter=.*$", "interpreter=PYTHON", text)
    text = re.sub("(?m)^camera_library=.*$", "camera_library=cameras.json", text)
    (folder / "settings.ini").write_text(text)


# --- what is not to be kept -------------------------------------------------------------------


def _tidy(folder: Path) -> None:
    place = str(folder)
    database = sqlite3.connect(folder / "avalanches.gpkg")
    database.execute("PRAGMA journal_mode=DELETE")
    triggers = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        database.execute(f'DROP TRIGGER "{name}"')  # they call functions of GDAL
    for table in ("avalanches", "avalanches_pixels"):
        change = f"UPDATE {table} SET image_path = '/photos/' || image_name, mapper = ?"  # noqa: S608
        database.execute(change, (AUTHOR,))
    for _, sql in triggers:
        database.execute(sql)
    database.commit()
    database.execute("VACUUM")
    database.close()
    with zipfile.ZipFile(folder / "project.qgz") as archive:
        project = archive.read("project.qgs").decode()
    project = re.sub(r'saveUser(Full)?="[^"]*"', r'saveUser\1=""', project)
    project = re.sub(r"<author>[^<]*</author>", "<author></author>", project)
    with zipfile.ZipFile(FOLDER / "project.qgz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("project.qgs", project)
    for name in ("cameras.json", "settings.ini"):
        shutil.copy(folder / name, FOLDER / name)
    for name in ("avalanches.gpkg", "avalanches.qml", "avalanches_pixels.qml"):
        packed = lzma.compress((folder / name).read_bytes(), preset=9)
        (FOLDER / f"{name}.xz").write_bytes(packed)
    for file in FOLDER.iterdir():
        content = file.read_bytes()
        content = lzma.decompress(content) if file.suffix == ".xz" else content
        if place.encode() in content or place in project:
            print(f"{file.name} tells where it was made")


main()
