"""Outlines from files of any name and with any geometry: taken, or named in a warning."""

from __future__ import annotations

import ast
import json
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyogrio.raw import write

from core.commands.camera.features import read_polygons
from core.errors import CameraError, IsegError
from core.outline import write_outlines
from core.outline.write import check_output_path

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
CRS = "EPSG:2056"
ROOT = Path(__file__).resolve().parents[2]

NAMES = ["!2024", "a!b", "x;y", "q?z=1", "zip:a", "file:", "100%41", "a#b", "-o", "[1]*",
         "a|layername=b", "Flüela", "http:", "a.zip", "{x}", "tab\there"]  # fmt: skip


def square(at=0.0, size=10.0):
    return shapely.MultiPolygon([shapely.box(at, at, at + size, at + size)])


def geojson(path: Path, geometries, crs=True, properties=None, **encoding) -> Path:
    content = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "id": n, "properties": (properties or {}), "geometry": geometry}
            for n, geometry in enumerate(geometries)
        ],
    }
    path.write_text(json.dumps(content, ensure_ascii=False), **encoding)
    return path


def gpkg(path: Path, wkb, layer="avalanches", kind="Unknown", append=False, **fields) -> Path:
    values = [
        np.asarray(v, object if v and isinstance(v[0], str) else None) for v in fields.values()
    ]
    write(
        path,
        np.array(wkb, object),
        values,
        list(fields),
        geometry_type=kind,
        crs=CRS,
        driver="GPKG",
        layer=layer,
        append=append,
    )
    return path


# --- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson"])
@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_the_file_of_that_name(tmp_path, monkeypatch, name, suffix):
    """Written and read; files that the name might be taken for stay as they are."""
    folder = tmp_path / name
    decoy = tmp_path / name.split("!")[-1].split("?")[0].split(";")[0]
    for place in (folder, decoy):
        place.mkdir(exist_ok=True)
    path = folder / f"{name}{suffix}"
    others = [
        place / f"{other}{suffix}" for place in (folder, decoy) for other in ("2024", "b", "x")
    ]
    for other in others:
        other.write_bytes(b"not to be touched")
    monkeypatch.chdir(tmp_path)
    relative = path.relative_to(tmp_path)
    for count in (1, 2):  # the second time, the file is replaced
        write_outlines(relative, [(square(5 * n), {"n": n}) for n in range(count)], crs_wkt=CRS)
        check_output_path(relative)
        features, _ = read_polygons(relative)
        assert [feature.properties["n"] for feature in features] == list(range(count))
    assert features[1].polygon.area > 0
    assert all(other.read_bytes() == b"not to be touched" for other in others)
    assert not list(tmp_path.rglob(".writing-*"))


def test_a_layer_of_others_is_seen_in_any_folder(tmp_path):
    folder = tmp_path / "!2024"
    folder.mkdir()
    made = gpkg(tmp_path / "made.gpkg", [shapely.to_wkb(square())], layer="mine")
    path = shutil.move(made, folder / "old.gpkg")
    with pytest.raises(IsegError, match="holds other layers"):
        write_outlines(path, [(square(), {})], crs_wkt=CRS)


def test_a_shapefile_is_read_with_its_other_files(tmp_path):
    folder = tmp_path / "a!b;c"
    folder.mkdir()
    write(
        tmp_path / "made.shp",
        np.array([shapely.to_wkb(square())], object),
        [np.array(["Schönbüel"], object)],
        ["name"],
        geometry_type="Polygon",
        crs=CRS,
    )
    for part in tmp_path.glob("made.*"):
        part.rename(folder / f"x!y{part.suffix.upper()}")
    features, crs = read_polygons(folder / "x!y.SHP")
    assert [feature.properties["name"] for feature in features] == ["Schönbüel"]
    assert "CH1903+" in str(crs) or crs == CRS


