"""What pip prints: progress for a person, and why it failed in one sentence."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ..i18n import tr

_UNITS = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}
_INSTALLING = 0.9  # share of the progress at which installing begins
_WHEEL = re.compile(r"(?:Downloading|Using cached|Processing) (\S+\.whl)(?: \(([\d.]+) (\w+)\))?")


class PipProgress:
    """Progress of one ``pip install``.

    Attributes
    ----------
    text
        What is done now.
    fraction
        Share that is done, from 0 to 1.
    """

    def __init__(self, packages: int, megabytes: int) -> None:
        self.text, self.fraction = tr("Starting…"), 0.0
        self._packages, self._megabytes = packages, megabytes
        self._count = 0
        self._received = self._size = 0.0  # megabytes: of the files before this one; of this one

    def feed(self, line: str) -> None:
        """Take a line of pip's output."""
        line = line.strip()
        wheel = _WHEEL.match(line)
        if wheel:
            self._received += self._size
            self._size = float(wheel[2] or 0) * _UNITS.get(wheel[3], 0.0)
            self._count += 1
            name = PurePosixPath(wheel[1].replace("\\", "/")).name.partition("-")[0]
            size = f" ({wheel[2]} {wheel[3]})" if wheel[2] else ""
            self.text = tr("Package {} of about {}: {}{}").format(
                self._count, max(self._packages, self._count), name, size
            )
            self._advance(0.0)
        elif re.match(r"Progress \d+ of \d+$", line):
            done, total = (int(word) for word in line.split()[1::2])
            self._advance(min(1.0, done / total) if total else 0.0)
        elif line.startswith("Collecting "):
            if not self._count:
                self.text = tr("Looking for {}…").format(re.split(r"[\s=<>~!(;]", line[11:])[0])
        elif line.startswith("Installing collected packages"):
            self.text, self.fraction = tr("Installing the packages…"), _INSTALLING

    def _advance(self, share: float) -> None:
        """Update the share that is done, with so much of the current file."""
        by_count = (self._count - 1 + share) / max(self._packages, self._count)
        received = self._received + share * self._size
        by_size = received / self._megabytes if self._megabytes else 0.0
        done = by_size if self._size else by_count
        self.fraction = max(self.fraction, _INSTALLING * min(1.0, done))


def failure_text(lines: list[str], wheels: str = "") -> str:
    """Return why pip failed and what to do.

    Parameters
    ----------
    lines
        Its output.
    wheels
        The folder of packages, where these did not come from the internet.
    """
    text = "\n".join(lines)
    missing = re.search(r"No matching distribution found for ([\w.-]+)", text)
    if missing and wheels:
        return tr(
            "The folder {} has no package {} that suits this Python and system. Add it, or choose "
            "another folder or Python."
        ).format(wheels, missing[1])
    for pattern, reason in _reasons():
        if re.search(pattern, text):
            return reason
    if missing:
        return tr(
            "There is no package {} for this Python and system. Choose another Python."
        ).format(missing[1])
    errors = [line.strip() for line in lines if re.match(r"\s*ERROR", line)]
    last = (errors or [line.strip() for line in lines if line.strip()] or [tr("no output")])[-1]
    return tr("The packages could not be installed: {}. The log has the details.").format(
        last.rstrip(".")
    )


def _reasons() -> list[tuple[str, str]]:
    """Return what to find in the output, and what to tell; the first that is found counts."""
    return [
        (
            r"No space left on device|\[Errno 28\]|\[WinError 112\]|not enough space on the disk",
            tr(
                "The disk is full. Make room, and press the button again: what has arrived is kept."
            ),
        ),
        (
            r"407 Proxy Authentication|Proxy Authentication Required",
            tr(
                "The proxy wants a user name and password. Enter them in QGIS's options, "
                "Network, and press the button again."
            ),
        ),
        (
            r"Missing dependencies for SOCKS",
            tr(
                "Packages cannot be downloaded through a SOCKS proxy. Choose an HTTP proxy in"
                " QGIS's options, Network, or use a folder of wheels."
            ),
        ),
        (
            r"ProxyError|Cannot connect to proxy|Tunnel connection failed",
            tr(
                "The proxy cannot be reached or refuses. Check it in QGIS's options, Network,"
                " and press the button again."
            ),
        ),
        (
            r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
            tr(
                "The certificate of the server was not accepted. Where the office's network "
                "has one of its own, add it in QGIS's options, Authentication, Certificates, "
                "or use a folder of wheels."
            ),
        ),
        (
            r"Temporary failure in name resolution|getaddrinfo failed|Name or service not known|"
            r"NewConnectionError|Connection refused|Network is unreachable|ConnectTimeout|"
            r"Read timed out|ReadTimeout|Connection broken|ConnectionResetError|"
            r"nodename nor servname",
            tr(
                "The server of the packages cannot be reached. Check the connection and the "
                "proxy in QGIS's options, Network, and press the button again, or use a "
                "folder of wheels."
            ),
        ),
        (
            r"Permission denied|\[Errno 13\]|\[WinError 5\]|Access is denied",
            tr(
                "The folder of the environment cannot be written to. Close other QGIS "
                "windows, and check the rights on your profile folder."
            ),
        ),
    ]
