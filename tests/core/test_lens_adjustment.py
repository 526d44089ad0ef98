"""One lens for cameras of one model, each with a pose of its own."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.camera import Camera, CameraRecord, ControlPoint, Projection
from core.camera.lens_adjustment import fit_lens
from core.camera.resection import PosePrior, solve_pose
from core.commands import main
from core.errors import CameraError

SIZE = (1600, 1000)
LENS = {"f": 1450.0, "k1": -0.08}
STANDS = [(0, 0, 1500, 20), (900, -400, 1710, 95), (-2500, 800, 1380, 200), (4000, 90, 2100, 310)]


def truths(**lens) -> list[Camera]:
    made = {**LENS, **lens}
    return [
        Camera(*SIZE, 2_700_000.0 + x, 1_150_000.0 + y, float(z), float(yaw), 2.0, -0.4, **made)
        for x, y, z, yaw in STANDS
    ]


def posed(truth: Camera, count=6, seed=0, noise=1.5) -> CameraRecord:
    rng = np.random.default_rng([seed, round(truth.yaw)])
    size = np.array([truth.width, truth.height])
    pixels = rng.uniform(0.05, 0.95, (count, 2)) * size
    places = truth.position + rng.uniform(500, 3000, (count, 1)) * truth.pixel_rays(pixels)
    pixels = truth.project(places) + rng.normal(0, noise, (count, 2))
    rows = zip(pixels.tolist(), places.tolist(), strict=True)
    points = [ControlPoint(f"P{i}", *uv, *xyz) for i, (uv, xyz) in enumerate(rows)]
    prior = PosePrior(position=tuple(truth.position + rng.normal(size=3) * (5, 5, 2)))
    size = truth.width, truth.height
    return solve_pose(points, size, epsg=2056, prior=prior, projection=truth.projection)


def test_the_common_lens_is_better_than_each_alone():
    alone, together, angles = [], [], []
    for seed in range(3):
        cameras = truths()
        records = [posed(truth, seed=seed) for truth in cameras]
        fitted = fit_lens(records)
        assert np.ptp([(r.camera.f, r.camera.k1) for r in fitted], axis=0) == pytest.approx(
            0, abs=1e-6
        )
        alone += [abs(r.camera.f - LENS["f"]) for r in records]
        together += [abs(r.camera.f - LENS["f"]) for r in fitted]
        sigmas = [np.sqrt(r.covariance[6][6]) for r in fitted]
        assert together[-1] < 3.5 * sigmas[0]
        assert np.ptp(sigmas) < 0.05 * sigmas[0]
        before = [np.sqrt(r.covariance[6][6]) for r in records]
        assert np.median(sigmas) < np.median(before)
        angles += [r.camera.pitch - t.pitch for r, t in zip(fitted, cameras, strict=True)]
    assert np.mean(together) < 0.7 * np.mean(alone)
    assert np.abs(angles).max() < 0.5


def test_principal_point_and_photos_of_other_sizes():
    cameras = truths(cx=840.0, cy=470.0)
    cameras[1] = cameras[1].resized(800, 500)
    records = [posed(truth, 10, noise=0.5) for truth in cameras]
    fitted = fit_lens(records, principal_point_sigma=0.03)
    shares = [(r.camera.cx + 0.5) / r.camera.width for r in fitted]
    assert np.ptp(shares) < 1e-3
    assert shares[0] == pytest.approx(840.5 / 1600, abs=0.006)
    assert len(fitted[0].covariance) == 10
    assert fitted[1].camera.f == pytest.approx(LENS["f"] / 2, rel=0.02)


def test_k2_where_there_are_many_points():
    records = [posed(truth, 14, noise=0.3) for truth in truths(f=900.0, k1=-0.25, k2=0.09)]
    fitted = fit_lens(records)
    assert fitted[0].camera.k2 == pytest.approx(0.09, abs=0.03)
    plain = fit_lens([posed(truth, 14, noise=0.3) for truth in truths()])
    assert abs(plain[0].camera.k2) < 0.03


@pytest.mark.parametrize("kind", [Projection.FISHEYE, Projection.CYLINDRICAL])
def test_other_lenses(kind):
    lens = {"k1": 0.0} if kind.is_panorama else {}
    records = [posed(truth) for truth in truths(f=800.0, projection=kind, **lens)]
    assert fit_lens(records)[0].camera.f == pytest.approx(800, rel=0.02)


def test_what_is_known_before_is_kept_in_the_file():
    record = posed(truths()[0])
    again = CameraRecord.from_json(json.loads(json.dumps(record.to_json())))
    assert again.position_prior == pytest.approx(record.position_prior)
    assert again.position_prior[3:] == (10, 10, 5)
    assert again.focal_prior is None
    for wrong in ([1, 2], [1, 2, 3, 0, 1, 1], "abc", [float("nan")] * 6):
        with pytest.raises(CameraError):
            CameraRecord.from_json({**record.to_json(), "position_prior": wrong})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r[:1], "two cameras or more"),
        (lambda r: [r[0], replace(r[1], points=r[1].points[:2])], "has 2 control points"),
        (
            lambda r: [r[0], replace(r[1], camera=replace(r[1].camera, height=1600))],
            "another shape",
        ),
        (
            lambda r: [
                r[0],
                replace(r[1], camera=replace(r[1].camera, projection=Projection.FISHEYE)),
            ],
            "different lenses",
        ),
    ],
)
def test_what_is_not_one_model_is_refused(change, told):
    records = [posed(truth) for truth in truths()[:2]]
    with pytest.raises(CameraError, match=told):
        fit_lens(change(records))


def test_command(tmp_path, capsys):
    files = []
    for index, truth in enumerate(truths()):
        files.append(tmp_path / f"camera{index}.json")
        posed(truth).write(files[-1])
    out = tmp_path / "fitted"
    args = ["camera", "calibrate", *map(str, files), "-o"]
    assert main([*args, str(out)]) == 0
    found = [CameraRecord.read(out / file.name) for file in files]
    assert np.ptp([record.camera.f for record in found]) < 1e-3
    assert found[0].camera.f == pytest.approx(LENS["f"], rel=0.03)
    assert "lens       f 14" in capsys.readouterr().out
    assert main([*args, str(tmp_path)]) == 2  # would overwrite them