def test_only_one_module_speaks_to_the_vector_library():
    users = []
    for room in ("core", "eval", "training"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
                if any(name.split(".")[0] in ("pyogrio", "fiona", "geopandas") for name in names):
                    users.append(path.relative_to(ROOT).as_posix())
    assert set(users) == {"core/outline/vector_files.py"}


def test_nothing_is_read_or_written_by_name_through_opencv():
    """Its functions take no name beyond ASCII on Windows."""
    for room in ("core", "eval", "training"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "cv2.imread(" not in text, path
            assert "cv2.imwrite(" not in text, path


# --- geometries ---------------------------------------------------------------------------------


OPEN = SQUARE[:-1]
HOLE = [[2, 2], [4, 2], [4, 4], [2, 4]]


@pytest.mark.parametrize(
    ("geometry", "area"),
    [
        ({"type": "Polygon", "coordinates": [SQUARE]}, 100),
        ({"type": "Polygon", "coordinates": [OPEN]}, 100),
        ({"type": "Polygon", "coordinates": [OPEN, HOLE]}, 96),
        ({"type": "Polygon", "coordinates": [SQUARE, [[2, 2], [4, 4]]]}, 100),
        ({"type": "MultiPolygon", "coordinates": [[OPEN], [[[1, 1], [2, 2]]]]}, 100),
        (
            {"type": "Polygon", "coordinates": [[[0, 0, 5], [10, 0, 5], [10, 10, 5], [0, 10, 5]]]},
            100,
        ),
        ({"type": "Polygon", "coordinates": [[[0, 0], [10, 10], [10, 0], [0, 10]]]}, 50),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE]]}, 100),
        (
            {
                "type": "GeometryCollection",
                "geometries": [{"type": "Polygon", "coordinates": [OPEN]}],
            },
            100,
        ),
        (
            {
                "type": "GeometryCollection",
                "geometries": [
                    {
                        "type": "GeometryCollection",
                        "geometries": [{"type": "MultiPolygon", "coordinates": [[OPEN]]}],
                    },
                    {"type": "Polygon", "coordinates": [[[20, 0], [30, 0], [30, 10]]]},
                ],
            },
            150,
        ),
    ],
)
def test_polygons_are_taken_where_their_meaning_is_clear(tmp_path, capsys, geometry, area):
    features, _ = read_polygons(geojson(tmp_path / "a.geojson", [geometry]))
    assert [feature.polygon.area for feature in features] == pytest.approx([area])
    assert features[0].polygon.is_valid
    assert "left out" not in capsys.readouterr().err or geometry["type"] == "MultiPolygon"


GOOD = {"type": "Polygon", "coordinates": [SQUARE]}


@pytest.mark.parametrize(
    ("geometry", "text"),
    [
        (None, "no geometry"),
        ({"type": "Point", "coordinates": [1, 1]}, "a point in it cannot be an outline"),
        ({"type": "LineString", "coordinates": SQUARE}, "a line in it cannot be an outline"),
        ({"type": "MultiPoint", "coordinates": SQUARE}, "points in it"),
        ({"type": "Polygon", "coordinates": []}, "empty"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}, "three different points"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1e300, 0], [1, 1]]]}, "no finite number"),
        ({"type": "GeometryCollection", "geometries": []}, "empty"),
    ],
)
def test_what_is_left_out_is_named(tmp_path, capsys, geometry, text):
    path = geojson(tmp_path / "a.geojson", [GOOD, geometry])
    features, _ = read_polygons(path)
    assert len(features) == 1
    said = capsys.readouterr().err
    assert re.search(text, said)
    assert "layer a, feature 1" in said
    with pytest.raises(IsegError, match="holds no polygons"):
        read_polygons(geojson(tmp_path / "b.geojson", [geometry]))


def test_parts_of_a_collection_that_are_no_polygons_are_named(tmp_path, capsys):
    both = {
        "type": "GeometryCollection",
        "geometries": [GOOD, {"type": "Point", "coordinates": [1, 2]}],
    }
    assert len(read_polygons(geojson(tmp_path / "a.geojson", [both]))[0]) == 1
    assert "feature 0: a point in it cannot be" in capsys.readouterr().err


