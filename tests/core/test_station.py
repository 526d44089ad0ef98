"""Views of a pan-tilt-zoom camera: one position, solved jointly, with few points each."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from core.camera import Camera, CameraRecord, ControlPoint, Projection
from core.camera.resection import PosePrior
from core.camera.station import Station
from core.camera.station_resection import StationView, add_view, solve_station
from core.commands import main
from core.errors import CameraError

SIZE = (1600, 1000)
PLACE = (2_700_000.0, 1_150_000.0, 1500.0)
KNOWN = PosePrior(position=(2_700_006.0, 1_149_995.0, 1502.0))
FIVE = {"left": 10.0, "pass": 70.0, "bowl": 140.0, "ridge": 220.0, "right": 300.0}


def camera(yaw: float, f: float = 1500.0, size=SIZE, **more) -> Camera:
    k1 = 0.0 if more.get("projection", Projection.PINHOLE).is_panorama else -0.05
    tilt = 4 * np.sin(yaw)
    return Camera(*size, *PLACE, yaw, tilt, 0.3, f * size[0] / SIZE[0], k1=k1, **more)


def view(name: str, truth: Camera, count=2, seed=0, noise=1.0, metre=0.3) -> StationView:
    """Points near and far, in opposite parts of the photo."""
    rng = np.random.default_rng([seed, round(truth.yaw)])
    size = np.array([truth.width, truth.height])
    corner = (np.arange(count)[:, None] + [0, count // 2]) % count
    pixels = (corner + rng.uniform(0.1, 0.9, (count, 2))) / count * size
    places = truth.position + rng.uniform(400, 3500, (count, 1)) * truth.pixel_rays(pixels)
    pixels = truth.project(places) + rng.normal(0, noise, (count, 2))
    places = places + rng.normal(0, metre, (count, 3))
    rows = zip(pixels.tolist(), places.tolist(), strict=True)
    points = [ControlPoint(f"{name}{i}", *uv, *xyz) for i, (uv, xyz) in enumerate(rows)]
    return StationView(name, points, (truth.width, truth.height))


def five(count=2, seed=0, **more) -> tuple[list[Camera], list[StationView]]:
    truth = [camera(yaw, **more) for yaw in FIVE.values()]
    return truth, [view(n, t, count, seed) for n, t in zip(FIVE, truth, strict=True)]


def misses(records, truth) -> np.ndarray:
    """Yaw, pitch and roll, in their sigmas: (V, 3)."""
    rows = []
    for record, true in zip(records, truth, strict=True):
        sigmas = np.sqrt(np.diag(record.covariance))[3:6]
        found = record.camera
        off = [getattr(found, n) - getattr(true, n) for n in ("yaw", "pitch", "roll")]
        rows.append((np.array(off) + 180) % 360 - 180)
        rows[-1] = rows[-1] / sigmas
    return np.array(rows)


@pytest.mark.parametrize("zooms", [False, True])
def test_five_views_of_two_points_are_solved_jointly(zooms):
    inside = []
    for seed in range(3):
        truth, views = five(seed=seed)
        if zooms:
            truth = [camera(t.yaw, f) for t, f in zip(truth, (900, 1500, 2500, 4000, 1200))]  # noqa: B905
            views = [view(n, t, 2, seed) for n, t in zip(FIVE, truth, strict=True)]
        station, records = solve_station(views, epsg=2056, prior=KNOWN, zooms=zooms)
        assert [record.view for record in records] == list(FIVE)
        positions = np.array([record.camera.position for record in records])
        assert np.ptp(positions, axis=0) == pytest.approx([0, 0, 0], abs=1e-3)
        assert np.linalg.norm(positions[0] - PLACE) < 15
        for record, true in zip(records, truth, strict=True):
            assert abs(record.camera.f / true.f - 1) < 0.06
            assert abs(record.camera.pitch - true.pitch) < 0.6
        focals = {round(record.camera.f, 3) for record in records}
        assert (len(focals) == 1) is not zooms
        assert ("f_widths" in station.values) is not zooms
        inside.append(np.abs(misses(records, truth)) < 2)
    assert np.mean(inside) > 0.85


def test_more_points_and_more_views_say_less_uncertainty():
    few = solve_station(five()[1], epsg=2056, prior=KNOWN)[1]
    many = solve_station(five(6)[1], epsg=2056, prior=KNOWN)[1]
    spread = [np.median([np.sqrt(r.covariance[3][3]) for r in each]) for each in (few, many)]
    assert spread[1] < 0.7 * spread[0]
    assert all(r.loo_rms_px is None for r in few)
    assert all(r.loo_rms_px is not None and r.loo_rms_px < 8 for r in many)


def test_a_position_that_is_not_known_comes_from_the_fullest_view():
    truth, views = five()
    views[2] = view("bowl", truth[2], 8)
    _, records = solve_station(views, epsg=2056, prior=PosePrior(focal=1600.0))
    assert np.linalg.norm(records[0].camera.position - PLACE) < 40
    assert misses(records, truth)[:, 1].max() < 4
    with pytest.raises(CameraError, match="No view has 4 control points"):
        solve_station(five()[1], epsg=2056)


@pytest.mark.parametrize("kind", [Projection.FISHEYE, Projection.EQUIRECTANGULAR])
def test_other_lenses_and_sizes(kind):
    truth = [camera(yaw, 900.0, projection=kind) for yaw in FIVE.values()]
    truth[1] = camera(70.0, 900.0, (800, 500), projection=kind)
    views = [view(n, t, 3) for n, t in zip(FIVE, truth, strict=True)]
    _, records = solve_station(views, epsg=2056, prior=KNOWN, projection=kind)
    widths = [r.camera.f / r.camera.width for r in records]
    assert np.ptp(widths) < 1e-6
    assert widths[0] == pytest.approx(900 / 1600, rel=0.02)


def test_the_principal_point_is_shared():
    _, views = five(4, cx=825.0, cy=480.0)
    prior = replace(KNOWN, principal_point_sigma=0.03)
    station, records = solve_station(views, epsg=2056, prior=prior)
    assert len(records[0].covariance) == 10
    assert np.ptp([r.camera.cx for r in records]) < 1e-4
    sigma = np.sqrt(np.diag(records[0].covariance)[8:])
    assert abs(records[0].camera.cx - 825) < 3 * sigma[0] < 3 * 40
    assert station.values["cx_widths"] == pytest.approx((records[0].camera.cx - 799.5) / 1600)


def test_the_joint_covariance_is_that_of_the_views():
    station, records = solve_station(five()[1], epsg=2056, prior=KNOWN)
    names, matrix = station.covariance_parameters, np.array(station.covariance)
    assert names[:3] == ["x", "y", "z"]
    for record in records:
        index = [*range(3), *(names.index(f"{record.view}: {a}_deg") for a in ("yaw", "pitch"))]
        own = np.array(record.covariance)[:5, :5]
        assert matrix[np.ix_(index, index)] == pytest.approx(own, rel=0.02, abs=1e-4)
    first, second = (names.index(f"{name}: yaw_deg") for name in ("left", "ridge"))
    assert abs(matrix[first, second]) > 1e-6  # both hang on the position


def test_a_wrong_point_is_named():
    _, views = five(4)
    points = list(views[1].points)
    points[2] = replace(points[2], u=points[2].u + 150)
    views[1] = replace(views[1], points=points)
    _, records = solve_station(views, epsg=2056, prior=KNOWN)
    told = " ".join(text for record in records for text in record.warnings)
    assert points[2].name in told
    assert records[1].points[2].suspect


def test_a_view_is_added_later():
    _, views = five(4)
    station, first = solve_station(views, epsg=2056, prior=KNOWN)
    late = camera(255.0)
    for count in (2, 5):
        record = add_view(station, view("late", late, count))
        away = record.camera.position - first[0].camera.position
        sigmas = np.sqrt(np.diag(station.covariance)[:3])
        assert (np.abs(away) < 2 * sigmas + 0.1).all()
        assert abs(record.camera.yaw - 255) < 0.3
        assert (np.diag(record.covariance)[:3] <= 1.01 * sigmas**2).all()
        assert np.abs(misses([record], [late])).max() < 3.5
    zoomed = [camera(yaw, f) for yaw, f in zip(FIVE.values(), (900, 1500, 2500, 1300, 1200))]  # noqa: B905
    views = [view(n, t, 4) for n, t in zip(FIVE, zoomed, strict=True)]
    station, _ = solve_station(views, epsg=2056, prior=KNOWN, zooms=True)
    record = add_view(station, view("late", camera(255.0, 3000.0), 3))
    assert record.camera.f == pytest.approx(3000, rel=0.05)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda views: views[:1], "two views or more"),
        (lambda views: [views[0], replace(views[1], name="left")], "called left"),
        (lambda views: [views[0], replace(views[1], points=views[1].points[:1])], "View pass: 1"),
        (lambda views: [views[0], replace(views[1], size=(20, 20))], "View pass: .* outside"),
    ],
)
def test_what_is_no_station_is_refused(change, told):
    with pytest.raises(CameraError, match=told):
        solve_station(change(five()[1]), epsg=2056, prior=KNOWN)


def write_tables(folder, views) -> list[str]:
    tables = []
    for each in views:
        rows = [f"{p.name},{p.u},{p.v},{p.x},{p.y},{p.z}" for p in each.points]
        table = folder / f"{each.name}.csv"
        table.write_text("\n".join(["name,u_px,v_px,x,y,z", *rows]))
        tables.append(str(table))
    return tables


def test_commands(tmp_path, capsys):
    truth, views = five(3)
    out = tmp_path / "station.json"
    common = ["--image-size=1600,1000", "--crs=EPSG:2056", "-o", str(out)]
    args = ["camera", "station", *write_tables(tmp_path, views), *common]
    assert main([*args, "--position=2700006,1149995,1502", "--name", "Weissfluh"]) == 0
    content = json.loads(out.read_text())
    assert [entry["name"] for entry in content["views"]] == list(FIVE)
    for entry, true in zip(content["views"], truth, strict=True):
        record = CameraRecord.read(tmp_path / entry["camera"])
        assert (record.view, record.station) == (entry["name"], "station.json")
        assert record.name == f"Weissfluh, {entry['name']}"
        assert abs(record.camera.pitch - true.pitch) < 0.5
    capsys.readouterr()
    assert main(["camera", "check", str(tmp_path / "station_bowl.json")]) == 0
    assert "station    bowl of station.json" in capsys.readouterr().out
    late = write_tables(tmp_path, [view("late", camera(255.0))])
    assert main(["camera", "station", *late, "--add-to", str(out), *common]) == 0
    station = Station.read(out)
    assert list(station.views) == [*FIVE, "late"]
    assert abs(CameraRecord.read(tmp_path / "station_late.json").camera.yaw - 255) < 1
    capsys.readouterr()
    assert main(["camera", "station", *late, "--add-to", str(out), *common]) == 2
    assert "views called late already" in capsys.readouterr().err
    assert main([*args, "--position=2700006,1149995,1502", "--near-field=mask.png"]) == 2
    assert "mask of the near field is that of one photo" in capsys.readouterr().err
    near = [*args, "--position=2700006,1149995,1502", "--near-field=30"]
    assert main(near) == 0
    assert CameraRecord.read(tmp_path / "station_bowl.json").near_field_m == 30


@pytest.mark.parametrize(
    "change",
    [
        {"format": "avalanche-iseg camera 1"},
        {"x": "east"},
        {"x": None},
        {"covariance": [[1.0]]},
        {"covariance": "none"},
        {"covariance_parameters": ["y", "z"]},
        {"views": [{"name": "left"}]},
        {"f_widths": -1.0},
        {"epsg": "LV95"},
    ],
)
def test_files_that_are_no_station_are_refused(tmp_path, change):
    values = {"x": 1.0, "y": 2.0, "z": 3.0, "f_widths": 1.0, "k1": 0.0}
    station = Station(2056, values, list(values), np.eye(5).tolist(), {"left": "left.json"}, "a")
    file = tmp_path / "station.json"
    station.write(file)
    assert Station.read(file) == station
    file.write_text(json.dumps({**station.to_json(), **change}))
    with pytest.raises(CameraError, match="no station"):
        Station.read(file)
