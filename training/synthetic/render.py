"""Rendering of snow, rock, debris and trees in sun, shadow and haze."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .avalanche import Avalanche
from .camera import SceneCamera
from .conditions import Conditions
from .detail import Detail, detail
from .foreground import mist
from .ground import Ground
from .noise import Plane, blend, fractal, smoothstep
from .sight import SceneSight
from .sky import air_light, paint_sky, sunlight
from .terrain import SceneTerrain, gradient

Colours = NDArray[np.float32]

SKYLIGHT = np.array([0.20, 0.27, 0.40], np.float32)
CLOUDLIGHT = np.array([0.42, 0.44, 0.47], np.float32)
SNOW = np.array([0.92, 0.93, 0.95], np.float32)
GRASS = np.array([0.17, 0.145, 0.075], np.float32)
EARTH = np.array([0.23, 0.17, 0.11], np.float32)
NEEDLES = np.array([0.030, 0.042, 0.028], np.float32)


@dataclass(frozen=True, eq=False)
class PixelGround:
    """Viewing directions of all pixels, and the terrain that they show.

    Attributes
    ----------
    azimuth, tangent
        (H, W) relative to the yaw, radians; tangent of the elevation angle.
    land
        (H, W) bool, False for the sky.
    distance
        (H, W) m, for the sky that of the skyline below.
    x, y, z
        (H, W) local coordinates, m.
    """

    azimuth: Plane
    tangent: Plane
    land: NDArray[np.bool_]
    distance: Plane
    x: Plane
    y: Plane
    z: Plane


def pixel_ground(terrain: SceneTerrain, sight: SceneSight) -> PixelGround:
    """Follow every pixel's ray."""
    camera = sight.camera
    azimuth, tangent = camera.directions()
    distance, land = sight.hits(azimuth, tangent)
    bearing = azimuth + np.float32(np.radians(camera.yaw))
    x = np.float32(camera.x) + np.sin(bearing) * distance
    y = np.float32(camera.y) + np.cos(bearing) * distance
    return PixelGround(azimuth, tangent, land, distance, x, y, terrain.sample(terrain.dem, x, y))


def label_image(frame: PixelGround, avalanches: Sequence[Avalanche]) -> NDArray[np.uint8]:
    """(H, W) number of the avalanche at each pixel's centre, counted from 1; 0 for none."""
    labels = np.zeros(frame.land.shape, np.uint8)
    for number, avalanche in enumerate(avalanches, 1):
        area = _seen_in(frame, avalanche)
        if area is None:
            continue
        cols, rows = avalanche.cells(frame.x[area], frame.y[area])
        inside = cv2.remap(avalanche.mask, cols, rows, cv2.INTER_LINEAR) > 0.5
        labels[area][inside & frame.land[area]] = number
    return labels


def render(
    terrain: SceneTerrain,
    ground: Ground,
    day: Conditions,
    sight: SceneSight,
    frame: PixelGround,
    avalanches: Sequence[Avalanche],
    trees: NDArray[np.float32],
    rng: np.random.Generator,
    weather: np.random.Generator | None = None,
) -> Colours:
    """Render the scene to (H, W, 3) float32 radiance, about 1 for sunlit snow.

    Trees are (H, W, 4) as `draw_trees` gives them. ``weather`` draws mist and sky, by default
    ``rng``, which draws all else: with the same one, another hour shows the same slopes.
    """
    surface = _surface(terrain, ground, day, sight.camera, frame, avalanches, rng)
    radiance = _light(surface, terrain, ground, day, frame)
    clear = np.exp(np.float32(-day.haze) * frame.distance)
    clear = (clear * (1 - mist(frame.z, frame.azimuth, frame.tangent, weather or rng)))[:, :, None]
    air = air_light(day)
    radiance = radiance * clear + air * (1 - clear)
    edge = (sight.skyline(frame.azimuth) - frame.tangent) * np.float32(sight.camera.f)
    land = np.clip(edge + 0.5, 0, 1)[:, :, None]
    sky = paint_sky(frame.azimuth, frame.tangent, day, weather or rng)
    radiance = sky + land * (radiance - sky)
    dark = NEEDLES + np.float32(0.06 * day.frost) * SNOW * (SKYLIGHT + CLOUDLIGHT * day.cloud)
    sunny = sunlight(day) + CLOUDLIGHT * np.float32(day.cloud)
    light = (NEEDLES * 2.5 + np.float32(0.32 * day.frost) * SNOW) * sunny
    radiance *= 1 - trees[:, :, 3:]
    shaded, sunny, fog, _ = cv2.split(trees)
    twigs = np.clip(1 + 0.4 * fractal(shaded.shape, rng, longest=9, shortest=2, slope=0.7), 0, 2.5)
    for share, colour in ((shaded * twigs, dark), (sunny * twigs, light), (fog, air)):
        radiance += share[:, :, None] * colour
    return np.asarray(radiance, np.float32)


@dataclass(eq=False)
class _Surface:
    """(H, W, 3) albedo and (H, W) rise of what the pixels show, before lighting."""

    albedo: Colours
    east: Plane
    north: Plane


