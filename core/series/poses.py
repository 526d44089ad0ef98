"""Poses of all photos of one camera over a winter or a year.

Every photo is registered to *keyframes*: photos posed with confidence, near it in time and hour,
whose snow and light are alike. The photos that a person posed come first; what they pose becomes
the next keyframes, so poses spread from season to season. Then all registrations are adjusted
together (`core.camera.rotation_averaging`), and a photo whose registrations contradict each other
is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..camera import Camera
from ..camera.registration import register
from ..camera.rotation_averaging import AGREES, RotationEdge, RotationNetwork, refine_rotations
from ..errors import CameraError, ImageError
from ..image import read_binary_mask, read_image
from .computing import PhotoShare, ResultLog, compute, file_version, task_version

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .listing import SeriesPhoto

    Floats = NDArray[np.float64]

REGISTRATIONS = "registrations"
"""Folder of the results to go on with."""

_DAYS, _HOURS = 7, 3  # one keyframe for each span of days and of hours of the day
_APART = 10.0, 3.0  # days and hours that make photos equally unlike
_NEARER = 0.7  # a photo is tried again with a keyframe that is so much more alike
_ALIKE, _TRIES = 1.0, 5  # unlikeness up to which a photo is tried several times, and how often
_CHECKS = 2  # registrations of a photo that is posed
_CONFIDENT = 0.02  # degrees: standard deviation of the registration of a keyframe
# Degrees: the same of orientations that are not trusted; errors reach 4 of it unless most agrees.
_UNSURE, _UNSURE_OF_MOST, _MOST = 0.0125, 0.02, 0.8
_SAME_AIM = np.radians(1.0)  # of keyframes to which the foreground of the posed photo applies


@dataclass(frozen=True)
class PosedPhoto:
    """A photo that a person posed, with the mask of its foreground; see `CameraRecord`."""

    path: Path
    camera: Camera
    foreground: Path | None = None


@dataclass(frozen=True)
class Link:
    """Registration of a photo to a keyframe, trusted; nodes count the posed photos first."""

    keyframe: int
    photo: int
    rotation: tuple[float, float, float]
    covariance: tuple[tuple[float, ...], ...]
    zoom: float
    size: tuple[int, int]
    patches: int
    offered: int

    @property
    def sigma_deg(self) -> float:
        """Standard deviation of the rotation, of the worst axis."""
        return float(np.sqrt(np.linalg.eigvalsh(np.array(self.covariance))[-1]))

    def edge(self) -> RotationEdge:
        """Return it for the joint refinement."""
        turn = cv2.Rodrigues(np.radians(self.rotation))[0]
        covariance = np.radians(np.radians(np.array(self.covariance)))
        return RotationEdge(self.keyframe, self.photo, np.asarray(turn), covariance)


@dataclass
class PoseNetwork:
    """What is known of the photos of a camera; nodes are the posed photos, then all others.

    Attributes
    ----------
    posed, photos
        Given.
    cameras
        By node, of those that are posed.
    links
        By node, its trusted registrations to keyframes.
    reasons
        By node, why a photo could not be registered last.
    details
        By node, median of the contrast of neighbouring pixels.
    sigmas
        By node, standard deviation of the orientation against the posed photos, degrees; also of
        photos that are not posed because it is too large.
    orientations
        By node, EXIF orientation.
    tried
        By node, the keyframes that it was registered to.
    aims
        By node, roughly where it looks, in halves of its width.
    """

    posed: Sequence[PosedPhoto]
    photos: Sequence[SeriesPhoto]
    cameras: dict[int, Camera] = field(default_factory=dict)
    links: dict[int, list[Link]] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    details: dict[int, float] = field(default_factory=dict)
    sigmas: dict[int, float] = field(default_factory=dict)
    orientations: dict[int, int] = field(default_factory=dict)
    tried: dict[int, list[int]] = field(default_factory=dict)
    aims: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def every_link(self) -> list[Link]:
        """Return the links of all photos."""
        return [link for links in self.links.values() for link in links]

    def path(self, node: int) -> Path:
        """Return the file of a node."""
        count = len(self.posed)
        return self.posed[node].path if node < count else self.photos[node - count].path

    def name(self, node: int) -> str:
        """Return the key of a photo, or number and name of a posed photo's file."""
        count = len(self.posed)
        if node < count:
            return f"posed {node + 1}: {self.posed[node].path.name}"
        return self.photos[node - count].key

    def photo(self, node: int) -> SeriesPhoto | None:
        """Return the photo of a node; of a posed one, that of the series, if it is in it."""
        count = len(self.posed)
        if node >= count:
            return self.photos[node - count]
        path = self.posed[node].path.resolve()
        return next((p for p in self.photos if p.path.resolve() == path), None)


