"""Calibrations of lenses in the forms of other programs, made here from their descriptions."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from test_mistakes import SIZE, Place

from core.camera import Camera, CameraRecord, PosePrior, Projection, solve_pose
from core.camera.calibration import Calibration, read_calibration
from core.camera.gcp_table import write_gcps
from core.commands import main
from core.errors import CameraError

LENS = {"k1": -0.21, "k2": 0.08, "k3": -0.015, "p1": 0.0011, "p2": -0.0007}
F, CX, CY = 1210.5, 823.25, 478.5
MATRIX = [[F, 0.0, CX], [0.0, F, CY], [0.0, 0.0, 1.0]]
TERMS = [LENS[name] for name in ("k1", "k2", "p1", "p2", "k3")]


def opencv_storage(path, matrix="camera_matrix", terms="distortion_coefficients"):
    """By OpenCV itself."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("calibration_time", "Mon 30 Nov 2026 10:11:12")
    storage.write("nframes", 25)
    storage.write("image_width", SIZE[0])
    storage.write("image_height", SIZE[1])
    storage.write("board_width", 9)
    storage.write(matrix, np.array(MATRIX))
    storage.write(terms, np.array(TERMS))
    storage.write("avg_reprojection_error", 0.31)
    storage.release()


def ros(path):
    rows = ", ".join(str(value) for row in MATRIX for value in row)
    terms = ", ".join(map(str, TERMS))
    path.write_text(
        f"image_width: {SIZE[0]}\nimage_height: {SIZE[1]}\ncamera_name: webcam2\n"
        f"camera_matrix:\n  rows: 3\n  cols: 3\n  data: [{rows}]\n"
        "distortion_model: plumb_bob\n"
        f"distortion_coefficients:\n  rows: 1\n  cols: 5\n  data: [{terms}]\n"
        "rectification_matrix:\n  rows: 3\n  cols: 3\n  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]\n"
    )


def plain_yaml(path):
    """Of scripts that dump nested lists."""
    rows = "\n".join("- - " + "\n  - ".join(str(value) for value in row) for row in MATRIX)
    terms = "- - " + "\n  - ".join(map(str, TERMS))
    path.write_text(f"mtx:\n{rows}\ndist:\n{terms}\n")


def plain_json(path):
    path.write_text(json.dumps({"K": MATRIX, "D": [TERMS], "image_size": list(SIZE)}))


def nested_json(path):
    content = {
        "camera_matrix": {"rows": 3, "cols": 3, "data": [v for row in MATRIX for v in row]},
        "dist_coeff": TERMS,
        "image_width": SIZE[0],
        "image_height": SIZE[1],
    }
    path.write_text(json.dumps(content))


def agisoft_tags(**more):
    """Its principal point counts from the centre, pixels from their edges, p1 and p2 otherwise."""
    values = {
        "f": F,
        "cx": CX + 0.5 - SIZE[0] / 2,
        "cy": CY + 0.5 - SIZE[1] / 2,
        **{name: LENS[name] for name in ("k1", "k2", "k3")},
        "p1": LENS["p2"],
        "p2": LENS["p1"],
        **more,
    }
    return "".join(f"  <{name}>{value!r}</{name}>\n" for name, value in values.items())


def metashape(path, kind="frame", **more):
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<calibration>\n'
        f"  <projection>{kind}</projection>\n"
        f"  <width>{SIZE[0]}</width>\n  <height>{SIZE[1]}</height>\n{agisoft_tags(**more)}"
        "  <date>2026-11-30T10:11:12Z</date>\n</calibration>\n"
    )


def metashape_project(path):
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<document version="2.0.0"><chunk><sensors>'
        '<sensor id="0" label="webcam" type="frame">'
        f'<resolution width="{SIZE[0]}" height="{SIZE[1]}"/>'
        '<calibration type="frame" class="adjusted">'
        f'<resolution width="{SIZE[0]}" height="{SIZE[1]}"/>\n{agisoft_tags()}'
        "</calibration></sensor></sensors></chunk></document>\n"
    )


