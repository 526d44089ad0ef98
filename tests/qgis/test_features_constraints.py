"""Target layers of users: constraints, defaults, filters, keys, joined and computed fields."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDefaultValue,
    QgsFieldConstraints,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerJoinInfo,
    QgsWkbTypes,
)
from test_features_writer import LV95, ONE, TWO, attributes

from avalanche_iseg_qgis.compat import FIELD_TYPES
from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.features import checks, writer
from avalanche_iseg_qgis.features.geometry import reproject
from avalanche_iseg_qgis.features.reference import feature_ref, resolve

HARD = QgsFieldConstraints.ConstraintStrength.ConstraintStrengthHard
SOFT = QgsFieldConstraints.ConstraintStrength.ConstraintStrengthSoft
UNIQUE = QgsFieldConstraints.Constraint.ConstraintUnique
NOT_NULL = QgsFieldConstraints.Constraint.ConstraintNotNull
EXPRESSION = QgsFieldConstraints.Constraint.ConstraintExpression
OWN = "image_name TEXT, uuid TEXT, prompts TEXT"
FIELDS = "field=image_name:string&field=uuid:string&field=prompts:string&field=observer:string"


def memory(kind="MultiPolygon", fields=FIELDS, crs="EPSG:2056") -> QgsVectorLayer:
    return QgsVectorLayer(f"{kind}?crs={crs}&{fields}", "mine", "memory")


def geopackage(folder, columns: str, key="fid", kind="MULTIPOLYGON") -> QgsVectorLayer:
    """A table of the user's own SQL."""
    path = folder / "mine.gpkg"
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.layerName = "other"
    empty = memory(fields="field=a:string")
    context = QgsProject.instance().transformContext()
    QgsVectorFileWriter.writeAsVectorFormatV3(empty, str(path), context, options)
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute(
            f"CREATE TABLE mine ({key} INTEGER PRIMARY KEY AUTOINCREMENT, geom {kind}, {columns})"
        )
        file.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES ('mine', 'features', 'mine', 2056)"
        )
        file.execute(
            "INSERT INTO gpkg_geometry_columns VALUES ('mine', 'geom', ?, 2056, 0, 0)", (kind,)
        )
        file.commit()
    layer = QgsVectorLayer(f"{path}|layername=mine", "mine", "ogr")
    assert layer.isValid()
    return layer


def added(layer, geometry=ONE, **changes):
    given = {**attributes(), **changes}
    return layer.getFeature(writer.add(layer, geometry, given, "Add avalanche")), given


def test_unique_values_are_kept_as_given_and_said():
    layer = memory()
    layer.setFieldConstraint(layer.fields().indexOf("image_name"), UNIQUE, HARD)
    first, given = added(layer)
    assert checks.broken_constraints(layer, first) == ""
    second, _ = added(layer, TWO)
    assert second["image_name"] == first["image_name"] == given["image_name"]
    text = checks.broken_constraints(layer, second)
    assert "image_name" in text
    assert "cannot be saved yet" in text


def test_unique_in_the_database(tmp_path):
    layer = geopackage(tmp_path, "image_name TEXT UNIQUE, uuid TEXT, prompts TEXT")
    _, given = added(layer)
    assert layer.commitChanges()
    second, _ = added(layer, TWO)
    assert second["image_name"] == given["image_name"]
    assert "image_name" in checks.broken_constraints(layer, second)
    assert not layer.commitChanges()
    assert layer.isEditable()
    assert layer.featureCount() == 2  # not lost: the user changes the name, and saves
    at = layer.fields().indexOf("image_name")
    layer.changeAttributeValue(second.id(), at, "another")
    assert layer.commitChanges()
    assert layer.featureCount() == 2


@pytest.mark.parametrize("in_database", [True, False])
def test_not_null(tmp_path, in_database):
    if in_database:
        layer = geopackage(
            tmp_path, "image_name TEXT, uuid TEXT, prompts TEXT, observer TEXT NOT NULL"
        )
    else:
        layer = memory()
        layer.setFieldConstraint(layer.fields().indexOf("observer"), NOT_NULL, HARD)
    feature, _ = added(layer)
    assert "observer" in checks.broken_constraints(layer, feature)
    layer.changeAttributeValue(feature.id(), layer.fields().indexOf("observer"), "Ada")
    assert checks.broken_constraints(layer, layer.getFeature(feature.id())) == ""
    assert layer.commitChanges()
    assert layer.featureCount() == 1


