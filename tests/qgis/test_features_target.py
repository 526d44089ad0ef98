"""The layer that objects go to."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sqlite3
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)

from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.features import form, schema, target

ROOT = Path(__file__).resolve().parents[2]
LV95 = QgsCoordinateReferenceSystem("EPSG:2056")
NONE = QgsCoordinateReferenceSystem()
SQUARE = QgsGeometry.fromWkt("MultiPolygon(((0 0, 9 0, 9 9, 0 9, 0 0)))")


@contextlib.contextmanager
def mounted(folder: Path, options: str):
    """A file system of its own, as only root can make one."""
    folder.mkdir(exist_ok=True)
    if os.getuid() != 0 or not run("mount", "-t", "tmpfs", "-o", options, "iseg", folder):
        pytest.skip("needs root, and leave to mount")
    try:
        yield folder
    finally:
        run("umount", "-l", folder)


def read_only(folder: Path) -> None:
    assert run("mount", "-o", "remount,ro", folder)


def run(*command) -> bool:
    return not subprocess.run([*map(str, command)], capture_output=True).returncode


def opened(path, table=target.TABLE) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"{path}|layername={table}", table, "ogr")
    assert layer.isValid()
    return layer


def content(path, query: str) -> list:
    with contextlib.closing(sqlite3.connect(path)) as file:
        return file.execute(query).fetchall()


def test_georeferenced(tmp_path):
    path = tmp_path / "new.gpkg"
    layer = target.create_layer(str(path), LV95)
    assert (layer.name(), layer.crs().authid()) == ("avalanches", "EPSG:2056")
    assert layer.wkbType() == QgsWkbTypes.Type.MultiPolygon
    assert [f.name() for f in layer.fields()] == ["fid", *(a.name for a in schema.all_attributes())]
    types = {f.name(): f.typeName() for f in layer.fields()}
    assert types["observed_at"] == "DateTime"
    assert types["bridged"] == "Boolean"
    assert types["n_clicks"] == "Integer"
    assert types["seconds"] == "Real"
    assert types["prompts"] == "String"
    assert target.why_unsuitable(layer) is None


def test_plain_says_that_it_is(tmp_path):
    path = tmp_path / "new.gpkg"
    layer = target.create_layer(str(path), NONE)
    assert layer.name() == "avalanches_pixels"
    assert not layer.crs().isValid()
    assert "pixel coordinates" in layer.metadata().title()
    assert "y down and negative" in layer.metadata().abstract()
    query = "SELECT srs_id FROM gpkg_contents WHERE table_name = 'avalanches_pixels'"
    assert content(path, query) == [(-1,)]  # undefined Cartesian
    again = opened(path, "avalanches_pixels")
    target.drop_undefined_crs(again)
    assert not again.crs().isValid()
    settled = opened(path, "avalanches_pixels")
    settled.setCrs(LV95)
    target.drop_undefined_crs(settled)
    assert settled.crs() == LV95  # the user's own choice


def test_project_keeps_that_there_is_no_crs(tmp_path, project):
    layer = target.create_layer(str(tmp_path / "new.gpkg"), NONE)
    project.addMapLayer(layer)
    project.write(str(tmp_path / "project.qgz"))
    project.clear()
    project.read(str(tmp_path / "project.qgz"))
    (layer,) = project.mapLayers().values()
    target.drop_undefined_crs(layer)
    assert not layer.crs().isValid()


def test_style_is_in_the_file(tmp_path):
    path = str(tmp_path / "new.gpkg")
    made = target.create_layer(path, LV95)
    assert made.listStylesInDatabase()[0] == 1
    for layer in (made, opened(path)):
        type_at = layer.fields().indexOf("type")
        setup = layer.editorWidgetSetup(type_at)
        assert setup.type() == "ValueMap"
        assert {"Slab": "slab"} in setup.config()["map"]
        assert layer.attributeAlias(type_at) == "Type"
        assert layer.editorWidgetSetup(layer.fields().indexOf("observed_at")).type() == "DateTime"
        assert layer.editorWidgetSetup(layer.fields().indexOf("fid")).type() == "Hidden"
        tabs = [tab.name() for tab in layer.editFormConfig().tabs()]
        assert tabs == ["Avalanche", "When", "Terrain and size", "Origin"]
        assert layer.editFormConfig().readOnly(layer.fields().indexOf("n_clicks"))
        assert not layer.editFormConfig().readOnly(type_at)
        assert not layer.labelsEnabled()
        colours = [
            [part.strokeColor().name() for part in rule.symbol().symbolLayers()]
            for rule in layer.renderer().rootRule().children()
        ]
        assert colours == [["#ffffff", "#5a5a5a"], ["#ffffff", "#d0139b"]]  # rejected, others
        hidden = {c.name for c in layer.attributeTableConfig().columns() if c.hidden}
        assert hidden >= {"prompts", "uuid"}
        assert "type" not in hidden


def test_pixels_have_no_measures_in_the_form(tmp_path):
    layer = target.create_layer(str(tmp_path / "new.gpkg"), NONE)
    tabs = [tab.name() for tab in layer.editFormConfig().tabs()]
    assert tabs == ["Avalanche", "When", "Origin"]


def test_every_attribute_has_a_place_in_the_form(tmp_path):
    groups = {group for tab in form._tabs(in_pixels=False).values() for group in tab}
    assert groups == {attribute.group for attribute in schema.all_attributes()} - {""}
    names = [attribute.name for attribute in schema.all_attributes()]
    assert len(names) == len(set(names))
    by_design = {"crown_line", "fid"}
    design = ROOT.parent / "shared" / "design" / "georeferencing.md"
    if design.exists():
        text = design.read_text().split("Layer **`avalanches`**")[1].split("Table **`cameras`**")[0]
        cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
        wanted = {name.strip("` ") for cell in cells for name in cell.replace("/", ",").split(",")}
        assert wanted - by_design - {"fid"} <= set(names)


def test_drawn_by_hand_gets_defaults(tmp_path):
    from qgis.core import QgsVectorLayerUtils

    layer = target.create_layer(str(tmp_path / "new.gpkg"), LV95)
    feature = QgsVectorLayerUtils.createFeature(layer, SQUARE)
    assert len(feature["uuid"]) == 36
    assert feature["part"] == "avalanche"
    assert feature["method"] == "polygon"


def test_shipped_styles_are_up_to_date():
    spec = importlib.util.spec_from_file_location("styles", ROOT / "scripts" / "make_styles.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    for name in (target.TABLE, target.PIXEL_TABLE):
        shipped = (make.STYLES / f"{name}.qml").read_text(encoding="utf-8")
        assert meaning(shipped) == meaning(make.style(name)), "run make styles"


def meaning(qml: str) -> list[tuple[str, ...]]:
    """What a style says of the fields; each QGIS writes it in other words and with other extras."""
    root = ElementTree.fromstring(qml)  # noqa: S314 (our own)
    told = []
    for field in root.iter("field"):
        widget = field.find("editWidget")
        if widget is not None:
            told.append(("widget", field.get("name"), widget.get("type")))
            if widget.get("type") == "ValueMap":
                pairs = [(item.get("name"), item.get("value")) for item in widget.iter("Option")]
                told += [("value", field.get("name"), *pair) for pair in pairs if pair[1]]
    for kind in ("alias", "default", "attributeEditorContainer", "attributeEditorField"):
        for item in root.iter(kind):
            name = item.get("field") or item.get("name")
            told.append((kind, name, item.get("expression", ""), item.get("showLabel", "")))
    return sorted(tuple(map(str, item)) for item in told)


def test_both_kinds_and_other_tables_in_one_file(tmp_path):
    path = str(tmp_path / "all.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = "huts"
    huts = QgsVectorLayer("Point?crs=EPSG:2056&field=name:string", "huts", "memory")
    hut = QgsFeature(huts.fields())
    hut.setAttributes(["Weissfluhjoch"])
    huts.dataProvider().addFeatures([hut])
    QgsVectorFileWriter.writeAsVectorFormatV3(
        huts, path, QgsProject.instance().transformContext(), options
    )
    open_elsewhere = opened(path, "huts")
    target.create_layer(path, LV95)
    target.create_layer(path, NONE)
    assert [f["name"] for f in open_elsewhere.getFeatures()] == ["Weissfluhjoch"]
    assert [f["name"] for f in opened(path, "huts").getFeatures()] == ["Weissfluhjoch"]
    assert opened(path).listStylesInDatabase()[0] == 1


def test_second_time_the_same_table_with_its_features_and_style(tmp_path):
    path = str(tmp_path / "new.gpkg")
    first = target.create_layer(path, LV95)
    feature = QgsFeature(first.fields())
    feature.setGeometry(SQUARE)
    first.dataProvider().addFeatures([feature])
    first.setFieldAlias(first.fields().indexOf("type"), "Lawinenart")
    first.saveStyleToDatabase("mine", "", True, "")
    second = target.create_layer(path, LV95)
    assert second.featureCount() == 1
    assert second.attributeAlias(second.fields().indexOf("type")) == "Lawinenart"


def test_name_taken_by_something_else(tmp_path):
    path = str(tmp_path / "taken.gpkg")
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = "avalanches"
    other = QgsVectorLayer("Polygon?crs=EPSG:2056&field=name:string", "avalanches", "memory")
    QgsVectorFileWriter.writeAsVectorFormatV3(
        other, path, QgsProject.instance().transformContext(), options
    )
    with pytest.raises(IsegError, match="other attributes"):
        target.create_layer(path, LV95)
    assert [f.name() for f in opened(path).fields()] == ["fid", "name"]


def test_folder_missing(tmp_path):
    with pytest.raises(IsegError, match="does not exist: make it"):
        target.create_layer(str(tmp_path / "no" / "new.gpkg"), LV95)


def test_file_that_is_no_geopackage(tmp_path):
    path = tmp_path / "notes.gpkg"
    path.write_text("dear diary")
    with pytest.raises(IsegError, match="choose another GeoPackage"):
        target.create_layer(str(path), LV95)
    assert path.read_text() == "dear diary"


def test_read_only_folder_and_file(tmp_path):
    with mounted(tmp_path / "ro", "size=4m") as folder:
        path = str(folder / "old.gpkg")
        target.create_layer(path, LV95)
        read_only(folder)
        with pytest.raises(IsegError, match="read-only"):
            target.create_layer(path, LV95)
        with pytest.raises(IsegError, match="read-only"):
            target.create_layer(str(folder / "new.gpkg"), LV95)
        assert "read-only" in target.why_unsuitable(opened(path))


@pytest.mark.parametrize("size", ["8k", "64k", "128k", "160k", "200k"])
def test_full_disk(tmp_path, size):
    """Wherever it becomes full, there is no half-made file."""
    with mounted(tmp_path / "full", f"size={size}") as folder:
        path = folder / "new.gpkg"
        with pytest.raises(IsegError, match="make room on the disk") as refused:
            target.create_layer(str(path), LV95)
        assert len(str(refused.value)) < 400 + len(str(path))
        assert "CREATE" not in str(refused.value)
        assert not path.exists()


def test_full_disk_with_other_tables_in_the_file(tmp_path):
    with mounted(tmp_path / "full", "size=400k") as folder:
        path = str(folder / "all.gpkg")
        target.create_layer(path, LV95)
        with pytest.raises(OSError, match="No space"):
            (folder / "ballast").write_bytes(b"0" * 400_000)
        with pytest.raises(IsegError, match="make room on the disk"):
            target.create_layer(path, NONE)
        (folder / "ballast").unlink()
        assert opened(path).listStylesInDatabase()[0] == 1
        assert target.create_layer(path, NONE).isValid()


@pytest.mark.parametrize("crs", [LV95, NONE])
def test_the_history_takes_no_room_that_a_new_layer_needs(tmp_path, monkeypatch, crs):
    """On a disk that is almost full a layer is made wherever it would be made without a history."""

    def made(kilobytes: int) -> bool:
        with mounted(tmp_path / "full", f"size={kilobytes}k") as folder:
            try:
                return target.create_layer(str(folder / "new.gpkg"), crs).isValid()
            except IsegError:
                return False

    sizes = range(160, 400, 8)
    with_history = [made(size) for size in sizes]
    monkeypatch.setattr(target, "keep_history", lambda *_: None)
    assert with_history == [made(size) for size in sizes]
    assert set(with_history) == {True, False}


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_file_locked_by_another_program(tmp_path, lock):
    path = str(tmp_path / "locked.gpkg")
    target.create_layer(path, LV95)
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(f"BEGIN {lock}")
        start = time.monotonic()
        with pytest.raises(IsegError, match="close programs that use this one"):
            target.create_layer(path, NONE)
        assert time.monotonic() - start < 2  # nobody likes a frozen window
        other.rollback()
    assert target.create_layer(path, NONE).isValid()


def test_default_path(tmp_path, project):
    image = tmp_path / "images" / "webcam.jpg"
    image.parent.mkdir()
    image.write_bytes(b"")
    assert target.default_path(project, str(image)) == str(image.parent / "avalanches.gpkg")
    assert Path(target.default_path(project, "https://a.b/wms")).parent.is_dir()
    project.write(str(tmp_path / "project.qgz"))
    assert target.default_path(project, str(image)) == str(tmp_path / "avalanches.gpkg")


def test_default_path_passes_by_what_is_read_only(tmp_path, project):
    with mounted(tmp_path / "ro", "size=4m") as folder:
        image = folder / "webcam.jpg"
        image.write_bytes(b"")
        read_only(folder)
        assert Path(target.default_path(project, str(image))).parent != folder


def test_default_path_is_never_in_a_folder_of_all(tmp_path, project, monkeypatch):
    """Where no folder takes a file, it is the user's profile."""
    from qgis.core import QgsApplication

    monkeypatch.setattr(target, "_can_write_in", lambda folder: False)
    found = target.default_path(project, str(tmp_path / "webcam.jpg"))
    assert found == str(Path(QgsApplication.qgisSettingsDirPath(), "avalanches.gpkg"))


