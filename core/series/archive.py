"""A whole series at once: screening and carrying, resumable, the same for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..camera import Camera, Projection
from ..containers import JPEG, inspect
from ..errors import CameraError, ImageError
from ..files import open_file
from ..image import read_image
from .carrying import Rings, carry_outline, register_photo, usual_camera
from .computing import PhotoShare, ResultLog, compute, file_version, task_version
from .listing import Listing, SeriesPhoto
from .looks import PhotoLook, measure_look
from .records import Observation, Presence, Screening, SeriesState, SeriesStore, by_program
from .screening import screen
from .sources import FITS, LONGEST, at_this_hour, outlines_to_carry, places_without

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Progress = Callable[[int, int], None]

LOOKS, POSES, NEAR_POSES, OUTLINES = "looks", "poses", "near-poses", "outlines"
"""Folders of results inside that of the series."""

_SCREENED_WIDTH = 900  # pixels: photos are decoded no larger than needed
_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}


@dataclass(frozen=True)
class SeriesCamera:
    """A camera of a series that was posed.

    Attributes
    ----------
    photo
        The photo that it was posed in.
    camera
        Pose and lens for it, as displayed.
    """

    photo: Path
    camera: Camera


# --- screening -----------------------------------------------------------------------------------


def screen_series(
    store: SeriesStore,
    listing: Listing,
    *,
    workers: int = 1,
    share: PhotoShare | None = None,
    progress: Progress | None = None,
) -> list[Screening]:
    """Screen all photos of a series, and write the result into its folder.

    With a ``share`` only that part is measured; what is there of all parts is judged.
    """
    share = share or PhotoShare()
    tasks = {photo.key: (file_version(photo.path), str(photo.path)) for photo in listing.photos}
    log = ResultLog(store.path / LOOKS, share)
    found = compute(measure_file, tasks, log, share=share, workers=workers, progress=progress)
    return _judge(store, listing, found)


def screening_steps(store: SeriesStore, listing: Listing) -> Iterator[tuple[int, int]]:
    """Screen all photos of a series one by one: yield after each how many are done, and of all.

    What is found is written at the end, and by then it is kept as that of `screen_series`.
    """
    versions = {photo.key: file_version(photo.path) for photo in listing.photos}
    log = ResultLog(store.path / LOOKS, PhotoShare())
    found = log.read(versions)
    total = len(versions)
    yield len(found), total + 1
    for photo in listing.photos:
        if photo.key not in found:
            found[photo.key] = measure_file(str(photo.path))
            log.append(photo.key, versions[photo.key], found[photo.key])
            yield len(found), total + 1
    _judge(store, listing, found)
    yield total + 1, total + 1


def _judge(
    store: SeriesStore, listing: Listing, found: Mapping[str, Mapping[str, Any]]
) -> list[Screening]:
    looks = {
        key: PhotoLook.from_json(result["look"]) if result["look"] else None
        for key, result in found.items()
    }
    screenings = [
        screening for photos in listing.cameras().values() for screening in screen(photos, looks)
    ]
    store.write_computed("screening", screenings)
    return screenings


def measure_file(path: str) -> dict[str, Any]:
    """Return the look of a photo as JSON, None for one that cannot be read."""
    try:
        return {"look": measure_look(_read_reduced(Path(path))).to_json()}
    except (ImageError, ValueError, OSError):
        return {"look": None}


def _read_reduced(path: Path) -> NDArray[np.uint8]:
    with open_file(path) as file:
        container = inspect(file)
    if container.kind != JPEG or container.size is None or not container.is_whole:
        return read_image(path).pixels
    factor = max((f for f in _REDUCED if container.size[0] // f >= _SCREENED_WIDTH), default=1)
    flags = _REDUCED.get(factor, cv2.IMREAD_COLOR)
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    if pixels is None:
        raise ValueError("no JPEG that can be decoded")
    return np.asarray(pixels[:, :, ::-1])


# --- carrying ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PoseTask:
    reference: str
    new: str
    camera: Camera | None


@dataclass(frozen=True)
class _Source:
    """An outline of a person, in a photo."""

    path: str
    camera: Camera
    avalanche: str
    rings: Rings
    parts: tuple[int, ...]


@dataclass(frozen=True)
class _CarryTask:
    path: str
    camera: Camera
    sources: tuple[_Source, ...]
    without: tuple[tuple[tuple[str, Camera], ...], ...]


def carry_series(
    store: SeriesStore,
    listing: Listing,
    *,
    cameras: Mapping[str, SeriesCamera] | None = None,
    longest: timedelta = LONGEST,
    workers: int = 1,
    share: PhotoShare | None = None,
    progress: Progress | None = None,
) -> list[Observation]:
    """Carry the outlines of persons into later photos, and write them into the series.

    An outline is moved from the last photo in which a person outlined it, so nothing adds up, into
    the usable photos of the ``longest`` time after it in which no person has noted it. It counts as
    present from a confidence of `FITS`; below, nothing is claimed. The confidence tells most where
    persons have looked at photos before the avalanche, too.

    Parameters
    ----------
    store, listing
        The series.
    cameras
        Those that were posed, by name; others are taken for ones of a usual lens.
    share
        Where to begin, of machines that share the folder; one that does not help carries only what
        its part allows.
    """
    work = _plan(listing, store.read(), cameras or {}, longest)
    poses = _find_poses(store, work, workers, share or PhotoShare(), progress)
    tasks = {
        key: _carry_task(camera.photos[key], sources, camera.photos, poses, camera.empty)
        for camera in work
        for key, sources in camera.targets.items()
        if key in poses
    }
    log = ResultLog(store.path / OUTLINES, share or PhotoShare())
    results = compute(carry_task, tasks, log, share=share, workers=workers, progress=progress)
    found = [
        _observation(key, outline)
        for key, result in results.items()
        for outline in result["outlines"]
    ]
    store.write_computed("carried", found)
    return found


def register_series(
    store: SeriesStore,
    listing: Listing,
    *,
    cameras: Mapping[str, SeriesCamera] | None = None,
    longest: timedelta = LONGEST,
    workers: int = 1,
    share: PhotoShare | None = None,
    progress: Progress | None = None,
) -> dict[str, Camera]:
    """Return the cameras of the photos that have an outline of a person, or one carried into them.

    The photos that confidences compare with are among them. Photos that cannot be registered are
    not. Parameters as of `carry_series`, which has registered them all.
    """
    work = _plan(listing, store.read(), cameras or {}, longest)
    return _find_poses(store, work, workers, share or PhotoShare(), progress)


@dataclass(frozen=True)
class _CameraPlan:
    """What is to be done in the photos of one camera.

    Attributes
    ----------
    photos
        Those to register, in the order of time.
    reference
        What they are registered with.
    targets
        Outlines to carry, by key of the photo that they are carried into.
    empty
        By avalanche, photos in which persons saw its place without it.
    """

    photos: Mapping[str, SeriesPhoto]
    reference: SeriesCamera
    targets: Mapping[str, Sequence[Observation]]
    empty: Mapping[str, Sequence[SeriesPhoto]]


def _plan(
    listing: Listing,
    state: SeriesState,
    cameras: Mapping[str, SeriesCamera],
    longest: timedelta,
) -> list[_CameraPlan]:
    """Return what is to be done for each camera; it follows from what persons noted alone."""
    outlined = {o.photo for o in state.observations.values() if o.rings and not o.is_by_program}
    work = []
    for name, photos in listing.cameras().items():
        targets = outlines_to_carry(photos, state, longest)
        sources = [source for found in targets.values() for source in found]
        empty = places_without(photos, state, sources)
        needed = targets.keys() | {source.photo for source in sources}
        needed |= {photo.key for others in empty.values() for photo in others} | outlined
        chosen = {photo.key: photo for photo in photos if photo.key in needed}
        reference = cameras.get(name) or _first_of(chosen.values())
        if reference is not None:
            work.append(_CameraPlan(chosen, reference, targets, empty))
    return work


def _first_of(photos: Iterable[SeriesPhoto]) -> SeriesCamera | None:
    """Return the first photo that can be read, with a usual lens."""
    for photo in photos:
        try:
            return SeriesCamera(photo.path, _camera_of(photo.path))
        except ImageError:  # noqa: PERF203
            continue
    return None


def carry_into(
    store: SeriesStore,
    photo: SeriesPhoto,
    sources: Sequence[tuple[SeriesPhoto, Observation]],
    without: Mapping[str, Sequence[SeriesPhoto]],
    reference: SeriesCamera | None = None,
) -> list[Observation]:
    """Carry outlines into one photo; poses and outlines found before are taken.

    Nothing is written into the series but these results: what is carried is only proposed.

    Parameters
    ----------
    store
        Its folder keeps the results.
    photo
        Where to.
    sources
        Outlines of persons, with their photos; of several of one avalanche the last is taken whose
        photo can be registered.
    without
        By avalanche, photos of its place without it; see `at_this_hour`.
    reference
        The camera of all these photos, where it was posed.

    Raises
    ------
    CameraError
        If the photo cannot be registered.
    """
    if reference is None:
        first, outline = min(sources, key=lambda each: (each[0].time, each[0].key))
        is_known = min(outline.size) > 0
        camera = usual_camera(*outline.size) if is_known else _camera_of(first.path)
        reference = SeriesCamera(first.path, camera)
    outlines = [outline for _, outline in sources]
    others = [photo, *(other for found in without.values() for other in found)]

    def plan(needed: Iterable[SeriesPhoto]) -> _CameraPlan:
        photos = sorted({*others, *needed}, key=lambda each: (each.time, each.key))
        by_key = {each.key: each for each in photos}
        return _CameraPlan(by_key, reference, {photo.key: outlines}, without)

    last = {outline.avalanche: source for source, outline in sources}
    work = plan(last.values())
    poses = _find_poses(store, [work], 1, PhotoShare(), None)
    if any(source.key not in poses for source in last.values()):
        work = plan(source for source, _ in sources)
        poses = _find_poses(store, [work], 1, PhotoShare(), None)
    if photo.key not in poses:
        raise CameraError(f"{photo.path.name} shows another view, or too little terrain.")
    task = _carry_task(photo, outlines, work.photos, poses, without)
    log = ResultLog(store.path / OUTLINES, PhotoShare())
    carried = compute(carry_task, {photo.key: task}, log)[photo.key]["outlines"]
    return [_observation(photo.key, outline) for outline in carried]


def _find_poses(
    store: SeriesStore,
    work: Sequence[_CameraPlan],
    workers: int,
    share: PhotoShare,
    progress: Progress | None,
) -> dict[str, Camera]:
    """Return the camera of each photo that could be registered.

    With the reference, or failing that with the registered photo next to it in time, whose snow
    and light are more alike.
    """

    def find(folder: str, tasks: Mapping[str, tuple[str, _PoseTask]]) -> dict[str, Camera]:
        log = ResultLog(store.path / folder, share)
        found = compute(pose_task, tasks, log, share=share, workers=workers, progress=progress)
        return {key: camera for key, result in found.items() if (camera := _camera(result))}

    tasks = {}
    for camera in work:
        reference = camera.reference
        of_reference = f"{file_version(reference.photo)} {task_version(reference.camera)}"
        for key, photo in camera.photos.items():
            task = _PoseTask(str(reference.photo), str(photo.path), reference.camera)
            tasks[key] = f"{file_version(photo.path)} {of_reference}", task
    poses = find(POSES, tasks)
    near = {}
    for camera in work:
        photos = list(camera.photos.values())
        posed = [index for index, photo in enumerate(photos) if photo.key in poses]
        for index, photo in enumerate(photos):
            if photo.key in poses or not posed:
                continue
            next_to = photos[min(posed, key=lambda other: (abs(other - index), other))]
            task = _PoseTask(str(next_to.path), str(photo.path), poses[next_to.key])
            near[photo.key] = f"{file_version(photo.path)} {task_version(task.camera)}", task
    return poses | find(NEAR_POSES, near)


def pose_task(task: _PoseTask) -> dict[str, Any]:
    """Return the camera of a photo as JSON; None if it cannot be trusted."""
    if task.new == task.reference:
        return {"camera": _camera_to_json(task.camera), "reason": ""}
    try:
        photos = _read(task.reference), _read(task.new)
    except ImageError as error:
        return {"camera": None, "reason": str(error)}
    found = register_photo(*photos, task.camera)
    if found is None or not found.trusted:
        return {"camera": None, "reason": found.reason if found else "It shows another view."}
    return {"camera": _camera_to_json(found.camera), "reason": found.reason}


def carry_task(task: _CarryTask) -> dict[str, Any]:
    """Return the outlines of a photo as JSON."""
    try:
        new = _read(task.path), task.camera
    except ImageError:
        return {"outlines": []}
    outlines = []
    for source, without in zip(task.sources, task.without, strict=True):
        try:
            others = [(_read(path), camera) for path, camera in without]
            old = _read(source.path), source.camera
        except ImageError:
            continue
        carried = carry_outline(source.rings, old, new, others)
        outlines.append(
            {
                "avalanche": source.avalanche,
                "confidence": carried.confidence,
                "rings": carried.rings,
                "parts": source.parts,
                "size": new[0].shape[1::-1],
            }
        )
    return {"outlines": outlines}


def _carry_task(
    photo: SeriesPhoto,
    sources: Sequence[Observation],
    by_key: Mapping[str, SeriesPhoto],
    poses: Mapping[str, Camera],
    empty: Mapping[str, Sequence[SeriesPhoto]],
) -> tuple[str, _CarryTask]:
    """Return the version of a task, which is all of it, and the task.

    Paths are no part of the version: on another machine they are others.
    """
    posed = list({s.avalanche: s for s in sources if s.photo in poses}.values())
    known = tuple(
        _Source(
            str(by_key[source.photo].path),
            poses[source.photo],
            source.avalanche,
            source.rings,
            source.parts,
        )
        for source in posed
    )
    compared = [
        [other for other in at_this_hour(photo, empty[source.avalanche]) if other.key in poses]
        for source in posed
    ]
    without = tuple(
        tuple((str(other.path), poses[other.key]) for other in others) for others in compared
    )
    used = [photo, *(by_key[source.photo] for source in posed)]
    used += [other for others in compared for other in others]
    outlines = [(source.avalanche, source.rings, source.parts) for source in posed]
    content = [(each.key, file_version(each.path), poses[each.key]) for each in used], outlines
    return task_version(content), _CarryTask(str(photo.path), poses[photo.key], known, without)


def _observation(photo: str, outline: Mapping[str, Any]) -> Observation:
    confidence = float(outline["confidence"])
    return Observation(
        photo,
        **by_program(),
        avalanche=outline["avalanche"],
        presence=Presence.PRESENT if confidence >= FITS else Presence.HIDDEN,
        confidence=confidence,
        rings=tuple(tuple((x, y) for x, y in ring) for ring in outline["rings"]),
        parts=tuple(outline["parts"]),
        size=(int(outline["size"][0]), int(outline["size"][1])),
    )


def _read(path: str) -> NDArray[np.uint8]:
    """Read a photo; the last few are kept, unless their files change."""
    try:
        status = Path(path).stat()
    except OSError:
        return read_image(path).pixels  # which tells
    return _read_file(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=6)
def _read_file(path: str, size: int, changed_ns: int) -> NDArray[np.uint8]:  # noqa: ARG001
    return read_image(path).pixels


def _camera_of(path: Path) -> Camera:
    height, width = _read(str(path)).shape[:2]
    return usual_camera(width, height)


_TURN = ("width", "height", "x", "y", "z", "yaw", "pitch", "roll", "f", "cx", "cy", "k1", "k2")


def _camera_to_json(camera: Camera | None) -> dict[str, Any] | None:
    if camera is None:
        return None
    numbers = {name: getattr(camera, name) for name in _TURN}
    return {**numbers, "projection": camera.projection.value, "refraction": camera.refraction}


def _camera(result: Mapping[str, Any]) -> Camera | None:
    content = result["camera"]
    if content is None:
        return None
    return Camera(**{**content, "projection": Projection(content["projection"])})
