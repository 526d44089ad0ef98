"""Count what is lost when things go wrong: a random walk of actions and faults in the real QGIS.

Usage: ``python3 scripts/faults.py [--faults 1000] [--seed 1] [--part 100]``

Runs ``tests/qgis/walk.py`` in parts, each in a QGIS of its own with the next seed, prints a table
by kind of fault, and ends with 1 if anything was lost, raised an exception, was stuck, or if QGIS
crashed. Needs ``make setup`` and ``make qgis``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("injected", "lost", "exceptions", "stuck")


def run_part(walk: str, seed: int, count: int) -> dict:
    """Run one part of a walk of ``tests/qgis``; return its report, as far as it came."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, ROOT / "tests/qgis/run.py", "--script"]
        part = [ROOT / "tests/qgis" / walk, report, str(seed), str(count)]
        subprocess.run([*map(str, (*command, *part))], check=False, cwd=ROOT)
        return json.loads(report.read_text()) if report.exists() else {}


def main() -> int:
    """Run all parts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the first part (default: 1)")
    parser.add_argument("--part", type=int, default=100, help="faults in one QGIS (default: 100)")
    asked = parser.parse_args()
    table: dict[str, Counter] = {}
    features = crashes = 0
    for number, start in enumerate(range(0, asked.faults, asked.part)):
        seed = asked.seed + number
        report = run_part("walk.py", seed, min(asked.part, asked.faults - start))
        if not report.get("ended"):
            crashes += 1
            print(f"seed {seed}: QGIS crashed, or did not come to an end", flush=True)
        features += report.get("features", 0)
        for kind, row in report.get("table", {}).items():
            table.setdefault(kind, Counter()).update(row)
        for problem in report.get("problems", []):
            print(f"seed {seed}: {problem}", flush=True)
    print(f"\n{'fault':26}" + "".join(f"{column:>12}" for column in COLUMNS))
    total = sum(table.values(), Counter())
    for kind, row in [*sorted(table.items()), ("all", total)]:
        print(f"{kind:26}" + "".join(f"{row[column]:>12}" for column in COLUMNS))
    print(f"\n{crashes} crashes of QGIS; {features} features there at the end")
    return int(crashes > 0 or any(total[column] for column in COLUMNS[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
