"""`python -m core camera drape`: photo to orthophoto."""

from __future__ import annotations

import argparse
from pathlib import Path

from ... import arguments
from ...camera import CameraRecord
from ...image import read_image
from . import common


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(subparsers, "drape", run, "drape a photo on the map (orthophoto)")
    parser.add_argument("photo", metavar="PICTURE", type=Path)
    common.add_camera_option(parser)
    common.add_viewshed_options(parser)
    parser.add_argument(
        "--cell",
        metavar="M",
        type=arguments.positive,
        help="size of the orthophoto's pixels, metres (default: as the photo resolves)",
    )
    common.add_out_option(parser, "ortho.tif", "RGBA GeoTIFF in the camera's CRS")


def run(args: argparse.Namespace) -> None:
    """Write the orthophoto, transparent where the camera sees no ground."""
    from ...projection.orthophoto import drape, write_orthophoto

    common.check_out(args.out, (".tif", ".tiff"), [args.photo, *args.dem])
    image = read_image(args.photo)
    photo, record = image.pixels, common.fitted(CameraRecord.read(args.camera), image)
    colours, transform = drape(photo, common.open_viewshed(record, args), cell=args.cell)
    write_orthophoto(args.out, colours, transform, record.epsg)
    rows, cols = colours.shape[:2]
    print(f"{cols} x {rows} pixels of {transform[0]:.2f} m, EPSG:{record.epsg}")
    print(f"wrote {args.out}")
