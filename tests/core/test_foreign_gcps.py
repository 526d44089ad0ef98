"""Control points in the tables of other programs, written here from their descriptions."""

from __future__ import annotations

import struct

import pytest
from test_mistakes import SIZE, Place

from core.camera import CameraRecord, ControlPoint, read_gcps, write_gcps
from core.camera.foreign_gcps import read_gcp_table
from core.commands import main
from core.errors import CameraError

POINTS = [
    ControlPoint("church", 470.25, 243.5, 2725293.3, 1124989.8, 1819.7),
    ControlPoint("mast", 747.0, 41.0, 2725701.2, 1124599.5, 1904.1),
    ControlPoint("col", 1060.5, 174.75, 2723212.4, 1125398.1, 1746.0),
    ControlPoint("hut", 81.0, 612.0, 2724871.9, 1124777.7, 1801.3),
]
UNNAMED = [f"P{number}" for number in range(1, 5)]


def imgraft(p, origin=1.0):
    """World x, y, z and pixels u, v that count from 1; no heading."""
    return f"{p.x:.2f}\t{p.y:.2f}\t{p.z:.2f}\t{p.u + origin:.3f}\t{p.v + origin:.3f}"


def practise(p):
    return f"{p.x:.2f} {p.y:.2f} {p.z:.1f} {p.u + 1:.2f} {p.v + 1:.2f} {p.name}"


def projimdem(p, mark=" "):
    return mark.join(map(str, (p.name, p.u, p.v, p.x, p.y, p.z)))


def centred(p, mark=" "):
    """Its older tables count from the photo's centre."""
    u, v = p.u - (SIZE[0] - 1) / 2, p.v - (SIZE[1] - 1) / 2
    return mark.join(map(str, (p.name, u, v, p.x, p.y, p.z, 1)))


def pic2map(p):
    return f"{p.u + 0.5},{p.v + 0.5},{p.x},{p.y},{p.z}"


def german(p):
    cells = (p.name, p.u, p.v, p.x, p.y, p.z)
    return ";".join(str(cell).replace(".", ",") for cell in cells)


def qgis(p):
    return f"{p.x},{p.y},{p.u + 0.5},{-p.v - 0.5},1,0,0,0"


def table(line, *heading):
    return "\n".join([*heading, *(line(p) for p in POINTS)]) + "\n"