def photoscan(path):
    """Versions before 1.3: absolute centre, two focal lengths."""
    values = {"fx": F, "fy": F, "cx": CX + 0.5, "cy": CY + 0.5, "skew": 0.0, **LENS}
    tags = "".join(f"  <{name}>{value!r}</{name}>\n" for name, value in values.items())
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<calibration>\n  <projection>frame</projection>\n'
        f"  <width>{SIZE[0]}</width>\n  <height>{SIZE[1]}</height>\n{tags}</calibration>\n"
    )


def camera_file(path):
    camera = Camera(*SIZE, 0, 0, 0, 0, 0, 0, F, CX, CY, **LENS)
    CameraRecord(camera, 2056).write(path)


FORMS = {
    "opencv.yml": opencv_storage,
    "opencv.yaml": lambda path: opencv_storage(path, "Camera_Matrix", "Distortion_Coefficients"),
    "opencv.xml": opencv_storage,
    "opencv.json": lambda path: opencv_storage(path, "cameraMatrix", "distCoeffs"),
    "ros.yaml": ros,
    "plain.yaml": plain_yaml,
    "plain.json": plain_json,
    "nested.json": nested_json,
    "metashape.xml": metashape,
    "project.xml": metashape_project,
    "photoscan.xml": photoscan,
    "camera.json": camera_file,
}


def write(tmp_path, form):
    path = tmp_path / form
    FORMS[form](path)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_the_lens(form, tmp_path):
    found = read_calibration(write(tmp_path, form))
    assert found.fitted(SIZE) == Calibration(
        pytest.approx(F), pytest.approx(CX), pytest.approx(CY), **LENS, size=SIZE
    )
    assert found.projection is Projection.PINHOLE
    assert found.warnings == ()


def test_agisofts_model_is_that_of_its_manual(tmp_path):
    """x' = x (1 + K1 r2 …) + P1 (r2 + 2 x2) + 2 P2 x y; u = w / 2 + cx + x' f, from the edge."""
    metashape(tmp_path / "a.xml")
    lens = read_calibration(tmp_path / "a.xml")
    p1, p2 = LENS["p2"], LENS["p1"]
    x, y = 0.31, -0.22
    r2 = x * x + y * y
    radial = 1 + LENS["k1"] * r2 + LENS["k2"] * r2**2 + LENS["k3"] * r2**3
    bent = (
        x * radial + p1 * (r2 + 2 * x * x) + 2 * p2 * x * y,
        y * radial + p2 * (r2 + 2 * y * y) + 2 * p1 * x * y,
    )
    centre = SIZE[0] / 2 + (CX + 0.5 - SIZE[0] / 2), SIZE[1] / 2 + (CY + 0.5 - SIZE[1] / 2)
    expected = [c + F * b - 0.5 for c, b in zip(centre, bent, strict=True)]
    names = ("f", "cx", "cy", *LENS)
    camera = Camera(*SIZE, 0, 0, 0, 0, 0, 0, **{name: getattr(lens, name) for name in names})
    assert camera.project_rays(np.array([[x, y, 1.0]]))[0] == pytest.approx(expected)


def test_fisheyes(tmp_path):
    metashape(tmp_path / "a.xml", kind="fisheye")
    assert read_calibration(tmp_path / "a.xml").projection is Projection.FISHEYE
    (tmp_path / "b.json").write_text(
        json.dumps({"K": MATRIX, "D": [-0.02, 0.003, -0.001, 0.0], "model": "fisheye"})
    )
    found = read_calibration(tmp_path / "b.json")
    assert found.projection is Projection.FISHEYE
    assert (found.k1, found.k2, found.k3, found.p1) == (-0.02, 0.003, -0.001, 0.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "camera matrix"),
        ("name: webcam\nfocal: 35\n", "camera matrix"),
        ('{"K": [[1200, 0], [0, 1200]]}', "camera matrix"),
        (
            '{"K": [[1200, 0, 800], [0, 1200, 500], [0, 0, 1]], "D": [0, 0, 0, 0, 0, 0.3, 0, 0]}',
            "6",
        ),
        ('{"K": [[1200, 3, 800], [0, 1200, 500], [0, 0, 1]]}', "skew"),
        ('{"K": [[-1200, 0, 800], [0, 1200, 500], [0, 0, 1]]}', "positive"),
        ("{", "cannot be used"),
        ("<calibration><f>1200</f></calibration>", "width and height"),
        (
            '{"K": [[1200, 0, 800], [0, 1200, 500], [0, 0, 1]], "width": 0, "height": 9}',
            "width and height",
        ),
        (
            '{"K": [[1200, 0, 800], [0, 1200, 500], [0, 0, 1]], "image_size": [9, -9]}',
            "width and height",
        ),
        ("<calibration><projection>spherical</projection><f>1</f></calibration>", "spherical"),
        ("<calibration>", "XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><calibration/>', "entities"),
    ],
)
def test_what_cannot_be_used_is_refused(content, words, tmp_path):
    path = tmp_path / "lens.txt"
    path.write_text(content)
    with pytest.raises(CameraError, match=words) as told:
        read_calibration(path)
    assert "lens.txt" in str(told.value)


