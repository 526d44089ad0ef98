"""A series in QGIS: one photo at a time as a layer, with its camera, and what is noted of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import QgsFeature, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, Qt, QThread, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QFileDialog, QToolButton

from .. import settings
from ..core.errors import IsegError
from ..core.files import write_text
from ..core.series import PhotoState
from ..core.series.activity import to_csv
from ..core.series.records import SUFFIX
from ..features import record, schema, writer
from ..features.queries import find_layers, is_ours
from ..features.reading import features_of
from ..features.reference import resolve
from ..gui.shortcuts import KeyActions
from ..gui.widgets import retire
from ..i18n import tr
from ..layers.kinds import file_of, raster_layers
from .browser import PhotoFilter, SeriesBrowser
from .series_dock import SeriesDock

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..camera.gui.controller import CameraController
    from ..core.series import SeriesPhoto
    from ..gui.segment_dock import SegmentDock
    from ..messages import Messages
    from ..session.draft import FeatureRef
    from ..session.qt_session import QtSession


class _Opening(QThread):
    """Lists the photos of a series in a thread.

    Signals
    -------
    opened
        (SeriesBrowser, or None; why not)
    """

    opened = pyqtSignal(object, str)

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._path = path

    def run(self) -> None:
        """Open the series; called by Qt."""
        try:
            self.opened.emit(SeriesBrowser.open(self._path), "")
        except (IsegError, OSError) as error:
            self.opened.emit(None, str(error))


class SeriesController(QObject):
    """Owns the dock *Series*; made when a series is first wanted, removed as a whole by `close`.

    Attributes
    ----------
    browser
        The open series; None before one is.
    count_avalanches
        Returns the number of avalanches in the current image.
    """

    def __init__(
        self,
        iface: QgisInterface,
        session: QtSession,
        segment_dock: SegmentDock,
        camera: CameraController,
        messages: Messages,
        count_avalanches: Callable[[], int],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._iface, self._session, self._segment_dock = iface, session, segment_dock
        self._camera, self._messages = camera, messages
        self.count_avalanches = count_avalanches
        self.browser: SeriesBrowser | None = None
        self._opening: _Opening | None = None
        self._layer: QgsRasterLayer | None = None  # of the open photo
        self._added: set[str] = set()  # ids of layers that are removed again
        self.dock = SeriesDock(iface.mainWindow())
        iface.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.dock)
        self.dock.open_folder.clicked.connect(lambda _=False: self._ask_for_folder())
        self.dock.filmstrip.chosen.connect(self.open_photo)
        self.dock.filter_changed.connect(self._set_filter)
        for text, act in (
            (tr("Look for new photos and notes"), self.reopen),
            (tr("Fill in release times"), self.fill_releases),
            (tr("Observations per day (CSV)…"), self.export_activity),
        ):
            self.dock.menu.addAction(text).triggered.connect(lambda _=False, a=act: a())
        dock, self._keys = self.dock, KeyActions(iface)
        self._add_key(dock.next, "next", "D", lambda: self.go(1))
        self._add_key(dock.previous, "previous", "A", lambda: self.go(-1))
        self._add_key(dock.nothing, "nothing", "N", lambda: self.note(PhotoState.NOTHING))
        self._add_key(dock.hidden, "hidden", "H", lambda: self.note(PhotoState.HIDDEN))
        self._keys.enable(enabled=False)  # single letters are others' until a series is open

    def close(self) -> None:
        """Remove dock, keys and threads; the photo stays in the project."""
        if self._opening is not None:
            self._opening.wait()
        self._keys.close()
        self.dock.filmstrip.photos.close()
        self._iface.removeDockWidget(self.dock)
        retire(self.dock)
        self.deleteLater()

    def _add_key(self, button: QToolButton, name: str, key: str, act: Callable[[], None]) -> None:
        """Give a button a key, which can be changed as any of QGIS."""
        text = tr("Series: {}").format(button.text())
        action = self._keys.add(f"AvalancheISegSeries_{name}", text, key, act)
        button.clicked.connect(action.trigger)
        shortcut = action.shortcut() or QKeySequence(key)
        button.setToolTip(f"{button.toolTip()} ({shortcut.toString()})")

    # --- the series ------------------------------------------------------------------------------

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self.dock, tr("Folder of photos, or of a series"), settings.SERIES.get()
        )
        if folder:
            self.open(folder)

    def open(self, path: str) -> None:
        """Open the series of a folder of photos, or a folder ``*.series``."""
        if self._opening is not None:
            return
        self.dock.progress.setText(tr("Looking for photos in {}…").format(path))
        self._opening = _Opening(Path(path), self)
        self._opening.opened.connect(self._on_opened)
        self._opening.start()

    def _on_opened(self, browser: SeriesBrowser | None, fault: str) -> None:
        if self._opening is not None:
            self._opening.wait()
            self._opening.deleteLater()
            self._opening = None
        if browser is None:
            self._messages.warn(fault)
            self.dock.show_current(self.browser)
            return
        path = browser.store.path
        folder = browser.store.folders[0] if browser.store.folders else path
        settings.SERIES.set(str(path if folder != path.parent else folder))
        self.dock.setWindowTitle(tr("Series: {}").format(path.name[: -len(SUFFIX)]))
        self.dock.show_series(browser)
        self._keys.enable(enabled=True)
        before = self.browser.current if self.browser else None
        self.browser = browser
        first = next((p for p in browser.shown if browser.state_of(p) is PhotoState.UNSEEN), None)
        photo = browser.find(str(before.path)) if before else None
        photo = photo or first or browser.next()
        if photo is not None:
            self.open_photo(photo)

    def _set_filter(self, wanted: PhotoFilter) -> None:
        if self.browser is None:
            return
        self.browser.photo_filter = wanted
        self.dock.show_days(self.browser.days())
        self.dock.show_photos(self.browser)

    # --- photos ----------------------------------------------------------------------------------

    def go(self, step: int) -> None:
        """Open the next photo of those shown, or the one before."""
        photo = self.browser.next(step) if self.browser else None
        if photo is not None:
            self.open_photo(photo)
        elif self.browser is not None:
            self._messages.inform(
                tr("This is the last photo.") if step > 0 else tr("This is the first photo.")
            )

    def open_photo(self, photo: SeriesPhoto) -> None:
        """Open a photo in the place of the one before; its unfinished avalanche stays with that."""
        browser = self.browser
        if browser is None:
            return
        path = str(photo.path)
        layer = next(
            (each for each in raster_layers() if browser.find(file_of(each)) == photo), None
        )
        is_new = layer is None
        if layer is None:
            layer = QgsRasterLayer(path, photo.path.stem)
        if not layer.isValid():
            text = tr("{} cannot be opened: copy it again, or note “Could not see”.")
            self._messages.warn(text.format(path))
            browser.current = photo
            self.dock.show_current(browser)
            return
        before, self._layer = self._layer, layer
        browser.current = photo
        if is_new:
            self._added.add(layer.id())
            self._show_as_before(layer, before)
        self._segment_dock.layer.setLayer(layer)
        self._iface.setActiveLayer(layer)
        if before is not layer:
            self._drop(before)
        self.dock.show_current(browser)
        self._follow_camera(photo, layer)

    def _show_as_before(self, layer: QgsRasterLayer, before: QgsRasterLayer | None) -> None:
        """Add a layer, in the view of the one before if it has its size: the same place stays."""
        canvas = self._iface.mapCanvas()
        same = (
            before is not None and not sip.isdeleted(before) and before.extent() == layer.extent()
        )
        extent = canvas.extent()
        QgsProject.instance().addMapLayer(layer)
        if not same:
            extent = canvas.mapSettings().layerExtentToOutputExtent(layer, layer.extent())
        canvas.setExtent(extent)
        canvas.refresh()

    def _drop(self, layer: QgsRasterLayer | None) -> None:
        """Remove the layer of the photo before, unless an avalanche in it is unfinished.

        Layers that the user has added stay.
        """
        if layer is None or sip.isdeleted(layer) or layer.id() not in self._added:
            return
        image = self._session.image_of_layer(layer.id())
        if image is None or not image.draft.has_work:
            QgsProject.instance().removeMapLayer(layer.id())

    # --- cameras ---------------------------------------------------------------------------------

    def _follow_camera(self, photo: SeriesPhoto, layer: QgsRasterLayer) -> None:
        """Pose the photo by the nearest one of its camera that was posed by points."""
        browser, pose = self.browser, self._camera.pose_session
        if browser is None:
            return
        posed: dict[str, SeriesPhoto] = {}
        for path in pose.photos:
            found, draft = browser.find(path), pose.draft_of(path)
            if found is None or draft is None or draft.record is None:
                continue
            if found == photo:
                return  # it has a pose
            if draft.record.image in ("", found.path.name):
                posed[path] = found
        reference = browser.nearest(photo, posed.values())
        for path, found in posed.items():
            if found == reference:
                self._camera.follow(layer, path)

    # --- what is noted ---------------------------------------------------------------------------

    def note(self, state: PhotoState) -> None:
        """Note what was found in the open photo, and open the next one."""
        browser = self.browser
        if browser is None or browser.current is None:
            return
        count = self.count_avalanches()
        if count:
            text = tr("This photo has {} avalanches: delete them first if there are none.")
            self._messages.warn(text.format(count))
            return
        photo = browser.current
        if self._try(lambda: browser.note(photo, state)):
            self.dock.filmstrip.photos.update(photo)
            if browser.next() is None:
                self.dock.show_current(browser)
            self.go(1)

    def note_saved(self, ref: FeatureRef) -> None:
        """Note an avalanche that was mapped in a photo of the series."""
        browser, found = self.browser, resolve(ref)
        if browser is None or found is None:
            return
        layer, feature = found
        ours = is_ours(layer)
        path = str(record.attribute_value(feature, "image_path") or "") if ours else ""
        image = self._session.image
        photo = browser.find(path or (image.source.path if image else ""))
        if photo is None:
            return
        count = self.count_avalanches() if photo == browser.current else browser.count_of(photo) + 1
        avalanche = _avalanche_of(feature) if ours else f"{ref.layer_id}:{ref.feature_id}"
        if self._try(lambda: browser.note_avalanche(photo, avalanche, max(1, count))):
            self.dock.filmstrip.photos.update(photo)
            self.dock.show_current(browser)
            if ours:
                self._try(lambda: self._fill_release(layer, feature))

    def _fill_release(self, layer: QgsVectorLayer, feature: QgsFeature) -> bool:
        """Fill in when an avalanche released, where nobody has; return whether anything was."""
        interval = self.browser and self.browser.release_interval(_avalanche_of(feature))
        if not interval:
            return False
        known = record.release_attributes(interval.after, interval.before)
        values = {
            name: value
            for name, value in known.items()
            if value is not None and record.attribute_value(feature, name) is None
        }
        if values:
            writer.set_attributes(layer, feature.id(), values, tr("Release time"))
        return bool(values)

    def fill_releases(self) -> None:
        """Fill in when avalanches of the series released, by what is noted by now."""
        if self.browser is None:
            return
        filled = 0
        try:
            for layer in find_layers(QgsProject.instance()):
                filled += sum(self._fill_release(layer, f) for f in list(features_of(layer)))
        except IsegError as error:
            self._messages.warn(str(error))
        text = tr("Release times of {} avalanches are filled in; those that were given stay.")
        self._messages.inform(text.format(filled))

    def export_activity(self) -> None:
        """Write what each camera showed on each day as a table."""
        if self.browser is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self.dock, tr("Observations per day"), "observations.csv", tr("Table (*.csv)")
        )
        if not path:
            return
        rows = self.browser.activity()
        try:
            write_text(Path(path), to_csv(rows))
        except OSError as error:
            text = tr("{} could not be written: {}.")
            self._messages.warn(text.format(path, error.strerror or error))
        else:
            self._messages.inform(tr("{} days are in {}.").format(len(rows), path))

    def reopen(self) -> None:
        """Look for new photos, and for what colleagues have noted."""
        if self.browser is not None:
            self.open(str(self.browser.store.path))

    def _try(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except IsegError as error:
            self._messages.warn(str(error))
            return False
        return True


def _avalanche_of(feature: QgsFeature) -> str:
    """Return the identifier of an avalanche, the same in all photos."""
    found = record.attribute_value(feature, schema.AVALANCHE)
    return str(found or record.attribute_value(feature, schema.UUID) or "")