def _surface(
    terrain: SceneTerrain,
    ground: Ground,
    day: Conditions,
    camera: SceneCamera,
    frame: PixelGround,
    avalanches: Sequence[Avalanche],
    rng: np.random.Generator,
) -> _Surface:
    planes = np.stack([ground.east, ground.north, ground.rock, ground.forest], axis=2)
    east, north, rock, forest = cv2.split(terrain.sample(planes, frame.x, frame.y))
    footprint = frame.distance / np.float32(camera.f)
    heading = float(np.radians(camera.yaw))
    coarse, fine = detail(frame.x, frame.y, frame.z, footprint, heading, rng)
    rough = 0.7 * coarse.height + 0.5 * fine.height
    stone = smoothstep(-0.25, 0.25, rock + 0.6 * rough)
    bare = smoothstep(40, -40, frame.z - np.float32(day.snowline) + 60 * rough)
    bare = np.maximum(bare, 0.45 * smoothstep(0.35, 0.7, forest) * smoothstep(-0.5, 1.0, rough))
    snow = 0.035 * day.texture
    calm = np.ones_like(rock)
    albedo = SNOW * (1 + 0.012 * day.texture * coarse.height)[:, :, None]
    albedo = albedo - np.float32(0.25 * day.dust) * smoothstep(-1, 2.5, coarse.height)[
        :, :, None
    ] * (SNOW - EARTH)
    surface = _Surface(albedo, east, north)
    for avalanche in avalanches:
        _lay(surface, calm, (bare, stone), frame, avalanche, fine)
    band = 1 + 0.25 * np.sin(frame.z / 9 + 2.5 * coarse.height) + 0.25 * fine.height
    blend(surface.albedo, GRASS * np.clip(1 + 0.3 * fine.height, 0.3, 2)[:, :, None], bare)
    blend(surface.albedo, day.rock * np.clip(band, 0.4, 1.8)[:, :, None], stone)
    for rise, part in ((surface.east, "east"), (surface.north, "north")):
        ripples = snow * (getattr(coarse, part) + calm * getattr(fine, part))
        crags = 0.35 * getattr(coarse, part) + 0.45 * getattr(fine, part)
        rise += ripples + stone * (crags - ripples)
    return surface


def _lay(
    surface: _Surface,
    calm: Plane,
    covers: tuple[Plane, Plane],
    frame: PixelGround,
    avalanche: Avalanche,
    fine: Detail,
) -> None:
    """Lay an avalanche on the snow, over bare ground and rock (`covers`).

    `calm` is how much of the snow's own fine relief is left.
    """
    area = _seen_in(frame, avalanche)
    if area is None:
        return
    cols, rows = avalanche.cells(frame.x[area], frame.y[area])
    rises = gradient(avalanche.relief, avalanche.cell)
    first = np.dstack([avalanche.mask, rises, avalanche.debris])
    inside, rise, climb, debris = cv2.split(cv2.remap(first, cols, rows, cv2.INTER_LINEAR))
    second = np.stack([avalanche.tone, avalanche.dirt], axis=2)
    tone, dirt = cv2.split(cv2.remap(second, cols, rows, cv2.INTER_LINEAR))
    blocks = avalanche.blocks * debris * inside
    surface.east[area] += rise + blocks * fine.east[area]
    surface.north[area] += climb + blocks * fine.north[area]
    calm[area] *= 1 - (1 - avalanche.calm) * inside
    snow = surface.albedo[area] * (1 + inside * (tone - 1))[:, :, None]
    surface.albedo[area] = snow + (inside * dirt)[:, :, None] * (EARTH - snow)
    bare, stone = covers
    bare[area] *= 1 - 0.95 * inside
    stone[area] *= 1 - 0.9 * inside * smoothstep(0.1, 0.5, debris)


def _seen_in(frame: PixelGround, avalanche: Avalanche) -> tuple[slice, slice] | None:
    """Return the part of the image in which an avalanche can be."""
    height, width = (side * avalanche.cell for side in avalanche.mask.shape)
    near = (frame.x > avalanche.west) & (frame.x < avalanche.west + width) & frame.land
    near &= (frame.y < avalanche.north) & (frame.y > avalanche.north - height)
    rows, cols = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)


def _light(
    surface: _Surface, terrain: SceneTerrain, ground: Ground, day: Conditions, frame: PixelGround
) -> Colours:
    """(H, W, 3) radiance in sun, shadow and the light of the sky."""
    planes = np.stack([ground.shadow, ground.openness], axis=2)
    shadow, openness = cv2.split(terrain.sample(planes, frame.x, frame.y))
    upright = 1 / np.sqrt(1 + surface.east**2 + surface.north**2)
    facing = (day.sun[2] - surface.east * day.sun[0] - surface.north * day.sun[1]) * upright
    sunlit = np.maximum(facing, 0) * smoothstep(3, -3, shadow)
    # Snow all round and the sky above: more light from above and from the side of the sun.
    around = openness * (0.45 + 0.3 * upright + 0.3 * facing)
    diffuse = SKYLIGHT * np.float32(1 - day.cloud) + CLOUDLIGHT * np.float32(day.cloud)
    radiance = sunlight(day) * sunlit[:, :, None] + diffuse * around[:, :, None]
    return np.asarray(np.clip(surface.albedo, 0.01, 1) * np.maximum(radiance, 0), np.float32)
