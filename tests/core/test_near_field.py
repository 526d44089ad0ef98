"""Cameras where the DEM is wrong about them: on crests, and under the ground by its noise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from ray_caster import X, Y, hit, with_noise
from scipy.ndimage import gaussian_filter

from core.camera import Camera, CameraRecord, ControlPoint, PosePrior, solve_pose
from core.camera.near_field import examine_near_field
from core.commands import main
from core.errors import TerrainError
from core.projection import compute_viewshed
from core.terrain import Terrain

AXIS = np.arange(-1500.0, 1501.0, 5.0)


def crest(wrong: float = 0.0, width: float = 60.0) -> Terrain:
    """A crest from west to east at (X, Y), falling to a valley in the north; ``wrong`` is how much
    too high its heights are in the DEM, up to a width of metres.
    """
    x, y = np.meshgrid(AXIS, AXIS[::-1])
    heights = 2000 - 0.55 * np.abs(y) + np.maximum(np.abs(y) - 700, 0) * 1.05
    rough = gaussian_filter(np.random.default_rng(2).normal(size=x.shape), 4)
    heights += 3 * rough / rough.std() * np.clip(np.abs(y) / 100, 0, 1)
    heights += wrong * np.exp(-((y / width) ** 2) / 2)
    return Terrain(heights.astype(np.float32), X + AXIS[0], Y + AXIS[-1], 5.0)


CAMERA = Camera(900, 600, X, Y, 2002.0, yaw=0.0, pitch=-15.0, roll=0.0, f=800.0)


def places(count: int = 12, seed: int = 0):
    """Pixels of the camera, and the ground that they truly show."""
    pixels = np.random.default_rng(seed).uniform((30, 150), (870, 570), (count * 3, 2))
    ground = hit(crest(), CAMERA, pixels)
    far = np.hypot(*(ground[:, :2] - (X, Y)).T) > 300
    return pixels[far][:count], ground[far][:count]


@pytest.mark.parametrize("width", [20.0, 60.0])
@pytest.mark.parametrize("depth", [2.0, 5.0])
def test_a_camera_below_a_crest_sees_its_points(depth, width):
    """The DEM is too high by as much as the camera stands above the ground, and some metres."""
    dem = crest(wrong=2.0 + depth, width=width)
    viewshed = compute_viewshed(CameraRecord(CAMERA, 2056), dem)
    pixels, ground = places()
    found = viewshed.range_map.unproject(pixels)
    error = np.hypot(*(found - ground)[:, :2].T)
    assert np.isfinite(error).all()
    assert np.median(error) < 3
    assert any(f"{depth:.1f} m below the DEM" in text for text in viewshed.warnings)
    assert any("--near-field" in text for text in viewshed.warnings)


@pytest.mark.parametrize("seed", range(4))
def test_a_camera_under_the_noise_of_the_dem(seed):
    noisy = with_noise(crest(), 2.0, seed)
    row, col = np.array(noisy.heights.shape) // 2
    noisy.heights[row - 1 : row + 2, col - 1 : col + 2] += 7.0 - (
        noisy.heights[row, col] - crest().heights[row, col]
    )
    viewshed = compute_viewshed(CameraRecord(CAMERA, 2056), noisy)
    pixels, ground = places(30)
    found = viewshed.range_map.unproject(pixels)
    assert np.median(np.hypot(*(found - ground)[:, :2].T)) < 10  # 2 m, seen at some 15 degrees


def test_a_near_field_that_is_given_is_kept():
    dem = crest(wrong=5.0)
    record = CameraRecord(CAMERA, 2056, near_field_m=150.0)
    viewshed = compute_viewshed(record, dem)
    assert viewshed.lines_of_sight.nearest == 150.0
    assert np.nanmin(viewshed.range_map.distances) >= 149
    assert "150 m around it are not looked at" in viewshed.warnings[0]
    clear = compute_viewshed(replace(record, near_field_m=None), crest())
    assert clear.lines_of_sight.nearest == 20.0
    assert clear.warnings == ()


@pytest.mark.parametrize(
    ("sigma", "depth", "refused"),
    [(0.1, 4.0, False), (0.1, 9.0, True), (4.0, 9.0, False), (4.0, 16.0, True), (None, 30.0, True)],
)
def test_only_more_than_three_sigma_is_refused(sigma, depth, refused):
    covariance = None
    if sigma is not None:
        covariance = np.diag([0.01, 0.01, sigma**2, *[1e-6] * 5]).tolist()
    record = CameraRecord(CAMERA, 2056, covariance=covariance)
    dem = crest(wrong=2.0 + depth)
    if refused:
        with pytest.raises(TerrainError, match=f"{depth:.0f} m under the ground.*three sigma"):
            compute_viewshed(record, dem)
    else:
        assert "not looked at" in compute_viewshed(record, dem).warnings[0]


def test_slope_times_the_position_counts():
    """On a slope of 1 in 1, a place good to 6 m is a height good to 6 m."""
    covariance = np.diag([36.0, 36.0, 0.01, *[1e-6] * 5]).tolist()
    flat, steep = (
        examine_near_field(CAMERA, covariance, lambda x, y, s=s: 2000 + s * (x - X), 5.0)
        for s in (0.0, 1.0)
    )
    assert flat.limit == 5.0
    assert steep.limit == pytest.approx(3 * math.sqrt(36 + 25 / 12), rel=0.05)


def test_nothing_is_suggested_above_the_ground():
    assert examine_near_field(CAMERA, None, crest().sample, 5.0).suggested is None
    unknown = examine_near_field(CAMERA, None, lambda x, y: np.full(len(x), np.nan))
    assert (unknown.suggested, unknown.is_buried) == (None, False)


def control_points() -> list[ControlPoint]:
    pixels, ground = places(10)
    return [
        ControlPoint(f"p{i}", *pixel, *place)
        for i, (pixel, place) in enumerate(zip(pixels.tolist(), ground.tolist(), strict=True))
    ]


def test_solve_warns_at_once_and_measures_on_the_map():
    prior = PosePrior(position=(X, Y, 2002.0), focal=800.0)
    plain = solve_pose(control_points(), (900, 600), epsg=2056, terrain=crest(), prior=prior)
    assert not any("DEM" in text for text in plain.warnings)
    low = solve_pose(control_points(), (900, 600), epsg=2056, terrain=crest(5.0), prior=prior)
    assert any("3.0 m below the DEM" in text for text in low.warnings)
    assert low.loo_map_median_m == pytest.approx(plain.loo_map_median_m, abs=1.0)
    deep = solve_pose(control_points(), (900, 600), epsg=2056, terrain=crest(60.0), prior=prior)
    assert any("nothing can be mapped" in text for text in deep.warnings)
    given = solve_pose(
        control_points(),
        (900, 600),
        epsg=2056,
        terrain=crest(5.0),
        prior=prior,
        near_field=90.0,
        dem_noise=0.5,
    )
    assert (given.near_field_m, given.dem_noise_m) == (90.0, 0.5)


def test_on_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("AVALANCHE_ISEG_CACHE", str(tmp_path / "cache"))
    dem, table, camera = (tmp_path / name for name in ("dem.tif", "gcps.csv", "camera.json"))
    heights = crest(5.0).heights
    with rasterio.open(
        dem,
        "w",
        driver="GTiff",
        width=heights.shape[1],
        height=heights.shape[0],
        count=1,
        dtype="float32",
        crs="EPSG:2056",
        transform=from_origin(X + AXIS[0] - 2.5, Y + AXIS[-1] + 2.5, 5, 5),
    ) as file:
        file.write(heights, 1)
    rows = [f"{p.name},{p.u},{p.v},{p.x},{p.y},{p.z}" for p in control_points()]
    table.write_text("\n".join(["name,u_px,v_px,x,y,z", *rows]))
    solve = ["camera", "solve", str(table), "--image-size", "900,600", "--crs", "EPSG:2056"]
    solve += ["--dem", str(dem), "--position", f"{X},{Y},2002", "--focal", "800", "-o", str(camera)]
    assert main(solve) == 0
    said = capsys.readouterr()
    assert "below the DEM" in said.out + said.err
    assert CameraRecord.read(camera).near_field_m is None
    assert main([*solve, "--near-field", "70", "--dem-noise", "0.2"]) == 0
    record = CameraRecord.read(camera)
    assert (record.near_field_m, record.dem_noise_m) == (70.0, 0.2)
    capsys.readouterr()
    check = ["camera", "check", str(camera), "--dem", str(dem)]
    assert main(check) == 0
    said = capsys.readouterr()
    assert "within 70 m" in said.out
    assert "below the DEM" in said.err
    with pytest.raises(SystemExit):
        main([*check, "--near-field", "-3"])