def pose_series(
    posed: Sequence[PosedPhoto],
    photos: Sequence[SeriesPhoto],
    work: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> PoseNetwork:
    """Pose the photos of one camera, in the order of time.

    Registrations are kept in the folder ``work``, so that it goes on where it was stopped.

    Parameters
    ----------
    posed
        Photos that were posed, at one place; of all aims that are known.
    photos
        All of the camera.

    Raises
    ------
    CameraError
        If no photo is posed, or the posed ones stand at different places.
    """
    _require_one_place(posed)
    network = PoseNetwork(posed, photos)
    network.cameras = {node: photo.camera for node, photo in enumerate(posed)}
    log = ResultLog(work / REGISTRATIONS, PhotoShare())
    first = len(posed)
    times = {node: photo for node in range(first + len(photos)) if (photo := network.photo(node))}
    while True:
        keyframes = _choose_keyframes(network, times)
        pairs = [
            (keyframe, node)
            for node in range(first, first + len(photos))
            for keyframe in _next_tries(network, node, keyframes, times)
        ]
        if not pairs:
            return _refine(network)
        register_pairs(network, pairs, log, workers, progress)
        _spread(network)


def register_pairs(
    network: PoseNetwork,
    pairs: Sequence[tuple[int, int]],
    log: ResultLog,
    workers: int,
    progress: Callable[[int, int], None] | None,
    lens: Camera | None = None,
) -> list[Link]:
    """Register photos to keyframes, (keyframe, photo); add the links, and return them.

    ``lens`` is that of keyframes that are not posed.
    """
    tasks, named = {}, {}
    for keyframe, node in sorted(pairs):
        camera = network.cameras.get(keyframe) or _fitted_lens(network, keyframe, lens)
        task = _Task(
            str(network.path(keyframe)),
            str(network.path(node)),
            replace(camera, x=0.0, y=0.0, z=0.0, yaw=0.0, pitch=0.0, roll=0.0),
            _foreground(network, keyframe),
        )
        paths = filter(None, (task.reference, task.new, task.foreground))
        versions = [file_version(Path(path)) for path in paths]
        key = f"{network.name(node)} to {network.name(keyframe)}"
        digest = task_version((task.camera, versions))
        tasks[key], named[key] = (digest, task), (keyframe, node)
    results = compute(register_task, tasks, log, workers=workers, progress=progress)
    found = []
    for key in tasks:
        keyframe, node = named[key]
        result = results[key]
        network.tried.setdefault(node, []).append(keyframe)
        network.reasons[node] = result["reason"]
        network.details[node] = result["detail"]
        network.orientations[node] = result["orientation"]
        if result["trusted"]:
            covariance = tuple(tuple(row) for row in result["covariance"])
            numbers = [result[name] for name in ("zoom", "size", "patches", "offered")]
            turn = tuple(result["rotation"])
            found.append(Link(keyframe, node, turn, covariance, *numbers))
            network.links.setdefault(node, []).append(found[-1])
    return found


@dataclass(frozen=True)
class _Task:
    reference: str
    new: str
    camera: Camera
    foreground: str


def register_task(task: _Task) -> dict[str, Any]:
    """Return the registration of a photo to a keyframe as JSON."""
    result: dict[str, Any] = {"trusted": False, "detail": 0.0, "orientation": 1}
    try:
        new, orientation = _read(task.new)
        reference, _ = _read(task.reference)
        mask = _read_mask(task.foreground, task.reference) if task.foreground else None
        result |= {"detail": _detail(new), "orientation": orientation}
        found = register(reference, new, task.camera, mask, any_aim=True)
    except (CameraError, ImageError) as error:
        return {**result, "reason": str(error)}
    return {
        **result,
        "trusted": found.trusted,
        "reason": found.reason,
        "rotation": found.turn_deg,
        "covariance": found.covariance,
        "zoom": found.zoom,
        "size": [found.camera.width, found.camera.height],
        "patches": found.patches,
        "offered": found.offered,
    }


def _require_one_place(posed: Sequence[PosedPhoto]) -> None:
    if not posed:
        raise CameraError("No photo of this camera is posed: give the file of its camera.")
    first = posed[0].camera
    for other in posed[1:]:
        apart = float(np.linalg.norm(other.camera.position - first.position))
        if apart > 5:
            raise CameraError(
                f"The cameras of {posed[0].path.name} and {other.path.name} stand {apart:.0f} m "
                "apart: give views of one camera, which only turns."
            )


def _choose_keyframes(network: PoseNetwork, times: Mapping[int, SeriesPhoto]) -> list[int]:
    """Return the posed photos, and the best photo of each aim, span of days and of hours."""
    best: dict[tuple[object, ...], tuple[int, int]] = {}
    for link in network.every_link():
        node = link.photo
        if link.sigma_deg > _CONFIDENT or node not in network.cameras:
            continue
        time = times[node].time
        span = _aim(network, node), time.toordinal() // _DAYS, time.hour // _HOURS
        best[span] = max(best.get(span, (0, 0)), (link.patches, node))
    return [*range(len(network.posed)), *sorted({node for _, node in best.values()})]


def _aim(network: PoseNetwork, node: int) -> tuple[int, ...]:
    """Return roughly where a posed photo looks, in halves of its width."""
    if node not in network.aims:
        camera = network.cameras[node]
        forward = camera.rotation_matrix()[2] * 2 * camera.f / camera.width
        network.aims[node] = tuple(np.rint(forward).astype(int).tolist())
    return network.aims[node]


def _next_tries(
    network: PoseNetwork, node: int, keyframes: Sequence[int], times: Mapping[int, SeriesPhoto]
) -> list[int]:
    """Return the keyframe that a photo is registered to next, if any."""
    tried = network.tried.get(node, [])
    left = [k for k in keyframes if k not in tried and k != node]
    if node in network.cameras:
        if len(network.links.get(node, ())) >= _CHECKS or len(tried) > _CHECKS:
            return []
        left = [k for k in left if _aim(network, k) == _aim(network, node)] or left
        return sorted(left, key=lambda k: _unlikeness(times, node, k))[:1]
    if first := [k for k in left if k < len(network.posed)]:
        return [min(first, key=lambda k: _unlikeness(times, node, k))]
    if not left:
        return []
    aims = [_aim(network, k) for k in tried]
    nearest = min(left, key=lambda k: _unlikeness(times, node, k) + aims.count(_aim(network, k)))
    before = min(_unlikeness(times, node, k) for k in tried)
    unlike = _unlikeness(times, node, nearest)
    is_alike = unlike < _ALIKE and len(tried) < _TRIES + len(network.posed)
    return [nearest] if is_alike or unlike < _NEARER * before else []


def _unlikeness(times: Mapping[int, SeriesPhoto], node: int, other: int) -> float:
    """Return how unlike snow and light of two photos are likely to be."""
    if other not in times:
        return 1000.0 + other
    seconds = abs((times[node].time - times[other].time).total_seconds())
    hours = seconds / 3600 % 24
    return float(seconds / 86400 / _APART[0] + min(hours, 24 - hours) / _APART[1])


def _spread(network: PoseNetwork) -> None:
    """Pose what is linked to posed photos, by the links of the most patches first."""
    waiting = sorted(network.every_link(), key=lambda link: -link.patches)
    while ready := [
        link
        for link in waiting
        if link.keyframe in network.cameras and link.photo not in network.cameras
    ]:
        for link in ready:
            if link.photo not in network.cameras:
                network.cameras[link.photo] = _follow(network, link)


def _follow(network: PoseNetwork, link: Link) -> Camera:
    """Return the camera of a photo by its link."""
    before = network.cameras[link.keyframe]
    return lens_after(before, link).rotated(np.asarray(link.edge().rotation))


def lens_after(before: Camera, link: Link) -> Camera:
    """Return a camera in the size, and with the zoom, of a photo linked to it."""
    width, height = link.size
    zoomed = before.f * link.zoom * width / before.width
    if abs(height * before.width - width * before.height) <= 2 * max(link.size):
        return replace(before.resized(width, height), f=zoomed)
    return replace(before, width=width, height=height, f=zoomed, cx=float("nan"), cy=float("nan"))


def _refine(network: PoseNetwork) -> PoseNetwork:
    """Adjust all orientations together; take back poses that are contradicted, or uncertain."""
    while True:
        nodes = sorted(network.cameras)
        place = {node: index for index, node in enumerate(nodes)}
        links = [k for k in network.every_link() if k.keyframe in place and k.photo in place]
        edges = [
            replace(link.edge(), old=place[link.keyframe], new=place[link.photo]) for link in links
        ]
        start = np.array([network.cameras[node].rotation_matrix() for node in nodes])
        found = refine_rotations(start, edges, range(len(network.posed)))
        wrong = _contradicted(network, links, found)
        if not wrong:
            break
        for node in wrong:
            del network.cameras[node]
            network.reasons[node] = (
                "Its registrations to other photos contradict each other: pose it with control "
                "points if it matters."
            )
        for node, kept in list(network.links.items()):
            network.links[node] = [k for k in kept if not {k.keyframe, k.photo} & wrong]
        _drop_unlinked(network)
    for node, rotation, sigma in zip(nodes, found.rotations, found.sigmas, strict=True):
        camera = network.cameras[node]
        network.cameras[node] = camera.rotated(rotation @ camera.rotation_matrix().T)
        network.sigmas[node] = float(np.degrees(sigma))
    for node in [n for n in nodes if network.sigmas[n] > _largest_sigma(network, n)]:
        del network.cameras[node]
        network.reasons[node] = (
            f"Its orientation is uncertain by {network.sigmas[node]:.4f} degrees (one standard "
            "deviation): pose it with control points if it matters."
        )
    return network


def _largest_sigma(network: PoseNetwork, node: int) -> float:
    """Return the standard deviation up to which the orientation of a photo is trusted, degrees."""
    most = max((k.patches / k.offered for k in network.links.get(node, ())), default=1.0)
    return _UNSURE_OF_MOST if most >= _MOST else _UNSURE


def _contradicted(network: PoseNetwork, links: Sequence[Link], found: RotationNetwork) -> set[int]:
    """Return the photos of which no more links agree than contradict."""
    votes: dict[int, int] = {}
    for link, error in zip(links, found.errors, strict=True):
        votes[link.photo] = votes.get(link.photo, 0) + (1 if error < AGREES else -1)
    return {node for node, vote in votes.items() if vote <= 0 and node >= len(network.posed)}


def _drop_unlinked(network: PoseNetwork) -> None:
    """Take back the poses of photos that no link joins to a posed one any more."""
    joined = set(range(len(network.posed)))
    while more := {
        k.photo for k in network.every_link() if k.keyframe in joined and k.photo not in joined
    }:
        joined |= more
    for node in set(network.cameras) - joined:
        del network.cameras[node]
        network.reasons[node] = "The photos that it was registered to were refused."


def _foreground(network: PoseNetwork, keyframe: int) -> str:
    """Return the mask of the posed photo whose aim a keyframe has; empty without one."""
    camera = network.cameras.get(keyframe)
    for photo in network.posed if camera else ():
        turn = camera.rotation_matrix() @ photo.camera.rotation_matrix().T  # type: ignore[union-attr]
        same = np.trace(turn) > 1 + 2 * np.cos(_SAME_AIM)
        if same and photo.foreground and camera.width == photo.camera.width:  # type: ignore[union-attr]
            return str(photo.foreground)
    return ""


def _fitted_lens(network: PoseNetwork, node: int, lens: Camera | None) -> Camera:
    """Return the lens for the photo of a node that is not posed."""
    (height, width), base = _read(str(network.path(node)))[0].shape[:2], lens
    base = base or network.posed[0].camera
    scale = width / base.width
    return replace(
        base, width=width, height=height, f=base.f * scale, cx=float("nan"), cy=float("nan")
    )


def _detail(photo: NDArray[np.uint8]) -> float:
    """Return the median contrast of neighbouring pixels, grey values."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return round(float(np.median(np.abs(cv2.Laplacian(grey, -1, ksize=5)))), 2)


def _read(path: str) -> tuple[NDArray[np.uint8], int]:
    """Read a photo and its orientation; the last few are kept, unless their files change."""
    return _read_file(path, file_version(Path(path)))


@lru_cache(maxsize=6)
def _read_file(path: str, version: str) -> tuple[NDArray[np.uint8], int]:  # noqa: ARG001
    image = read_image(Path(path))
    return image.pixels, image.orientation


@lru_cache(maxsize=2)
def _read_mask(path: str, photo: str) -> NDArray[np.bool_]:
    return read_binary_mask(Path(path), Path(photo))
