"""A series in QGIS: one photo at a time as a layer, with its camera, and what is noted of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, Qt, QThread, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QFileDialog, QToolButton

from .. import settings
from ..core.errors import IsegError
from ..core.files import normal_path, write_text
from ..core.series import Look, Observation, PhotoState, Presence
from ..core.series.activity import to_csv
from ..core.series.records import SUFFIX
from ..features import record, target, writer
from ..features.queries import find_layers, is_ours
from ..features.reading import features_of
from ..features.reference import resolve
from ..features.stacking import add_avalanches, add_image
from ..gui.shortcuts import KeyActions
from ..gui.widgets import retire
from ..i18n import tr
from ..layers.kinds import file_of, raster_layers
from ..session.draft import DraftState
from ..session.qt_session import grid_of
from .browser import PhotoFilter, SeriesBrowser
from .carrying import CarryingController, PosedReference
from .following import FeatureFollower, ReshapingFollower
from .outlines import is_other, observe, photo_of
from .posed_photos import PosedPhotos
from .redrawing import OutlineRedrawer
from .screening_run import ScreeningRun
from .series_dialog import SeriesDialog
from .series_dock import SeriesDock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..camera.gui.controller import CameraController
    from ..core.series import SeriesPhoto, SeriesStore
    from ..gui.segment_dock import SegmentDock
    from ..messages import Messages
    from ..session.draft import FeatureRef
    from ..session.mapped_image import MappedImage
    from ..session.qt_session import QtSession
    from ..worker.camera_client import CameraClient
    from .carrying import AddOutlines


@dataclass(frozen=True)
class MappingActions:
    """What the panel needs of the mapping of avalanches.

    Attributes
    ----------
    list_avalanches
        Returns the features of the current image.
    add_outlines
        Makes features of outlines that are accepted as they are.
    save_edits
        Saves the edits of all layers of avalanches; returns whether all are saved.
    take_tool
        Activates the map tool.
    """

    list_avalanches: Callable[[], Sequence[FeatureRef]]
    add_outlines: AddOutlines
    save_edits: Callable[[], bool]
    take_tool: Callable[[], None]


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
    carrying
        What is carried into the open photo from earlier ones.
    screening
        The screening of the series, in the background.
    """

    def __init__(
        self,
        iface: QgisInterface,
        session: QtSession,
        segment_dock: SegmentDock,
        camera: CameraController,
        client: CameraClient,
        messages: Messages,
        mapping: MappingActions,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._iface, self._session, self._segment_dock = iface, session, segment_dock
        self._camera, self._messages, self._mapping = camera, messages, mapping
        self.browser: SeriesBrowser | None = None
        self._opening: _Opening | None = None
        self._layer: QgsRasterLayer | None = None  # of the open photo
        self._added: set[str] = set()  # ids of layers that are removed again
        self._posed = PosedPhotos(camera.pose_session)
        self._follower = FeatureFollower()
        self._redrawer = OutlineRedrawer(client, camera.pose_session, messages.warn)
        self._reshaping = ReshapingFollower(self)
        self._reshaping.reshaped.connect(self._note_reshaped)
        self._finishing: MappedImage | None = None  # after which the next photo is opened
        self._is_reminded = False  # of what is open in the photo
        canvases = iface.mapCanvas(), camera.photo_dock.canvas
        self.carrying = CarryingController(
            session, client, canvases, mapping.add_outlines, messages.warn, self
        )
        self.carrying.find_reference = self._reference_of
        self.screening = ScreeningRun(self)
        self.dock = SeriesDock(iface.mainWindow())
        iface.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.dock)
        self._keys = KeyActions(iface)
        self._connect()
        self._keys.enable(enabled=False)  # single letters are others' until a series is open

    def _connect(self) -> None:
        dock, carrying = self.dock, self.carrying
        dock.open_folder.clicked.connect(lambda _=False: self._ask_for_folder())
        dock.filmstrip.chosen.connect(self.open_photo)
        dock.timeline.chosen.connect(self.open_photo)
        dock.filmstrip.look_chosen.connect(self.overrule)
        dock.look_chosen.connect(self._overrule_current)
        dock.filter_changed.connect(self._set_filter)
        dock.skip.toggled.connect(self._set_skip)
        dock.screen.clicked.connect(lambda _=False: self._toggle_screening())
        dock.carried.chosen.connect(carrying.choose)
        for text, act in (
            (tr("New series from several folders…"), lambda: self._set_up(None)),
            (tr("Folders, cameras and times…"), self._set_up_open),
            (tr("Look for new photos and notes"), self.reopen),
            (tr("Fill in release times"), self.fill_releases),
            (tr("Observations per day (CSV)…"), self.export_activity),
        ):
            dock.menu.addAction(text).triggered.connect(lambda _=False, a=act: a())
        carrying.changed.connect(self._show_carried)
        carrying.noted.connect(self._on_noted)
        self.screening.progressed.connect(dock.show_screening)
        self.screening.ended.connect(self._on_screened)
        self._session.message.connect(self._on_message)
        self._session.image_changed.connect(self._on_image)
        self._add_key(dock.next, "next", "D", lambda: self.go(1))
        self._add_key(dock.previous, "previous", "A", lambda: self.go(-1))
        self._add_key(dock.nothing, "nothing", "N", lambda: self.note(PhotoState.NOTHING))
        self._add_key(dock.hidden, "hidden", "H", lambda: self.note(PhotoState.HIDDEN))
        self._add_key(dock.finish, "finish", "E", self.finish_and_next)
        self._add_key(dock.carried.accept_all, "accept_all", "Y", carrying.accept_all)
        text, accept = tr("Series: {}").format(tr("Accept all and next")), self.accept_all_and_next
        self._keys.add("AvalancheISegSeries_accept_all_and_next", text, "Shift+Y", accept)
        self._add_key(dock.carried.accept, "accept", "", carrying.accept)
        self._add_key(dock.carried.correct, "correct", "", self._correct)
        self._add_key(dock.carried.drop, "drop", "X", carrying.drop)
        self._add_key(dock.carried.take_back, "take_back", "", self._take_back)

    def close(self) -> None:
        """Remove dock, keys, threads and processes; the photo stays in the project."""
        if self._opening is not None:
            self._opening.wait()
        self.screening.cancel()
        self._reshaping.close()
        self.carrying.close()
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
        shortcut = (action.shortcut() or QKeySequence(key)).toString()
        if shortcut:
            button.setToolTip(f"{button.toolTip()} ({shortcut})")

    # --- the series ------------------------------------------------------------------------------

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self.dock, tr("Folder of photos, or of a series"), settings.SERIES.get()
        )
        if folder:
            self.open(folder)

    def _set_up(self, store: SeriesStore | None) -> None:
        """Let the user set folders, cameras and times, of a new series or of one."""
        dialog = SeriesDialog(store, self.dock)
        if dialog.exec() and dialog.path is not None:
            self.open(str(dialog.path))

    def _set_up_open(self) -> None:
        if self.browser is not None:
            self._set_up(self.browser.store)

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
        browser.skips_unusable = self.dock.skip.isChecked()
        self.dock.show_series(browser)
        self._keys.enable(enabled=True)
        before = self.browser.current if self.browser else None
        is_other = self.browser is None or self.browser.store.path != path
        self.browser = browser
        if is_other:
            self.screening.cancel()
            self.dock.show_screening(0, 0)
        if browser.is_screened and browser.unscreened:  # new photos, or it was stopped
            self.screening.start(path)
        _show_avalanches(browser)
        photo = browser.find(str(before.path)) if before else None
        photo = photo or browser.next_unseen() or browser.next()
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
            self.carrying.leave()
            return
        before, self._layer = self._layer, layer
        browser.current = photo
        self._is_reminded = False
        if is_new:
            self._added.add(layer.id())
            self._show_as_before(layer, before)
        self._segment_dock.layer.setLayer(layer)
        self._iface.setActiveLayer(layer)
        if before is not layer:
            self._drop(before)
        self.dock.show_current(browser)
        self._follow_camera(photo, layer)
        self.carrying.open(browser, photo)

    def _on_image(self) -> None:
        """Go to the photo that the user chose elsewhere, as in the panel *Segment*."""
        browser, image = self.browser, self._session.image
        photo = browser.find(image.source.path) if browser and image else None
        if browser is not None and photo is not None and photo != browser.current:
            self.open_photo(photo)

    def _show_as_before(self, layer: QgsRasterLayer, before: QgsRasterLayer | None) -> None:
        """Add a layer, in the view of the one before if it has its size: the same place stays."""
        canvas = self._iface.mapCanvas()
        same = (
            before is not None and not sip.isdeleted(before) and before.extent() == layer.extent()
        )
        extent = canvas.extent()
        add_image(layer, None if before is None or sip.isdeleted(before) else before)
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
        """Pose the photo by the nearest one of its camera that was posed."""
        path = self._posed.nearest(self.browser, photo) if self.browser else ""
        if path:
            self._camera.follow(layer, path)

    def _reference_of(self, photo: SeriesPhoto) -> PosedReference | None:
        found = self._posed.reference(self.browser, photo) if self.browser else None
        if found is None or found[1].record is None:
            return None
        return PosedReference(found[0], found[1].record.to_json())

    # --- carried outlines ------------------------------------------------------------------------

    def _show_carried(self) -> None:
        self.dock.carried.show_outlines(
            self.carrying.outlines,
            self.carrying.chosen,
            is_computing=self.carrying.is_computing,
            fault=self.carrying.fault,
            can_take_back=self.carrying.can_take_back,
        )

    def _correct(self) -> None:
        if self.carrying.correct():
            self._mapping.take_tool()

    def _take_back(self) -> None:
        photo = self.carrying.take_back()
        if photo is not None and self.browser is not None:
            self.open_photo(photo)

    def _on_noted(self, photo: SeriesPhoto) -> None:
        self.dock.filmstrip.photos.update(photo)
        self.dock.show_current(self.browser)

    def follow_list(self) -> None:
        """Note that avalanches of the open photo were deleted, or are back by undo and redo.

        Called whenever the list of the current image's avalanches is made anew.
        """
        browser, image = self.browser, self._session.image
        photo = browser.find(image.source.path) if browser and image else None
        if browser is None or image is None or photo is None or photo != browser.current:
            self._follower.reset()
            return
        try:
            refs = self._mapping.list_avalanches()
            changed = self._follower.follow(browser, photo, refs, _stored_size(image))
        except IsegError as error:
            self._messages.warn(str(error))
            return
        if changed:
            self.carrying.forget(photo, changed)
            self._on_noted(photo)
            self.carrying.open(browser, photo)

    def _note_reshaped(self, edited: Sequence[tuple[QgsVectorLayer, QgsFeature]]) -> None:
        """Note outlines anew that were edited by hand, in whatever photo of the series they are.

        One on the map is drawn anew in its photo before, by the photo's camera.
        """
        browser = self.browser
        if browser is None:
            return
        for layer, feature in edited:
            photo, avalanche = photo_of(browser, feature), record.avalanche_of(feature)
            if photo is None:
                continue
            if layer.crs().isValid():
                self._try(partial(self._redrawer.redraw, layer, feature))
            else:
                self._try(partial(self._note_outline, browser, photo, avalanche))

    def _note_outline(self, browser: SeriesBrowser, photo: SeriesPhoto, avalanche: str) -> None:
        """Note the outline of an avalanche anew, if it was noted and is another one now."""
        noted = browser.observation(photo, avalanche)
        if noted is None or noted.presence is not Presence.PRESENT:
            return
        now = observe(browser, photo, avalanche, None)
        if is_other(now, noted):
            browser.note_avalanches(photo, [now], browser.count_of(photo))
            self._on_noted(photo)
            if browser.current is not None and photo != browser.current:
                self.carrying.open(browser, browser.current)

    # --- what is noted ---------------------------------------------------------------------------

    def note(self, state: PhotoState) -> None:
        """Note what was found in the open photo, and open the next one."""
        browser = self.browser
        if browser is None or browser.current is None:
            return
        count = len(self._mapping.list_avalanches())
        if count:
            text = tr("This photo has {} avalanches: delete them first if there are none.")
            self._messages.warn(text.format(count))
            return
        photo = browser.current
        if browser.count_of(photo):
            text = tr(
                "Avalanches noted for this photo that are in no layer of the project: {}. Add "
                "their layer; the same once more notes that there are none."
            )
            if not self._remind(text.format(browser.count_of(photo))):
                return
        if state is PhotoState.NOTHING and not self._has_decided():
            return
        if self._try(lambda: browser.note(photo, state)):
            self.dock.filmstrip.photos.update(photo)
            if browser.next() is None:
                self.dock.show_current(browser)
            self.go(1)

    def finish_and_next(self) -> None:
        """Finish the avalanche in hand, save, note the photo, open the next one to look at."""
        browser, image = self.browser, self._session.image
        if browser is None or browser.current is None:
            return
        is_open = image is not None and browser.find(image.source.path) == browser.current
        if image is not None and is_open and not image.draft.prompts.empty:
            self._finishing = image  # goes on when it is saved
            self._session.finish()
        else:
            self._save_and_next()

    def accept_all_and_next(self) -> None:
        """Accept all that is proposed for the open photo, then `finish_and_next`."""
        if not self.carrying.outlines:
            self.finish_and_next()
            return
        # Later, when all others know of the new avalanches.
        self.carrying.accept_all(lambda: QTimer.singleShot(0, self.finish_and_next))

    def _on_message(self, _text: str) -> None:
        """Stay at a photo whose avalanche could not be finished."""
        image = self._finishing
        if image is not None and image.draft.state is DraftState.EDITING:
            self._finishing = None

    def _save_and_next(self) -> None:
        browser = self.browser
        if browser is None or browser.current is None:
            return
        photo = browser.current
        # Those that are noted may lie in a layer that is not in the project.
        count = len(self._mapping.list_avalanches()) or browser.count_of(photo)
        if not count:
            self._messages.warn(
                tr(
                    "No avalanche is mapped in this photo: map one, or note “Nothing released” or "
                    "“Could not see”."
                )
            )
            return
        is_noted = browser.count_of(photo) == count
        if not is_noted and not self._try(
            lambda: browser.note(photo, PhotoState.AVALANCHES, count)
        ):
            return
        self._on_noted(photo)
        if not self._mapping.save_edits():
            return  # said there
        if not self._has_decided():
            return
        following = browser.next_unseen()
        if following is not None:
            self.open_photo(following)
        else:
            self._messages.inform(
                tr("Of the photos that are shown, none after this one is left to look at.")
            )

    def _has_decided(self) -> bool:
        """Return whether no outline that fits the open photo is undecided, or that was said."""
        left = sum(outline.fits for outline in self.carrying.outlines)
        text = tr(
            "Outlines of earlier photos that fit here and are undecided: {}. Accept, correct or "
            "drop them; the same once more goes on without them."
        )
        return not left or self._remind(text.format(left))

    def _remind(self, text: str) -> bool:
        """Say what is open, once for each photo that is opened; return whether it was said."""
        was_said, self._is_reminded = self._is_reminded, True
        if not was_said:
            self._messages.warn(text)
        return was_said

    def note_saved(self, ref: FeatureRef) -> None:
        """Note an avalanche that was mapped in a photo of the series."""
        browser, found = self.browser, resolve(ref)
        if browser is None or found is None:
            return
        layer, feature = found
        ours, image = is_ours(layer), self._session.image
        self._reshaping.forget(layer, feature)
        self._redrawer.remember(layer, feature)
        path = str(record.attribute_value(feature, "image_path") or "") if ours else ""
        photo = browser.find(path or (image.source.path if image else ""))
        if photo is None:
            return
        is_current = photo == browser.current
        count = len(self._mapping.list_avalanches()) if is_current else browser.count_of(photo) + 1
        if image is None or browser.find(image.source.path) != photo:
            image = self._session.image_of(f"gdal|{photo.path}")
        if ours:
            stored = _stored_size(image) if image else None
            noted = observe(browser, photo, record.avalanche_of(feature), stored)
        else:
            name = f"{ref.layer_id}:{ref.feature_id}"
            noted = Observation(photo.key, avalanche=name)
        if self._try(lambda: browser.note_avalanches(photo, [noted], max(1, count))):
            self._on_noted(photo)
            if ours:
                self._try(lambda: _fill_release(browser, layer, feature))
        if self._finishing is not None and is_current:
            self._finishing = None
            QTimer.singleShot(0, self._save_and_next)  # when all others know of the avalanche
        elif is_current:
            self.carrying.open(browser, photo)

    def fill_releases(self) -> None:
        """Fill in when avalanches of the series released, by what is noted by now."""
        browser = self.browser
        if browser is None:
            return
        filled = 0
        try:
            for layer in find_layers(QgsProject.instance()):
                filled += sum(_fill_release(browser, layer, f) for f in list(features_of(layer)))
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

    # --- screening -------------------------------------------------------------------------------

    def _toggle_screening(self) -> None:
        """Screen the series in the background, or stop that."""
        if self.browser is None:
            return
        if self.screening.is_running:
            self.screening.cancel()
            self.dock.show_screening(0, 0)
        else:
            self.dock.show_screening(0, 1)
            self.screening.start(self.browser.store.path)

    def _on_screened(self, fault: str) -> None:
        self.dock.show_screening(0, 0)
        if fault:
            self._messages.warn(tr("The photos could not be screened: {}").format(fault))
        self.refresh()
        if self.browser is not None and not fault:
            useless = sum(not self.browser.is_usable(photo) for photo in self.browser.photos)
            text = tr("Screened. Photos with night, fog or the like: {}. “Skip” passes over them.")
            self._messages.inform(text.format(useless))

    def refresh(self) -> None:
        """Take in what programs and colleagues have noted."""
        browser = self.browser
        if browser is None or not self._try(browser.refresh):
            return
        browser.photo_filter = browser.photo_filter
        self.dock.show_photos(browser)
        if browser.current is not None:
            self.carrying.open(browser, browser.current)

    def overrule(self, photo: SeriesPhoto, look: Look) -> None:
        """Note how a photo looks to the user, whatever the screening says."""
        browser = self.browser
        if browser is not None and self._try(lambda: browser.overrule(photo, look)):
            self._on_noted(photo)
            if photo == browser.current:
                self.carrying.open(browser, photo)

    def _overrule_current(self, look: Look) -> None:
        if self.browser is not None and self.browser.current is not None:
            self.overrule(self.browser.current, look)

    def _set_skip(self, skips: bool) -> None:
        settings.SERIES_SKIP.set(skips)
        if self.browser is not None:
            self.browser.skips_unusable = skips
            self.dock.show_current(self.browser)

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


def _show_avalanches(browser: SeriesBrowser) -> None:
    """Add the layers that hold the avalanches of the series, as they are saved by themselves."""
    project = QgsProject.instance()
    there = {normal_path(target.geopackage_path(layer)) for layer in find_layers(project)}
    mapped = [photo for photo in browser.photos if browser.count_of(photo)]
    folders = {photo.path.parent: str(photo.path) for photo in mapped}
    beside = {str(folder / target.FILE) for folder in folders}
    for path in {target.default_path(project, photo) for photo in folders.values()} | beside:
        if normal_path(path) not in there:
            layer = target.open_layer(path, QgsCoordinateReferenceSystem())
            if layer is not None:
                add_avalanches(layer)


def _stored_size(image: MappedImage) -> tuple[int, int]:
    grid = grid_of(image)
    return grid.width, grid.height


def _fill_release(browser: SeriesBrowser, layer: QgsVectorLayer, feature: QgsFeature) -> bool:
    """Fill in when an avalanche released, where nobody has; return whether anything was."""
    interval = browser.release_interval(record.avalanche_of(feature))
    if interval is None:
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
