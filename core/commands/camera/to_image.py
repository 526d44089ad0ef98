"""`python -m core camera to-image`: outlines of the map to masks of a photo."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import arguments
from ...camera import CameraRecord
from ...camera.resizing import resized
from ...errors import CameraError, IsegError, TerrainError, write_errors
from ...image import write_png
from . import common

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...projection.viewshed import Viewshed
    from .features import Feature

    Drawn = list[tuple[Feature, NDArray[np.bool_]]]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(subparsers, "to-image", run, "draw outlines of the map in a photo")
    parser.add_argument(
        "outlines",
        metavar="OUTLINES.gpkg",
        type=Path,
        help="polygons, in any CRS (layer avalanches)",
    )
    common.add_layer_option(parser)
    common.add_camera_option(parser)
    common.add_viewshed_options(parser)
    parser.add_argument(
        "--image-size",
        metavar="W,H",
        type=arguments.size,
        help="of the masks, if the photo is of another size than the camera's",
    )
    common.add_out_option(
        parser,
        "DIR|FILE.png",
        "folder with one mask (0, 255) for each outline and index.csv, or one image in which the "
        "n-th outline has the value n",
    )


def run(args: argparse.Namespace) -> None:
    """Draw the outlines' visible parts."""
    from .features import read_polygons

    one_image = args.out.suffix.lower() == ".png"
    if one_image:
        common.check_out(args.out, (".png",))
    elif not args.out.parent.is_dir():
        raise IsegError(f"{args.out} cannot be made: make the folder {args.out.parent} first.")
    record = CameraRecord.read(args.camera)
    if args.image_size:
        record = resized(record, *args.image_size)
    features, crs = read_polygons(args.outlines, args.layer)
    if crs is None:
        raise IsegError(f"{args.outlines} has no CRS: set it in QGIS (Set Layer CRS, then export).")
    viewshed = common.open_viewshed(record, args)
    drawn = [(feature, _visible_mask(feature, crs, viewshed)) for feature in features]
    visible = sum(bool(mask.any()) for _, mask in drawn)
    if not visible:
        raise TerrainError(
            f"None of the {len(drawn)} outlines of {args.outlines} can be seen in this photo: "
            "check that the camera looks at them and that the DEM covers them."
        )
    if one_image:
        write_png(args.out, _label_image([mask for _, mask in drawn]))
    else:
        _write_folder(args.out, drawn)
    print(f"{visible} of {len(drawn)} outlines can be seen")
    print(f"wrote {args.out}")


def _visible_mask(feature: Feature, crs: str, viewshed: Viewshed) -> NDArray[np.bool_]:
    """Return the visible part of an outline (H, W); warn if there is none."""
    from ...projection.to_image import polygon_to_mask
    from .features import reproject

    try:
        return polygon_to_mask(reproject(feature.polygon, crs, viewshed.record.epsg), viewshed)
    except CameraError as error:
        common.warn(f"outline {feature.fid}: {error}")
        return np.zeros((viewshed.record.camera.height, viewshed.record.camera.width), np.bool_)


def _label_image(masks: list[NDArray[np.bool_]]) -> NDArray[Any]:
    """Return a label image (H, W): the n-th mask, from 1, has the value n; later ones on top."""
    labels = np.zeros(masks[0].shape, np.uint8 if len(masks) < 256 else np.uint16)
    for number, mask in enumerate(masks, 1):
        labels[mask] = number
    return labels


def _write_folder(folder: Path, drawn: Drawn) -> None:
    """Write a PNG for each visible outline, and a table of all."""
    names = list(drawn[0][0].properties)
    with write_errors(folder):
        folder.mkdir(exist_ok=True)
        with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["file", "fid", "pixels", *names])
            for number, (feature, mask) in enumerate(drawn, 1):
                name = f"{number:04d}.png" if mask.any() else ""
                if name:
                    write_png(folder / name, np.where(mask, np.uint8(255), np.uint8(0)))
                values = [feature.properties[key] for key in names]
                table.writerow([name, feature.fid, int(mask.sum()), *values])
