"""Scene: image, truth, and the map it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from core.errors import IsegError

from .avalanche import Avalanche
from .camera import PINHOLE, REFRACTION, SceneCamera
from .conditions import Conditions, draw_conditions
from .develop import develop
from .events import SMALLEST, draw_avalanches, footprint
from .foreground import draw_foreground, letter
from .ground import Ground, cover, release_ground
from .outline import ControlPoint, control_points, map_outline
from .render import PixelGround, label_image, pixel_ground, render
from .sight import SceneSight, look
from .terrain import SceneTerrain, make_terrain
from .trees import draw_trees, plant
from .viewpoint import choose_camera

if TYPE_CHECKING:
    from shapely import MultiPolygon

EPSG = 2056
_WORLDS = 20


@dataclass(frozen=True, eq=False)
class Scene:
    """Webcam image of avalanches with its ground truth.

    Attributes
    ----------
    image
        (H, W, 3) uint8 RGB.
    labels
        (H, W) uint8: 0 none, k the k-th avalanche as seen, what stands in front left out.
    dem
        (rows, cols) float32 elevation of cell centres, m.
    transform
        From (col, row), upper left corners in whole numbers, to LV95 (EPSG:2056).
    camera
        ``epsg``, ``width``, ``height``, ``projection``, ``x``, ``y``, ``z``, ``yaw_deg``,
        ``pitch_deg``, ``roll_deg``, ``f_px``, ``cx``, ``cy``, ``k1``, ``refraction_k``; see
        `.camera` for the conventions.
    control_points
        (name, u_px, v_px, x, y, z): places on open terrain in view, and where they appear.
    outlines
        (k, outline on the map with its hidden parts, ``slab`` or ``loose``) of each avalanche.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    dem: NDArray[np.float32]
    transform: Affine
    camera: dict[str, Any]
    control_points: list[ControlPoint]
    outlines: list[tuple[int, MultiPolygon, str]]


def make_scene(
    seed: int, width: int = 1600, height: int = 1000, projection: str = PINHOLE
) -> Scene:
    """Make a scene of one to five avalanches; the same arguments give the same scene.

    ``projection`` is one of `camera.PROJECTIONS`: panoramas and fisheyes see wider.

    Raises
    ------
    IsegError
        If the seed is negative or a side has fewer than 64 pixels.
    """
    if seed < 0 or min(width, height) < 64:
        raise IsegError(
            f"Cannot make a scene of seed {seed} and {width} x {height} pixels: take a seed from 0 "
            "up and at least 64 pixels each way."
        )
    for world in range(_WORLDS):
        scene = _try_world(np.random.default_rng([seed, world]), (width, height), projection)
        if scene is not None:
            return scene
    raise IsegError(f"No world of seed {seed} has an avalanche in view: take another seed.")


def _try_world(rng: np.random.Generator, size: tuple[int, int], projection: str) -> Scene | None:
    """Make a scene, or None where the world drawn has no avalanche in view."""
    terrain = make_terrain(rng)
    day = draw_conditions(rng, terrain.height_at(*terrain.valley))
    ground = cover(terrain, day, rng)
    release = release_ground(ground, day, terrain.dem)
    camera = choose_camera(terrain, release, size, rng, projection)
    if camera is None:
        return None
    sight = look(terrain, camera)
    frame = pixel_ground(terrain, sight)
    drawn = draw_avalanches(terrain, ground, day, sight, frame, release, rng)
    avalanches, labels, trees = _stand_trees(drawn, terrain, ground, day, sight, frame, rng)
    if not avalanches:
        return None
    radiance = render(terrain, ground, day, sight, frame, avalanches, trees, rng)
    near = draw_foreground(radiance, day.snowline < terrain.height_at(*terrain.valley), rng)
    hidden = near | (trees[:, :, 3] > 0.5)
    labels[near] = 0
    if len(np.unique(labels[labels > 0])) < len(avalanches):
        return None
    image = develop(radiance, frame.land, rng)
    letter(image, rng)
    return Scene(
        image=image,
        labels=labels,
        dem=terrain.dem,
        transform=terrain.transform,
        camera=camera_facts(camera, terrain),
        control_points=control_points(terrain, camera, sight, frame, hidden, rng),
        outlines=[
            (number, map_outline(avalanche, terrain), avalanche.kind)
            for number, avalanche in enumerate(avalanches, 1)
        ],
    )


def _stand_trees(
    avalanches: list[Avalanche],
    terrain: SceneTerrain,
    ground: Ground,
    day: Conditions,
    sight: SceneSight,
    frame: PixelGround,
    rng: np.random.Generator,
) -> tuple[list[Avalanche], NDArray[np.uint8], NDArray[np.float32]]:
    """Plant the forest, and leave out avalanches that it hides.

    Returns avalanches in view, what each pixel shows of them, and trees as `draw_trees` does.
    """
    while True:
        blocked = np.zeros(terrain.dem.shape, bool)
        for avalanche in avalanches:
            blocked |= footprint(avalanche, blocked)
        forest = plant(terrain, sight, ground, blocked, rng)
        trees = draw_trees(forest, (sight.camera.width, sight.camera.height), day.haze)
        labels = label_image(frame, avalanches)
        labels[trees[:, :, 3] > 0.5] = 0
        seen = np.bincount(labels.ravel(), minlength=len(avalanches) + 1)[1:]
        clear = seen >= SMALLEST / 2 * labels.size
        if clear.all():
            return avalanches, labels, trees
        avalanches = [a for a, shows in zip(avalanches, clear, strict=True) if shows]


def camera_facts(camera: SceneCamera, terrain: SceneTerrain) -> dict[str, Any]:
    """Return pose and lens as of `Scene.camera`."""
    cx, cy = camera.centre
    return {
        "epsg": EPSG,
        "width": camera.width,
        "height": camera.height,
        "projection": camera.projection,
        "x": terrain.west + camera.x,
        "y": terrain.north + camera.y,
        "z": camera.z,
        "yaw_deg": camera.yaw,
        "pitch_deg": camera.pitch,
        "roll_deg": camera.roll,
        "f_px": camera.f,
        "cx": cx,
        "cy": cy,
        "k1": camera.k1,
        "refraction_k": REFRACTION,
    }
