"""Scan the plugin as packaged like the site that publishes it: bandit and detect-secrets.

Usage: ``python scripts/gate.py [FOLDER]``. Without a folder the plugin is built and scanned. A
single finding blocks an upload there, so one ends this with exit status 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from package import build


def main() -> int:
    """Scan, and print the findings."""
    with tempfile.TemporaryDirectory() as folder:
        found = findings(Path(sys.argv[1]) if len(sys.argv) > 1 else build(Path(folder)))
    print(*found, f"{len(found)} findings", sep="\n")
    return 1 if found else 0


def findings(plugin: Path) -> list[str]:
    """Return ``file:line: what`` for each finding in a folder.

    Every rule of bandit and every detector is on; the site leaves a few out.
    """
    bandit = _scan("bandit", "--quiet", "--recursive", "--format", "json", ".", folder=plugin)
    secrets = _scan("detect-secrets", "scan", "--all-files", ".", folder=plugin)
    if bandit["errors"]:
        raise RuntimeError(f"bandit could not read all: {bandit['errors']}")
    return [
        f"{Path(item['filename'])}:{item['line_number']}: {item['test_id']} {item['issue_text']}"
        for item in bandit["results"]
    ] + [
        f"{name}:{item['line_number']}: {item['type']}"
        for name, items in secrets["results"].items()
        for item in items
    ]


def _scan(command: str, *options: str, folder: Path) -> dict[str, list]:
    """Run a scanner of this environment; the site counts findings, not exit statuses."""
    program = str(Path(sys.executable).with_name(command))
    done = subprocess.run([program, *options], cwd=folder, capture_output=True, text=True)
    if not done.stdout:
        raise RuntimeError(f"{command} failed: {done.stderr}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