@pytest.mark.parametrize(
    "source", ["x" * 300, "/" + "y" * 5000, "a\0b", "https://a.b/?" + "c" * 999]
)
def test_sources_that_no_file_system_takes(project, source):
    assert target.default_path(project, source).endswith("avalanches.gpkg")
    layer = QgsVectorLayer("Polygon?crs=EPSG:2056", "m", "memory")
    layer.setDataSource(source, "long", "ogr")
    assert "gone" in target.why_unsuitable(layer)


SQL = "CREATE TABLE locked, readonly, no space, " + ", ".join(
    f'"column_{i}" TEXT' for i in range(300)
)


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        (f"sqlite3_exec({SQL}) failed: database or disk is full", "the disk is full"),
        ("No space left on device", "the disk is full"),
        (
            f"sqlite3_exec({SQL}) failed: disk I/O error",
            "the disk cannot be written to, or is full",
        ),
        (f"sqlite3_exec({SQL}) failed: database is locked", "another program uses it"),
        (f"sqlite3_exec({SQL}) failed: attempt to write a readonly database", "it is read-only"),
        (f"sqlite3_exec({SQL}) failed: no such module", "no such module"),
        (f"first line\nsqlite3_exec({SQL}) failed: near x\n", "near x"),
        ("NOT NULL constraint failed: mine.observer", "NOT NULL constraint failed: mine.observer"),
    ],
)
def test_messages_of_databases_are_short(message, meaning):
    assert target.short_reason(message) == meaning


def test_messages_without_end_are_cut():
    assert len(target.short_reason(SQL)) < 200
    assert target.short_reason("") == ""


def test_the_real_message_is_not_hidden_by_a_file_that_cannot_be_deleted(tmp_path, monkeypatch):
    """As on Windows, while a virus scanner reads it."""

    def unlink(*_):
        raise PermissionError("in use")

    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(target, "_prepare", lambda *_: "sqlite3_exec() failed: disk is full")
    with pytest.raises(IsegError, match="the disk is full"):
        target.create_layer(str(tmp_path / "new.gpkg"), LV95)


def test_suitable():
    points = QgsVectorLayer("Point?crs=EPSG:2056", "points", "memory")
    assert "not a layer of polygons" in target.why_unsuitable(points)
    polygons = QgsVectorLayer("Polygon?crs=EPSG:2056", "polygons", "memory")
    assert target.why_unsuitable(polygons) is None
    polygons.setReadOnly(True)
    assert "read-only" in target.why_unsuitable(polygons)
    assert "gone" in target.why_unsuitable(QgsVectorLayer("/nowhere.gpkg", "gone", "ogr"))
