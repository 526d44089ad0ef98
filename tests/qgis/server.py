"""A map server on this computer: QGIS's own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest
from qgis.core import QgsProject, QgsRasterLayer

SERVER = "/usr/bin/qgis_mapserver"  # Debian's qgis-server
NAME = "image"


@contextmanager
def wms_layer(raster: Path):
    """A georeferenced raster as a WMS layer; its server runs until the end of the block."""
    project_file = raster.with_suffix(".qgs")
    project = QgsProject()
    layer = QgsRasterLayer(str(raster), NAME)
    assert layer.isValid()
    project.setCrs(layer.crs())
    project.addMapLayer(layer)
    assert project.write(str(project_file))
    with _running(project_file) as address:
        source = (
            f"contextualWMSLegend=0&crs={layer.crs().authid()}&dpiMode=7&featureCount=10"
            f"&format=image/png&layers={NAME}&styles=&url=http://{address}/"
        )
        yield QgsRasterLayer(source, "served", "wms")


@contextmanager
def _running(project_file: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QGIS")}
    variables = {**kept, "QT_QPA_PLATFORM": "offscreen", "QGIS_SERVER_LOG_STDERR": "1"}
    log = project_file.with_suffix(".log")
    with log.open("wb") as output:
        server = subprocess.Popen(
            [SERVER, "-p", str(project_file), address],
            env=variables,
            stdout=output,
            stderr=output,
        )
        try:
            _wait(f"http://{address}/?SERVICE=WMS&REQUEST=GetCapabilities", server, log)
            yield address
        finally:
            server.kill()
            server.wait()


def _wait(url: str, server: subprocess.Popen, log: Path) -> None:
    direct = build_opener(ProxyHandler({}))
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        with suppress(URLError), direct.open(url, timeout=30):
            return
        time.sleep(0.1)
    pytest.fail(f"the map server did not answer: {log.read_text(errors='replace')[-2000:]}")