def test_terms_of_agisoft_that_are_not_known(tmp_path):
    metashape(tmp_path / "a.xml", k4=0.01, b2=0.4)
    with pytest.raises(CameraError, match=r"k4 = 0.01, b2 = 0.4"):
        read_calibration(tmp_path / "a.xml")


def test_two_focal_lengths_are_told(tmp_path):
    metashape(tmp_path / "a.xml", b1=12.0)
    assert "differ" in read_calibration(tmp_path / "a.xml").warnings[0]


def test_sizes():
    lens = Calibration(F, CX, CY, size=SIZE)
    half = lens.fitted((800, 500))
    assert (half.f, half.cx) == (pytest.approx(F / 2), pytest.approx((CX + 0.5) / 2 - 0.5))
    with pytest.raises(CameraError, match="another shape"):
        lens.fitted((1600, 1200))
    with pytest.raises(CameraError, match="principal point"):
        Calibration(F, CX, CY).fitted((400, 250))


@pytest.mark.parametrize("count", [8, 12])
def test_a_calibrated_lens_makes_the_pose_better(count):
    """A lens that k1 alone does not describe."""
    place = Place(focal=F, cx=CX, cy=CY, **LENS)
    points = place.points(count, pixel=0.5, metre=0.3)
    lens = Calibration(F * 1.004, CX, CY, **LENS, size=SIZE)
    plain, known = (
        solve_pose(points, SIZE, epsg=2056, prior=place.prior(focal=F, calibration=given))
        for given in (None, lens)
    )
    assert known.rms_px < 1.5
    assert known.rms_px < plain.rms_px
    assert known.camera.yaw == pytest.approx(place.camera.yaw, abs=0.05)
    camera = known.camera
    assert (camera.cx, camera.cy, camera.k2, camera.p1) == (CX, CY, LENS["k2"], LENS["p1"])
    assert camera.k1 == pytest.approx(LENS["k1"], abs=2e-3)


def test_a_calibrated_fisheye_is_solved():
    place = Place(focal=620.0, projection=Projection.FISHEYE, k1=-0.03)
    lens = Calibration(620.0, 799.5, 499.5, k1=-0.03, projection=Projection.FISHEYE)
    prior = PosePrior(position=tuple(place.camera.position), calibration=lens)
    record = solve_pose(place.points(8), SIZE, epsg=2056, prior=prior)
    assert record.camera.projection is Projection.FISHEYE
    assert record.rms_px < 1.5


@pytest.mark.parametrize("form", ["opencv.yml", "metashape.xml"])
def test_solve_takes_a_calibration(form, tmp_path, capsys):
    place = Place(focal=F, cx=CX, cy=CY, **LENS)
    write_gcps(tmp_path / "gcps.csv", place.points(7, pixel=0.3, metre=0.1))
    out = tmp_path / "camera.json"
    fixed = [tmp_path / "gcps.csv", "--image-size", "1600,1000", "--crs", "EPSG:2056", "-o", out]
    lens = write(tmp_path, form)
    assert main(["camera", "solve", *map(str, [*fixed, "--calibration", lens])]) == 0
    record = CameraRecord.read(out)
    assert record.rms_px < 1
    assert record.camera.p2 == pytest.approx(LENS["p2"])
    assert "p2 -0.0007" in capsys.readouterr().out
