"""`python -m core camera calibrate`: one lens, fitted jointly to cameras of one model."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from ... import arguments
from ...camera import CameraRecord
from ...errors import CameraError
from . import common


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of `camera`."""
    parser = common.new_parser(
        subparsers, "calibrate", run, "fit one lens jointly to cameras of one model"
    )
    parser.add_argument(
        "cameras",
        metavar="camera.json",
        type=Path,
        nargs="+",
        help="cameras of `camera solve`, with their control points; two or more",
    )
    common.add_principal_point_option(parser)
    parser.add_argument("--json", action="store_true", help="print the cameras as JSON on stdout")
    parser.add_argument(
        "-o",
        "--out",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="folder for the cameras with the common lens, under their names; each serves "
        "--calibration too",
    )


def run(args: argparse.Namespace) -> None:
    """Fit the lens and write the cameras."""
    from ...camera.lens_adjustment import fit_lens
    from .report import describe

    same = [name for name, count in Counter(p.name for p in args.cameras).items() if count > 1]
    if same:
        raise CameraError(f"Several cameras are called {', '.join(same)}: name the files apart.")
    if args.out.exists() and not args.out.is_dir():
        raise CameraError(f"{args.out} is a file: name a folder for the cameras with -o.")
    files = [args.out / path.name for path in args.cameras]
    for path, file in zip(args.cameras, files, strict=True):
        arguments.refuse_overwriting(file, [path])
    given = [common.read_camera(path) for path in args.cameras]
    width, height = given[0].camera.width, given[0].camera.height
    sigma = common.share_of_width(args.principal_point_sigma, (width, height))
    records = fit_lens(given, principal_point_sigma=sigma)
    args.out.mkdir(parents=True, exist_ok=True)
    for path, file, record in zip(args.cameras, files, records, strict=True):
        photo = common.photo_of(record, path)
        image = common.path_from(photo, args.out) if photo else record.image
        replace(record, image=image, view="", station="").write(file)
        for text in record.warnings:
            common.warn(f"{path.name}: {text}")
    if args.json:
        written = [CameraRecord.read(file).to_json() for file in files]
        print(json.dumps(written, allow_nan=False))
        return
    for record, file in zip(records, files, strict=True):
        print(f"{describe(record)}\nwrote {file}\n")
