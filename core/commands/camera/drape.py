"""`python -m core camera drape`: a picture laid on the map, as an orthophoto."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ... import arguments
from ...camera import CameraRecord
from ...camera.resizing import resized
from ...image import read_image
from . import common

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(subparsers, "drape", run, "lay a picture on the map (orthophoto)")
    parser.add_argument("picture", metavar="PICTURE", type=Path)
    common.add_camera_option(parser)
    common.add_sight_options(parser)
    parser.add_argument(
        "--cell",
        metavar="M",
        type=arguments.positive,
        help="size of the orthophoto's pixels, metres (default: as the picture resolves)",
    )
    common.add_out_option(parser, "ortho.tif", "RGBA GeoTIFF in the camera's CRS")


def run(args: argparse.Namespace) -> int:
    """Write the orthophoto, transparent where the camera sees no ground; returns 0."""
    from ...projection.drape import drape
    from ...projection.geotiff import write_orthophoto

    common.check_out(args.out, (".tif", ".tiff"), [args.picture, *args.dem])
    picture = read_image(args.picture).pixels
    height, width = picture.shape[:2]
    record = resized(CameraRecord.read(args.camera), width, height)
    colours, transform = drape(picture, common.sight_of(record, args), cell=args.cell)
    write_orthophoto(args.out, colours, transform, record.epsg)
    rows, cols = colours.shape[:2]
    print(f"{cols} x {rows} pixels of {transform[0]:.2f} m, EPSG:{record.epsg}")
    print(f"wrote {args.out}")
    return 0
