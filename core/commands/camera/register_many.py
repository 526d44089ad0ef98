"""`python -m core camera register FOLDER`: poses of all photos of one camera, with its views."""

from __future__ import annotations

import argparse
import csv
import io
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ... import arguments
from ...camera import CameraRecord
from ...errors import CameraError, IsegError, write_errors
from ...files import write_text
from ...image import read_binary_mask, read_image, write_png
from ...progress import iso, show_progress
from ...series import NameRule, SeriesPhoto, list_photos
from ...series.records import photo_folders
from . import common

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...series.poses import PosedPhoto
    from ...series.views import SeriesPose, SeriesPoses, View

TABLE, VIEWS, CAMERAS, WORK = "poses.csv", "views.csv", "cameras", "work"
"""What a folder of poses holds; `WORK` may be deleted."""

_COLUMNS = (
    "photo", "taken_at", "state", "view", "keyframe", "camera", "width", "height", "yaw_deg",
    "pitch_deg", "roll_deg", "f_px", "drift_deg", "drift_yaw_deg", "drift_pitch_deg",
    "drift_roll_deg", "sigma_deg", "patches", "offered", "registrations", "reason",
)  # fmt: skip
_VIEW_COLUMNS = (
    "view", "state", "camera", "reference", "first", "last", "photos", "turn_deg", "zoom",
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for folders to the parser of `register`."""
    group = parser.add_argument_group(
        "folders of photos of one camera", "-o names a folder then, with tables and cameras"
    )
    group.add_argument(
        "--also", metavar="FILE", type=Path, nargs="+", action="extend", default=[],
        help="cameras of other views of the camera, posed in photos of their own",
    )  # fmt: skip
    group.add_argument(
        "--only", metavar="CAMERA", help="name of the camera, if the folders hold several"
    )
    group.add_argument("--rule", metavar="RULE", default="", help="as of `series list`")
    group.add_argument(
        "--zone", metavar="ZONE", default="", help="of times without one (default: this computer's)"
    )
    group.add_argument(
        "--workers", metavar="N", type=arguments.natural, default=1,
        help="processes that share the work (default: %(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--plot", metavar="FILE.png", type=Path, help="drift over time to draw, needs matplotlib"
    )


def run(args: argparse.Namespace) -> None:
    """Write the tables and cameras; they go on where an earlier run was stopped."""
    from ...series.poses import pose_series
    from ...series.views import NEEDS_POINTS, examine_views

    if args.crop or args.force:
        raise CameraError("--crop and --force are for one photo: name its file, not a folder.")
    if args.out.is_file() or args.out.suffix.lower() == ".json":
        raise CameraError(
            f"{args.out}: -o is a folder where folders of photos are registered; name one."
        )
    photos = _list(args)
    records = [common.with_ground(CameraRecord.read(path), args) for path in _files(args)]
    posed, records = _posed_photos(args, records)
    network = pose_series(
        posed, photos, args.out / WORK, workers=args.workers, progress=show_progress("register")
    )
    found = examine_views(
        network, args.out / WORK, workers=args.workers, progress=show_progress("views")
    )
    _write(args.out, found, posed, records)
    if args.plot:
        from .plots import plot_drift

        plot_drift(args.plot, found.photos)
        print(f"wrote {args.plot}")
    states = [pose.state for pose in found.photos]
    counts = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
    print(f"{len(states)} photos: {counts}")
    for view in found.views:
        print(_tell(view))
        if view.camera is None:
            common.warn(
                f"view {view.number} cannot be joined to the posed photos: pose "
                f"{view.reference.name} with control points (`camera solve`), and give its camera "
                f"with --also. Its {view.photos} photos are marked '{NEEDS_POINTS}'."
            )
    print(f"wrote {args.out}")


def _tell(view: View) -> str:
    """Return a view and how it came about, as a line."""
    text = f"view {view.number}: {view.photos} photos, {iso(view.first)} to {iso(view.last)}"
    if view.turn_deg:
        text += f"; aimed anew by {view.turn_deg:.2f} deg"
    if abs(view.zoom - 1) > 0.005:
        text += f"; focal length {100 * (view.zoom - 1):+.1f} %"
    return text


def _files(args: argparse.Namespace) -> list[Path]:
    return [args.camera, *args.also]


def _list(args: argparse.Namespace) -> list[SeriesPhoto]:
    """Return the photos of the camera, in the order of time."""
    folders, rule = photo_folders(args.photo, NameRule(args.rule, args.zone))
    listing = list_photos(folders, rule)
    if listing.undated:
        common.warn(
            f"{len(listing.undated)} photos without a time are left out, such as "
            f"{listing.undated[0].key}: see --rule."
        )
    cameras = listing.cameras()
    name = args.only or (next(iter(cameras)) if len(cameras) == 1 else "")
    if name not in cameras:
        known = ", ".join(list(cameras)[:9]) or "none"
        raise IsegError(
            f"The photos are to be those of one camera; by their names they are of: {known}. "
            "Choose one with --only, or say with --rule how names are to be read."
        )
    return cameras[name]


def _posed_photos(
    args: argparse.Namespace, records: Sequence[CameraRecord]
) -> tuple[list[PosedPhoto], list[CameraRecord]]:
    """Return the posed photos, and their records for these photos as displayed."""
    from ...series.poses import PosedPhoto

    posed, fitted = [], []
    for index, (path, record) in enumerate(zip(_files(args), records, strict=True)):
        photo = args.reference if index == 0 and args.reference else common.photo_of(record, path)
        if photo is None:
            raise CameraError(
                f"{path} names no photo that is there: give the photo that it was posed in"
                + (" with --reference FILE." if index == 0 else ", in the camera file.")
            )
        image = read_image(photo)
        record = replace(common.fitted(record, image), orientation=image.orientation)
        mask = _mask(args, index, photo, record)
        posed.append(PosedPhoto(Path(photo), record.camera, mask))
        fitted.append(record)
    return posed, fitted


def _mask(args: argparse.Namespace, index: int, photo: Path, record: CameraRecord) -> Path | None:
    """Return the mask file of what is no terrain in a posed photo: marked, or sky by the DEM."""
    path = photo.parent / record.foreground if record.foreground else None
    path = args.foreground if index == 0 and args.foreground else path
    if path is not None and not path.is_file():
        common.warn(f"the mask of the foreground, {path}, is missing: none is used.")
        path = None
    if not args.dem:
        return path
    sky: NDArray[np.bool_] = np.isnan(common.open_viewshed(record, args).range_map.distances)
    if path is not None:
        sky |= read_binary_mask(path, photo)
    out: Path = args.out / WORK / f"foreground_{index + 1}.png"
    with write_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    write_png(out, np.where(sky, np.uint8(255), np.uint8(0)))
    return out


def _write(
    out: Path,
    found: SeriesPoses,
    posed: Sequence[PosedPhoto],
    records: Sequence[CameraRecord],
) -> None:
    """Write both tables, and a camera for each posed photo and view."""
    from ...series.views import NEEDS_POINTS, POSED, is_same_aim

    def record_of(pose: SeriesPose) -> CameraRecord:
        pairs = zip(records, posed, strict=True)
        same = (r for r, p in pairs if pose.camera and is_same_aim(p.camera, pose.camera))
        return next(same, records[0])

    for pose in found.photos:
        if pose.camera is not None:
            path = out / _camera_name(pose)
            with write_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            _record(record_of(pose), pose, path).write(path)
    _write_table(out / TABLE, _COLUMNS, [_row(pose) for pose in found.photos])
    by_path = {pose.photo.path.resolve(): pose for pose in found.photos if pose.camera}
    lines = []
    for view in found.views:
        name = ""
        if view.camera is not None:
            name = f"view_{view.number}.json"
            match = [
                record
                for photo, record in zip(posed, records, strict=True)
                if photo.path == view.reference
            ]
            image = common.path_from(view.reference, out)
            if match:
                replace(match[0], image=image).write(out / name)
            else:
                pose = by_path[view.reference.resolve()]
                _record(record_of(pose), pose, out / name).write(out / name)
        state = POSED if view.camera else NEEDS_POINTS
        lines.append(
            (
                view.number, state, name, common.path_from(view.reference, out), iso(view.first),
                iso(view.last), view.photos, f"{view.turn_deg:.4f}", f"{view.zoom:.5f}",
            )
        )  # fmt: skip
    _write_table(out / VIEWS, _VIEW_COLUMNS, lines)


def _record(record: CameraRecord, pose: SeriesPose, path: Path) -> CameraRecord:
    """Return the camera of a photo; the same one gets the same identifier again."""
    camera = pose.camera
    if camera is None:
        raise ValueError(f"{pose.photo.key} is not posed")
    turn = camera.rotation_matrix() @ record.camera.rotation_matrix().T
    cosine = min(1.0, max(-1.0, (float(np.trace(turn)) - 1) / 2))
    name = f"{record.pose_id} {pose.photo.key} {camera!r}"
    return replace(
        record,
        camera=camera,
        image=common.path_from(pose.photo.path, path.parent),
        foreground="",
        points=(),
        drift_deg=float(np.degrees(np.arccos(cosine))),
        orientation=pose.orientation,
        pose_id=str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
    )


def _camera_name(pose: SeriesPose) -> str:
    return f"{CAMERAS}/{pose.photo.key}.json"


def _row(pose: SeriesPose) -> list[object]:
    camera = pose.camera
    head = [pose.photo.key, iso(pose.photo.taken_at), pose.state, pose.view or ""]
    if camera is None:
        return [*head, *[""] * (len(_COLUMNS) - len(head) - 1), pose.reason]
    angles = (camera.yaw, camera.pitch, camera.roll)
    drift = (pose.drift_deg, *pose.drift, pose.sigma_deg)
    return [
        *head,
        pose.keyframe,
        _camera_name(pose),
        camera.width,
        camera.height,
        *(f"{angle:.5f}" for angle in angles),
        f"{camera.f:.3f}",
        *(f"{angle:.5f}" for angle in drift),
        pose.patches,
        pose.offered,
        pose.links,
        pose.reason,
    ]


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([columns, *rows])
    with write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text.getvalue())
