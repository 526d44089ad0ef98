"""The command ``avalanche-iseg``: all command lines of `core`, `eval` and `training` as one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from core.cli import run_command
from core.version import __version__

COMMANDS = {
    "segment": "segment one object of an image",
    "camera": "pose a webcam; move outlines between its photos and the map: solve, station,\n"
    "             calibrate, check, to-map, to-image, drape, register, skyline,\n"
    "             suggest-points, export",
    "export": "mapped avalanches as COCO, GeoJSON, AvaFrame release areas, AWSOME, table",
    "merge": "merge two GeoPackages that two people have edited",
    "models": "list the models that can be used",
    "series": "work through a season of photos: list, screen, mark, outline, import,\n"
    "             merge, carry, intervals, report, run",
    "noc": "number of clicks of models on data sets",
    "plot": "plot results of 'noc'",
    "study": "time, clicks and IoU after each click of mapped avalanches",
    "demo": "click the objects of one image and draw the result",
    "train": "train a model by a configuration",
    "data": "prepare data sets for training: objects, crops, split, stats, check, pack",
    "from-mapped": "fine-tune a model on mapped avalanches",
    "synthetic": "make synthetic webcam scenes of avalanches",
}
_CORE = ("segment", "camera", "export", "merge", "models", "series")
_EVAL = ("noc", "plot", "study", "demo")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command's own options; commands have parsers of their own."""
    width = max(map(len, COMMANDS)) + 2
    listed = "\n".join(f"  {name:{width}}{summary}" for name, summary in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="avalanche-iseg",
        description="Interactive segmentation of snow avalanches in photos and rasters.",
        epilog=f"commands:\n{listed}\n\n'avalanche-iseg COMMAND --help' explains each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="see below")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; see `core.cli.run_command`."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] and arguments[0] in COMMANDS:
        name = arguments[0]
        # Only what is asked for is imported: torch takes seconds.
        tree = "core.commands" if name in _CORE else "eval" if name in _EVAL else "training"
        tree += "" if name in _CORE else ".__main__"
        prog, rest = "avalanche-iseg", arguments
        if name == "train":
            prog, rest = "avalanche-iseg train", arguments[1:]
        status: int = import_module(tree).main(rest, prog=prog)
        return status
    return run_command(build_parser, arguments)
