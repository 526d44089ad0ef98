"""Views: the aims of one camera over time, found from the poses of its photos.

A camera drifts by fractions of a degree; where it turned or zoomed by more from one photo to the
next, another view begins. A camera that comes back to a view goes on with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from ..camera import Camera
from ..camera.registration import AREA, FARTHEST
from .computing import PhotoShare, ResultLog
from .listing import SeriesPhoto
from .poses import REGISTRATIONS, PoseNetwork, register_pairs

POSED, REFUSED, NEEDS_POINTS = "posed", "refused", "needs points"

_DRIFT = 0.5  # degrees: a smaller turn between photos is drift, whatever the lens
_ZOOM = 0.02  # change of the focal length
_FEWEST = 3  # photos that show an aim that nothing joins to the posed photos
_NEIGHBOURS = 12  # photos before and after one in time that may show the same aim
_FAILURES = 3  # photos that no other is like, before no more are looked through
_CLEAR = 0.35  # contrast of such photos, of the usual one


@dataclass(frozen=True)
class SeriesPose:
    """What became of a photo.

    Attributes
    ----------
    photo
        The photo.
    state
        `POSED`, `REFUSED` or `NEEDS_POINTS`.
    view
        Number of its view; 0 without one.
    keyframe
        Name of the photo that it was registered to, by the most patches.
    camera
        Pose and lens of a posed one.
    drift
        Change of yaw, pitch and roll since the view's reference, degrees.
    drift_deg
        Angle of the turn since the view's reference.
    sigma_deg
        Standard deviation of the orientation against the photos that persons posed.
    patches, offered, links
        Pieces of terrain that agreed, and of how many; registrations that agree.
    reason
        Why it is not posed.
    orientation
        EXIF orientation.
    """

    photo: SeriesPhoto
    state: str
    view: int = 0
    keyframe: str = ""
    camera: Camera | None = None
    drift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    drift_deg: float = 0.0
    sigma_deg: float = 0.0
    patches: int = 0
    offered: int = 0
    links: int = 0
    reason: str = ""
    orientation: int = 1


@dataclass(frozen=True)
class View:
    """An aim of the camera.

    Attributes
    ----------
    number
        From 1, by their first photos.
    reference
        The photo that stands for it: one that a person posed, else the clearest.
    camera
        Of the reference; None where the view needs points.
    first, last
        Times of its first and last photo, UTC.
    photos
        Number of its photos.
    turn_deg, zoom
        Angle from the view before it in time, and ratio of focal lengths; 0 and 1 of the first one,
        and where unknown.
    """

    number: int
    reference: Path
    camera: Camera | None
    first: datetime
    last: datetime
    photos: int
    turn_deg: float = 0.0
    zoom: float = 1.0


@dataclass(frozen=True)
class SeriesPoses:
    """Poses of all photos in the order of time, and the views by number."""

    photos: Sequence[SeriesPose]
    views: Sequence[View]


def examine_views(
    network: PoseNetwork,
    work: Path,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> SeriesPoses:
    """Tell the views of posed photos, and find those that nothing joins to them.

    Photos of the latter are registered among each other; results are kept in the folder ``work``.
    """
    first = len(network.posed)
    posed = [node for node in range(first, first + len(network.photos)) if node in network.cameras]
    posed.sort(key=lambda node: network.photos[node - first].time)
    views = _group(network, posed)
    lonely = {
        nodes[0]
        for nodes in views
        if len(nodes) == 1
        and len(network.links[nodes[0]]) < 2
        and not any(is_same_aim(network.cameras[nodes[0]], p.camera) for p in network.posed)
    }
    for node in lonely:
        network.reasons[node] = (
            "No other photo shows this aim: pose it with control points if it matters."
        )
    views = [nodes for nodes in views if nodes[0] not in lonely]
    groups = _find_unjoined(network, work, workers, progress)
    return _describe(network, views, groups)


def is_same_aim(first: Camera, second: Camera) -> bool:
    """Return whether two photos show one view, but for drift."""
    if abs(first.height / first.width - second.height / second.width) > 0.01:
        return False
    ratio = first.f / first.width * second.width / second.f
    turn = first.rotation_matrix() @ second.rotation_matrix().T
    work = first.f * math.sqrt(AREA / (first.width * first.height))
    limit = max(math.radians(_DRIFT), FARTHEST / work)
    return abs(math.log(ratio)) < _ZOOM and _angle(turn) < limit


def _angle(turn: np.ndarray) -> float:
    """Return the angle of a rotation (3, 3), radians."""
    return math.acos(min(1.0, max(-1.0, (float(np.trace(turn)) - 1) / 2)))


def _group(network: PoseNetwork, posed: Sequence[int]) -> list[list[int]]:
    """Return the nodes of each view, given in the order of time."""
    views: list[list[int]] = []
    for node in posed:
        camera = network.cameras[node]
        same = [v for v in views if is_same_aim(network.cameras[v[-1]], camera)]
        if same:
            max(same, key=lambda view: network.photos[view[-1] - len(network.posed)].time).append(
                node
            )
        else:
            views.append([node])
    return views


def _find_unjoined(
    network: PoseNetwork,
    work: Path,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> list[tuple[int, list[int]]]:
    """Return views that no registration joins to the posed photos: the clearest photo, and all."""
    first, log = len(network.posed), ResultLog(work / REGISTRATIONS, PhotoShare())
    joined = network.cameras.keys() | network.sigmas.keys()  # the uncertain ones are joined, too
    left = {n for n in range(first, first + len(network.photos)) if n not in joined}
    seen = [network.details[n] for n in network.cameras if n in network.details]
    least = _CLEAR * float(np.median(seen)) if seen else 0.0
    groups: list[tuple[int, list[int]]] = []
    failures = 0
    tried: set[int] = set()
    while failures < _FAILURES:
        clear = [n for n in left - tried if network.details.get(n, 0.0) > least]
        if not clear:
            break
        seed = max(clear, key=lambda n: (network.details[n], -n))
        tried.add(seed)
        others = sorted(left - {seed}, key=lambda n: (abs(n - seed), n))[:_NEIGHBOURS]
        members = _linked(network, seed, others, log, workers, progress)
        if len(members) + 1 < _FEWEST:
            failures += 1
            continue
        others = sorted(left - {seed, *others})
        members |= _linked(network, seed, others, log, workers, progress)
        groups.append((seed, sorted({seed, *members})))
        left -= {seed, *members}
    return groups


def _linked(
    network: PoseNetwork,
    seed: int,
    others: Sequence[int],
    log: ResultLog,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> set[int]:
    """Return which of other photos show the aim of one, whose pose is not known."""
    reasons = dict(network.reasons)
    links = register_pairs(network, [(seed, n) for n in others], log, workers, progress)
    network.reasons |= {n: reasons[n] for n in others if n in reasons}
    largest = math.radians(_DRIFT)
    return {
        link.photo
        for link in links
        if np.linalg.norm(np.radians(link.rotation)) < largest * 2 and abs(link.zoom - 1) < _ZOOM
    }


def _describe(
    network: PoseNetwork, groups: Sequence[Sequence[int]], unjoined: Sequence[tuple[int, list[int]]]
) -> SeriesPoses:
    """Return the poses of all photos, with views numbered by their first photos."""
    first = len(network.posed)
    known = [(_reference(network, nodes), list(nodes), True) for nodes in groups]
    known += [(seed, nodes, False) for seed, nodes in unjoined]
    known.sort(key=lambda view: network.photos[min(view[1]) - first].time)
    views: list[View] = []
    poses: dict[int, SeriesPose] = {}
    for number, (reference, nodes, is_posed) in enumerate(known, 1):
        photos = [network.photos[node - first] for node in nodes]
        camera = network.cameras[reference] if is_posed else None
        view = View(
            number,
            network.path(reference),
            camera,
            min(photo.time for photo in photos),
            max(photo.time for photo in photos),
            len(photos),
        )
        views.append(_after(view, views))
        for node in nodes:
            poses[node] = (
                _posed(network, node, number, camera)
                if camera
                else SeriesPose(
                    network.photos[node - first],
                    NEEDS_POINTS,
                    number,
                    reason="No registration joins this view to a posed photo: pose "
                    f"{network.path(reference).name} with control points, and give its camera "
                    "too.",
                    orientation=network.orientations.get(node, 1),
                )
            )
    for node in range(first, first + len(network.photos)):
        if node not in poses:
            poses[node] = SeriesPose(
                network.photos[node - first],
                REFUSED,
                reason=network.reasons.get(node, "It was not registered."),
                orientation=network.orientations.get(node, 1),
            )
    return SeriesPoses([poses[node] for node in sorted(poses)], views)


def _reference(network: PoseNetwork, nodes: Sequence[int]) -> int:
    """Return the node that stands for a view: one that a person posed, else the clearest photo."""
    for node, photo in enumerate(network.posed):
        if any(is_same_aim(photo.camera, network.cameras[other]) for other in nodes):
            return node
    return max(nodes, key=lambda node: (max(link.patches for link in network.links[node]), -node))


def _after(view: View, views: Sequence[View]) -> View:
    """Return a view with its turn from the one before it."""
    if not views or view.camera is None or views[-1].camera is None:
        return view
    before = views[-1].camera
    turn = view.camera.rotation_matrix() @ before.rotation_matrix().T
    zoom = view.camera.f / view.camera.width * before.width / before.f
    return replace(view, turn_deg=math.degrees(_angle(turn)), zoom=zoom)


def _posed(network: PoseNetwork, node: int, number: int, reference: Camera | None) -> SeriesPose:
    """Return the pose of a posed photo."""
    camera = network.cameras[node]
    links = network.links[node]
    best = max(links, key=lambda link: link.patches)
    base = reference or camera
    turn = camera.rotation_matrix() @ base.rotation_matrix().T
    drift = [
        (getattr(camera, angle) - getattr(base, angle) + 180) % 360 - 180
        for angle in ("yaw", "pitch", "roll")
    ]
    return SeriesPose(
        network.photos[node - len(network.posed)],
        POSED,
        number,
        network.name(best.keyframe),
        camera,
        (drift[0], drift[1], drift[2]),
        math.degrees(_angle(turn)),
        network.sigmas.get(node, 0.0),
        best.patches,
        best.offered,
        len(links),
        orientation=network.orientations.get(node, 1),
    )


def by_photo(poses: SeriesPoses) -> Mapping[str, SeriesPose]:
    """Return the poses by the key of their photo."""
    return {pose.photo.key: pose for pose in poses.photos}