def test_expressions_and_soft_constraints():
    layer = memory()
    at = layer.fields().indexOf("image_name")
    layer.setConstraintExpression(at, "\"image_name\" like 'hut%'", "of the hut")
    layer.setFieldConstraint(at, EXPRESSION, SOFT)
    feature, given = added(layer)
    assert checks.broken_constraints(layer, feature) == ""
    layer.setFieldConstraint(at, EXPRESSION, HARD)
    assert "image_name" in checks.broken_constraints(layer, feature)
    assert feature["image_name"] == given["image_name"]


@pytest.mark.parametrize(
    "check", ["CHECK (seconds < 5)", "CHECK (length(image_name) < 3)", "CHECK (method = 'polygon')"]
)
def test_checks_of_the_database_lose_nothing(tmp_path, check):
    layer = geopackage(
        tmp_path, f"image_name TEXT, uuid TEXT, prompts TEXT, seconds REAL, method TEXT, {check}"
    )
    feature, given = added(layer)
    assert not layer.commitChanges()
    assert layer.isEditable()
    assert layer.featureCount() == 1
    kept = layer.getFeature(feature.id())
    assert kept["prompts"] == given["prompts"]
    for name, value in (("seconds", 1.0), ("image_name", "a"), ("method", "polygon")):
        layer.changeAttributeValue(feature.id(), layer.fields().indexOf(name), value)
    assert layer.commitChanges()


def test_defaults_fill_what_is_not_given(tmp_path):
    layer = geopackage(
        tmp_path,
        "image_name TEXT DEFAULT 'nothing', uuid TEXT, prompts TEXT,"
        " camera_id TEXT DEFAULT 'hut', observer TEXT DEFAULT 'Ada'",
    )
    layer.setDefaultValueDefinition(
        layer.fields().indexOf("image_name"), QgsDefaultValue("'never'")
    )
    feature, given = added(layer)
    assert layer.commitChanges()
    (feature,) = layer.getFeatures()
    assert feature["image_name"] == given["image_name"]
    assert (feature["camera_id"], feature["observer"]) == ("hut", "Ada")


def test_a_default_on_update_is_the_users_own():
    layer = memory()
    at = layer.fields().indexOf("image_name")
    layer.setDefaultValueDefinition(at, QgsDefaultValue("'always'", True))
    feature, _ = added(layer)
    assert feature["image_name"] == "always"


@pytest.mark.parametrize("key", ["fid", "id", "ogc_fid", "n_clicks"])
def test_keys_count_by_themselves(tmp_path, key):
    layer = geopackage(tmp_path, "image_name TEXT, uuid TEXT, prompts TEXT", key=key)
    for geometry in (ONE, TWO):
        feature, _ = added(layer, geometry)
        assert checks.broken_constraints(layer, feature) == ""
    assert layer.commitChanges()
    assert sorted(f[key] for f in layer.getFeatures()) == [1, 2]


@pytest.mark.parametrize(
    "kind",
    ["PolygonZ", "PolygonM", "MultiPolygonM", "MultiPolygonZM", "CurvePolygon", "MultiSurface"],
)
def test_types_of_geometry(kind):
    layer = memory(kind)
    feature, _ = added(layer)
    assert layer.commitChanges()
    (feature,) = layer.getFeatures()
    assert feature.geometry().area() == pytest.approx(ONE.area())
    stored, wanted = (QgsWkbTypes.flatType(x.wkbType()) for x in (feature.geometry(), layer))
    # A polygon is a surface, too: newer versions of QGIS say so.
    assert stored in (wanted, QgsWkbTypes.linearType(wanted))


def test_joined_and_computed_fields_are_not_written(project):
    lookup = QgsVectorLayer("NoGeometry?field=name:string&field=camera:string", "lookup", "memory")
    layer = memory()
    project.addMapLayers([lookup, layer])
    join = QgsVectorLayerJoinInfo()
    join.setJoinLayer(lookup)
    join.setJoinFieldName("name")
    join.setTargetFieldName("image_name")
    join.setPrefix("")
    join.setEditable(True)
    join.setUpsertOnEdit(True)
    layer.addJoin(join)
    from qgis.core import QgsField

    layer.addExpressionField("$area", QgsField("area_m2", FIELD_TYPES["real"]))
    layer.addExpressionField("'computed'", QgsField("method", FIELD_TYPES["text"]))
    assert layer.fields().indexOf("camera") >= 0
    feature, given = added(layer)
    assert checks.left_out(layer, feature, given) == ""
    more = {**given, "camera": "another"}
    writer.rewrite(layer, feature.id(), TWO, more, "Correct avalanche")
    assert layer.commitChanges()
    assert lookup.featureCount() == 0
    (feature,) = layer.getFeatures()
    assert feature["image_name"] == given["image_name"]
    assert feature["method"] == "computed"


