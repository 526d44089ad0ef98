"""A project, its avalanches and a profile of 0.1.0 in the plugin of today.

Made by `tests/compat/make_in_qgis.py`. Nothing here knows a name of the plugin's code: what counts
is what a person sees, what lies in files, and what goes to the workers.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from person import CAMERA, RIGHT, SEGMENT, Person, layer_named, vector_layers
from qgis.core import QgsProject, QgsRasterLayer, QgsSettings
from qgis.gui import QgsColorButton
from qgis.PyQt.QtCore import QSettings
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QApplication,
    QCheckBox,
    QDoubleSpinBox,
    QLineEdit,
    QSpinBox,
    QTableWidget,
)
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "compat"))

from codec import read_frame  # noqa: E402
from running import lay_out  # noqa: E402

PIXELS, MAP = "avalanches_pixels", "avalanches"
ELSEWHERE = (200, 60)  # row, col: beside the avalanche
NEW_FIELDS = ["review", "review_reason", "reviewed_at", "closed_frac"]
"""Fields that layers have had since, in their order, behind those of then."""
NEW_IN_PROJECT = {"/camera/sheet0": {"near_field", "principal_point_sigma", "station", "zooms"}}
"""Names that were added to entries of the project since."""


@pytest.fixture
def folder(tmp_path):
    """The project's folder as it was left."""
    return lay_out(tmp_path, "project", "models")


@pytest.fixture
def person(iface, plugin, folder):
    """With the old project open."""
    assert QgsProject.instance().read(str(folder / "project.qgz"))
    assert all(layer.isValid() for layer in QgsProject.instance().mapLayers().values())
    return Person(iface)


SINGLE = """#!/bin/sh
exec '{python}' -X utf8 -c 'import sys, openvino
openvino.Core.get_property = lambda *_: openvino.Type.f32
exec(sys.argv[-1])' "$@"
"""


@pytest.fixture
def single_precision(plugin, folder, interpreter):
    """A processor without bfloat16: 0.1.0 computed in single precision on all of them."""
    program = folder / "python"
    program.write_text(SINGLE.format(python=interpreter))
    program.chmod(0o755)
    QgsSettings().setValue("avalanche_iseg/interpreter", str(program))


def schema(path: Path) -> dict:
    """Of a GeoPackage: the columns of its tables of avalanches, and what it says of them."""
    database = sqlite3.connect(path)
    told = {}
    for table in (PIXELS, MAP):
        columns = database.execute(f"PRAGMA table_info({table})").fetchall()
        query = "SELECT data_type, identifier FROM gpkg_contents WHERE table_name = ?"
        about = database.execute(query, (table,)).fetchone()
        query = "SELECT column_name, geometry_type_name, z, m FROM gpkg_geometry_columns "
        geometry = database.execute(f"{query} WHERE table_name = ?", (table,)).fetchone()
        query = "SELECT styleName, useAsDefault FROM layer_styles WHERE f_table_name = ?"
        styles = database.execute(query, (table,)).fetchall()
        told[table] = (columns, about, geometry, styles)
    database.close()
    return told


def by_uuid(layer) -> dict:
    return {feature["uuid"]: feature for feature in layer.getFeatures()}


def iou(first, second) -> float:
    return first.intersection(second).area() / first.combine(second).area()


# --- avalanches that are there ------------------------------------------------------------------


@pytest.mark.usefixtures("single_precision")
def test_finished_avalanches_are_taken_up_again(person):
    """From clicks, from a box, from a mask: finished once more, each is what it was."""
    person.open(layer_named("photo"))
    pixels = layer_named(PIXELS)
    before = by_uuid(pixels)
    wait_until(lambda: person.table.rowCount() == 3, 20, "the list")
    assert pixels.startEditing()
    for row in range(3):
        person.continue_entry(row)
        person.finish()
    after = by_uuid(pixels)
    assert after.keys() == before.keys()
    mine = [f for f in before.values() if f["image_name"] == "cam1_20240115_103000.jpg"]
    assert len(mine) == 3
    kept = set(pixels.fields().names()) - {"modified_at", "seconds", "image_path"}
    for was in mine:
        now = after[was["uuid"]]
        assert iou(now.geometry(), was.geometry()) > 0.995
        changed = {name for name in kept if now[name] != was[name]} - {"plugin_version"}
        assert changed == set(), {name: (was[name], now[name]) for name in changed}
        assert now["seconds"] >= was["seconds"]
    kinds = [json.loads(was["prompts"]) for was in mine]
    assert sum(bool(kind["box"]) for kind in kinds) == 1
    assert sum(bool(kind["mask"]) for kind in kinds) == 1


