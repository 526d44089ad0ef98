"""One finished object, one step of the undo stack."""

from __future__ import annotations

from datetime import datetime, timezone

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
from qgis.PyQt.QtCore import QDateTime, Qt
from test_features_target import mounted, read_only

from avalanche_iseg_qgis.core.errors import IsegError, PromptError
from avalanche_iseg_qgis.core.prompts import Box, Click
from avalanche_iseg_qgis.core.worker.protocol import Loaded
from avalanche_iseg_qgis.features import record, schema, target, writer
from avalanche_iseg_qgis.layers.image_origin import ImageOrigin
from avalanche_iseg_qgis.session.prompt_set import PromptSet

LV95 = QgsCoordinateReferenceSystem("EPSG:2056")
ONE = QgsGeometry.fromWkt(
    "MultiPolygon(((2783000 1187000, 2783100 1187000, 2783100 1187050, 2783000 1187000)))"
)
TWO = QgsGeometry.fromWkt(
    "MultiPolygon(((2783000 1187000, 2783100 1187000, 2783100 1187050, 2783000 1187000)),"
    "((2784000 1187000, 2784100 1187000, 2784100 1187050, 2784000 1187000)))"
)
PROMPTS = PromptSet((Click(10, 20), Click(30.5, 40.25, False)), Box(1, 50, 2, 60))
ORIGIN = ImageOrigin(
    "webcam_20240115.jpg",
    "/data/webcam_20240115.jpg",
    datetime(2024, 1, 15, 10, 30, tzinfo=timezone.utc),
    "Mobotix M16",
    "ab" * 32,
)
LOADED = Loaded("default", "/models/default", "torch", "cpu", 1, "ab" * 32, 0.5, True, 1.0)


def attributes(again=False, prompts=PROMPTS, seconds=12.34) -> dict:
    return record.object_attributes(
        origin=ORIGIN,
        loaded=LOADED,
        prompts=prompts,
        threshold=0.55,
        seconds=seconds,
        again=again,
    )


@pytest.fixture
def layer(tmp_path):
    return target.create_layer(str(tmp_path / "new.gpkg"), LV95)


def reopened(layer: QgsVectorLayer) -> QgsVectorLayer:
    return QgsVectorLayer(layer.source(), "again", "ogr")


def text_of(layer) -> list[str]:
    stack = layer.undoStack()
    return [stack.text(i) for i in range(stack.count())]


def test_one_object_one_step(layer):
    first = writer.add(layer, ONE, attributes(), "Add avalanche")
    second = writer.add(layer, TWO, attributes(), "Add avalanche")
    writer.rewrite(layer, first, TWO, attributes(again=True), "Correct avalanche")
    writer.remove(layer, second, "Delete avalanche")
    assert text_of(layer) == [
        "Add avalanche",
        "Add avalanche",
        "Correct avalanche",
        "Delete avalanche",
    ]
    counts = [layer.featureCount()]
    for _ in range(4):
        layer.undoStack().undo()
        counts.append(layer.featureCount())
    assert counts == [1, 2, 2, 1, 0]
    for _ in range(3):
        layer.undoStack().redo()
    assert layer.featureCount() == 2
    assert layer.getFeature(first).geometry().equals(TWO)
    layer.rollBack()
    assert reopened(layer).featureCount() == 0


def test_saved_and_opened_again(layer):
    writer.add(layer, ONE, attributes(), "Add avalanche")
    assert reopened(layer).featureCount() == 0  # saving is the user's affair
    assert layer.commitChanges()
    (feature,) = reopened(layer).getFeatures()
    assert feature.geometry().equals(ONE)
    expected = {
        "part": "avalanche",
        "outline_quality": None,
        "image_name": ORIGIN.image_name,
        "image_path": ORIGIN.path,
        "image_sha256": ORIGIN.sha256,
        "camera": "Mobotix M16",
        "method": "interactive",
        "model_id": "default abababababababab",
        "n_clicks": 2,
        "seconds": 12.3,
        "threshold": 0.55,
        "plugin_version": record.plugin_version(),
        "type": None,
        "camera_id": None,
        "vis_frac": None,
    }
    assert {name: record.attribute_value(feature, name) for name in expected} == expected
    assert feature["observed_at"].toString("yyyy-MM-dd HH:mm") == "2024-01-15 10:30"
    assert feature["area_m2"] == pytest.approx(2500, rel=1e-3)
    assert feature["uuid"] == feature["avalanche_id"]
    assert feature["mapper"]
    assert record.read_prompts(feature) == PROMPTS


def test_observed_at_is_utc_in_the_file(layer):
    from test_features_target import content

    writer.add(layer, ONE, attributes(), "Add avalanche")
    layer.commitChanges()
    path = layer.source().split("|")[0]
    ((text,),) = content(path, "SELECT observed_at FROM avalanches")
    assert text.startswith("2024-01-15T10:30:00")


