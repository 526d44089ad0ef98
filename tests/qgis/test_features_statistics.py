"""Seconds and clicks per object."""

from __future__ import annotations

import csv

import pytest
from qgis.core import QgsCoordinateReferenceSystem
from test_features_writer import ONE, ORIGIN, PROMPTS, TWO, attributes

from avalanche_iseg_qgis.core.errors import IsegError
from avalanche_iseg_qgis.core.prompts import Click
from avalanche_iseg_qgis.features import statistics, target, writer

LV95 = QgsCoordinateReferenceSystem("EPSG:2056")


@pytest.mark.parametrize("saved", [False, True])
def test_rows_of_a_layer(tmp_path, saved):
    layer = target.create_layer(str(tmp_path / "new.gpkg"), LV95)
    writer.add(layer, ONE, attributes(), "Add avalanche")
    writer.add(layer, TWO, attributes(prompts=PROMPTS.with_box(None)), "Add avalanche")
    writer.add(layer, ONE, {"comment": "drawn by hand"}, "Add avalanche")
    if saved:
        assert layer.commitChanges()
    rows = sorted(statistics.work_rows(layer), key=lambda row: -row["box"])
    assert len(rows) == 2
    first = {**rows[0], "uuid": len(rows[0]["uuid"]), "finished_at": rows[0]["finished_at"][-1]}
    assert first == {
        "uuid": 36,
        "image": ORIGIN.image_name,
        "model": "default abababababababab",
        "n_clicks": 2,
        "n_positive": 1,
        "n_negative": 1,
        "box": 1,
        "seconds": 12.3,
        "threshold": 0.55,
        "finished_at": "Z",
        "n_undone": 0,
    }
    path = tmp_path / "times.csv"
    statistics.write_csv(str(path), rows)
    with path.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == statistics.COLUMNS
    assert [row["box"] for row in table] == ["1", "0"]
    assert [float(row["seconds"]) for row in table] == [12.3, 12.3]


def test_text_with_commas_and_letters(tmp_path):
    layer = target.create_layer(str(tmp_path / "new.gpkg"), LV95)
    prompts = PROMPTS.with_click(Click(1, 2))
    odd = {**attributes(prompts=prompts), "image_name": 'Föhn, "süd".jpg'}
    writer.add(layer, ONE, odd, "Add avalanche")
    path = tmp_path / "times.csv"
    statistics.write_csv(str(path), statistics.work_rows(layer))
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["image"] == 'Föhn, "süd".jpg'


def test_folder_missing(tmp_path):
    with pytest.raises(IsegError, match="choose another folder"):
        statistics.write_csv(str(tmp_path / "no" / "times.csv"), [])


def test_full_disk_leaves_the_old_table(tmp_path):
    from test_features_target import mounted

    with mounted(tmp_path / "full", "size=64k") as folder:
        path = folder / "times.csv"
        statistics.write_csv(str(path), [])
        before = path.read_text()
        rows = [{"image": "x" * 1000}] * 100
        with pytest.raises(IsegError, match="choose another folder"):
            statistics.write_csv(str(path), rows)
        assert path.read_text() == before
        assert [p.name for p in folder.iterdir()] == ["times.csv"]
