"""Run the plugin's tests inside the real QGIS: ``python3 tests/qgis/run.py [pytest arguments]``.

With ``--script FILE [arguments]`` it runs a script there instead, as ``__main__``.

Builds the plugin as it is packaged, puts it into the profile of a new user, and starts the QGIS
application (Xvfb gives it a screen) with pytest inside. Needs Debian's packages qgis,
python3-qgis, qgis-server, xvfb, python3-pytest and python3-pytest-timeout.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from package import build  # noqa: E402

SCREEN = "1600x1000x24"
LIMIT = 2400  # seconds; a dialog that nobody answers would wait for ever


def run(script: Path, environment: dict[str, str]) -> int:
    """Run a Python file inside QGIS, in a new profile that has the plugin; returns its status.

    The file runs when QGIS is up, and ends it by `finish` of `inside.py`.
    """
    with tempfile.TemporaryDirectory(prefix="iseg-qgis-", ignore_cleanup_errors=True) as folder:
        install(Path(folder))
        status = run_in(Path(folder), script, environment)
    if status is None:
        print(f"QGIS ended before the script did, or took more than {LIMIT} s.")
    return 1 if status is None else status


def install(folder: Path) -> None:
    """Build the plugin into the profile of a new user."""
    plugins = plugins_in(folder)
    plugins.mkdir(parents=True)
    build(plugins)


def plugins_in(folder: Path) -> Path:
    """Return the folder of plugins of the profile."""
    return folder / "profiles" / "default" / "python" / "plugins"


def run_in(folder: Path, script: Path, environment: dict[str, str]) -> int | None:
    """Run a Python file inside QGIS with this profile; returns its status, None without one."""
    status = folder / "status"
    status.unlink(missing_ok=True)
    command = [
        *("xvfb-run", "-a", "-s", f"-screen 0 {SCREEN}"),
        *("qgis", "--nologo", "--noversioncheck", "--profiles-path", str(folder)),
        *("--code", str(script)),
    ]
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PY")},
        "PATH": f"/usr/bin:{os.environ['PATH']}",  # QGIS takes the first Python for its own
        "XDG_RUNTIME_DIR": str(folder),
        "ISEG_STATUS": str(status),
        "ISEG_PLUGINS": str(plugins_in(folder)),
        "ISEG_TESTS": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        **environment,
    }
    qgis = subprocess.Popen(command, env=variables, cwd=ROOT, start_new_session=True)
    try:
        qgis.wait(LIMIT)
    except subprocess.TimeoutExpired:
        pass
    finally:
        end_group(qgis)
    return int(status.read_text()) if status.exists() else None


def end_group(process: subprocess.Popen) -> None:
    """End a process and all that it has started: QGIS, its screen, the workers."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_when_asked() -> None:
    """Let SIGTERM and SIGHUP end this program as Ctrl+C does, with all that it has started."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def main() -> int:
    """Run pytest, or a script, inside QGIS."""
    end_when_asked()
    arguments = sys.argv[1:] or [str(HERE)]
    wanted = "ISEG_PYTEST"
    if arguments[0] == "--script":
        wanted, arguments = "ISEG_SCRIPT", arguments[1:]
    return run(HERE / "inside.py", {wanted: json.dumps(arguments)})


if __name__ == "__main__":
    raise SystemExit(main())
