"""Mistakes that people make with whole tables, sizes and focal lengths: each named in a message."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from pyproj import Transformer

from core.camera import Camera, ControlPoint, PosePrior, Projection, solve_pose
from core.camera.ray_casting import cast_rays
from core.errors import CameraError

SIZE = (1600, 1000)
PLACES = {  # where in the Alps: EPSG, x, y
    "Tyrol": (25832, 680_000.0, 5_230_000.0),
    "Allgäu": (25832, 600_000.0, 5_250_000.0),
    "Davos": (2056, 2_782_000.0, 1_186_000.0),
    "Tyrol M28": (31257, 231_000.0, 232_000.0),
    "Slovenia": (3794, 410_000.0, 140_000.0),
    "Colorado": (26913, 400_000.0, 4_400_000.0),
}


class Place:
    """Hills before a camera somewhere."""

    def __init__(self, place: str = "Davos", focal: float = 1700.0, **lens: object) -> None:
        self.epsg, x, y = PLACES[place]
        self.camera = Camera(*SIZE, x, y, 1500.0, 123.0, 4.0, -1.0, focal, **lens)

    def ground(self, x, y):
        """Rises away from the camera, with hills."""
        east, north = np.asarray(x) - self.camera.x, np.asarray(y) - self.camera.y
        away = np.hypot(east, north)
        hills = 60 * np.sin(east / 300) * np.sin(north / 370)
        height = 1420 + 0.12 * away + 2.2e-5 * away**2 + hills * np.minimum(away / 1500, 1)
        return np.where(away < 9000, height, np.nan)

    def points(self, count=9, seed=1, pixel=0.7, metre=0.5) -> list[ControlPoint]:
        rng = np.random.default_rng(seed)
        seen = np.zeros((0, 3))
        while len(seen) < count:
            pixels = rng.uniform((30, 100), (SIZE[0] - 30, SIZE[1] - 30), (4 * count, 2))
            hits = cast_rays([self.camera] * len(pixels), pixels, self.ground)
            away = np.hypot(*(hits - self.camera.position)[:, :2].T)
            seen = np.concatenate([seen, hits[(away > 700) & (away < 5000)]])
        drawn = self.camera.project(seen[:count]) + rng.normal(0, pixel, (count, 2))
        noisy = seen[:count] + rng.normal(0, metre, (count, 3))
        pairs = zip(drawn.tolist(), noisy.tolist(), strict=True)
        return [ControlPoint(f"P{i}", *uv, *xyz) for i, (uv, xyz) in enumerate(pairs)]

    def prior(self, **more: object) -> PosePrior:
        near = (self.camera.x + 4, self.camera.y - 3, self.camera.z + 2)
        return PosePrior(**{"position": near, **more})

    def told(self, points, size=SIZE, **options) -> str:
        """The refusal, or the warnings."""
        try:
            return "\n".join(solve_pose(points, size, epsg=self.epsg, **options).warnings)
        except CameraError as error:
            return f"refused: {error}"


def shrunk(points, times):
    return [replace(p, u=(p.u + 0.5) / times - 0.5, v=(p.v + 0.5) / times - 0.5) for p in points]


# --- size of the photo ------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("times", "focal"), [(2, 1100), (2, 2400), (1.5, 900), (4, 1700)])
def test_points_measured_in_a_smaller_picture(times, focal, seed):
    place = Place(focal=focal)
    points = shrunk(place.points(9, seed), times)
    told = place.told(points, prior=place.prior(focal=1.03 * focal))
    assert "in a picture of about" in told
    assert f"{SIZE[0] / times:.0f} x" in told
    assert f"by {times:.4g}" in told


def test_a_smaller_picture_is_told_without_any_prior():
    place = Place(focal=1100)
    assert "800 x 500" in place.told(shrunk(place.points(9), 2))


@pytest.mark.parametrize("seed", range(4))
def test_points_that_lie_in_a_corner_are_no_mistake(seed):
    place = Place(focal=1700)
    points = [p for p in place.points(120, seed, pixel=3, metre=2) if p.u < 780 and p.v < 490][:8]
    told = place.told(points, prior=place.prior(focal=1.05 * 1700))
    assert "measured in a picture" not in told


@pytest.mark.parametrize("focal", [900, 1300])
def test_width_and_height_exchanged(focal):
    place = Place(focal=focal)
    inside = [p for p in place.points(60) if p.u < 990][:9]
    assert "width and height look exchanged" in place.told(inside, SIZE[::-1])
    prior = place.prior(focal=focal)
    assert "width and height" in place.told(inside, SIZE[::-1], prior=prior)


def test_width_and_height_exchanged_beyond_the_photo():
    place = Place()
    told = place.told(place.points(9), SIZE[::-1])
    assert "outside of the photo of 1000 x 1600" in told
    assert "width and height" in told


# --- focal length -----------------------------------------------------------------------------


@pytest.mark.parametrize("millimetres", [24, 35, 50, 85, 200])
def test_a_focal_length_in_millimetres_is_refused(millimetres):
    place = Place()
    told = place.told(place.points(9), prior=place.prior(focal=millimetres))
    assert told.startswith("refused")
    assert "focal length" in told
    assert "millimetres" in told
    pixels = millimetres / math.hypot(36, 24) * math.hypot(*SIZE)
    assert f"{pixels:.0f} if it is the 35-mm equivalent" in told


@pytest.mark.parametrize(("millimetres", "width"), [(200, 800), (400, 1600), (135, 640)])
def test_long_lenses_in_millimetres_are_told_by_the_fit(millimetres, width):
    """Too long to be refused at once in small photos."""
    focal = millimetres / math.hypot(36, 24) * math.hypot(*SIZE)
    place = Place(focal=focal)
    points = shrunk(place.points(9), SIZE[0] / width)
    size = (width, round(SIZE[1] * width / SIZE[0]))
    told = place.told(points, size, prior=place.prior(focal=millimetres))
    assert "focal length" in told
    assert "millimetres" in told


def test_a_panorama_of_more_than_a_full_turn_is_refused():
    place = Place()
    prior = place.prior(focal=35)
    told = place.told(place.points(9), prior=prior, projection=Projection.CYLINDRICAL)
    assert "full turn" in told
    assert "millimetres" in told


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("times", [0.4, 0.5, 0.62, 1.5, 1.6, 2.0, 3.0])
@pytest.mark.parametrize("pixel", [0.7, 4.0])
def test_a_focal_length_far_from_that_given(times, pixel, seed):
    place = Place()
    told = place.told(place.points(9, seed, pixel), prior=place.prior(focal=times * 1700))
    assert f"not the {times * 1700:.0f} px given" in told
    assert "focal length is" in told


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("times", [0.85, 1.0, 1.15])
def test_a_focal_length_within_its_sigma_is_no_mistake(times, seed):
    place = Place(k1=-0.05)
    points = place.points(9, seed, pixel=3, metre=2)
    told = place.told(points, prior=place.prior(focal=times * 1700))
    assert "fit much better" not in told


# --- grids ------------------------------------------------------------------------------------


def moved(points, source, target):
    """In another grid."""
    transform = Transformer.from_crs(source, target, always_xy=True).transform
    return [replace(p, **dict(zip("xy", transform(p.x, p.y), strict=True))) for p in points]


@pytest.mark.parametrize(
    ("place", "old", "named"),
    [
        ("Davos", 21781, "LV03"),
        ("Tyrol M28", 31254, "31254"),
        ("Tyrol M28", 25832, "25832"),
        ("Tyrol", 31254, "31254"),
        ("Allgäu", 31467, "31467"),
        ("Davos", 25832, "25832"),
    ],
)
@pytest.mark.parametrize("exchanged", [False, True])
def test_old_grids_under_new_codes(place, old, named, exchanged):
    place = Place(place)
    points = moved(place.points(9), place.epsg, old)
    if exchanged:
        points = [replace(p, x=p.y, y=p.x) for p in points]
    told = place.told(points, terrain=None if exchanged else place.ground)
    assert f"EPSG:{named}" in told or f"{named}, EPSG" in told
    assert "exchanged" in told or not exchanged
    assert named in place.told(points)


def test_new_grids_under_old_codes():
    place = Place()
    points = place.points(9)
    with pytest.raises(CameraError, match="LV95, EPSG:2056"):
        solve_pose(points, SIZE, epsg=21781)


@pytest.mark.parametrize(("place", "old"), [("Davos", 21781), ("Tyrol M28", 31254)])
def test_a_position_in_another_grid(place, old):
    place = Place(place)
    (there,) = moved([ControlPoint("", 0, 0, place.camera.x, place.camera.y)], place.epsg, old)
    told = place.told(place.points(9), prior=place.prior(position=(there.x, there.y, 1500.0)))
    assert "camera's position" in told
    assert str(old) in told


@pytest.mark.parametrize(
    ("place", "old", "named"),
    [("Tyrol", 23032, "ED50"), ("Slovenia", 3912, "3912"), ("Colorado", 26713, "NAD27")],
)
@pytest.mark.parametrize("which", ["points", "position", "both"])
def test_grids_with_nearly_the_same_numbers(place, old, named, which):
    place = Place(place)
    modern = {25832: 32632}.get(place.epsg, place.epsg)
    points = place.points(12, metre=0.3)
    here = ControlPoint("", 0, 0, place.camera.x, place.camera.y)
    if which != "position":
        points = moved(points, modern, old)
    if which != "points":
        (here,) = moved([here], modern, old)
    dem = which == "both"
    points = [replace(p, z=None) for p in points] if dem else points
    told = place.told(
        points,
        prior=place.prior(position=(here.x, here.y, 1500.0)),
        terrain=place.ground if dem else None,
    )
    assert named in told
    assert ("points" in told.split(named)[0].split("if ")[-1]) == (which != "position")
    assert ("position" in told.split(named)[0].split("if ")[-1]) == (which != "points")


@pytest.mark.parametrize("place", PLACES)
def test_good_points_are_told_of_no_mistake(place):
    place = Place(place)
    for seed in range(3):
        points = place.points(8, seed, pixel=2, metre=2)
        prior = place.prior(focal=1800.0)
        told = place.told(points, prior=prior, terrain=place.ground)
        assert "fit much better" not in told
        assert "They look like" not in told
