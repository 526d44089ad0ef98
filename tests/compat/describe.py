"""What a command line takes, as JSON: ``python describe.py core [words]``, beside the package.

Runs ``python -m core [words]`` until it would parse, and tells what its parser, and those of all
subcommands, know: that is exact where ``--help`` is prose.
"""

from __future__ import annotations

import argparse
import enum
import json
import re
import runpy
import sys
from pathlib import Path


def describe(parser: argparse.ArgumentParser) -> dict:
    options, positionals, subcommands, ways = [], [], {}, []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            subcommands = {name: describe(other) for name, other in action.choices.items()}
        elif not isinstance(action, argparse._HelpAction):
            (options if action.option_strings else positionals).append(_action(action))
    for group in parser._mutually_exclusive_groups:
        names = sorted(action.option_strings[0] for action in group._group_actions)
        ways.append({"one_of": names, "required": group.required})
    return {
        "options": sorted(options, key=lambda option: option["names"]),
        "positionals": positionals,
        "exclusive": ways,
        "subcommands": subcommands,
    }


def _action(action: argparse.Action) -> dict:
    return {
        "names": sorted(action.option_strings),
        "kind": type(action).__name__.strip("_"),
        "metavar": action.metavar,
        "count": action.nargs,
        "constant": _plain(action.const),
        "default": _plain(action.default),
        "choices": None if action.choices is None else sorted(map(_plain, action.choices)),
        "required": action.required,
    }


def _plain(value: object) -> object:
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, (list, tuple)):
        return [_plain(content) for content in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, re.Pattern):
        return value.pattern
    assert value is None or isinstance(value, (bool, int, float, str)), value
    return value


def _tell(parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
    print(json.dumps(describe(parser), indent=1))
    raise SystemExit(0)


if __name__ == "__main__":
    argparse.ArgumentParser.parse_known_args = _tell
    package, *words = sys.argv[1:]
    sys.argv = [package, *words]
    runpy.run_module(package, run_name="__main__", alter_sys=True)
