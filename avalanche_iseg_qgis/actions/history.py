"""The window *History*: earlier versions are listed, shown on the map and brought back."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsProject, QgsVectorLayer, QgsWkbTypes
from qgis.gui import QgisInterface, QgsRubberBand
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, Qt
from qgis.PyQt.QtGui import QColor

from ..core.errors import IsegError
from ..core.geopackage.history import Version
from ..features import history
from ..features.geometry import area_m2
from ..features.queries import is_ours
from ..features.reference import resolve
from ..gui.avalanches_dock import AvalanchesDock
from ..gui.history_window import HistoryRow, HistoryWindow
from ..i18n import tr

_COLOUR = QColor(0, 160, 255)


class HistoryActions(QObject):
    """Opens the window for the avalanche that is selected in the list, and for deleted ones."""

    def __init__(
        self,
        iface: QgisInterface,
        dock: AvalanchesDock,
        warn: Callable[[str], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._iface, self._dock, self._warn = iface, dock, warn
        self._listed: list[tuple[QgsVectorLayer, Version]] = []
        self._band: QgsRubberBand | None = None
        self.window = HistoryWindow(iface.mainWindow())
        self.window.shown.connect(self.show_version)
        self.window.restore_requested.connect(self.restore)
        self.window.kind_changed.connect(self.refresh)
        self.window.finished.connect(lambda _=0: self._clear())
        dock.history.clicked.connect(lambda _=False: self.open())
        dock.table.itemSelectionChanged.connect(self._follow)

    def close(self) -> None:
        """Leave nothing on the map."""
        self._dock.table.itemSelectionChanged.disconnect(self._follow)
        self._clear()
        self.window.close()
        self.window.deleteLater()

    def open(self) -> None:
        """Show the versions of the selected avalanche, or without one what was deleted."""
        self.window.set_deleted(self._dock.selected is None)
        self.refresh()
        self.window.show()
        self.window.raise_()

    def refresh(self) -> None:
        """List what the files hold now."""
        self._clear()
        try:
            if self.window.shows_deleted:
                self._list_deleted()
            else:
                self._list_versions()
        except IsegError as error:
            self._listed = []
            self.window.show_rows([], str(error))

    def _follow(self) -> None:
        if self.window.isVisible() and not self.window.shows_deleted:
            self.refresh()

    def _list_versions(self) -> None:
        entry = self._dock.selected
        found = resolve(entry.feature_ref) if entry is not None else None
        self._listed = []
        if entry is None or found is None:
            self.window.show_rows([], tr("Select an avalanche in the list."))
            return
        layer, feature = found
        reason = history.why_no_history(layer) if is_ours(layer) else history.no_history(layer)
        if reason:
            self.window.show_rows([], reason)
            return
        versions = history.versions_of(layer, feature)[::-1]  # the latest first
        self._listed = [(layer, version) for version in versions]
        rows = [
            _row(layer, version, history.differences(version, versions[0])) for version in versions
        ]
        note = tr("What is not saved yet is not listed.") if layer.isModified() else ""
        self.window.show_rows(rows, note, tr("Avalanche {}").format(entry.name))

    def _list_deleted(self) -> None:
        self._listed = history.deleted_in(QgsProject.instance())
        rows = [
            _row(layer, version, [str(version.values.get("image_name") or "")])
            for layer, version in self._listed
        ]
        note = "" if rows else tr("No avalanche was deleted, or no history was kept then.")
        self.window.show_rows(rows, note)

    def show_version(self, row: int) -> None:
        """Show an older outline on the map; none for a row that is not there."""
        self._clear()
        if not 0 <= row < len(self._listed):
            return
        layer, version = self._listed[row]
        if sip.isdeleted(layer):
            return
        band = QgsRubberBand(self._iface.mapCanvas(), QgsWkbTypes.GeometryType.PolygonGeometry)
        band.setStrokeColor(_COLOUR)
        band.setFillColor(QColor(0, 160, 255, 40))
        band.setWidth(2)
        band.setLineStyle(Qt.PenStyle.DashLine)
        band.setToGeometry(history.geometry_of(version), layer)
        self._band = band

    def restore(self, row: int) -> None:
        """Bring a version back, as an edit that is still to be saved."""
        if not 0 <= row < len(self._listed):
            return
        layer, version = self._listed[row]
        try:
            if sip.isdeleted(layer):
                raise IsegError(tr("The layer is not in the project any more: add it again."))
            history.restore(layer, version)
        except IsegError as error:
            self._warn(str(error))
            return
        layer.triggerRepaint()
        self.refresh()

    def _clear(self) -> None:
        if self._band is not None:
            self._iface.mapCanvas().scene().removeItem(self._band)
            self._band = None


def _row(layer: QgsVectorLayer, version: Version, details: list[str]) -> HistoryRow:
    geometry = history.geometry_of(version)
    if layer.crs().isValid():
        area = f"{(area_m2(geometry, layer.crs()) or 0) / 1e4:,.2f} ha"
    else:
        area = f"{geometry.area():,.0f} px²"
    return HistoryRow(version.at, version.by, version.event, area, tuple(filter(None, details)))
