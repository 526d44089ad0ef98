"""A winter of one webcam: photos over days, avalanches that release at known times and fade.

Or a whole year of it: snow that melts and comes again, and a camera that is aimed anew twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import cv2
import numpy as np
from affine import Affine
from numpy.typing import NDArray

from core.errors import IsegError

from .avalanche import Avalanche
from .camera import SceneCamera
from .conditions import Conditions, draw_conditions
from .develop import develop
from .events import draw_avalanches, footprint
from .ground import Ground, cast_shadow, cover, release_ground
from .noise import fractal, smoothstep
from .outline import ControlPoint, control_points
from .render import PixelGround, label_image, pixel_ground, render
from .scene import camera_facts
from .sight import SceneSight, look
from .terrain import SceneTerrain, make_terrain
from .trees import Trees, draw_trees, plant
from .viewpoint import choose_camera

CLEAR, HAZE, FOG, SNOWFALL, NIGHT = "clear", "haze", "fog", "snowfall", "night"
BRIGHT, DARK, LENS, REPEAT = "overexposed", "underexposed", "snow on the lens", "repeat"

FAINTEST = 0.25
"""Share of its first contrast below which nobody can tell an avalanche from the slope."""

_START = datetime(2024, 1, 8, tzinfo=timezone.utc)
_HOURS = (8.0, 10.5, 12.5, 14.5, 19.0)  # UTC; the last is night
_AVALANCHES, _FEWEST, _WORLDS = 5, 3, 20
_DAYS = (CLEAR, CLEAR, HAZE, CLEAR, SNOWFALL, CLEAR, FOG, CLEAR, CLEAR, SNOWFALL, CLEAR, HAZE)
_THICKNESS = {CLEAR: 0.08, HAZE: 0.5, FOG: 6.0, SNOWFALL: 4.0}  # optical depth at the usual range
_COVERED = 0.3  # contrast that a snowfall leaves
_FADES = 9.0  # days in which the contrast falls to 1 / e
_LATITUDE, _DECLINATION, _NOON = np.radians(46.8), np.radians(-21.5), 11.3
_MARGIN = 0.06  # of the width, by which the first view is wider than a photo
_YEAR_MARGIN = (0.36, 0.12)  # of the width, to the sides and above and below: of a year
_AIMS = (0.12, 0.28, 0.05)  # of the width, by which a camera is aimed anew: least, most; up or down
_SNOWLINE = (-500.0, 1700.0)  # metres above the valley floor, in winter and in August
_MELT = ((0, 90, 190, 250, 290, 335, 366), (0, 0, 1, 1, 0.5, 0, 0))  # by day of the year
_STEP, _BUMP = 0.012, 0.25  # drift from photo to photo, and once, degrees


@dataclass(frozen=True)
class WinterPhoto:
    """One photo with its truth.

    Attributes
    ----------
    taken_at
        UTC.
    weather
        What hides or spoils it: `CLEAR`, `FOG` …; `REPEAT` for the photo before, once more.
    image
        (H, W, 3) uint8 RGB.
    labels
        (H, W) uint8: k where the k-th avalanche lies that can still be told from the slope.
    strengths
        Contrast of each avalanche by its number, 1 when new; only those that have released.
    camera
        Pose and lens, as `Scene.camera`.
    view
        Number of the aim of the camera, from 1.
    """

    taken_at: datetime
    weather: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    strengths: dict[int, float]
    camera: dict[str, Any]
    view: int = 1


@dataclass(frozen=True, eq=False)
class Winter:
    """What does not change: terrain, camera, avalanches with the times of their release.

    Attributes
    ----------
    dem, transform, camera, control_points
        As of `Scene`, of the first photo.
    releases
        By number: kind and time of release.
    """

    dem: NDArray[np.float32]
    transform: Affine
    camera: dict[str, Any]
    control_points: list[ControlPoint]
    releases: dict[int, tuple[str, datetime]]
    _world: _World

    def photos(self) -> Iterator[WinterPhoto]:
        """Take the photos, in the order of time."""
        return self._world.photos()


def make_winter(
    seed: int, count: int = 60, width: int = 960, height: int = 600, *, year: bool = False
) -> Winter:
    """Make a winter of ``count`` photos; the same arguments give the same winter.

    With ``year``, its days are spread over a year: snow melts up to August, and the camera is
    aimed anew after a third and two thirds of the photos.

    Raises
    ------
    IsegError
        If the seed is negative, a side has fewer than 64 pixels, or no world has enough
        avalanches in view.
    """
    if seed < 0 or min(width, height) < 64 or count < 1:
        raise IsegError(
            f"Cannot make a winter of seed {seed} and {count} photos of {width} x {height} pixels: "
            "take a seed from 0 up, a photo or more, and at least 64 pixels each way."
        )
    for number in range(_WORLDS):
        world = _try_world(seed, number, count, (width, height), year)
        if world is not None:
            return _facts(world)
    raise IsegError(f"No world of seed {seed} has enough avalanches in view: take another seed.")


@dataclass(frozen=True, eq=False)
class _World:
    seed: list[int]
    count: int
    size: tuple[int, int]
    terrain: SceneTerrain
    day: Conditions
    ground: Ground
    wide: SceneCamera
    sight: SceneSight
    frame: PixelGround
    trees: Trees
    avalanches: list[Avalanche]
    released_at: list[datetime]
    year: bool

    @property
    def times(self) -> list[datetime]:
        """When photos are taken."""
        apart = 365 / max(1, self.count / len(_HOURS)) if self.year else 1
        return [
            _START + timedelta(days=int(i // len(_HOURS) * apart), hours=_HOURS[i % len(_HOURS)])
            for i in range(self.count)
        ]

    def photos(self) -> Iterator[WinterPhoto]:
        labels = label_image(self.frame, self.avalanches)
        labels[draw_trees(self.trees, (self.wide.width, self.wide.height), 0.0)[:, :, 3] > 0.5] = 0
        spoilt = _spoil(self.times)
        drift = _drift(self.count, np.random.default_rng([*self.seed, 1]))
        views = np.ones(self.count, int)
        if self.year:
            views += np.arange(self.count) * 3 // self.count
            drift += self._aims(np.random.default_rng([*self.seed, 7]))[views - 1]
        before: WinterPhoto | None = None
        for index, taken_at in enumerate(self.times):
            weather = spoilt[index]
            if weather == REPEAT and before is not None:
                yield replace(before, taken_at=taken_at, weather=REPEAT)
                continue
            before = self._take(index, taken_at, weather, drift[index], labels)
            before = replace(before, view=int(views[index]))
            yield before

    def _aims(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """(3, 3) yaw, pitch and roll of the three aims, degrees from the first."""
        least, most, tilt = (math.degrees(math.atan(s * self.size[0] / self.wide.f)) for s in _AIMS)
        side = rng.choice([-1, 1])
        yaw = side * rng.uniform(least, most), -side * rng.uniform(least / 2, most / 2)
        pitch = rng.uniform(-tilt, tilt, 2)
        return np.array([(0, 0, 0), (yaw[0], pitch[0], 0), (yaw[1], pitch[1], 0)])

    def _take(
        self,
        index: int,
        taken_at: datetime,
        weather: str,
        drift: NDArray[np.float64],
        labels: NDArray[np.uint8],
    ) -> WinterPhoto:
        rng = np.random.default_rng([*self.seed, 2, index])
        camera = _turned(self.wide, self.size, drift)
        turn = _turn_between(camera, self.wide)
        strengths = {
            number: _strength(released_at, taken_at)
            for number, released_at in enumerate(self.released_at, 1)
            if released_at <= taken_at
        }
        radiance = self._render(index, taken_at, weather, strengths)
        radiance = _warp(radiance, turn, self.size, cv2.INTER_LINEAR)
        land = _warp(self.frame.land.astype(np.uint8), turn, self.size, cv2.INTER_NEAREST) > 0
        gain = {BRIGHT: 7.0, DARK: 0.07, NIGHT: 1.0}.get(weather, float(rng.uniform(0.9, 1.1)))
        image = develop(
            radiance, land, np.random.default_rng([*self.seed, 3]), gain=gain, grain_rng=rng
        )
        if weather == SNOWFALL:
            _draw_flakes(image, rng)
        if weather == LENS:
            image = _cover_lens(image, rng)
        _stamp(image, taken_at)
        shown = [number for number, strength in strengths.items() if strength >= FAINTEST]
        seen = _warp(labels, turn, self.size, cv2.INTER_NEAREST)
        seen = np.where(np.isin(seen, shown), seen, 0).astype(np.uint8)
        facts = camera_facts(camera, self.terrain)
        return WinterPhoto(taken_at, weather, image, seen, strengths, facts)

    def _render(
        self, index: int, taken_at: datetime, weather: str, strengths: dict[int, float]
    ) -> NDArray[np.float32]:
        """Render the wide view; its sun stands as at that hour."""
        kind = _DAYS[index // len(_HOURS) % len(_DAYS)]
        kind = CLEAR if weather in (NIGHT, BRIGHT, DARK, LENS) else kind
        usual = float(np.median(self.frame.distance[self.frame.land]))
        days = taken_at.timetuple().tm_yday
        melted = float(np.interp(days, *_MELT)) if self.year else 0.0
        tilt = -np.radians(23.4) * np.cos(2 * np.pi * (days + 10) / 365)
        sun = _sun(taken_at, tilt if self.year else _DECLINATION)
        day = replace(
            self.day,
            sun=sun,
            snowline=self.day.snowline + melted * (_SNOWLINE[1] - _SNOWLINE[0]),
            frost=self.day.frost * (1 - melted),
            cloud=1.0 if kind in (FOG, SNOWFALL) else 0.3 if kind == HAZE else 0.0,
            haze=_THICKNESS[kind] / usual,
        )
        ground = replace(self.ground, shadow=cast_shadow(self.terrain.dem, sun))
        trees = draw_trees(self.trees, (self.wide.width, self.wide.height), day.haze)
        lying = [_faded(self.avalanches[number - 1], s) for number, s in strengths.items()]
        constant = np.random.default_rng([*self.seed, 4])
        air = np.random.default_rng([*self.seed, 5, taken_at.day])
        radiance = render(
            self.terrain, ground, day, self.sight, self.frame, lying, trees, constant, air
        )
        return radiance * np.float32(0.002) if weather == NIGHT else radiance


def _try_world(
    seed: int, number: int, count: int, size: tuple[int, int], year: bool
) -> _World | None:
    """Make a world, or None where it has too few avalanches in view."""
    rng = np.random.default_rng([seed, number])
    terrain = make_terrain(rng)
    floor = terrain.height_at(*terrain.valley)
    day = replace(draw_conditions(rng, floor), snowline=floor + _SNOWLINE[0], dust=0.0, cloud=0.0)
    ground = cover(terrain, day, rng)
    release = release_ground(ground, day, terrain.dem)
    camera = choose_camera(terrain, release, size, rng)
    if camera is None:
        return None
    shares = _YEAR_MARGIN if year else (_MARGIN, _MARGIN)
    across, along = (round(share * size[0]) for share in shares)
    wide = replace(camera, width=size[0] + 2 * across, height=size[1] + 2 * along, k1=0.0)
    sight = look(terrain, wide)
    frame = pixel_ground(terrain, sight)
    avalanches = draw_avalanches(terrain, ground, day, sight, frame, release, rng, goal=_AVALANCHES)
    inner = label_image(frame, avalanches)[along:-along, across:-across]
    seen = np.bincount(inner.ravel(), minlength=len(avalanches) + 1)[1:]
    avalanches = [a for a, area in zip(avalanches, seen, strict=True) if area > 0.001 * inner.size]
    if len(avalanches) < _FEWEST:
        return None
    blocked = np.zeros(terrain.dem.shape, bool)
    for avalanche in avalanches:
        blocked |= footprint(avalanche, blocked)
    trees = plant(terrain, sight, ground, blocked, rng)
    days = max(1.0, count / len(_HOURS) * 0.75)
    hours = np.sort(rng.uniform(9.5, 24 * days, len(avalanches)))
    released = [_START + timedelta(minutes=round(60 * float(hour))) for hour in hours]
    return _World(
        [seed, number], count, size, terrain, day, ground, wide, sight, frame, trees,
        avalanches, released, year,
    )  # fmt: skip


def _facts(world: _World) -> Winter:
    first = _turned(world.wide, world.size, np.zeros(3))
    across = (world.wide.width - first.width) // 2
    along = (world.wide.height - first.height) // 2
    inner = slice(along, -along), slice(across, -across)
    frame = PixelGround(**{name: plane[inner] for name, plane in world.frame.__dict__.items()})
    trees = draw_trees(world.trees, (world.wide.width, world.wide.height), 0.0)
    hidden = trees[(*inner, 3)] > 0.5
    rng = np.random.default_rng([*world.seed, 6])
    return Winter(
        dem=world.terrain.dem,
        transform=world.terrain.transform,
        camera=camera_facts(first, world.terrain),
        control_points=control_points(world.terrain, first, world.sight, frame, hidden, rng),
        releases={
            number: (avalanche.kind, released_at)
            for number, (avalanche, released_at) in enumerate(
                zip(world.avalanches, world.released_at, strict=True), 1
            )
        },
        _world=world,
    )


# --- what changes from photo to photo ------------------------------------------------------------


def _spoil(times: list[datetime]) -> list[str]:
    """Return what hides or spoils each photo."""
    found = []
    for index, taken_at in enumerate(times):
        day, slot = divmod(index, len(_HOURS))
        kind, yesterday = _DAYS[day % len(_DAYS)], _DAYS[(day - 1) % len(_DAYS)]
        if slot == len(_HOURS) - 1:
            kind = NIGHT
        elif kind == CLEAR and yesterday == SNOWFALL and slot < 2:
            kind = LENS
        elif kind == CLEAR and taken_at.day % 7 == 4 and slot in (1, 2):  # a day in January
            kind = BRIGHT if slot == 1 else DARK
        elif kind == CLEAR and day % len(_DAYS) in (3, 8) and slot == 2:
            kind = REPEAT
        found.append(kind)
    return found


def _drift(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 3) change of yaw, pitch and roll, degrees: a slow walk, and one bump."""
    steps = rng.normal(0, _STEP, (count, 3)) * (1, 1, 0.5)
    steps[0] = 0
    if count > 2:
        steps[count // 2] += rng.choice([-1, 1], 3) * _BUMP * np.array([1, 0.6, 0.2])
    return np.cumsum(steps, axis=0)


def _strength(released_at: datetime, taken_at: datetime) -> float:
    """Return the share of its first contrast that an avalanche still has."""
    first, last = ((time - _START).days for time in (released_at, taken_at))
    falls = sum(_DAYS[day % len(_DAYS)] == SNOWFALL for day in range(first + 1, last + 1))
    age = (taken_at - released_at) / timedelta(days=1)
    return float(_COVERED**falls * np.exp(-age / _FADES))


def _faded(avalanche: Avalanche, strength: float) -> Avalanche:
    share = np.float32(strength)
    return replace(avalanche, mask=avalanche.mask * share, relief=avalanche.relief * share)


def _sun(taken_at: datetime, declination: float) -> NDArray[np.float32]:
    """(3,) direction of the sun, east, north, up; never lower than rises over a ridge."""
    hour = np.radians(15 * (taken_at.hour + taken_at.minute / 60 - _NOON))
    up = np.sin(_LATITUDE) * np.sin(declination)
    up += np.cos(_LATITUDE) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.cos(_LATITUDE) * np.sin(declination)
    north -= np.sin(_LATITUDE) * np.cos(declination) * np.cos(hour)
    sun = np.array([east, north, max(up, 0.08)])
    return np.asarray(sun / np.linalg.norm(sun), np.float32)


def _turned(wide: SceneCamera, size: tuple[int, int], drift: NDArray[np.float64]) -> SceneCamera:
    yaw, pitch, roll = drift.tolist()
    return replace(
        wide,
        width=size[0],
        height=size[1],
        yaw=(wide.yaw + yaw) % 360,
        pitch=wide.pitch + pitch,
        roll=wide.roll + roll,
    )


def _turn_between(camera: SceneCamera, wide: SceneCamera) -> NDArray[np.float64]:
    """(3, 3) homography from pixels of one camera to those of another at the same place."""
    inner, outer = (
        np.array([[c.f, 0, c.centre[0]], [0, c.f, c.centre[1]], [0, 0, 1]]) for c in (camera, wide)
    )
    return np.asarray(outer @ wide.axes() @ camera.axes().T @ np.linalg.inv(inner))


def _warp(
    plane: NDArray[Any], turn: NDArray[np.float64], size: tuple[int, int], way: int
) -> NDArray[Any]:
    flags = way | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpPerspective(plane, turn, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


# --- lens ----------------------------------------------------------------------------------------


def _draw_flakes(image: NDArray[np.uint8], rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    for _ in range(round(0.0012 * height * width)):
        at = int(rng.integers(width)), int(rng.integers(height))
        cv2.circle(image, at, int(rng.integers(1, 3)), (225, 228, 232), -1, cv2.LINE_AA)


def _cover_lens(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lay wet snow on the glass: blotches out of focus."""
    height, width = image.shape[:2]
    blotches = fractal((height, width), rng, longest=0.4 * width, shortest=0.12 * width, slope=1.5)
    share = smoothstep(-0.5, 0.4, blotches)[:, :, None]
    blurred = cv2.GaussianBlur(image, (0, 0), 0.02 * width).astype(np.float32)
    snow = 0.35 * blurred + 0.65 * np.array([176, 180, 186], np.float32)
    return np.asarray(image + share * (snow - image), np.uint8)


def _stamp(image: NDArray[np.uint8], taken_at: datetime) -> None:
    """Write the time into the photo, as webcams do."""
    scale = image.shape[0] / 1200
    at = round(20 * scale), image.shape[0] - round(20 * scale)
    text = f"{taken_at:%d.%m.%Y %H:%M} UTC"
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (250, 250, 250), 1, cv2.LINE_AA)
