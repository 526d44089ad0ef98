"""Time study: what a GeoPackage of the plugin tells of the work of persons."""

from __future__ import annotations

import base64
import csv
import json
import zlib

import numpy as np
import pytest
import shapely

from core.containers import with_orientation
from core.image import write_png
from core.mask_image import turn_back
from core.outline.vector_files import VectorTable, write_geopackage
from core.outline.write import NO_CRS
from eval.__main__ import main
from eval.study import WAYS, read_start_mask, summary_text
from eval.study import StudiedObject as Studied

SHAPE = 160, 240
FIELDS = [
    ("uuid", "text"), ("image_name", "text"), ("method", "text"), ("mapper", "text"),
    ("prompts", "text"), ("seconds", "real"), ("threshold", "real"), ("modified_at", "datetime"),
]  # fmt: skip


def photo():
    """A rough bright slope with a smooth dark patch."""
    rng = np.random.default_rng(0)
    pixels = rng.normal(200, 25, (*SHAPE, 3))
    pixels[50:110, 80:170] = rng.normal(70, 3, (60, 90, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


PATCH = shapely.box(80, -110, 170, -50)


def prompts(clicks, box=None, mask=None, **more):
    return json.dumps({"version": 1, "clicks": clicks, "box": box, "mask": mask, **more})


def packed(mask):
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    part = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    bits = base64.b64encode(zlib.compress(np.packbits(part).tobytes())).decode()
    return {"at": [int(rows[0]), int(cols[0])], "size": list(part.shape), "bits": bits}


def write(path, rows, shapes=None):
    shapes = shapes or [PATCH] * len(rows)
    wkb = [shapely.to_wkb(shapely.multipolygons([shape])) for shape in shapes]
    values = [{"uuid": f"u{index}", "image_name": "a.png", **row} for index, row in enumerate(rows)]
    write_geopackage(path, [VectorTable("avalanches_pixels", NO_CRS, FIELDS, values, wkb)])
    return path


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CLICKS = [[80, 120, 1], [60, 95, 1], [30, 30, 0]]


@pytest.fixture
def mapped(tmp_path):
    write_png(tmp_path / "a.png", photo())
    half = np.zeros(SHAPE, bool)
    half[50:110, 80:120] = True
    return write(
        tmp_path / "mapped.gpkg",
        [
            {"prompts": prompts(CLICKS, undone=2), "seconds": 12.0, "mapper": "anna"},
            {"prompts": prompts(CLICKS[:1], [45, 115, 75, 175]), "seconds": 6.0},
            {"prompts": prompts(CLICKS[:1], mask=packed(half)), "seconds": 4.0},
            {"method": "polygon", "seconds": 90.0},
            {"method": "polygon"},
        ],
    )


def test_each_object_has_its_time_clicks_and_ious(mapped, tmp_path, capsys):
    out = tmp_path / "study.csv"
    picture = tmp_path / "study.png"
    assert main(["study", str(mapped), "--csv", str(out), "--plot", str(picture)]) == 0
    rows = table(out)
    assert [row["way"] for row in rows] == [*WAYS[:1], *WAYS, WAYS[2]]
    assert [row["seconds"] for row in rows] == ["12", "6", "4", "90", ""]
    assert [(r["clicks"], r["positive"], r["undone"], r["box"]) for r in rows[:3]] == [
        ("3", "2", "2", "0"), ("1", "1", "0", "1"), ("1", "1", "0", "0"),
    ]  # fmt: skip
    assert rows[0]["seconds_per_click"] == "4"
    assert [len(row["ious"].split()) for row in rows] == [3, 1, 1, 0, 0]
    assert float(rows[0]["iou_start"]) == 0
    assert all(0 <= float(value) <= 1 for row in rows for value in row["ious"].split())
    assert abs(float(rows[2]["iou_start"]) - 40 / 90) < 0.35
    assert picture.read_bytes()[:4] == b"\x89PNG"
    told = capsys.readouterr().out
    assert "by hand" in told
    assert "Of 1 objects the time is unknown." in told


def test_the_ious_are_those_of_the_clicks_made_so_far(mapped, tmp_path):
    ious = {}
    for count in (1, 2, 3):
        path = write(tmp_path / f"{count}.gpkg", [{"prompts": prompts(CLICKS[:count])}])
        assert main(["study", str(path), "--csv", str(tmp_path / "s.csv")]) == 0
        ious[count] = table(tmp_path / "s.csv")[0]["ious"].split()
    assert ious[1] == ious[3][:1]
    assert ious[2] == ious[3][:2]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_clicks_and_outlines_are_in_pixels_as_stored(tmp_path, orientation):
    write_png(tmp_path / "a.png", turn_back(np.ascontiguousarray(photo()), 1))
    plain = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(with_orientation(plain, orientation))
    path = write(tmp_path / "m.gpkg", [{"prompts": prompts(CLICKS[:2])}])
    assert main(["study", str(path), "--csv", str(tmp_path / "s.csv")]) == 0
    (row,) = table(tmp_path / "s.csv")
    assert not row["fault"]
    assert float(row["ious"].split()[-1]) > 0.5


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"prompts": "{"}, "damaged"),
        ({"prompts": prompts([[1, 2]])}, "damaged"),
        ({"prompts": prompts("no")}, "damaged"),
        ({"prompts": prompts(CLICKS), "image_name": "away.png"}, "not there"),
        (
            {"prompts": prompts(CLICKS, mask={"at": [0, 0], "size": [999, 9], "bits": ""})},
            "outside",
        ),
        ({"prompts": prompts(CLICKS, mask={"at": [0, 0]})}, "not repeated"),
    ],
)
def test_what_cannot_be_repeated_is_named_and_counts_with_its_time(tmp_path, capsys, row, told):
    write_png(tmp_path / "a.png", photo())
    path = write(tmp_path / "m.gpkg", [{"seconds": 5.0, **row}])
    assert main(["study", str(path), "--csv", str(tmp_path / "s.csv")]) == 0
    (found,) = table(tmp_path / "s.csv")
    assert told in found["fault"]
    assert told in capsys.readouterr().err
    assert (found["seconds"], found["ious"]) == ("5", "")


def test_without_a_replay_no_image_is_needed(mapped, tmp_path):
    (tmp_path / "a.png").unlink()
    out = tmp_path / "s.csv"
    assert main(["study", str(mapped), "--no-replay", "--csv", str(out)]) == 0
    assert [row["fault"] for row in table(out)] == [""] * 5


def test_start_masks_come_back(tmp_path):
    rng = np.random.default_rng(3)
    mask = np.zeros(SHAPE, bool)
    mask[7:40, 11:90] = rng.random((33, 79)) > 0.5
    assert (read_start_mask(packed(mask), SHAPE) == mask).all()


def test_medians_count_objects_that_were_never_found_with_one_click_more():
    def studied(ious, seconds):
        signs = (True,) * (len(ious) - 1)
        return Studied("u", "a", "", "", WAYS[0], seconds, signs, ious=ious)

    told = summary_text([studied((0.0, 0.5, 0.9), 10.0), studied((0.0, 0.3), None)])
    figures = {line[13:31].strip(): line[31:].split() for line in told.splitlines()[1:]}
    assert figures["clicks to 85 %"][:2] == ["2", "2.00"]
    assert figures["IoU after 2"][:2] == ["2", "0.60"]
    assert figures["seconds"][:2] == ["1", "10.00"]
