"""`python -m core camera register`: pose of a webcam that moved a little, from another photo.

Of folders, the poses of all photos: `register_many`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ... import arguments
from ...camera import CameraRecord
from ...camera.resizing import cropped, resized
from ...errors import CameraError
from ...image import read_binary_mask, read_image
from . import common, register_many

if TYPE_CHECKING:
    from numpy.typing import NDArray


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(
        subparsers,
        "register",
        run,
        "pose a new photo of a webcam that moved a little, or all photos in folders",
    )
    parser.add_argument(
        "photo",
        metavar="NEW.jpg|FOLDER",
        type=Path,
        nargs="+",
        help="one photo, folders with all folders below, or one NAME.series",
    )
    common.add_camera_option(parser)
    parser.add_argument(
        "--reference",
        metavar="REF.jpg",
        type=Path,
        help="photo that the camera was posed in (default: the one it names)",
    )
    common.add_viewshed_options(parser, required=False)
    parser.add_argument(
        "--foreground",
        metavar="MASK",
        type=Path,
        help="pixels of the reference not to look at (roofs, masts, logos, time stamps), non-zero "
        "(default: the mask that the camera names)",
    )
    parser.add_argument(
        "--crop",
        metavar="LEFT,TOP",
        type=arguments.corner,
        help="the new photo shows a part of the reference's view, from this pixel of it on",
    )
    parser.add_argument(
        "--force", action="store_true", help="write the camera even where it is not to be trusted"
    )
    register_many.add_options(parser)
    common.add_out_option(
        parser, "camera_new.json|FOLDER", "camera of the new photo, or folder of cameras and tables"
    )


def run(args: argparse.Namespace) -> None:
    """Write the new photo's camera, or those of folders; raise if it cannot be trusted."""
    if any(path.is_dir() for path in args.photo):
        register_many.run(args)
        return
    if len(args.photo) > 1:
        raise CameraError("Give one photo, or the folders in which several lie.")
    args.photo = args.photo[0]
    _run_one(args)


def _run_one(args: argparse.Namespace) -> None:
    """Write the camera of one photo."""
    from ...camera.registration import register

    reference = _reference_path(args)
    common.check_out(args.out, (".json",), [args.camera, args.photo, reference])
    image, new = read_image(reference), read_image(args.photo)
    shown, photo = image.pixels, new.pixels
    given = common.with_ground(CameraRecord.read(args.camera), args)
    record = replace(common.fitted(given, image), orientation=new.orientation)
    mask = _foreground_path(args, reference, record)
    hidden = _read_foreground(args, mask, reference, record)
    if args.crop:
        record, shown, hidden = _crop(args.crop, photo.shape[:2], record, shown, hidden)
        mask = None
    found = register(shown, photo, record.camera, hidden)
    if not found.trusted:
        if not args.force:
            raise CameraError(f"{args.photo}: {found.reason} (--force writes the camera anyway.)")
        common.warn(found.reason)
    fitted = resized(record, found.camera.width, found.camera.height)
    fitted.with_camera(
        found.camera,
        image=common.path_from(args.photo, args.out.parent),
        foreground="" if mask is None else common.path_from(mask, args.photo.parent),
        points=(),
        drift_deg=float(np.linalg.norm(found.turn_deg)),
    ).write(args.out)
    print(
        f"moved {found.shift_px:.2f} px, turned {np.linalg.norm(found.turn_deg):.4f} deg; "
        f"{found.patches} of {found.offered} patches agree within {found.residual_px:.2f} px"
    )
    print(f"wrote {args.out}")


def _crop(
    corner: tuple[int, int],
    size: tuple[int, int],
    record: CameraRecord,
    shown: NDArray[np.uint8],
    hidden: NDArray[np.bool_] | None,
) -> tuple[CameraRecord, NDArray[np.uint8], NDArray[np.bool_] | None]:
    """Return camera, photo and foreground of the part (height, width) that begins at a corner."""
    (left, top), (height, width) = corner, size
    record = cropped(record, left, top, width, height)
    part = slice(top, top + height), slice(left, left + width)
    return record, shown[part], None if hidden is None else hidden[part]


def _reference_path(args: argparse.Namespace) -> Path:
    """Return the photo to compare with."""
    if args.reference:
        return Path(args.reference)
    record = CameraRecord.read(args.camera)
    path = common.photo_of(record, args.camera)
    if path is None:
        named = f"its photo {record.image} is not there" if record.image else "it names none"
        raise CameraError(
            f"{args.camera} cannot be compared with a new photo, for {named}: give the photo "
            "that it was posed in with --reference FILE."
        )
    return path


def _foreground_path(
    args: argparse.Namespace, reference: Path, record: CameraRecord
) -> Path | None:
    """Return the mask file of the reference's foreground; warn if it is missing."""
    if args.foreground:
        return Path(args.foreground)
    if not record.foreground:
        return None
    path = reference.parent / record.foreground
    if path.is_file():
        return path
    common.warn(f"the camera's mask of the foreground, {path}, is missing: none is used.")
    return None


def _read_foreground(
    args: argparse.Namespace, mask: Path | None, reference: Path, record: CameraRecord
) -> NDArray[np.bool_] | None:
    """Return the pixels without terrain: those marked and, with a DEM, those without ground."""
    marked = None if mask is None else read_binary_mask(mask, reference)
    if not args.dem:
        return marked
    sky = np.isnan(common.open_viewshed(record, args).range_map.distances)
    return sky if marked is None else sky | marked
