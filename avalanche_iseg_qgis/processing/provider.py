"""The group *Avalanche ISeg* of the Processing toolbox and of ``qgis_process``."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..messages import ICON, TITLE
from .cameras import SolveCamera
from .comparing import CompareOutlines
from .exports import (
    ExportAvaframe,
    ExportAwsome,
    ExportCoco,
    ExportGeojson,
    ExportTable,
)
from .learning import FineTune
from .masks import MasksToPolygons, PolygonsToMask
from .merging import MergeGeopackages
from .projecting import DrapePhoto, MapToPhoto, PhotoToMap
from .registering import RegisterPhotos
from .reporting import Report
from .screening import ScreenPhotos
from .segment import SegmentImage

ALGORITHMS = (
    SegmentImage,
    MasksToPolygons,
    PolygonsToMask,
    SolveCamera,
    ScreenPhotos,
    RegisterPhotos,
    PhotoToMap,
    MapToPhoto,
    DrapePhoto,
    CompareOutlines,
    FineTune,
    ExportCoco,
    ExportGeojson,
    ExportAvaframe,
    ExportAwsome,
    ExportTable,
    Report,
    MergeGeopackages,
)


class IsegProvider(QgsProcessingProvider):
    """Provider of the algorithms; QGIS's registry owns it."""

    def id(self) -> str:
        """Return the first part of the algorithms' ids, a contract."""
        return "avalanche_iseg"

    def name(self) -> str:
        """Return the name of the group."""
        return TITLE

    def icon(self) -> QIcon:
        """Return the icon of the plugin."""
        return QIcon(ICON)

    def loadAlgorithms(self) -> None:  # noqa: N802
        """Add the algorithms; called by QGIS."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