def ring(*points) -> bytes:
    return struct.pack("<I", len(points)) + b"".join(struct.pack("<3d", *p, 1.0) for p in points)


def wkb(kind: int, *parts: bytes) -> bytes:
    return struct.pack("<BII", 1, 1000 + kind, len(parts)) + b"".join(parts)


@pytest.mark.parametrize("kind", [(15, 3), (16, 17)], ids=["polyhedral surface", "TIN"])
def test_surfaces_of_triangles_are_polygons(tmp_path, kind):
    whole, part = kind
    surface = wkb(
        whole,
        wkb(part, ring((0, 0), (10, 0), (10, 10), (0, 0))),
        wkb(part, ring((0, 0), (10, 10), (0, 10), (0, 0))),
    )
    for geometry in (surface, wkb(7, surface)):
        features, _ = read_polygons(gpkg(tmp_path / "a.gpkg", [geometry]))
        assert [feature.polygon.area for feature in features] == pytest.approx([100])


def test_numbers_that_are_none_are_named(tmp_path, capsys):
    good = wkb(3, ring((0, 0), (10, 0), (10, 10), (0, 0)))
    for number in (float("nan"), float("inf"), -1e200):
        bad = wkb(3, ring((0, 0), (10, number), (10, 10), (0, 0)))
        features, _ = read_polygons(gpkg(tmp_path / "a.gpkg", [good, bad]))
        assert len(features) == 1
        assert "layer avalanches, feature 2" in capsys.readouterr().err
        (tmp_path / "a.gpkg").unlink()


def test_arcs_become_polygons(tmp_path):
    """A circle of two arcs, as CAD programs draw it."""
    content = {"circle": "CURVEPOLYGON (CIRCULARSTRING (0 0, 10 0, 0 0))"}
    csv = tmp_path / "a.csv"
    csv.write_text('n,WKT\n1,"' + content["circle"] + '"\n')
    features, _ = read_polygons(csv)
    assert features[0].polygon.area == pytest.approx(np.pi * 25, rel=0.01)


# --- attributes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        ["a", "b"],
        [],
        {"a": [1, {"b": None}]},
        [[1], [2, 3]],
        None,
        True,
        1e300,
        2**62,
        "2024-02-30",
        "2024-01-02T03:04:05Z",
        "x" * 100_000,
        [True, None],
    ],
)
def test_attributes_of_any_kind_do_not_matter(tmp_path, capsys, value):
    path = geojson(tmp_path / "a.geojson", [GOOD, GOOD], properties={"v": value, "image": "a.jpg"})
    features, _ = read_polygons(path)
    assert len(features) == 2
    assert all(feature.properties["image"] == "a.jpg" for feature in features)
    json.dumps(features[0].properties.get("v"))
    assert "v" in features[0].properties or "v holds a value" in capsys.readouterr().err


def test_binary_attributes_are_text(tmp_path):
    path = tmp_path / "a.gpkg"
    gpkg(path, [shapely.to_wkb(square())], name=["a"])
    import sqlite3

    with sqlite3.connect(path) as data:
        data.execute("ALTER TABLE avalanches ADD COLUMN raw BLOB")
    data.close()
    assert len(read_polygons(path)[0]) == 1


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig", "utf-16"])
def test_text_in_other_encodings(tmp_path, encoding):
    path = geojson(
        tmp_path / "a.geojson", [GOOD], properties={"name": "Flüela é"}, encoding=encoding
    )
    features, _ = read_polygons(path)
    assert features[0].properties["name"] == "Flüela é"


# --- layers -------------------------------------------------------------------------------------


