"""Where the plugin keeps its environments: in the profile of the user."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication

from .. import settings
from .package_list import PackageList
from .store import EnvironmentState, EnvironmentStore


def profile_store() -> EnvironmentStore:
    """Return the environments of the user's profile."""
    return EnvironmentStore(Path(QgsApplication.qgisSettingsDirPath()) / "avalanche_iseg")


def profile_state() -> EnvironmentState:
    """Return how the environment is that the settings name."""
    fingerprint = PackageList.read().fingerprint
    return profile_store().state(settings.INTERPRETER.get(), fingerprint)
