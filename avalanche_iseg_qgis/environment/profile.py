"""Where the plugin keeps its environments: in the profile of the user."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication

from .. import settings
from .package_list import FILE, PYTORCH_FILE, PackageList
from .store import EnvironmentState, EnvironmentStore


def profile_store() -> EnvironmentStore:
    """Return the environments of the user's profile."""
    return EnvironmentStore(Path(QgsApplication.qgisSettingsDirPath()) / "avalanche_iseg")


def profile_state() -> EnvironmentState:
    """Return how the environment is that the settings name."""
    return profile_store().state(settings.INTERPRETER.get(), chosen_list().fingerprint)


def chosen_list() -> PackageList:
    """Return the packages that the user wants: with PyTorch or without."""
    return PackageList.read(PYTORCH_FILE if settings.WITH_PYTORCH.get() else FILE)
