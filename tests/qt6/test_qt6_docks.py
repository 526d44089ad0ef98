"""The plugin's modules load on Qt 6, and its docks and windows build."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from qgis.PyQt.QtCore import QCoreApplication, QEvent
from qgis.PyQt.QtWidgets import QLabel, QWidget

import avalanche_iseg_qgis

NAME = avalanche_iseg_qgis.__name__
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(avalanche_iseg_qgis.__path__, f"{NAME}.")
    if not module.name.startswith(f"{NAME}.core")
)


@pytest.mark.parametrize("name", MODULES)
def test_modules_load(name):
    importlib.import_module(name)


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("gui.segment_dock", "SegmentDock", ()),
        ("gui.avalanches_dock", "AvalanchesDock", ()),
        ("gui.models_dialog", "ModelsDialog", ()),
        ("gui.setup_dialog", "SetupDialog", ()),
        ("gui.options", "OptionsPage", (None, print)),
        ("camera.gui.camera_dock", "CameraDock", ()),
        ("camera.gui.photo_dock", "PhotoDock", ()),
    ],
)
def test_docks_and_windows_build(name, module, arguments):
    window = getattr(importlib.import_module(f"{NAME}.{module}"), name)(*arguments)
    window.show()
    QCoreApplication.processEvents()
    assert not window.grab().isNull()
    assert any(label.text() for label in window.findChildren(QLabel))
    close(window)


def close(window: QWidget) -> None:
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
