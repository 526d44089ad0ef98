"""A near field that is drawn in the photo: kept in the camera, looked at by nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin
from ray_caster import X, Y, camera_of, mountainside

from core.camera import CameraRecord
from core.camera.resizing import cropped, resized
from core.camera.turning import turned
from core.commands import main
from core.errors import CameraError, TerrainError
from core.projection import compute_viewshed, drape, mask_to_map, polygon_to_mask
from core.projection.footprint import compute_footprint
from core.projection.near_field_mask import near_field_mask, outline_near_field

SIZE = 500, 400
TERRAIN = mountainside(10.0)
CAMERA = camera_of(TERRAIN, "good", *SIZE)
RECORD = CameraRecord(replace(CAMERA, f=CAMERA.f / 2), 2056, dem_noise_m=0.0)


def roof() -> np.ndarray:
    """What is close by: the left part of the photo, and a mast."""
    mask = np.zeros(SIZE[::-1], bool)
    mask[:, :250] = True
    mask[100:, 400:410] = True
    return mask


def with_roof(record: CameraRecord = RECORD) -> CameraRecord:
    return replace(record, near_field_px=outline_near_field(roof()))


@pytest.mark.parametrize("kind", ["box", "disc", "parts", "pixel"])
def test_masks_come_back_from_their_outlines(kind):
    mask = np.zeros((120, 160), np.uint8)
    if kind == "box":
        mask[30:90, :70] = 1
    elif kind == "disc":
        cv2.circle(mask, (80, 60), 40, 1, -1)
    elif kind == "parts":
        mask[100:, :], mask[5:20, 140:] = 1, 1
    else:
        mask[60, 80] = 1
    found = near_field_mask(outline_near_field(mask.astype(bool)), (160, 120))
    union = (found | (mask > 0)).sum()
    assert (found & (mask > 0)).sum() / union > 0.97


def test_the_camera_keeps_it_in_other_sizes_parts_and_turned(tmp_path):
    record = with_roof()
    record.write(tmp_path / "camera.json")
    assert CameraRecord.read(tmp_path / "camera.json") == record
    assert "near_field_px" not in RECORD.to_json()

    def drawn(of: CameraRecord) -> np.ndarray:
        return near_field_mask(of.near_field_px, (of.camera.width, of.camera.height))

    twice = resized(record, 1000, 800)
    assert (drawn(twice) == roof().repeat(2, axis=0).repeat(2, axis=1)).mean() > 0.99
    part = cropped(record, 200, 50, 250, 300)
    assert np.array_equal(drawn(part), roof()[50:350, 200:450])
    assert np.array_equal(drawn(turned(record, 6)), np.rot90(roof(), -1))
    assert np.array_equal(drawn(turned(record, 3)), roof()[::-1, ::-1])


@pytest.mark.parametrize("wrong", ["much", [[1, 2]], [[[1]]], [[[1, float("nan")]]], [[]], 3])
def test_what_is_none_is_refused(wrong):
    content = json.loads(json.dumps({**RECORD.to_json(), "near_field_px": wrong}))
    with pytest.raises(CameraError):
        CameraRecord.from_json(content)


def test_nothing_of_it_is_looked_at():
    """Neither unprojected, nor mapped, nor draped; all else as before."""
    plain, viewshed = compute_viewshed(RECORD, TERRAIN), compute_viewshed(with_roof(), TERRAIN)
    distances = viewshed.range_map.distances
    assert np.isnan(distances[roof()]).all()
    assert np.array_equal(distances[~roof()], plain.range_map.distances[~roof()], equal_nan=True)
    outline = shapely.box(X - 150, Y + 300, X + 150, Y + 600)
    mask = polygon_to_mask(outline, plain)
    assert np.array_equal(polygon_to_mask(outline, viewshed), mask & ~roof())
    whole, part = (mask_to_map(mask, each).polygon for each in (plain, viewshed))
    assert 0.2 * whole.area < part.area < 0.8 * whole.area
    assert part.difference(whole.buffer(2)).area < 0.01 * part.area
    edge = shapely.get_coordinates(part)
    heights = viewshed.terrain.sample(*edge.T)
    u, v = RECORD.camera.project(np.column_stack([edge, heights])).T
    assert not roof()[np.clip(np.rint(v).astype(int), 0, 399), np.rint(u - 2).astype(int)].all()
    assert (u > 248).all()
    assert compute_footprint(viewshed).area < 0.8 * compute_footprint(plain).area
    photo = np.full((400, 500, 3), 200, np.uint8)
    shown = [(drape(photo, each, cell=5.0)[0][..., 3] > 0).sum() for each in (viewshed, plain)]
    assert shown[0] < 0.8 * shown[1]


def test_a_near_field_of_all_ground_is_refused():
    everything = replace(RECORD, near_field_px=outline_near_field(np.ones(SIZE[::-1], bool)))
    with pytest.raises(TerrainError, match="covers all ground"):
        compute_viewshed(everything, TERRAIN)


def test_the_command_line_takes_metres_and_a_mask(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path / "cache"))
    with rasterio.open(
        tmp_path / "dem.tif",
        "w",
        driver="GTiff",
        width=TERRAIN.heights.shape[1],
        height=TERRAIN.heights.shape[0],
        count=1,
        dtype="float32",
        crs="EPSG:2056",
        transform=from_origin(TERRAIN.west - 5, TERRAIN.north + 5, 10, 10),
    ) as file:
        file.write(TERRAIN.heights, 1)
    RECORD.write(tmp_path / "camera.json")
    near = cv2.resize(roof().astype(np.uint8) * 255, (1000, 800), interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(tmp_path / "near.png"), near)
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((400, 500), np.uint8))
    cv2.imwrite(str(tmp_path / "other.png"), np.full((300, 500), 255, np.uint8))
    mask = polygon_to_mask(
        shapely.box(X - 150, Y + 300, X + 150, Y + 600), compute_viewshed(RECORD, TERRAIN)
    )
    cv2.imwrite(str(tmp_path / "mask.png"), mask.astype(np.uint8) * 255)
    command = ["camera", "to-map", str(tmp_path / "mask.png")]
    command += ["--camera", str(tmp_path / "camera.json"), "--dem", str(tmp_path / "dem.tif")]
    command += ["-o", str(tmp_path / "found.gpkg")]
    areas = []
    for options in ([], ["--near-field", str(tmp_path / "near.png"), "--near-field", "30"]):
        assert main([*command, *options]) == 0
        capsys.readouterr()
        import pyogrio

        _, _, geometry, _ = pyogrio.raw.read(tmp_path / "found.gpkg")
        areas.append(shapely.area(shapely.from_wkb(geometry)).sum())
    assert 0.2 * areas[0] < areas[1] < 0.8 * areas[0]
    for name, says in (("black.png", "marks nothing"), ("other.png", "draw it on that photo")):
        assert main([*command, "--near-field", str(tmp_path / name)]) == 2
        assert says in capsys.readouterr().err