FORMS = {
    "ImGRAFT": (table(imgraft), "ImGRAFT"),
    "ImGRAFT with commas": (table(lambda p: imgraft(p).replace("\t", ",")), "ImGRAFT"),
    "ImGRAFT with a remark": (table(imgraft, "% X Y Z u v of IMG_8902"), "ImGRAFT"),
    "PRACTISE": (
        table(practise, "Longitude Latitude Altitude PhotoCol PhotoRow Name"),
        "PRACTISE",
    ),
    "PRACTISE, any heading": (table(practise, "GCPs of 17.11.2011 (UTM)"), "PRACTISE"),
    "projimdem": (table(projimdem, "name x_img y_img x_world y_world z_world"), "projimdem"),
    "projimdem with commas": (
        table(lambda p: projimdem(p, ","), "name,x_img,y_img,x_world,y_world,z_world"),
        "projimdem",
    ),
    "projimdem from the centre": (
        table(centred, "name x_img y_img x_world y_world z_world lstsq_IO"),
        "projimdem",
    ),
    "Pic2Map": (table(pic2map, "line,column,X,Y,Z"), "Pic2Map"),
    "QGIS": (
        table(qgis, '#CRS: PROJCRS["LV95"]', "mapX,mapY,sourceX,sourceY,enable,dX,dY,residual"),
        "QGIS",
    ),
    "WSL Monoplotting Tool": (
        table(lambda p: projimdem(p, "\t"), "ID\tPixel X\tPixel Y\tEast\tNorth\tHeight"),
        "plain columns",
    ),
    "German": (table(german, "Punkt-Nr.;Spalte;Zeile;Rechtswert;Hochwert;Höhe [m]"), "plain"),
    "capitals": (
        table(lambda p: projimdem(p, ","), "name,x,y,X,Y,Z"),
        "plain columns",
    ),
    "other order": (
        table(
            lambda p: f"{p.z},{p.y},{p.x},{p.v},{p.u},{p.name}",
            "elevation,northing,easting,row,col,id",
        ),
        "plain columns",
    ),
    "no heading, pixels first": (table(lambda p: projimdem(p, ",")), "plain columns"),
    "no heading, numbers": (
        "\n".join(f"{n} {p.u} {p.v} {p.x} {p.y} {p.z}" for n, p in enumerate(POINTS, 1)),
        "plain columns",
    ),
    "blanks and decimal commas": (
        table(lambda p: projimdem(p).replace(".", ","), "name u v x y z"),
        "plain columns",
    ),
    "thousands": (
        table(lambda p: f"{p.name};{p.u};{p.v};2'{p.x - 2e6:.1f};1'{p.y - 1e6:.1f};{p.z}",
              "name;u;v;E;N;H"),
        "plain columns",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_points(form, tmp_path):
    text, kind = FORMS[form]
    (tmp_path / "points.txt").write_text(text, encoding="utf-8")
    found = read_gcp_table(tmp_path / "points.txt", SIZE)
    assert f"is read as {kind}" in found.description
    for point, truth in zip(found.points, POINTS, strict=True):
        assert (point.u, point.v) == pytest.approx((truth.u, truth.v), abs=1e-3)
        assert (point.x, point.y) == pytest.approx((truth.x, truth.y), abs=0.02)
        assert form == "QGIS" or point.z == pytest.approx(truth.z, abs=0.1)
        assert point.use
    names = [point.name for point in found.points]
    assert names in ([p.name for p in POINTS], UNNAMED, ["1", "2", "3", "4"])


def test_pic2maps_binary_file(tmp_path):
    """A number, a version, and five of Qt's variants for each point: kind 6 is a double."""
    content = struct.pack(">iH", 0x570C4, 1)
    for p in POINTS:
        for value in (p.u + 0.5, p.v + 0.5, p.x, p.y, p.z):
            content += struct.pack(">IBd", 6, 0, value)
    (tmp_path / "GCPs.dat").write_bytes(content)
    found = read_gcp_table(tmp_path / "GCPs.dat")
    assert "Pic2Map" in found.description
    assert found.points[2] == ControlPoint("P3", *[getattr(POINTS[2], n) for n in "uvxyz"])
    (tmp_path / "GCPs.dat").write_bytes(content[:-20])
    with pytest.raises(CameraError, match=r"GCPs\.dat"):
        read_gcp_table(tmp_path / "GCPs.dat")


def test_own_tables_are_read_as_ever(tmp_path):
    write_gcps(tmp_path / "gcps.csv", POINTS)
    found = read_gcp_table(tmp_path / "gcps.csv", SIZE)
    assert found.points == read_gcps(tmp_path / "gcps.csv")
    assert found.description == ""


def test_points_out_of_use(tmp_path):
    text = table(lambda p: centred(p)[:-1] + str(int(p.name != "mast")),
                 "name x_img y_img x_world y_world z_world lstsq_IO")  # fmt: skip
    (tmp_path / "a.csv").write_text(text)
    found = read_gcp_table(tmp_path / "a.csv", SIZE).points
    assert [p.name for p in found if not p.use] == ["mast"]


def test_pixels_from_the_centre_need_the_size(tmp_path):
    (tmp_path / "a.csv").write_text(FORMS["projimdem from the centre"][0])
    with pytest.raises(CameraError, match="size is needed"):
        read_gcp_table(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "columns",
    [
        ("-", "y", "x", "z", "v", "u"),
        ("name=1", "u=6", "v=5", "x=3", "y=2", "z=4"),
        ("u=F", "v=E", "x=C", "y=B"),
    ],
)
def test_the_mapping_can_be_changed(tmp_path, columns):
    text = table(lambda p: f"{p.name},{p.y},{p.x},{p.z},{p.v},{p.u}", "A,B,C,D,E,F")
    (tmp_path / "a.csv").write_text(text)
    found = read_gcp_table(tmp_path / "a.csv", SIZE, columns)
    assert [(p.u, p.v, p.x, p.y) for p in found.points] == [(p.u, p.v, p.x, p.y) for p in POINTS]
    assert "u_px = F" in found.description


def test_the_origin_can_be_changed(tmp_path):
    (tmp_path / "a.txt").write_text(table(lambda p: imgraft(p, 0)))
    found = read_gcp_table(tmp_path / "a.txt", SIZE, origin=0.0)
    assert found.points[0].u == POINTS[0].u
    assert "first pixel's centre is 0" in found.description


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        ("", (), "no control points"),
        ("a,b,c\n1,2,3\n", (), "Its columns are a, b, c"),
        ("1 2 3 4 5\n6 7 8 9 10\n", (), "no heading"),
        ("name,u,v,x,y\nA,1,2,3,much\n", (), "line 2: y is much"),
        ("1,2,3,4\n", ("u", "v", "x", "width"), "width is none of"),
        ("1,2,3,4\n", ("u", "v", "x"), "which column holds y"),
        ("A,B\n1,2\n", ("u=A", "v=C", "x=1", "y=2"), "no column C"),
    ],
)
def test_what_is_not_clear_is_refused(tmp_path, text, columns, words):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(CameraError, match=words):
        read_gcp_table(tmp_path / "a.csv", SIZE, columns)


def test_solve_shows_what_it_took(tmp_path, capsys):
    place = Place()
    lines = [practise(p) for p in place.points(9)]
    (tmp_path / "a.gcp.txt").write_text("\n".join(["E N Z col row name", *lines]))
    out = tmp_path / "camera.json"
    options = ["--image-size", "1600,1000", "--crs", "EPSG:2056", "-o", str(out)]
    assert main(["camera", "solve", str(tmp_path / "a.gcp.txt"), *options]) == 0
    told = capsys.readouterr().err
    assert "is read as PRACTISE: name = name, u_px = col" in told or "u_px = col" in told
    assert "--columns" in told
    first = CameraRecord.read(out)
    assert first.rms_px < 2
    changed = ["--columns", "x,y,z,u,v,name", "--pixel-origin", "0"]
    assert main(["camera", "solve", str(tmp_path / "a.gcp.txt"), *options, *changed]) == 0
    second = CameraRecord.read(out)
    assert second.points[0].point.u == pytest.approx(first.points[0].point.u + 1)
    assert main(["camera", "check", str(out), str(tmp_path / "a.gcp.txt")]) == 0