def test_one_is_corrected_by_a_click(person):
    person.open(layer_named("photo"))
    pixels = layer_named(PIXELS)
    first = next(f for f in pixels.getFeatures() if f["n_clicks"] == 2)
    assert pixels.startEditing()
    person.continue_entry(0)
    person.click(*ELSEWHERE, RIGHT)
    person.finish()
    now = by_uuid(pixels)[first["uuid"]]
    assert now["n_clicks"] == 3
    old, new = json.loads(first["prompts"]), json.loads(now["prompts"])
    assert new["clicks"][:2] == old["clicks"]
    assert new.keys() == old.keys()
    assert pixels.featureCount() == 4


def test_a_new_one_goes_into_the_old_layer(person, folder):
    before, count = schema(folder / "avalanches.gpkg"), len(vector_layers())
    person.open(layer_named("slope"))
    on_map = layer_named(MAP)
    known = set(by_uuid(on_map))
    person.click(118, 160)
    person.click(*ELSEWHERE, RIGHT)
    person.finish()
    assert len(vector_layers()) == count
    assert on_map.featureCount() == 3
    assert on_map.commitChanges(), on_map.commitErrors()
    (new,) = [f for uuid, f in by_uuid(on_map).items() if uuid not in known]
    old = next(f for f in on_map.getFeatures() if f["image_name"] == "slope.tif")
    filled = {name for name in on_map.fields().names() if new[name] not in (None, "")}
    empty = {name for name in filled if not new[name] and new[name] != 0}
    assert set(filled - empty) >= {
        name for name in on_map.fields().names() if old[name] and name != "observed_at"
    }
    for name in ("image_name", "image_sha256", "method", "part", "outline_quality", "model_id"):
        assert new[name] == old[name]
    assert new["area_m2"] == pytest.approx(new.geometry().area(), rel=0.01)
    assert schema(folder / "avalanches.gpkg") == before


def test_a_new_geopackage_has_the_old_schema_and_new_fields_after_it(iface, plugin, folder):
    expected = schema(folder / "avalanches.gpkg")
    (folder / "avalanches.gpkg").unlink()
    person = Person(iface)
    person.open(QgsRasterLayer(str(folder / "slope.tif"), "slope"))
    person.click(118, 160)
    person.finish()
    photo = QgsRasterLayer(str(folder / "cam1_20240115_103000.jpg"), "photo")
    person.open(photo)
    person.click(118, 160)
    person.finish()
    for layer in vector_layers():
        assert layer.commitChanges(), layer.commitErrors()
    found = schema(folder / "avalanches.gpkg")
    for table, (columns, *others) in expected.items():
        assert found[table][0][: len(columns)] == columns
        assert [name for _, name, *_ in found[table][0][len(columns) :]] == NEW_FIELDS
        assert list(found[table][1:]) == others


@pytest.mark.parametrize("name", [PIXELS, MAP])
def test_the_old_layer_has_its_form_and_style(person, name, folder):
    """Also where the file's own style is loaded anew, and from the file beside the project."""
    layer = layer_named(name)
    aliases = dict(layer.attributeAliases())
    tabs = [tab.name() for tab in layer.editFormConfig().tabs()]
    message, worked = layer.loadNamedStyle(str(folder / f"{name}.qml"))
    assert worked, message
    assert dict(layer.attributeAliases()) == aliases
    assert [tab.name() for tab in layer.editFormConfig().tabs()] == tabs
    assert layer.editorWidgetSetup(layer.fields().indexOf("type")).type() == "ValueMap"


def test_only_outlines_of_the_photo_in_hand_are_shown(person):
    """By the variable that the style of the old layer asks for."""
    from qgis.core import QgsExpressionContextUtils

    pixels = layer_named(PIXELS)
    person.open(layer_named("photo"))
    variable = QgsExpressionContextUtils.layerScope(pixels).variable
    wait_until(
        lambda: variable("avalanche_iseg_image") == "cam1_20240115_103000.jpg", 20, "the variable"
    )


# --- cameras ------------------------------------------------------------------------------------


def entry(name: str) -> str:
    text, there = QgsProject.instance().readEntry("avalanche_iseg", name, "")
    assert there, name
    return text


def keys(value: object) -> object:
    """Names within JSON, without values."""
    if isinstance(value, dict):
        return {name: keys(content) for name, content in value.items()}
    if isinstance(value, list):
        return [keys(value[0])] if value else []
    return None


def open_camera(person) -> None:
    person.open(layer_named("cam"))
    person.choose("Georeference a webcam photo")
    table = person.dock(CAMERA).findChild(QTableWidget)
    wait_until(lambda: table.rowCount() == 7, 30, "the points of the photo")
    QTest.qWait(300)