def test_the_layer_with_polygons_is_found(tmp_path, capsys):
    path = tmp_path / "a.gpkg"
    gpkg(path, [shapely.to_wkb(shapely.Point(1, 2))], layer="cameras", kind="Point")
    gpkg(path, [], layer="empty", kind="Polygon", append=True)
    gpkg(path, [shapely.to_wkb(shapely.Point(1, 2))], layer="mixed", append=True)
    gpkg(path, [shapely.to_wkb(square())], layer="slides", append=True)
    assert len(read_polygons(path)[0]) == 1
    with pytest.raises(IsegError, match="no layer nothing; its layers: cameras, empty"):
        read_polygons(path, "nothing")
    with pytest.raises(IsegError, match="holds no polygons"):
        read_polygons(path, "cameras")


def test_several_layers_with_polygons_need_a_choice(tmp_path):
    path = tmp_path / "a.gpkg"
    gpkg(path, [shapely.to_wkb(square())], layer="one")
    gpkg(
        path,
        [
            shapely.to_wkb(
                square(),
            )
        ]
        * 2,
        layer="two",
        append=True,
    )
    with pytest.raises(IsegError, match=r"several layers \(one, two\).*--layer"):
        read_polygons(path)
    assert len(read_polygons(path, "two")[0]) == 2
    gpkg(path, [shapely.to_wkb(square())] * 3, layer="avalanches", append=True)
    assert len(read_polygons(path)[0]) == 3


def test_a_crs_that_is_none_is_an_error_with_words():
    from core.commands.camera.features import reproject

    for source in ('LOCAL_CS["Undefined Cartesian SRS"]', "EPSG:999999", "nonsense"):
        with pytest.raises(CameraError, match="CRS"):
            reproject(square(), source, 2056)
    with pytest.raises(CameraError, match="not defined"):
        reproject(square(1e9), 4326, 2056)


@pytest.mark.parametrize(
    ("suffix", "driver"),
    [(".shp", "ESRI Shapefile"), (".fgb", "FlatGeobuf"), (".geojsonl", "GeoJSONSeq")],
)
def test_outlines_of_a_photo_may_be_in_any_format(tmp_path, suffix, driver):
    from pyogrio.raw import write as write_vectors

    from core.camera import Camera, CameraRecord
    from core.commands.camera import to_map

    path = tmp_path / f"outlines{suffix}"
    shape = np.array([shapely.to_wkb(shapely.box(5, -40, 35, -10))], dtype=object)
    names = [np.array(["a"], dtype=object)]
    write_vectors(path, shape, names, ["name"], geometry_type="Polygon", driver=driver)
    camera = Camera(60, 50, 2_600_000, 1_200_000, 1500, yaw=0, pitch=0, roll=0, f=50)
    (found,) = to_map._read(path, CameraRecord(camera, 2056), None)
    assert found.area().bounds == (5, 10, 35, 40)


@pytest.mark.parametrize(
    ("suffix", "driver"),
    [(".fgb", "FlatGeobuf"), (".gpkg", "GPKG"), (".sqlite", "SQLite"), (".geojson", "GeoJSON"),
     (".geojsonl", "GeoJSONSeq"), (".gml", "GML")],
)  # fmt: skip
def test_files_that_are_cut_short_are_refused(tmp_path, suffix, driver):
    path = tmp_path / f"a{suffix}"
    shapes = [shapely.to_wkb(shapely.box(20 * n, 0, 20 * n + 9, 9)) for n in range(300)]
    write(
        path,
        np.array(shapes, object),
        [np.arange(300)],
        ["number"],
        geometry_type="Polygon",
        crs="EPSG:4326" if suffix == ".geojsonl" else CRS,
        driver=driver,
        layer="avalanches",
    )
    assert len(read_polygons(path)[0]) == 300
    content = path.read_bytes()
    for length in (len(content) - 5, *(int(share * len(content)) for share in (0.99, 0.6, 0.3))):
        path.write_bytes(content[:length])
        with pytest.raises(IsegError, match=r"cannot be read as outlines"):
            read_polygons(path)
