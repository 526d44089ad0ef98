"""Heights in memory, and DEM files of all kinds as such."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, Resampling
from rasterio.transform import from_origin

from core.errors import TerrainError
from core.terrain import Terrain
from core.terrain.sources import Dem, open_dem
from core.terrain.tiles import find_tiles

DEM_DIR = Path(__file__).parents[2].parent / "shared" / "data" / "dem"
WEST, NORTH = 2_600_000.0, 1_200_000.0
LV95 = 2056


def hilly(rows: int = 60, cols: int = 80) -> np.ndarray:
    row, col = np.mgrid[:rows, :cols]
    return (1500 + 200 * np.sin(row / 9) + 150 * np.cos(col / 7) + row).astype(np.float32)


def write(
    path: Path,
    heights: np.ndarray,
    west: float = WEST,
    north: float = NORTH,
    cell: float = 5.0,
    crs: str | None = "EPSG:2056",
    nodata: float | None = None,
    tags: dict[str, str] | None = None,
    unit: str | None = None,
    scale: float = 1.0,
) -> Path:
    heights = np.atleast_3d(heights.T).T  # bands first
    count, rows, cols = heights.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=cols,
        height=rows,
        count=count,
        dtype=heights.dtype,
        crs=crs,
        transform=from_origin(west, north, cell, cell),
        nodata=nodata,
    ) as file:
        file.write(heights)
        file.update_tags(**(tags or {}))
        file.scales = [scale] * count
        if unit:
            file.units = [unit] * count
    return path


def everything(dem: Dem, cell: float | None = None) -> Terrain:
    return dem.read_terrain(dem.bounds, cell)


# --- in memory ------------------------------------------------------------------------------


def test_heights_between_centres_are_bilinear():
    row, col = np.mgrid[:5, :7]
    terrain = Terrain((10.0 * col - 3 * row).astype(np.float32), 100.0, 50.0, 2.0)
    x, y = np.array([100.0, 103.0, 111.9]), np.array([50.0, 45.5, 42.1])
    np.testing.assert_allclose(
        terrain.sample(x, y), 10 * (x - 100) / 2 - 3 * (50 - y) / 2, atol=1e-4
    )
    assert terrain.bounds == (100.0, 42.0, 112.0, 50.0)


def test_heights_are_unknown_outside_and_beside_holes():
    heights = np.ones((4, 4), np.float32)
    heights[1, 1] = np.nan
    terrain = Terrain(heights, 0.0, 0.0, 1.0)
    found = terrain.sample([-0.1, 3.1, 1.5, 2.5, 1.0], [0.0, 0.0, -1.5, -2.5, 0.1])
    np.testing.assert_array_equal(np.isnan(found), [True, True, True, False, True])


# --- a file in the CRS of the camera ----------------------------------------------------------


def test_cells_are_read_as_they_are(tmp_path):
    heights = hilly()
    dem = open_dem(write(tmp_path / "dem.tif", heights), LV95)
    assert (dem.cell, dem.name, dem.vertical_datum, dem.warnings) == (5.0, "dem.tif", "", ())
    assert dem.bounds == (WEST, NORTH - 300, WEST + 400, NORTH)
    part = dem.read_terrain((WEST + 101, NORTH - 201, WEST + 149, NORTH - 149))
    assert (part.west, part.north, part.cell) == (WEST + 97.5, NORTH - 147.5, 5.0)
    np.testing.assert_array_equal(part.heights, heights[29:41, 19:31])


def test_a_window_gives_all_that_is_within(tmp_path):
    dem = open_dem(write(tmp_path / "dem.tif", hilly()), LV95)
    bounds = (WEST + 101, NORTH - 201, WEST + 149, NORTH - 149)
    x, y = np.meshgrid(np.linspace(bounds[0], bounds[2]), np.linspace(bounds[1], bounds[3]))
    assert np.isfinite(dem.read_terrain(bounds).sample(x, y)).all()


def test_points_of_the_whole_dem_are_sampled_without_reading_all_of_it(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    heights = np.kron(hilly(), np.ones((20, 20), np.float32))
    dem = open_dem(write(tmp_path / "dem.tif", heights), LV95)
    x = WEST + rng.uniform(-100, 8100, 40)
    y = NORTH - rng.uniform(-100, 6100, 40)
    expected = everything(dem).sample(x, y)
    sizes = []
    read = Dem._read_cells

    def counted(self, bounds, cell):
        terrain = read(self, bounds, cell)
        sizes.append(terrain.heights.size)
        return terrain

    monkeypatch.setattr(Dem, "_read_cells", counted)
    monkeypatch.setattr("core.terrain.sources._TOGETHER", 1000)
    np.testing.assert_allclose(dem.sample(x, y), expected, rtol=1e-12)
    assert 0 < np.isnan(expected).sum() < 20
    assert sum(sizes) < 0.1 * heights.size


def test_larger_cells_are_averages(tmp_path):
    heights = hilly()
    dem = open_dem(write(tmp_path / "dem.tif", heights), LV95)
    coarse = everything(dem, 20.0)
    blocks = heights.reshape(15, 4, 20, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(coarse.heights[1:-1, 1:-1], blocks, atol=1e-2)
    assert (coarse.west, coarse.north) == (WEST - 10, NORTH + 10)


# --- what is no height ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodata", "stored"),
    [(-9999, -9999), (None, -9999), (-32768, -32768), (None, -1e38), (None, 9999), (0, 0)],
)
def test_what_is_no_height_is_unknown(tmp_path, nodata, stored):
    heights = hilly()
    heights[10:20, 30:40] = stored
    dem = open_dem(write(tmp_path / "dem.tif", heights, nodata=nodata), LV95)
    expected = np.zeros(heights.shape, bool)
    expected[10:20, 30:40] = True
    terrain = everything(dem)
    np.testing.assert_array_equal(np.isnan(terrain.heights[1:-1, 1:-1]), expected)


def test_holes_do_not_leak_into_heights_that_are_resampled(tmp_path):
    heights = hilly()
    heights[10:20, 30:40] = -9999
    dem = open_dem(write(tmp_path / "dem.tif", heights), 21781)  # old grid: shifted, not turned
    found = everything(dem).heights
    assert np.nanmin(found) > heights[heights > 0].min() - 1
    assert 80 <= np.isnan(found[3:-3, 3:-3]).sum() <= 160


def test_scaled_whole_numbers_and_feet(tmp_path):
    tenths = np.rint(hilly() * 10).astype(np.int16)
    dem = open_dem(write(tmp_path / "a.tif", tenths, scale=0.1, nodata=-32768), LV95)
    np.testing.assert_allclose(everything(dem).heights[1:-1, 1:-1], hilly(), atol=0.06)
    dem = open_dem(write(tmp_path / "b.tif", hilly() / 0.3048, unit="ft"), LV95)
    np.testing.assert_allclose(everything(dem).heights[1:-1, 1:-1], hilly(), atol=0.01)
    assert "feet" in dem.warnings[0]


def test_the_vertical_datum_is_read(tmp_path):
    dem = open_dem(write(tmp_path / "a.tif", hilly(), crs="EPSG:2056+5728"), LV95)
    assert dem.vertical_datum == "LN02 height"
    np.testing.assert_array_equal(everything(dem).heights[1:-1, 1:-1], hilly())  # not resampled
    write(tmp_path / "b.tif", hilly(), west=WEST + 400, tags={"VERTICAL_DATUM": "LHN95"})
    both = open_dem([tmp_path / "a.tif", tmp_path / "b.tif"], LV95)
    assert both.vertical_datum == "LHN95, LN02 height"
    assert "different vertical datums" in both.warnings[0]


# --- tiles ------------------------------------------------------------------------------------


def tiles(folder: Path, heights: np.ndarray, size: int, overlap: int = 0, **kwargs) -> None:
    folder.mkdir(exist_ok=True)
    for row in range(0, heights.shape[0], size):
        for col in range(0, heights.shape[1], size):
            part = heights[row : row + size + overlap, col : col + size + overlap]
            place = {"west": WEST + 5 * col, "north": NORTH - 5 * row}
            write(folder / f"{row}_{col}.tif", part, **place, **kwargs)


@pytest.mark.parametrize("overlap", [0, 3])
def test_a_folder_of_tiles_is_one_dem(tmp_path, overlap):
    tiles(tmp_path / "tiles", hilly(), 20, overlap)
    (tmp_path / "tiles" / "readme.txt").write_text("not a DEM")
    dem = open_dem(tmp_path / "tiles", LV95)
    assert dem.name == "0_0.tif and 11 more"
    np.testing.assert_array_equal(everything(dem).heights[1:-1, 1:-1], hilly())


def test_a_missing_tile_is_a_hole(tmp_path):
    tiles(tmp_path / "tiles", hilly(), 20)
    (tmp_path / "tiles" / "20_40.tif").unlink()
    dem = open_dem(tmp_path / "tiles", LV95)
    expected = np.zeros((60, 80), bool)
    expected[20:40, 40:60] = True
    np.testing.assert_array_equal(np.isnan(everything(dem).heights[1:-1, 1:-1]), expected)
    with pytest.raises(TerrainError, match="hole, or a missing tile"):
        dem.read_terrain((WEST + 220, NORTH - 180, WEST + 280, NORTH - 120))


def test_tiles_have_no_seams_where_they_are_resampled(tmp_path):
    whole = open_dem(write(tmp_path / "whole.tif", hilly()), 32632)
    tiles(tmp_path / "tiles", hilly(), 20)
    parts = open_dem(tmp_path / "tiles", 32632)
    np.testing.assert_array_equal(everything(parts).heights, everything(whole).heights)


def test_fine_cells_count_before_coarse_ones_whatever_their_order(tmp_path):
    fine = write(tmp_path / "a.tif", np.full((20, 20), 700, np.float32), cell=2.0)
    coarse = write(tmp_path / "b.tif", hilly(), cell=10.0)
    for order in ([fine, coarse], [coarse, fine]):
        dem = open_dem(order, LV95)
        assert dem.cell == 2.0
        assert dem.bounds == (WEST, NORTH - 600, WEST + 800, NORTH)
        terrain = dem.read_terrain((WEST, NORTH - 100, WEST + 100, NORTH))
        np.testing.assert_array_equal(terrain.heights[1:21, 1:21], 700)
        x, y = np.array([WEST + 75.0]), np.array([NORTH - 75.0])
        assert terrain.sample(x, y)[0] == pytest.approx(hilly()[7, 7], abs=1e-3)


def test_tiles_that_are_half_a_cell_off_keep_their_place(tmp_path):
    slope = np.broadcast_to(np.arange(40, dtype=np.float32) * 5, (40, 40))
    write(tmp_path / "a.tif", slope)
    write(tmp_path / "b.tif", slope + 202.5, west=WEST + 202.5)
    dem = open_dem([tmp_path / "a.tif", tmp_path / "b.tif"], LV95)
    x = WEST + np.array([50.0, 150.0, 250.0, 350.0])
    np.testing.assert_allclose(dem.sample(x, np.full(4, NORTH - 100)), x - WEST - 2.5, atol=1e-3)


# --- another CRS ------------------------------------------------------------------------------


@pytest.mark.parametrize("epsg", [2056, 32632, 3035])
def test_another_crs_gives_the_same_heights_at_the_same_places(epsg):
    from pyproj import Transformer

    path = DEM_DIR / "avaMal_dem_5m_epsg31287.tif"
    own, other = open_dem(path, 31287), open_dem(path, epsg)
    assert other.cell == pytest.approx(5, rel=0.03)
    x, y = np.random.default_rng(0).uniform(own.bounds[:2], own.bounds[2:], (2000, 2)).T
    there = Transformer.from_crs(31287, epsg, always_xy=True).transform(x, y)
    error = np.abs(own.sample(x, y) - other.sample(*there))
    assert np.isfinite(error).mean() > 0.5
    assert np.nanmedian(error) < 0.1
    assert np.nanpercentile(error, 95) < 0.7


def test_degrees_become_metres(tmp_path):
    row = np.arange(100)[:, None] + np.zeros(100)
    path = write(
        tmp_path / "dem.tif",
        (1000 + 10.0 * row).astype(np.float32),
        west=8.0,
        north=46.5,
        cell=1 / 3600,
        crs="EPSG:4326",
    )
    dem = open_dem(path, 32632)
    assert 20 < dem.cell < 31
    west, _, east, north = dem.bounds
    middle, top = np.full(2, (west + east) / 2), np.array([north - 600, north - 1600])
    lower, upper = dem.sample(middle, top)
    assert upper - lower == pytest.approx(1000 / 30.87 * 10, rel=0.01)  # metres of an arc second


# --- keys and errors --------------------------------------------------------------------------


def test_the_identity_follows_the_file(tmp_path):
    path = write(tmp_path / "dem.tif", hilly())
    before = open_dem(path, LV95).identity
    assert open_dem(path, LV95).identity == before
    os.utime(path, (1, 1))
    assert open_dem(path, LV95).identity != before


def test_a_dem_that_does_not_cover_says_what_it_covers(tmp_path):
    dem = open_dem(write(tmp_path / "dem.tif", hilly()), LV95)
    with pytest.raises(TerrainError, match="covers x 2600000 to 2600400, y 1199700 to 1200000"):
        dem.read_terrain((NORTH, WEST, NORTH + 100, WEST + 100))
    assert np.isnan(dem.sample([NORTH], [WEST])).all()


def test_faults_of_files_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.tif").write_text("no raster")
    write(tmp_path / "bare.tif", hilly(), crs=None)
    write(tmp_path / "picture.tif", np.zeros((3, 5, 5), np.uint8))
    for name, words in (
        ("missing.tif", "There is no DEM"),
        ("empty", "holds no DEM"),
        ("text.tif", "cannot be read as a DEM"),
        ("bare.tif", "gdal_edit -a_srs"),
        ("picture.tif", "3 bands"),
    ):
        with pytest.raises(TerrainError, match=words) as error:
            open_dem(tmp_path / name, LV95)
        assert ("cannot be read" in str(error.value)) == (name == "text.tif")
    with pytest.raises(TerrainError, match="No DEM is named"):
        open_dem([], LV95)


@pytest.mark.parametrize("epsg", [4326, 999999])
def test_a_crs_that_cannot_be_used_is_refused(tmp_path, epsg):
    path = write(tmp_path / "dem.tif", hilly())
    with pytest.raises(TerrainError, match=f"EPSG:{epsg}"):
        open_dem(path, epsg)


# --- voids ------------------------------------------------------------------------------------

HOLE = np.s_[20:30, 30:45]


def with_hole(value: float) -> tuple[np.ndarray, np.ndarray]:
    """Heights with a hole, and where they are known."""
    heights, known = hilly(), np.ones((60, 80), bool)
    heights[HOLE], known[HOLE] = value, False
    return heights, known


def write_masked(folder: Path, kind: str, value: float = 0.0) -> Path:
    """A DEM whose hole is stated by a mask: in the file, beside it, or by alpha."""
    heights, known = with_hole(value)
    opaque = known.astype(np.uint8) * 255
    if kind == "alpha":
        path = write(folder / "dem.tif", np.stack([heights, opaque.astype(np.float32)]))
        with rasterio.open(path, "r+") as file:
            file.colorinterp = [ColorInterp.gray, ColorInterp.alpha]
        return path
    path = write(folder / "dem.tif", heights)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"),
        rasterio.open(path, "r+") as file,
    ):
        file.write_mask(opaque)
    assert (folder / "dem.tif.msk").exists() == (kind == "beside")
    return path


@pytest.mark.parametrize("kind", ["internal", "beside", "alpha"])
@pytest.mark.parametrize("value", [0.0, 1500.0, -9999.0])
def test_masks_state_what_is_unknown(tmp_path, kind, value):
    dem = open_dem(write_masked(tmp_path, kind, value), LV95)
    _, known = with_hole(value)
    assert np.array_equal(np.isfinite(everything(dem).heights[1:-1, 1:-1]), known)
    x, y = WEST + 5 * 37.5, NORTH - 5 * 25.5
    assert np.isnan(dem.sample([x], [y])).all()
    finer, coarser = everything(dem, 3.0), everything(dem, 20.0)
    for terrain in (finer, coarser):
        found = terrain.heights[np.isfinite(terrain.heights)]
        assert found.min() >= hilly().min() - 1
        assert found.max() <= hilly().max() + 1


@pytest.mark.parametrize(
    "value",
    [-9999.0, -32768.0, -32767.0, 3.4028234663852886e38, -3.4028234663852886e38, 65535],
)
@pytest.mark.parametrize("declared", [None, 0.0, -1.0])
@pytest.mark.parametrize("cell", [5.0, 3.0, 12.0, 40.0])
def test_voids_that_no_file_states_leak_into_nothing(tmp_path, value, declared, cell):
    heights, known = with_hole(value)
    path = write(tmp_path / "dem.tif", heights, nodata=declared)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], Resampling.average)
    found = everything(open_dem(path, LV95), cell).heights
    assert np.isnan(found[1:-1, 1:-1]).any() or cell > 12
    assert np.nanmin(found) >= hilly()[known].min() - 1
    assert np.nanmax(found) <= hilly()[known].max() + 1


@pytest.mark.parametrize(
    ("dtype", "value", "scale", "offset"),
    [
        (np.uint16, 65535, 0.1, 0.0),
        (np.int16, -32768, 0.1, 4000.0),
        (np.int32, -(2**31), 1e-6, 3000.0),
        (np.float32, -500.0, 1.0, 0.0),
        (np.float32, 9000.0, 1.0, 0.0),
    ],
)
def test_voids_that_would_be_heights_after_scaling(tmp_path, dtype, value, scale, offset):
    heights, known = with_hole(0.0)
    stored = np.where(known, (heights - offset) / scale, value).astype(dtype)
    path = write(tmp_path / "dem.tif", stored)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (scale,), (offset,)
    found = everything(open_dem(path, LV95), 12.0).heights
    assert np.nanmin(found) >= hilly()[known].min() - 1
    assert np.nanmax(found) <= hilly()[known].max() + 1


def test_a_stated_void_among_possible_heights(tmp_path):
    heights, known = with_hole(0.0)
    dem = open_dem(write(tmp_path / "dem.tif", heights, nodata=0), LV95)
    assert np.array_equal(np.isfinite(everything(dem).heights[1:-1, 1:-1]), known)
    path = write_masked(tmp_path, "internal", 0.0)
    with rasterio.open(path, "r+") as file:
        file.nodata = 1500.0
    heights, known = with_hole(0.0)
    found = np.isfinite(everything(open_dem(path, LV95)).heights[1:-1, 1:-1])
    assert not found[~known].any()


def test_heights_stay_as_they_are_to_the_last_bit(tmp_path):
    heights = hilly() * np.float32(1.0001) + np.float32(1e-4)
    heights[0, :4] = 0, -0.5, -499.5, 8999.5
    dem = open_dem(write(tmp_path / "dem.tif", heights), LV95)
    np.testing.assert_array_equal(everything(dem).heights[1:-1, 1:-1], heights)


def test_files_that_begin_with_a_dot_are_passed_over(tmp_path):
    write(tmp_path / "a.tif", hilly())
    (tmp_path / "._a.tif").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
    (tmp_path / ".hidden.asc").write_text("")
    assert [path.name for path in find_tiles(tmp_path)] == ["a.tif"]
    assert open_dem(tmp_path, LV95).name == "a.tif"
    (tmp_path / "a.tif").unlink()
    with pytest.raises(TerrainError, match="holds no DEM"):
        open_dem(tmp_path, LV95)
