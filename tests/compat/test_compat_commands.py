"""Command lines keep their options, counts, defaults, choices and exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from running import MADE, ROOT, environment, lay_out, run

COMMANDS = json.loads((MADE / "commands.json").read_text())
STATUSES = json.loads((MADE / "statuses.json").read_text())


def missing(old: dict, new: dict, where: str) -> list[str]:
    """What the new command line does not take as the old one did; more options are no fault."""
    faults = []
    now = {name: option for option in new["options"] for name in option["names"]}
    for option in old["options"]:
        faults += [
            f"{where} {name}: {option} is now {now.get(name)}"
            for name in option["names"]
            if not same(option, now.get(name))
        ]
    known = {name for option in old["options"] for name in option["names"]}
    faults += [
        f"{where}: {option['names']} is asked for now"
        for option in new["options"]
        if option["required"] and not known & set(option["names"])
    ]
    places = [old["positionals"], new["positionals"]]
    if len(places[0]) != len(places[1]) or not all(map(same, *places)):
        faults.append(f"{where}: {old['positionals']} are now {new['positionals']}")
    if old["exclusive"] != new["exclusive"]:
        faults.append(f"{where}: {old['exclusive']} are now {new['exclusive']}")
    for name, command in old["subcommands"].items():
        if name in new["subcommands"]:
            faults += missing(command, new["subcommands"][name], f"{where} {name}")
        else:
            faults.append(f"{where} {name} is gone")
    return faults


def same(old: dict, new: dict | None) -> bool:
    """Whether an option is the same, but for names and choices that have come to it."""
    if new is None:
        return False
    plain = old.keys() - {"names", "choices"}
    if str(new["metavar"]).split("|")[0] == old["metavar"]:
        plain -= {"metavar"}  # more is taken
    if old["kind"] == "StoreAction" and (old["count"], new["count"]) == (None, "+"):
        plain -= {"count"}  # one, or more
    if "--threshold" in old["names"] and old["default"] == 0.49:
        plain -= {"default"}  # the model's own since 0.3
    more = old["choices"] is None or set(old["choices"]) <= set(new["choices"] or ())
    return more and all(old[key] == new[key] for key in plain)


@pytest.mark.parametrize("words", COMMANDS)
def test_every_option_is_still_taken(words, tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "compat" / "describe.py"), *words.split()],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    found = found["subcommands"].get("data", found)  # had a parser of its own in 0.1.0
    assert missing(COMMANDS[words], found, f"python -m {words}") == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return lay_out(tmp_path_factory.mktemp("statuses"), "project")


@pytest.mark.parametrize(("arguments", "status"), STATUSES, ids=lambda value: str(value)[:60])
def test_exit_statuses(folder, arguments, status):
    done = run(folder, *arguments, status=None)
    assert done.returncode == status, done.stderr
    if status and "usage:" not in done.stderr:
        assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_a_person_who_starts_a_worker_is_told_so(tmp_path):
    """At a terminal, which pipes are not: `script` gives one."""
    done = subprocess.run(
        ["script", "-qec", f"{sys.executable} -m core.worker", "/dev/null"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "python -m core --help" in done.stdout
