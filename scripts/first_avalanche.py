"""From the zip to the first saved avalanche, as a new user goes: with the mouse, steps timed.

Usage: ``python3 scripts/first_avalanche.py [--wheels FOLDER] [--out FOLDER]``

A new profile and home on a screen of their own; where the system allows it (root), the checkout is
hidden from QGIS meanwhile. The plugin is installed by QGIS's own *Install from ZIP*, set up from a
folder of wheels, tried on its demo photo, and its first avalanche saved. Prints seconds, clicks and
keys a step, and leaves a picture of the screen of each. Status 1 if no avalanche is in the file, or
it took more than 25 clicks, or 300 s without set-up. Needs ``make setup`` and ``make qgis``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_CLICKS, MOST_SECONDS = 25, 300.0
SETUP = "set up"  # the step whose time depends on computer and network


def main() -> int:
    """Go the whole way, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--wheels", type=Path, help="downloaded into build/ if not given")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "first_avalanche")
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "qgis")]
    import package
    import run

    run.end_when_asked()
    wheels = asked.wheels or download_wheels()
    with tempfile.TemporaryDirectory(prefix="iseg-first-", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        for name in ("built", "home", "shots"):
            (folder / name).mkdir()
        package.build(folder / "built")
        shutil.make_archive(str(folder / package.NAME), "zip", folder / "built", package.NAME)
        shutil.rmtree(folder / "built")
        shutil.copytree(wheels, folder / "wheels")
        shutil.copy(run.HERE / "newcomer.py", folder)
        run_qgis(run, folder)
        asked.out.mkdir(parents=True, exist_ok=True)
        for shot in asked.out.glob("*.png"):
            shot.unlink()
        shutil.copytree(folder / "shots", asked.out, dirs_exist_ok=True)
        report = folder / "report.json"
        said = json.loads(report.read_text()) if report.exists() else {"steps": [], "error": ""}
        saved = polygons(folder)
    return show(said, saved, asked.out)


def download_wheels() -> Path:
    """Return a folder with the wheels that the plugin asks for, for the Python of this QGIS."""
    print_version = "import sys; print('%d.%d' % sys.version_info[:2])"
    version = subprocess.run(
        ["/usr/bin/python3", "-c", print_version], capture_output=True, text=True, check=True
    ).stdout.strip()
    folder = ROOT / "build" / f"wheels-{version}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    command += ["--python-version", version, "--only-binary=:all:"]
    listed = ROOT / "avalanche_iseg_qgis" / "worker" / "requirements.txt"
    subprocess.run([*command, "--requirement", str(listed)], check=True)
    return folder


def run_qgis(run: object, folder: Path) -> None:
    """Run `Newcomer` inside a QGIS that knows nothing of this checkout."""
    variables = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": str(folder),
        "ISEG_FIRST": str(folder),
    }
    command = [
        *("xvfb-run", "-a", "-s", f"-screen 0 {run.SCREEN}"),
        *("qgis", "--nologo", "--noversioncheck", "--profiles-path", str(folder / "profiles")),
        *("--code", str(folder / "newcomer.py")),
    ]
    hide = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(ROOT)]
    hidden = subprocess.run([*hide, "true"], capture_output=True, check=False).returncode == 0
    print(
        "The checkout is hidden." if hidden else "The checkout cannot be hidden here.", flush=True
    )
    qgis = subprocess.Popen(
        [*(hide if hidden else ()), *command], env=variables, cwd=folder, start_new_session=True
    )
    try:
        qgis.wait(run.LIMIT)
    finally:
        run.end_group(qgis)


def polygons(folder: Path) -> int:
    """Return how many outlines are in the GeoPackages that were made."""
    count = 0
    for path in folder.rglob("avalanches*.gpkg"):
        with sqlite3.connect(path) as file:
            found = file.execute("select count(*) from avalanches_pixels where length(geom) > 100")
            count += found.fetchone()[0]
    return count


def show(said: dict, saved: int, out: Path) -> int:
    """Print the table; return the status."""
    print(f"{'step':44}{'seconds':>9}{'clicks':>8}{'keys':>6}")
    for name, seconds, clicks, keys in said["steps"]:
        print(f"{name:44}{seconds:9.1f}{clicks:8}{keys:6}")
    clicks = sum(step[2] for step in said["steps"])
    setting_up = sum(step[1] for step in said["steps"] if step[0] == SETUP)
    seconds = sum(step[1] for step in said["steps"]) - setting_up
    print(f"{'all':44}{seconds:9.1f}{clicks:8}{sum(step[3] for step in said['steps']):6}")
    print(f"Without the {setting_up:.0f} s of set-up, and without reading. {said.get('version')}.")
    print(f"{saved} outline in the GeoPackage; pictures in {out}")
    if said["error"]:
        print(said["error"])
    return int(bool(said["error"]) or saved != 1 or clicks > MOST_CLICKS or seconds > MOST_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
