"""Run the plugin's tests inside the real QGIS: ``python3 tests/qgis/run.py [pytest arguments]``.

With ``--script FILE [arguments]`` it runs a script there instead, as ``__main__``.

Builds the plugin as it is packaged, puts it into the profile of a new user, and starts the QGIS
application (Xvfb gives it a screen) with pytest inside. Needs Debian's packages qgis,
python3-qgis, qgis-server, xvfb, python3-pytest and python3-pytest-timeout.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCREEN = "1600x1000x24"
LIMIT = 1500  # seconds; a dialog that nobody answers would wait for ever


def run(script: Path, environment: dict[str, str]) -> int:
    """Run a Python file inside QGIS, in a new profile that has the plugin; returns its status.

    The file runs when QGIS is up, and ends it by `finish` of `inside.py`.
    """
    spec = importlib.util.spec_from_file_location("package", ROOT / "scripts" / "package.py")
    package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    with tempfile.TemporaryDirectory(prefix="iseg-qgis-", ignore_cleanup_errors=True) as folder:
        plugins = Path(folder, "profiles", "default", "python", "plugins")
        plugins.mkdir(parents=True)
        package.build(plugins)
        status = Path(folder, "status")
        command = [
            *("xvfb-run", "-a", "-s", f"-screen 0 {SCREEN}"),
            *("qgis", "--nologo", "--noversioncheck", "--profiles-path", folder),
            *("--code", str(script)),
        ]
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PY")},
            "PATH": f"/usr/bin:{os.environ['PATH']}",  # QGIS takes the first Python for its own
            "XDG_RUNTIME_DIR": folder,
            "ISEG_STATUS": str(status),
            "ISEG_PLUGINS": str(plugins),
            "ISEG_TESTS": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        qgis = subprocess.Popen(command, env=variables, cwd=ROOT, start_new_session=True)
        try:
            qgis.wait(LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(qgis.pid, signal.SIGKILL)
        if not status.exists():
            print(f"QGIS ended before the script did, or took more than {LIMIT} s.")
            return 1
        return int(status.read_text())


def main() -> int:
    """Run pytest, or a script, inside QGIS."""
    arguments = sys.argv[1:] or [str(HERE)]
    wanted = "ISEG_PYTEST"
    if arguments[0] == "--script":
        wanted, arguments = "ISEG_SCRIPT", arguments[1:]
    return run(HERE / "inside.py", {wanted: json.dumps(arguments)})


if __name__ == "__main__":
    raise SystemExit(main())