def test_rewriting_keeps_id_and_what_people_wrote(layer):
    writer.add(layer, ONE, attributes(), "Add avalanche")
    layer.commitChanges()
    (before,) = layer.getFeatures()
    layer.startEditing()
    for name, value in (("type", "slab"), ("mapper", "Ada"), ("comment", "big"), ("size_eaws", 3)):
        layer.changeAttributeValue(before.id(), layer.fields().indexOf(name), value)
    more = PROMPTS.with_click(Click(70, 80))
    writer.rewrite(layer, before.id(), TWO, attributes(True, more, 30.0), "Correct avalanche")
    layer.commitChanges()
    (after,) = reopened(layer).getFeatures()
    assert after.id() == before.id()
    kept = ("uuid", "avalanche_id", "created_at", "observed_at", "part", "outline_quality")
    assert all(after[name] == before[name] for name in kept)
    assert [after[n] for n in ("type", "mapper", "comment", "size_eaws")] == [
        "slab",
        "Ada",
        "big",
        3,
    ]
    assert (after["n_clicks"], after["seconds"]) == (3, 30.0)
    assert after["area_m2"] == pytest.approx(5000, rel=1e-3)
    assert record.read_prompts(after) == more


def test_undoing_a_correction_brings_all_back(layer):
    fid = writer.add(layer, ONE, attributes(), "Add avalanche")
    more = PROMPTS.with_click(Click(70, 80))
    writer.rewrite(layer, fid, TWO, attributes(True, more), "Correct avalanche")
    layer.undoStack().undo()
    feature = layer.getFeature(fid)
    assert feature.geometry().equals(ONE)
    assert feature["n_clicks"] == 2
    assert record.read_prompts(feature) == PROMPTS


def test_second_image_in_the_same_layer(layer):
    writer.add(layer, ONE, attributes(), "Add avalanche")
    other = {**attributes(), "image_name": "other.jpg", "image_sha256": "cd" * 32}
    writer.add(layer, TWO, other, "Add avalanche")
    layer.commitChanges()
    features = list(reopened(layer).getFeatures())
    assert [record.is_from_image(f, ORIGIN.image_name, ORIGIN.sha256) for f in features] == [
        True,
        False,
    ]
    assert [record.is_from_image(f, "other.jpg", None) for f in features] == [False, True]
    assert record.is_from_image(features[0], "renamed.jpg", ORIGIN.sha256)
    assert not record.is_from_image(features[0], ORIGIN.image_name, "ef" * 32)


@pytest.mark.parametrize(
    "kind", ["Polygon", "MultiPolygon", "PolygonZ", "MultiPolygonZ", "MultiPolygonZM"]
)
def test_memory_layers_of_any_kind(kind):
    layer = QgsVectorLayer(f"{kind}?crs=EPSG:2056&field=n_clicks:string(9)", "m", "memory")
    fid = writer.add(layer, ONE, attributes(), "Add avalanche")
    assert layer.isEditable()
    assert layer.commitChanges()
    (feature,) = layer.getFeatures()
    assert QgsWkbTypes.displayString(feature.geometry().wkbType()) == kind
    assert feature["n_clicks"] == "2"
    assert fid < 0 < feature.id()
    assert not record.is_from_image(feature, ORIGIN.image_name, ORIGIN.sha256)
    with pytest.raises(PromptError, match="import its outline"):
        record.read_prompts(feature)


def test_several_parts_into_a_layer_of_single_ones():
    layer = QgsVectorLayer("Polygon?crs=EPSG:2056", "m", "memory")
    with pytest.raises(IsegError, match="of one part, but this avalanche has 2"):
        writer.add(layer, TWO, attributes(), "Add avalanche")
    assert layer.featureCount() == 0
    assert layer.undoStack().count() == 0


def test_shapefile_takes_what_fits(tmp_path):
    source = QgsVectorLayer(
        "MultiPolygon?crs=EPSG:2056&field=image_name:string(80)&field=prompts:string(254)"
        "&field=seconds:double&field=method:string(5)&field=observed_at:datetime",
        "m",
        "memory",
    )
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "ESRI Shapefile"
    path = str(tmp_path / "shape.shp")
    QgsVectorFileWriter.writeAsVectorFormatV3(
        source, path, QgsProject.instance().transformContext(), options
    )
    layer = QgsVectorLayer(path, "shape", "ogr")
    many = PromptSet(tuple(Click(i, i) for i in range(100)))
    writer.add(layer, TWO, attributes(prompts=many), "Add avalanche")
    writer.add(layer, ONE, attributes(), "Add avalanche")
    assert layer.commitChanges()
    long, short = QgsVectorLayer(path, "again", "ogr").getFeatures()
    assert long["image_name"] == ORIGIN.image_name
    assert long["seconds"] == 12.3
    assert record.attribute_value(long, "prompts") is None  # too long: not cut
    assert record.attribute_value(long, "method") is None
    assert record.read_prompts(short) == PROMPTS