def test_the_camera_is_as_it_was_left(person):
    before = json.loads(entry("/camera/sheet0"))
    open_camera(person)
    fields = person.dock(CAMERA).findChildren(QLineEdit)
    assert "Hut" in [field.text() for field in fields]
    place = f"{before['position'][0]:.1f}, {before['position'][1]:.1f}"
    assert place in [field.text() for field in fields]


def test_avalanches_of_the_photo_go_to_the_map_by_the_old_pose(person, folder):
    record = json.loads(entry("/camera/sheet0"))["record"]
    open_camera(person)
    on_map, pixels = layer_named(MAP), layer_named(PIXELS)
    counts = on_map.featureCount(), pixels.featureCount()
    known = set(by_uuid(on_map))
    person.click_picture(300, 200)
    person.finish(person.picture, steps=2)
    assert (on_map.featureCount(), pixels.featureCount()) == (counts[0] + 1, counts[1] + 1)
    (new,) = [f for uuid, f in by_uuid(on_map).items() if uuid not in known]
    assert new["uuid"] in by_uuid(pixels)
    assert (new["pose_id"], new["camera_id"]) == (record["pose_id"], "Hut")
    old = next(f for f in on_map.getFeatures() if f["image_name"] == "picture.jpg")
    missing = [n for n in on_map.fields().names() if new[n] in (None, "") and old[n]]
    assert missing == []


@pytest.mark.usefixtures("single_precision")
def test_the_one_on_the_map_is_taken_up_again(person):
    open_camera(person)
    on_map, pixels = layer_named(MAP), layer_named(PIXELS)
    was = next(f for f in on_map.getFeatures() if f["image_name"] == "picture.jpg")
    for layer in (on_map, pixels):
        assert layer.startEditing()
    wait_until(lambda: person.table.rowCount() == 1, 20, "the list")
    person.continue_entry(0)
    person.finish(person.picture, steps=2)
    now = by_uuid(on_map)[was["uuid"]]
    assert iou(now.geometry(), was.geometry()) > 0.98
    assert (now["prompts"], now["pose_id"]) == (was["prompts"], was["pose_id"])
    assert now["area_surface_m2"] == pytest.approx(was["area_surface_m2"], rel=0.02)


def test_entries_of_the_project_keep_their_form(person, folder):
    """Read, changed by a person and saved again."""
    names = ("/camera/cameras", "/camera/sheet0", "/camera/pictures")
    before = {name: json.loads(entry(name)) for name in names}
    open_camera(person)
    box = next(
        box
        for box in person.dock(CAMERA).findChildren(QDoubleSpinBox)
        if box.value() == before["/camera/sheet0"]["position_sigma"]
    )
    box.setValue(11.0)
    (name,) = [f for f in person.dock(CAMERA).findChildren(QLineEdit) if f.text() == "Hut"]
    name.setText("Hut 2")
    wait_until(lambda: person.button(CAMERA, "Save").isEnabled(), 20, "the pose")
    person.button(CAMERA, "Save").click()
    assert QgsProject.instance().write(str(folder / "again.qgz"))
    QgsProject.instance().clear()
    assert QgsProject.instance().read(str(folder / "again.qgz"))
    after = {name: json.loads(entry(name)) for name in names}
    assert after["/camera/pictures"] == before["/camera/pictures"] == ["./picture.jpg"]
    for name in names:
        found, then = keys(after[name]), keys(before[name])
        for new in NEW_IN_PROJECT.get(name, ()):
            assert new not in then
            assert new in found
            del found[new]
        assert found == then
    sheet = after["/camera/sheet0"]
    assert sheet["position_sigma"] == 11.0
    assert sheet["dem"] == before["/camera/sheet0"]["dem"] == ["./dem.tif"]
    assert len(sheet["points"]) == 7
    assert [camera["name"] for camera in after["/camera/cameras"]] == ["Hut", "Hut 2"]


# --- settings -----------------------------------------------------------------------------------

SPYING = """#!/bin/sh
case "$*" in
*.worker*) tee {folder}/asked.worker | {python} "$@" ;;
*.survey*) tee {folder}/asked.survey | {python} "$@" ;;
*) exec {python} "$@" ;;
esac
"""
NUMBERS = ("opacity", "click_size", "tolerance", "smoothing", "min_area")


@pytest.fixture
def profile(plugin, folder, interpreter):
    """The options of an old profile; the interpreter also writes down what is asked."""
    spy = folder / "python"
    spy.write_text(SPYING.format(folder=folder, python=interpreter))
    spy.chmod(0o755)
    library = json.loads((folder / "cameras.json").read_text())
    library[0]["name"] = "Shared hut"
    (folder / "cameras.json").write_text(json.dumps(library))
    stored = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    values = {key: stored.value(key) for key in stored.allKeys()}
    values["avalanche_iseg/interpreter"] = str(spy)
    values["avalanche_iseg/model"] = str(folder / "tiny.safetensors")
    values["avalanche_iseg/camera_library"] = str(folder / "cameras.json")
    for key, value in values.items():
        QgsSettings().setValue(key, value)
    return {key.partition("/")[2]: value for key, value in values.items()}


