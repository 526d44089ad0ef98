"""Walk at random over all that a user can press, type and turn in the plugin, in the real QGIS.

Usage: ``python3 scripts/user_actions.py [--actions 2000] [--seed 1] [--part 250]``

Runs ``tests/qgis/user_walk.py`` in parts, each in a QGIS of its own with the next seed, prints what
was done by kind, and ends with 1 if anything was raised, lost or stood still, or if QGIS crashed:
with the seed and the latest 30 actions. Needs ``make setup`` and ``make qgis``.
"""

from __future__ import annotations

import argparse
from collections import Counter

from faults import run_part


def main() -> int:
    """Run all parts and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--actions", type=int, default=2000, help="how many (default: 2000)")
    parser.add_argument("--seed", type=int, default=1, help="of the first part (default: 1)")
    parser.add_argument("--part", type=int, default=250, help="actions in one QGIS (default: 250)")
    asked = parser.parse_args()
    counts, widgets, made, problems, longest = Counter(), Counter(), Counter(), [], 0.0
    for number, start in enumerate(range(0, asked.actions, asked.part)):
        seed = asked.seed + number
        report = run_part("user_walk.py", seed, min(asked.part, asked.actions - start))
        found = report.get("problems", [])
        if not report.get("ended"):
            latest = "\n    ".join(report.get("latest", []))
            found.append(f"seed {seed}: QGIS crashed, or did not end, after\n    {latest}")
        for problem in found:
            print(problem, flush=True)
        problems += found
        counts.update(report.get("counts", {}))
        widgets.update(report.get("widgets", {}))
        longest = max(longest, report.get("longest", 0.0))
        made.update({name: report.get(name, 0) for name in ("mapped", "posed")})
    for title, table in (("action", counts), ("window of any widget", widgets)):
        print(f"\n{title:36}{'count':>8}")
        for name, count in table.most_common():
            print(f"{name:36}{count:8}")
    print(
        f"\n{counts.total() - counts['begin']} actions, {made['mapped']} avalanches mapped, "
        f"{made['posed']} cameras posed; QGIS stood still for {longest:.1f} s at most; "
        f"{len(problems)} problems"
    )
    return int(bool(problems))


if __name__ == "__main__":
    raise SystemExit(main())