def test_imported_outline_says_so():
    import numpy as np

    from avalanche_iseg_qgis.session.start_mask import StartMask

    mask = PromptSet(mask=StartMask.of(np.ones((5, 5))))
    made = attributes(prompts=mask)
    assert made["method"] == "imported"
    assert made["model_id"] is None
    assert attributes(prompts=mask.with_click(Click(1, 1)))["method"] == "interactive"


def test_refusal_leaves_nothing_behind(layer, monkeypatch):
    fid = writer.add(layer, ONE, attributes(), "Add avalanche")

    def refuse(*_arguments):
        return False

    monkeypatch.setattr(layer, "changeAttributeValue", refuse)
    with pytest.raises(IsegError, match="did not accept"):
        writer.rewrite(layer, fid, TWO, attributes(again=True, seconds=99), "Correct avalanche")
    assert layer.getFeature(fid).geometry().equals(ONE)
    monkeypatch.setattr(layer, "addFeature", refuse)
    with pytest.raises(IsegError, match="did not accept"):
        writer.add(layer, TWO, attributes(), "Add avalanche")
    assert layer.featureCount() == 1
    assert text_of(layer) == ["Add avalanche"]


def test_feature_that_is_gone(layer):
    fid = writer.add(layer, ONE, attributes(), "Add avalanche")
    writer.remove(layer, fid, "Delete avalanche")
    with pytest.raises(IsegError, match="not in the layer"):
        writer.rewrite(layer, fid, TWO, attributes(again=True), "Correct avalanche")
    with pytest.raises(IsegError, match="not in the layer"):
        writer.remove(layer, fid, "Delete avalanche")
    assert layer.undoStack().count() == 2


def test_layer_that_is_gone(layer, project):
    project.addMapLayer(layer)
    project.removeMapLayer(layer.id())
    with pytest.raises(IsegError, match="was removed"):
        writer.add(layer, ONE, attributes(), "Add avalanche")
    with pytest.raises(IsegError, match="was removed"):
        writer.add(None, ONE, attributes(), "Add avalanche")


def test_read_only_file(tmp_path, project):
    with mounted(tmp_path / "ro", "size=4m") as folder:
        path = str(folder / "old.gpkg")
        target.create_layer(path, LV95)
        read_only(folder)
        layer = QgsVectorLayer(f"{path}|layername=avalanches", "old", "ogr")
        with pytest.raises(IsegError, match="cannot be edited"):
            writer.add(layer, ONE, attributes(), "Add avalanche")


def test_disk_full_while_saving_loses_nothing(tmp_path):
    with mounted(tmp_path / "full", "size=400k") as folder:
        layer = target.create_layer(str(folder / "new.gpkg"), LV95)
        ballast = folder / "ballast"
        with pytest.raises(OSError, match="No space"):
            ballast.write_bytes(b"0" * 400_000)
        ballast_of = {**attributes(), "comment": "x" * 20_000}
        writer.add(layer, ONE, ballast_of, "Add avalanche")
        assert not layer.commitChanges()
        assert layer.isEditable()
        assert layer.featureCount() == 1
        ballast.unlink()
        assert layer.commitChanges()
        (feature,) = reopened(layer).getFeatures()
        assert record.read_prompts(feature) == PROMPTS
        del layer


def test_datetime_survives_a_text_field():
    layer = QgsVectorLayer("MultiPolygon?crs=EPSG:2056&field=observed_at:string", "m", "memory")
    writer.add(layer, ONE, attributes(), "Add avalanche")
    (feature,) = layer.getFeatures()
    moment = QDateTime.fromString(feature["observed_at"], Qt.DateFormat.ISODate)
    assert moment.toUTC().toString("yyyy-MM-dd HH:mm") == "2024-01-15 10:30"


def test_prompts_of_somebody_else():
    feature = QgsFeature(QgsVectorLayer("Polygon?field=prompts:string", "m", "memory").fields())
    feature["prompts"] = "two clicks and a box"
    with pytest.raises(PromptError, match="cannot be read"):
        record.read_prompts(feature)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_feature_may_have_fewer_attributes_than_fields(count):
    feature = QgsFeature(schema.fields())
    feature.setAttributes(["name"] * count)
    values = {name: record.attribute_value(feature, name) for name in schema.fields().names()}
    assert [value for value in values.values() if value is not None] == ["name"] * count
    assert not record.is_from_image(feature, "cam.jpg", None)
    assert record.avalanche_of(feature) == "name" * (count > 0)
