"""Poses of all photos of a camera: drift, re-aims, zoom, sizes, fog; joint refinement."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from winter_fixtures import POSED, SIZE, START, error_deg, fog, panorama, take, turned, write_winter

from core.camera import Camera, CameraRecord
from core.camera.registration import register
from core.camera.rotation_averaging import AGREES, RotationEdge, refine_rotations
from core.commands import main
from core.series import SeriesPhoto
from core.series.poses import PosedPhoto, pose_series
from core.series.views import examine_views


@pytest.fixture(scope="module")
def world():
    return panorama()


@pytest.fixture(scope="module")
def first(world):
    return take(world, POSED)


# --- one photo ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("true", "zoom"),
    [
        (turned(0.3, -0.2, 0.1), 1.0),
        (turned(9.0, -1.0, 0.4), 1.0),
        (turned(-14.0, 1.5), 1.0),
        (turned(2.0, 0.5, f=1170.0), 1.3),
        (turned(1.0, -0.5, f=760.0), 0.844),
        (turned(0.0, 0.0, 8.0), 1.0),
    ],
)
def test_a_camera_that_was_aimed_anew_is_followed(world, first, true, zoom):
    found = register(first, take(world, true, 0.9, 3), POSED, any_aim=True)
    assert found.trusted, found.reason
    assert error_deg(found.camera, true) < 0.05
    assert found.zoom == pytest.approx(zoom, abs=0.005)
    sigma = np.sqrt(np.trace(np.array(found.covariance)))
    assert error_deg(found.camera, true) < 5 * sigma


@pytest.mark.parametrize("size", [(360, 240), (1080, 720), (720, 405), (640, 480)])
def test_photos_of_other_sizes_and_shapes_are_followed(world, first, size):
    """Those of another shape have lost a strip, or show more at the sides."""
    f = POSED.f * size[0] / SIZE[0]
    p = turned(0.4, 0.2)
    true = Camera(*size, p.x, p.y, p.z, p.yaw, p.pitch, p.roll, f)
    found = register(first, take(world, true, 1.0, 4), POSED, any_aim=True)
    assert found.trusted, found.reason
    assert (found.camera.width, found.camera.height) == size
    assert error_deg(found.camera, true) < 0.06
    assert found.camera.f == pytest.approx(true.f, rel=0.005)


@pytest.mark.parametrize(
    "photo",
    [
        fog(1),
        np.full((SIZE[1], SIZE[0], 3), 12, np.uint8),
        take(panorama(7), POSED),
        take(panorama(8), turned(10)),
        np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8),
    ],
)
def test_photos_of_nothing_known_are_not_trusted(first, photo):
    assert not register(first, photo, POSED, any_aim=True).trusted


def test_without_leave_a_large_turn_is_asked_about(world, first):
    found = register(first, take(world, turned(4.0)), POSED)
    assert not found.trusted


# --- joint refinement -----------------------------------------------------------------------


def network(count, sigma, wrong=(), seed=0):
    """True rotations, edges round a chain with chords, and those that are wrong."""
    rng = np.random.default_rng(seed)
    true = Rotation.from_rotvec(np.cumsum(rng.normal(0, 0.01, (count, 3)), axis=0)).as_matrix()
    pairs = [(i, i + 1) for i in range(count - 1)] + [(i, i + 7) for i in range(count - 7)]
    edges = []
    for number, (old, new) in enumerate(pairs):
        noise = rng.normal(0, sigma, 3) + (0.02 if number in wrong else 0)
        turn = Rotation.from_rotvec(noise).as_matrix() @ true[new] @ true[old].T
        edges.append(RotationEdge(old, new, turn, np.eye(3) * sigma**2))
    start = [true[0]]
    for edge in edges[: count - 1]:
        start.append(edge.rotation @ start[-1])
    return true, np.array(start), edges


def angles(one, other):
    return np.linalg.norm(Rotation.from_matrix(one @ other.transpose(0, 2, 1)).as_rotvec(), axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_joint_refinement_beats_the_chain_and_states_its_accuracy(seed):
    true, start, edges = network(60, 1e-4, seed=seed)
    found = refine_rotations(start, edges, {0})
    errors = angles(found.rotations, true)
    assert errors.max() < 0.7 * angles(start, true).max()
    assert 0.3 < np.sqrt(np.mean((errors[1:] / found.sigmas[1:]) ** 2) / 3) < 1.7
    assert found.sigmas[0] == 0
    assert np.array_equal(found.rotations[0], true[0])


@pytest.mark.parametrize("wrong", [(5,), (3, 40, 80), (70, 71)])
def test_wrong_registrations_lose_their_weight(wrong):
    true, start, edges = network(60, 1e-4, wrong, seed=4)
    found = refine_rotations(start, edges, {0})
    assert angles(found.rotations, true).max() < 0.002
    assert set(np.flatnonzero(found.errors > AGREES)) == set(wrong)


def test_a_single_fixed_photo_stays():
    found = refine_rotations(np.eye(3)[None], [], {0})
    assert np.array_equal(found.rotations, np.eye(3)[None])


# --- many photos, registrations known -----------------------------------------------------------


def known_world(monkeypatch, cameras, hidden=(), wrong=(), noise=0.001, near=None, patches=50):
    """Photos whose registrations are those of given cameras, with noise; no pixels are read.

    ``hidden`` photos register with none; pairs in ``wrong`` are half a degree off; with ``near``
    only photos register that are taken so many photos apart.
    """
    rng = np.random.default_rng(0)
    photos = [
        SeriesPhoto(
            f"p/{i:04}", Path(f"/nowhere/{i:04}.jpg"), "cam", START + timedelta(hours=5 * i)
        )
        for i in range(len(cameras))
    ]

    def register_known(task):
        old, new = (int(Path(path).stem) for path in (task.reference, task.new))
        result = {"trusted": False, "reason": "nothing agrees", "detail": 0.0, "orientation": 1}
        if {old, new} & set(hidden) or (near and abs(old - new) > near):
            return result
        turn = cameras[new].rotation_matrix() @ cameras[old].rotation_matrix().T
        turn = Rotation.from_matrix(turn).as_rotvec(degrees=True) + rng.normal(0, noise, 3)
        turn[1] += 0.5 if (old, new) in wrong else 0
        return {
            **result, "trusted": True, "reason": "", "rotation": turn.tolist(),
            "covariance": (np.eye(3) * noise**2).tolist(),
            "zoom": cameras[new].f / cameras[old].f, "size": list(SIZE),
            "patches": patches, "offered": 55,
        }  # fmt: skip

    monkeypatch.setattr("core.series.poses.register_task", register_known)
    return photos


def follow(photos, cameras, folder, *more):
    posed = [PosedPhoto(photos[i].path, cameras[i]) for i in (0, *more)]
    network = pose_series(posed, photos, folder)
    return examine_views(network, folder)


@pytest.mark.parametrize("patches", [50, 20])
def test_poses_spread_over_a_winter_that_no_photo_spans(monkeypatch, tmp_path, patches):
    """Snow and light change: only photos of neighbouring days show the same."""
    walk = np.cumsum(np.random.default_rng(3).normal(0, 0.03, (240, 2)), axis=0)
    cameras = [turned(*angles) for angles in walk - walk[0]]
    photos = known_world(monkeypatch, cameras, range(3, 240, 7), near=30, patches=patches)
    found = follow(photos, cameras, tmp_path)
    states = [pose.state for pose in found.photos]
    assert states.count("posed") == 240 - len(range(3, 240, 7))
    errors = [
        error_deg(p.camera, c) for p, c in zip(found.photos, cameras, strict=True) if p.camera
    ]
    assert max(errors) < 0.02
    assert len(found.views) == 1
    assert max(pose.drift_deg for pose in found.photos) > 0.3


def test_a_photo_whose_registrations_contradict_each_other_is_refused(monkeypatch, tmp_path):
    cameras = [turned(0.01 * i) for i in range(30)]
    photos = known_world(monkeypatch, cameras, wrong=[(0, 12), (0, 20)])
    found = follow(photos, cameras, tmp_path)
    for index, pose in enumerate(found.photos):
        assert pose.state == "refused" or error_deg(pose.camera, cameras[index]) < 0.02
    assert [p.state for p in found.photos].count("refused") <= 4
    assert "contradict" in found.photos[12].reason


def test_a_camera_that_turns_between_presets_has_as_many_views(monkeypatch, tmp_path):
    cameras = [turned((0, 20, -15)[i % 3] + 0.002 * i) for i in range(60)]
    photos = known_world(monkeypatch, cameras)
    found = follow(photos, cameras, tmp_path)
    assert [pose.view for pose in found.photos] == [1, 2, 3] * 20
    assert [view.photos for view in found.views] == [20, 20, 20]
    assert found.views[1].turn_deg == pytest.approx(20, abs=0.1)


def test_a_zoom_begins_a_view_and_its_end_goes_on_with_the_old_one(monkeypatch, tmp_path):
    cameras = [turned(0.01 * i, f=1300.0 if 8 <= i < 16 else 900.0) for i in range(24)]
    photos = known_world(monkeypatch, cameras)
    found = follow(photos, cameras, tmp_path)
    assert [pose.view for pose in found.photos] == [1] * 8 + [2] * 8 + [1] * 8
    assert found.views[1].zoom == pytest.approx(13 / 9, rel=1e-3)
    assert all(p.camera.f == pytest.approx(c.f, rel=1e-3)
               for p, c in zip(found.photos, cameras, strict=True))  # fmt: skip


def test_an_aim_that_one_photo_shows_once_is_not_trusted(monkeypatch, tmp_path):
    cameras = [turned(25 if i == 9 else 0) for i in range(16)]
    monkeypatch.setattr("core.series.poses._CHECKS", 1)
    photos = known_world(monkeypatch, cameras)
    found = follow(photos, cameras, tmp_path)
    assert [i for i, pose in enumerate(found.photos) if pose.state == "refused"] == [9]


@pytest.mark.parametrize(("noise", "state"), [(0.005, "posed"), (0.05, "refused")])
def test_a_pose_that_is_uncertain_is_not_trusted(monkeypatch, tmp_path, noise, state):
    """Haze, night, small photos: what agrees may agree by so little that the pose is a guess."""
    cameras = [turned(0.01 * i) for i in range(16)]
    found = follow(known_world(monkeypatch, cameras, noise=noise), cameras, tmp_path)
    assert {pose.state for pose in found.photos} == {state}
    assert all("uncertain" in p.reason for p in found.photos if p.state == "refused")
    assert all(view.camera is not None for view in found.views)  # none "needs points"
    errors = [
        error_deg(p.camera, c) for p, c in zip(found.photos, cameras, strict=True) if p.camera
    ]
    assert max(errors, default=0) < 0.05


# --- folders --------------------------------------------------------------------------------


def run(folder, out, *options):
    return main(["camera", "register", str(folder / "photos"), "--camera",
                 str(folder / "camera.json"), "-o", str(out), *map(str, options)])  # fmt: skip


def table(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def small(monkeypatch):
    """Photos are compared in their own size, not enlarged: the work of a folder takes seconds."""
    monkeypatch.setattr("core.camera.registration.AREA", SIZE[0] * SIZE[1])


@pytest.fixture(scope="module")
def season(world, tmp_path_factory):
    """Twelve photos: drift, fog and night, a re-aim with overlap, one to the other side."""
    folder = tmp_path_factory.mktemp("season")
    cameras = [turned(0.03 * i, -0.02 * i) for i in range(5)]
    cameras += [turned(12.0 + 0.02 * i, 1.0) for i in range(3)]
    cameras += [turned(-52.0 + 0.02 * i, 0.5) for i in range(4)]
    shots = [(c, take(world, c, 1 - 0.02 * i, i)) for i, c in enumerate(cameras)]
    shots[2] = cameras[2], fog(5)
    shots[6] = cameras[6], np.full((SIZE[1], SIZE[0], 3), 9, np.uint8)
    return folder, shots, write_winter(folder, shots)


@pytest.fixture(scope="module")
def posed(season, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "poses"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.camera.registration.AREA", SIZE[0] * SIZE[1])
        assert run(season[0], out, "--zone", "UTC", "--plot", out.parent / "drift.png") == 0
    return out


def test_a_folder_gets_a_camera_for_each_photo_that_fits(season, posed):
    _, shots, names = season
    rows = {Path(row["photo"]).name: row for row in table(posed / "poses.csv")}
    assert list(rows) == names
    states = [rows[name]["state"] for name in names]
    assert states == [*["posed"] * 2, "refused", *["posed"] * 3, "refused", "posed",
                      *["needs points"] * 4]  # fmt: skip
    for name, (true, _) in zip(names, shots, strict=True):
        row = rows[name]
        if row["state"] == "posed":
            record = CameraRecord.read(posed / row["camera"])
            assert error_deg(record.camera, true) < 0.05
            assert (posed / row["camera"]).parent.joinpath(record.image).is_file()
            assert record.drift_deg == pytest.approx(error_deg(true, POSED), abs=0.05)
        else:
            assert row["camera"] == ""
            assert row["reason"]
    assert "fog" in rows[names[2]]["reason"]
    assert "night" in rows[names[6]]["reason"]


def test_views_are_told(season, posed):
    _, _, names = season
    views = table(posed / "views.csv")
    assert [view["state"] for view in views] == ["posed", "posed", "needs points"]
    assert [int(view["photos"]) for view in views] == [4, 2, 4]
    assert float(views[1]["turn_deg"]) == pytest.approx(12, abs=0.3)
    assert CameraRecord.read(posed / "view_2.json").camera.width == SIZE[0]
    assert views[2]["reference"].rsplit("/", 1)[-1] in names[8:]
    assert (posed.parent / "drift.png").stat().st_size > 5000


def test_it_goes_on_where_it_was(season, posed, monkeypatch):
    before = {p: p.read_bytes() for p in posed.rglob("*") if p.is_file() and "work" not in p.parts}
    monkeypatch.setattr("core.series.poses.register_task", lambda task: pytest.fail("again"))
    assert run(season[0], posed, "--zone", "UTC") == 0
    assert {p: p.read_bytes() for p in before} == before


def test_a_view_that_needs_points_is_posed_with_another_camera(season, small, tmp_path):
    folder, shots, names = season
    CameraRecord(shots[9][0], 2056, image=f"photos/{names[9]}").write(folder / "third.json")
    out = tmp_path / "poses"
    assert run(folder, out, "--zone", "UTC", "--also", folder / "third.json") == 0
    views = table(out / "views.csv")
    assert [view["state"] for view in views] == ["posed"] * 3
    rows = {Path(row["photo"]).name: row for row in table(out / "poses.csv")}
    for index in range(8, 12):
        record = CameraRecord.read(out / rows[names[index]]["camera"])
        assert error_deg(record.camera, shots[index][0]) < 0.05


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--crop", "3,4"), "one photo"),
        (("--only", "other"), "--only"),
        (("--reference", "missing.jpg"), "missing.jpg"),
    ],
)
def test_what_folders_cannot_have_is_refused(season, tmp_path, capsys, options, told):
    assert run(season[0], tmp_path / "poses", *options) == 2
    assert told in capsys.readouterr().err


def test_a_folder_needs_a_folder_to_write_to(season, tmp_path, capsys):
    assert run(season[0], tmp_path / "poses.json") == 2
    assert "folder" in capsys.readouterr().err


def test_several_photos_are_named_by_their_folder(season, tmp_path, capsys):
    folder, _, names = season
    photos = [str(folder / "photos" / name) for name in names[:2]]
    told = main(["camera", "register", *photos, "--camera", str(folder / "camera.json"), "-o",
                 str(tmp_path / "x.json")])  # fmt: skip
    assert told == 2
    assert "folder" in capsys.readouterr().err


def test_posed_views_of_another_place_are_refused(season, tmp_path, capsys):
    folder, shots, names = season
    away = replace(shots[9][0], x=POSED.x + 40)
    CameraRecord(away, 2056, image=f"photos/{names[9]}").write(folder / "away.json")
    assert run(folder, tmp_path / "p", "--also", folder / "away.json") == 2
    assert "40 m" in capsys.readouterr().err


def test_a_photo_that_was_damaged_is_refused_alone(world, small, tmp_path):
    shots = [(turned(0.02 * i), take(world, turned(0.02 * i), 1, i)) for i in range(4)]
    names = write_winter(tmp_path, shots)
    path = tmp_path / "photos" / names[2]
    path.write_bytes(path.read_bytes()[:3000])
    assert run(tmp_path, tmp_path / "poses", "--workers", 2) == 0
    states = [row["state"] for row in table(tmp_path / "poses" / "poses.csv")]
    assert states == ["posed", "posed", "refused", "posed"]