def asked(folder: Path, part: str, kind: str) -> list[dict]:
    """Requests of a kind that the plugin has sent so far."""
    file, found = folder / f"asked.{part}", []
    if not file.exists():
        return found
    with file.open("rb") as stream:
        try:
            while (frame := read_frame(stream)) is not None:
                found.append(frame[0])
        except Exception:  # one that is being written
            return [header for header in found if header["type"] == kind]
    return [header for header in found if header["type"] == kind]


def forms() -> list:
    """Forms of features that are open."""
    widgets = QApplication.allWidgets()
    return [w for w in widgets if w.metaObject().className() == "QgsAttributeForm"]


def spins(person, dock: str) -> list:
    boxes = person.dock(dock)
    return [*boxes.findChildren(QDoubleSpinBox), *boxes.findChildren(QSpinBox)]


def test_options_of_an_old_profile_take_effect(iface, profile, folder):
    assert QgsProject.instance().read(str(folder / "project.qgz"))
    person = Person(iface)
    person.open(layer_named("photo"))
    segment = person.dock(SEGMENT)
    shown = [box.value() for box in spins(person, SEGMENT)]
    for name in NUMBERS:
        assert float(profile[name]) in shown, name
    assert segment.findChild(QgsColorButton).color().name() == profile["colour"]
    ticked = {box.text(): box.isChecked() for box in segment.findChildren(QCheckBox)}
    assert ticked["Fill holes"] is False
    assert ticked["Largest part only"] is True
    assert ticked["Open the form when finished"] is True
    person.click(118, 160)
    person.finish()
    wait_until(lambda: forms(), 20, "the form")
    for form in forms():
        if form.window() is not iface.mainWindow():
            form.window().close()
    new = max(layer_named(PIXELS).getFeatures(), key=lambda f: f["created_at"])
    assert new["mapper"] == profile["author"] == "A. Mapper"
    assert new["model_id"].startswith("tiny ")
    assert new["threshold"] == pytest.approx(0.3)
    load = asked(folder, "worker", "load")[-1]
    assert load["model"] == profile["model"]
    assert (load["device"], load["threads"]) == ("cpu", 3)
    outline = asked(folder, "worker", "outline")[-1]
    expected = {name: float(profile[name]) for name in ("tolerance", "smoothing", "min_area")}
    assert {name: outline[name] for name in expected} == expected
    assert (outline["fill_holes"], outline["largest_only"]) == (0.0, True)


def test_options_of_the_camera_take_effect(iface, profile, folder):
    assert QgsProject.instance().read(str(folder / "project.qgz"))
    person = Person(iface)
    open_camera(person)
    menu = person.button(CAMERA, "Saved camera").menu()
    menu.aboutToShow.emit()
    names = [action.text() for action in menu.actions()]
    assert {"Hut", "Shared hut"} <= set(names)
    assert 42.0 in [box.value() for box in spins(person, CAMERA)]
    person.click_picture(144, 245)
    wait_until(lambda: asked(folder, "survey", "to_map"), 60, "the outline on the map")
    request = asked(folder, "survey", "to_map")[-1]
    assert request["bridge"] == 42.0
    assert request["dem"] == [str(folder / "dem.tif")]
    assert request["record"]["name"] == "Hut"


def test_a_choice_is_kept_under_the_old_key(iface, profile, folder):
    """What a person changes is found under the same key, and no other key is made."""
    person = Person(iface)
    person.open(QgsRasterLayer(str(folder / "slope.tif"), "slope"))
    settings = QgsSettings()
    settings.beginGroup("avalanche_iseg")
    known = set(settings.allKeys())
    settings.endGroup()
    for name in NUMBERS:
        value = float(profile[name])
        (box, *_) = [box for box in spins(person, SEGMENT) if box.value() == value]
        box.setValue(type(box.value())(box.value() - box.singleStep()))
        assert float(settings.value(f"avalanche_iseg/{name}")) == float(box.value()), name
    for text, name, value in (
        ("Fill holes", "fill_holes", True),
        ("Largest part only", "largest_only", False),
        ("Open the form when finished", "open_form", False),
    ):
        boxes = person.dock(SEGMENT).findChildren(QCheckBox)
        (box,) = [box for box in boxes if box.text() == text]
        box.setChecked(value)
        assert settings.value(f"avalanche_iseg/{name}", type=bool) is value
    settings.beginGroup("avalanche_iseg")
    assert set(settings.allKeys()) == known
    settings.endGroup()
