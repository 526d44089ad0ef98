"""`python -m core camera ...`: pose webcams, bring outlines from photo to map and back.

The command lines are a contract: options keep their names and meanings.
"""

from __future__ import annotations

import argparse

from . import (
    calibrate,
    check,
    drape,
    export,
    register,
    skyline,
    solve,
    station,
    suggest_points,
    to_image,
    to_map,
)

CONVENTIONS = """\
Pixels: u to the right, v downwards, whole numbers at pixel centres, 0,0 the upper left pixel.
Map: x east, y north, z up, in metres of a projected CRS (--crs EPSG:N).
Negative coordinates need an equals sign: --position=-12000,230500,1850
See docs/georeferencing.md.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its subcommands to the parser of `core.commands`."""
    parser = subparsers.add_parser(
        "camera",
        help="pose a webcam; bring outlines from its photos to the map and back",
        description="Pose a webcam once; then bring outlines from its photos to the map and back.",
        epilog=CONVENTIONS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    posing = solve, station, calibrate, skyline, suggest_points, register
    for module in (*posing, check, to_map, to_image, drape, export):
        module.add_parser(commands)
