"""`qgis_process` with the plugin's zip installed into the profile of a new user."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "avalanche_iseg_qgis"
# The wrapper of Debian's package hands an option on that this program does not know.
PROGRAM = next(
    p for p in ("/usr/bin/qgis_process.bin", "/usr/bin/qgis_process") if Path(p).exists()
)


class Toolbox:
    """`qgis_process` in a profile with the plugin from its zip."""

    def __init__(self, folder: Path, interpreter: Path | None) -> None:
        self.home = folder
        plugins = folder / "profile" / "profiles" / "default" / "python" / "plugins"
        plugins.mkdir(parents=True)
        code = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import package, shutil;"
        code += f"package.build(__import__('pathlib').Path({str(folder / 'built')!r}));"
        code += f"shutil.make_archive({str(folder / NAME)!r}, 'zip', {str(folder / 'built')!r})"
        (folder / "built").mkdir()
        subprocess.run([ROOT / ".venv/bin/python", "-c", code], check=True, cwd=ROOT / "scripts")
        zipfile.ZipFile(folder / f"{NAME}.zip").extractall(plugins)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PY", "ISEG", "QGIS"))}
        kept.pop("AVALANCHE_ISEG_PYTHON", None)
        self.variables = {
            **kept,
            "PATH": "/usr/bin:/bin",
            "QGIS_CUSTOM_CONFIG_PATH": str(folder / "profile"),
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_RUNTIME_DIR": str(folder),
        }
        if interpreter is not None:
            self.variables["AVALANCHE_ISEG_PYTHON"] = str(interpreter)
        self.call("plugins", "enable", NAME)

    def call(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of `qgis_process`."""
        return subprocess.run(
            [PROGRAM, *arguments],
            env=self.variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            input=stdin,
            timeout=300,
        )

    def run(self, algorithm: str, **inputs: object) -> dict:
        """Run an algorithm; returns its results."""
        done = self._start(algorithm, inputs)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return json.loads(done.stdout)["results"]

    def refusal(self, algorithm: str, **inputs: object) -> str:
        """Run an algorithm that is to be refused; returns what it says."""
        done = self._start(algorithm, inputs)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert "Traceback" not in said
        return said

    def _start(self, algorithm: str, inputs: dict) -> subprocess.CompletedProcess[str]:
        named = [
            f"--{name}={text(each)}"
            for name, value in inputs.items()
            for each in (value if isinstance(value, list) else [value])
        ]
        return self.call("--json", "run", f"avalanche_iseg:{algorithm}", *named)


def text(value: object) -> str:
    """How an input is written on the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)
