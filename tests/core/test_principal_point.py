"""A principal point off the centre: found with a prior, in the covariance and the report."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.camera import Camera, CameraRecord, ControlPoint, Projection
from core.camera.calibration import Calibration
from core.camera.resection import PosePrior, solve_pose
from core.camera.resizing import resized
from core.camera.turning import turned
from core.commands import main
from core.errors import CameraError

SIZE = (1600, 1000)
CENTRE = (799.5, 499.5)
TRUTH = Camera(
    *SIZE, 2_700_000.0, 1_150_000.0, 1500.0, 123.0, 4.0, -1.0, 1500.0, cx=829.5, cy=475.5, k1=-0.05
)
PRIOR = PosePrior(position=(2_700_003.0, 1_149_998.0, 1501.0), principal_point_sigma=0.02)


def points(count=14, camera=TRUTH, noise=0.5, seed=0) -> list[ControlPoint]:
    """Near and far, over the whole photo."""
    rng = np.random.default_rng(seed)
    pixels = rng.uniform((30, 30), (camera.width - 30, camera.height - 30), (count, 2))
    away = rng.uniform(150, 4000, (count, 1))
    places = camera.position + away * camera.pixel_rays(pixels)
    pixels = camera.project(places) + rng.normal(0, noise, (count, 2))
    rows = zip(pixels.tolist(), places.tolist(), strict=True)
    return [ControlPoint(f"P{i}", *uv, *xyz) for i, (uv, xyz) in enumerate(rows)]


def solve(given, prior=PRIOR, **options) -> CameraRecord:
    return solve_pose(given, SIZE, epsg=2056, prior=prior, **options)


def test_it_is_found_and_the_pose_is_better_for_it():
    given = points()
    free, held = solve(given), solve(given, replace(PRIOR, principal_point_sigma=None))
    assert abs(free.camera.cx - TRUTH.cx) < 8
    assert abs(free.camera.cy - TRUTH.cy) < 8
    assert (held.camera.cx, held.camera.cy) == CENTRE
    assert free.rms_px < 0.7 * held.rms_px
    assert abs(free.camera.yaw - TRUTH.yaw) < 0.3 < abs(held.camera.yaw - TRUTH.yaw)


@pytest.mark.parametrize("kind", list(Projection))
def test_any_lens(kind):
    lens = {"k1": 0.0} if kind.is_panorama else {}
    truth = replace(TRUTH, projection=kind, **lens)
    record = solve(points(20, truth), projection=kind)
    # To the side it is nearly the same as a turn, of a panorama just that.
    assert abs(record.camera.cy - truth.cy) < 12
    assert record.rms_px < 1.2
    assert len(record.covariance) == 10


def test_its_sigma_is_honest_and_the_covariance_covers_it():
    inside = []
    for seed in range(30):
        record = solve(points(seed=seed, noise=1.0))
        spread = np.array(record.covariance)[8:, 8:]
        missed = np.array([record.camera.cx - TRUTH.cx, record.camera.cy - TRUTH.cy])
        inside.append(missed @ np.linalg.solve(spread, missed))
    assert np.mean(np.array(inside) < 5.99) > 0.85
    assert np.median(inside) > 0.3  # not as wide as the prior


def test_few_points_hold_it_and_say_so():
    for count in (4, 5):
        record = solve(points(count))
        assert (record.camera.cx, record.camera.cy) == CENTRE
        assert len(record.covariance) == 8
        assert any("principal point is held" in text for text in record.warnings)
    record = solve(points(6))
    assert len(record.covariance) == 10
    assert not any("principal point is held" in text for text in record.warnings)


def test_a_tight_prior_holds_it_where_it_is_known():
    lens = Calibration(1500.0, 829.5, 475.5, k1=-0.05, size=SIZE)
    record = solve(points(), replace(PRIOR, calibration=lens, principal_point_sigma=1e-4))
    assert record.camera.cx == pytest.approx(829.5, abs=0.5)
    assert record.camera.cy == pytest.approx(475.5, abs=0.5)


def test_files_keep_its_covariance():
    record = solve(points())
    content = record.to_json()
    assert content["covariance_parameters"][-2:] == ["cx", "cy"]
    again = CameraRecord.from_json(json.loads(json.dumps(content)))
    assert again.covariance == record.covariance
    for wrong in (["x"] * 10, content["covariance_parameters"][:8]):
        with pytest.raises(CameraError, match="covariance"):
            CameraRecord.from_json({**content, "covariance_parameters": wrong})
    half = resized(record, 800, 500)
    assert half.covariance[8][8] == pytest.approx(record.covariance[8][8] / 4)
    upright = turned(record, 6)
    assert upright.covariance[9][9] == pytest.approx(record.covariance[8][8])
    assert upright.covariance[8][9] == pytest.approx(-record.covariance[8][9])
    assert turned(upright, 8).covariance == pytest.approx(np.array(record.covariance))


def test_command_and_check(tmp_path, capsys):
    table = tmp_path / "gcps.csv"
    rows = [f"{p.name},{p.u},{p.v},{p.x},{p.y},{p.z}" for p in points()]
    table.write_text("\n".join(["name,u_px,v_px,x,y,z", *rows]))
    out = tmp_path / "camera.json"
    common = ["camera", "solve", str(table), "--image-size=1600,1000", "--crs=EPSG:2056"]
    common += ["--position=2700003,1149998,1501", "-o", str(out)]
    for sigma in ("2%", "32"):
        assert main([*common, "--principal-point-sigma", sigma]) == 0
        found = CameraRecord.read(out).camera
        assert abs(found.cx - TRUTH.cx) < 8
        capsys.readouterr()
        assert main(["camera", "check", str(out)]) == 0
        assert "principal point 8" in capsys.readouterr().out