def test_a_computed_uuid_finds_nothing_so_the_id_does(project):
    from qgis.core import QgsField

    layer = memory(fields="field=image_name:string&field=prompts:string")
    layer.addExpressionField("uuid()", QgsField("uuid", FIELD_TYPES["text"]))
    project.addMapLayer(layer)
    feature, _ = added(layer)
    found = resolve(feature_ref(layer, feature))
    assert found is not None
    assert found[1].id() == feature.id()


@pytest.mark.parametrize(
    ("subset", "is_hidden"),
    [
        ("\"image_name\" = 'another'", True),
        ("\"image_name\" like 'webcam%'", False),
        ('"observer" is not null', True),
        ("\"image_name\" GLOB 'x*'", True),  # SQL that QGIS cannot evaluate: said as well
        ("", False),
    ],
)
def test_filters(tmp_path, subset, is_hidden):
    layer = geopackage(tmp_path, "image_name TEXT, uuid TEXT, prompts TEXT, observer TEXT")
    assert layer.setSubsetString(subset)
    feature, _ = added(layer)
    text = checks.hidden_by_filter(layer, feature)
    assert bool(text) == is_hidden
    assert ("Filter" in text) == is_hidden
    assert layer.commitChanges()
    assert layer.featureCount() == int(not is_hidden)
    layer.setSubsetString("")
    assert layer.featureCount() == 1


def test_what_does_not_fit_is_said():
    layer = memory(fields="field=prompts:string(20)&field=method:string(5)&field=seconds:double")
    feature, given = added(layer)
    text = checks.left_out(layer, feature, given)
    assert "prompts" in text
    assert "method" in text
    assert "seconds" not in text
    whole = memory()
    feature, given = added(whole)
    assert checks.left_out(whole, feature, given) == ""


def test_other_crs_and_none():
    layer = memory(crs="EPSG:4326")
    feature, _ = added(layer)
    assert feature.geometry().equals(ONE)  # `geometry` transforms, the writer does not
    moved = reproject(ONE, LV95, QgsCoordinateReferenceSystem("EPSG:4326"))
    assert moved.boundingBox().xMaximum() < 20
    with pytest.raises(IsegError, match="Layer CRS"):
        reproject(ONE, LV95, QgsCoordinateReferenceSystem())


@pytest.mark.parametrize("fault", ["", "observer TEXT NOT NULL", "CHECK (seconds < 5)"])
def test_transaction_groups(tmp_path, project, fault):
    columns = "image_name TEXT, uuid TEXT, prompts TEXT, seconds REAL"
    layer = geopackage(tmp_path, f"{columns}, {fault}" if fault else columns)
    project.setAutoTransaction(True)
    project.addMapLayer(layer)
    if not fault:
        feature, given = added(layer)
        assert feature["prompts"] == given["prompts"]
        writer.rewrite(layer, feature.id(), TWO, given, "Correct avalanche")
        writer.remove(layer, feature.id(), "Delete avalanche")
        feature, given = added(layer)
        assert layer.commitChanges()
        assert [f["uuid"] for f in layer.getFeatures()] == [given["uuid"]]
    else:  # the database refuses at once
        with pytest.raises(IsegError, match="did not accept") as refused:
            added(layer)
        assert len(str(refused.value)) < 400
        assert layer.featureCount() == 0
        layer.rollBack()
    project.setAutoTransaction(False)


LOCKER = (
    "import sqlite3, sys\n"
    "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "held.execute('PRAGMA journal_mode = ' + sys.argv[3])\n"
    "held.execute('BEGIN ' + sys.argv[2])\n"
    "print('locked', flush=True)\n"
    "sys.stdin.read()\n"
)


@contextlib.contextmanager
def locked(path, kind, journal):
    command = [sys.executable, "-c", LOCKER, str(path), kind, journal]
    held = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert held.stdout.readline()
        yield
    finally:
        held.stdin.close()
        held.wait()


@pytest.mark.parametrize("kind", ["EXCLUSIVE", "IMMEDIATE"])
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_locks_of_other_programs_do_not_stop_qgis(tmp_path, kind, journal):
    layer = geopackage(tmp_path, "image_name TEXT, uuid TEXT, prompts TEXT")
    with locked(tmp_path / "mine.gpkg", kind, journal):
        start = time.monotonic()
        said = ""
        try:
            added(layer)
        except IsegError as error:
            said = str(error)
        assert layer.isEditable() or ("locked" in said and "finish once more" in said)
        assert time.monotonic() - start < 2.5
    if not layer.isEditable():
        added(layer)
    assert layer.commitChanges()
    assert layer.featureCount() == 1
