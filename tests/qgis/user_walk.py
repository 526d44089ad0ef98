"""A random walk of a user over all panels, windows and menus of the plugin in the real QGIS.

``python3 scripts/user_actions.py`` runs it in parts; `test_user_actions` checks it. Half of
the actions use any widget that is seen; the others are what users do with maps, layers, projects
and QGIS itself. After each action nothing may have been raised, QGIS may not have stood still, and
what the user made must be there: in a layer, in hand, one undo away, in a file, or offered.

The same seed draws the same way, as far as workers and dialogs are as fast.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter, deque
from pathlib import Path

import hills
import numpy as np
import scenery
from attendant import Attendant
from hands import LEFT, MAP_KEYS, NONE, RIGHT, Hands, name_of
from operating import Operator
from osgeo import ogr
from part import run_part
from qgis import utils
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsNetworkAccessManager,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QEventLoop, QObject, Qt, QUrl, pyqtSlot
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialog, QDockWidget
from stalls import Heartbeat
from uncaught import Uncaught

NAME = "avalanche_iseg_qgis"
LATEST = 30  # actions that are told when something is wrong
MOST_STALLED = 5.0  # seconds: on a busy machine
MOST_WINDOWS = 4
PATIENCE = 90.0  # seconds for the worker's answers
SLOW = {"reload_plugin", "other_language", "open_project", "options", "processing", "begin"}
"""Actions in which QGIS itself may stand still: it imports, opens files, or fills its dialogs."""
UNDOING = {"edit_layer", "begin"}
"""Actions by which features may go without a question."""

PHOTOS = ("first.jpg", "second.jpg")
QGIS_ACTIONS = (
    *("mActionToggleEditing", "mActionSaveLayerEdits", "mActionUndo", "mActionRedo"),
    *("mActionDeleteSelected", "mActionSelectAll", "mActionDeselectActiveLayer"),
    *("mActionRollbackEdits", "mActionDuplicateLayer"),
)
VIEW_ACTIONS = (
    *("mActionZoomFullExtent", "mActionZoomToLayer", "mActionZoomIn", "mActionZoomOut"),
    *(
        "mActionPan",
        "mActionZoomLast",
        "mActionZoomNext",
        "mActionIdentify",
        "mActionSelectFeatures",
    ),
)


class Browser(QObject):
    """Notes addresses that would be opened in a browser."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._hands = hands

    @pyqtSlot(QUrl)
    def show(self, url: QUrl) -> None:
        """Note an address."""
        self._hands.did.append(f"opened {url.toString()}")


class UserWalk:
    """One walk: `run` makes so many actions; `report` is what came of it."""

    def __init__(self, iface, interpreter: Path, folder: Path, seed: int) -> None:
        self.iface, self.seed = iface, seed
        self.interpreter, self.folder = str(interpreter), folder
        self.random = random.Random(seed)  # noqa: S311
        self.files = make_files(folder / "files")
        self.hands = Hands(self.random, self.files)
        self.attendant = Attendant(self.hands)
        self.browser = Browser(self.hands)
        self.uncaught = Uncaught()
        self.settings = QgsSettings()
        self.latest: deque[str] = deque(maxlen=LATEST)
        self.problems: list[str] = []
        self.counts: Counter = Counter()
        self.used: Counter = Counter()
        self.longest = 0.0
        self.mapped = self.posed = 0

    def run(self, actions: int, after_each=lambda: None) -> None:
        """Make so many actions; call something after each."""
        with self.uncaught, self.attendant:
            self.heartbeat = Heartbeat()
            try:
                self._step("begin", self._begin)
                ways, weights = zip(*self._actions(), strict=True)
                for _ in range(actions):
                    way = self.random.choices(ways, weights)[0]
                    self._step(way.__name__, way)
                    after_each()
            finally:
                self._end()
                self._note_errors()

    def report(self) -> dict:
        """Counts by kind, and what was wrong."""
        return {
            "seed": self.seed,
            "counts": dict(self.counts),
            "widgets": dict(self.used),
            "mapped": self.mapped,
            "posed": self.posed,
            "longest": round(self.longest, 2),
            "problems": self.problems,
            "latest": list(self.latest),
        }

    # --- one action ------------------------------------------------------------------------

    def _step(self, name: str, act) -> None:
        self.before, self.foreign = self._made(), self._count_foreign()
        self.attendant.agreed = False
        self.hands.did.clear()
        self._turn()
        self.heartbeat.take()
        start = time.monotonic()
        act()
        self._turn(0.02)
        stalled = self.heartbeat.take()
        self.counts[name] += 1
        did = "; ".join(self.hands.did)
        self.latest.append(f"{name}: {did}" if did else name)
        if os.environ.get("ISEG_WALK_TRACE"):
            print(f"{time.monotonic() - start:6.2f} s {self.latest[-1]}", flush=True)
        self._note_errors()
        if name not in SLOW:
            self.longest = max(self.longest, stalled)
            if stalled > MOST_STALLED:
                self._problem(f"QGIS stood still for {stalled:.1f} s")
        self._check(name)

    def _note_errors(self) -> None:
        for error in self.uncaught.take_errors():
            self._problem(error)
        for title in self.attendant.stuck:
            self._problem(f"the dialog {title} would not close")
        self.attendant.stuck.clear()

    def _problem(self, text: str) -> None:
        latest = "\n    ".join(self.latest)
        self.problems.append(f"seed {self.seed}: {text}\n  after\n    {latest}")

    def _turn(self, seconds: float = 0.0) -> None:
        """Let QGIS go on."""
        end = time.monotonic() + seconds
        while True:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            if time.monotonic() >= end:
                return
            time.sleep(0.002)

    def _await(self, condition) -> bool:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                return False
            self._turn()
        return True

    # --- what the user made ------------------------------------------------------------------

    def _made(self) -> tuple[set[str], dict[str, str]]:
        """Return the prompts in hand, and the uuids of features with the layers they are in."""
        if NAME not in utils.plugins or utils.plugins[NAME].controller is None:
            return set(), self._features()
        drafts = [image.draft for image in self.session._images.values()]
        given = [draft for draft in drafts if draft.history.is_changed]  # not as it was begun
        prompts = {draft.prompts.to_json() for draft in given if not draft.prompts.empty}
        return prompts, self._features()

    def _check(self, name: str) -> None:
        """Note what was made and is nowhere any more, though nobody deleted it."""
        prompts, features = self.before
        now_prompts, now_features = self._made()
        if self.attendant.agreed:
            return
        gone = prompts - now_prompts
        went_elsewhere = self._count_foreign() > self.foreign
        if gone and not went_elsewhere and not gone <= self._reachable_prompts():
            self._problem(f"prompts are lost: {gone}")
        gone = features.keys() - now_features.keys()
        if name not in UNDOING and gone and not gone <= self._kept_features():
            was = [f"{uuid} of {features[uuid]}" for uuid in gone]
            self._problem(f"features are lost: {was}; said: {self.uncaught.said[-3:]}")

    def _reachable_prompts(self) -> set[str]:
        """Prompts that undo or redo bring back, are stored with features, or are offered."""
        states = {
            state.to_json()
            for image in self.session._images.values()
            for state in image.draft.history._states
        }
        stored = {f["prompts"] for layer in self._layers() for f in self._read(layer)}
        offered = {
            offer.work.prompts.to_json()
            for offer in self.controller.keeper.offers
            if hasattr(offer.work, "prompts")
        }
        return states | stored | offered

    @staticmethod
    def _read(layer):
        from avalanche_iseg_qgis.features.reading import features_of  # by any connection

        return features_of(layer)

    def _features(self) -> dict[str, str]:
        """Return the uuids of features by the layers they are in, but for those that are deleted.

        A copy of a layer, which QGIS can make, shows a feature until its deletion is saved.
        """
        deleted = {
            (layer.source(), fid)
            for layer in self._layers()
            if layer.editBuffer() is not None
            for fid in layer.editBuffer().deletedFeatureIds()
        }
        return {
            str(f["uuid"]): f"{layer.name()} (editable: {layer.isEditable()})"
            for layer in self._layers()
            for f in self._read(layer)
            if (layer.source(), f.id()) not in deleted
        }

    def _count_foreign(self) -> int:
        """Return the number of outlines in layers of others, which keep no prompts."""
        layers = set(self._all_layers()) - set(self._layers())
        return sum(layer.featureCount() for layer in layers)

    def _kept_features(self) -> set[str]:
        """Features that are offered, or in files."""
        offers = [offer.work for offer in self.controller.keeper.offers]
        found = {f.uuid for work in offers if hasattr(work, "features") for f in work.features}
        for path in self.folder.rglob("*.gpkg"):
            source = ogr.Open(str(path))
            for table in source or ():
                if table.FindFieldIndex("uuid", True) >= 0:
                    found |= {str(feature["uuid"]) for feature in table}
        return found

    @staticmethod
    def _all_layers() -> list[QgsVectorLayer]:
        layers = QgsProject.instance().mapLayers().values()
        return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]

    def _layers(self) -> list[QgsVectorLayer]:
        ours = {"prompts", "uuid"}
        return [layer for layer in self._all_layers() if ours <= set(layer.fields().names())]

    # --- QGIS around it ----------------------------------------------------------------------

    def _begin(self) -> None:
        os.environ["AVALANCHE_ISEG_CACHE"] = str(self.folder / "cache")
        os.environ["PIP_NO_INDEX"] = "1"  # nothing is downloaded by a walk
        for name, value in (("proxyEnabled", True), ("proxyHost", "127.0.0.1"), ("proxyPort", "9")):
            self.settings.setValue(f"proxy/{name}", value)
        self.settings.setValue("proxy/proxyType", "HttpProxy")
        QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
        for scheme in ("http", "https", "file"):
            QDesktopServices.setUrlHandler(scheme, self.browser, "show")
        self._set_up()
        self._load()
        for name in PHOTOS:
            self._add(QgsRasterLayer(str(self.files / name), name))
        self._choose(PHOTOS[0])

    def _end(self) -> None:
        for layer in QgsProject.instance().mapLayers().values():
            if isinstance(layer, QgsVectorLayer) and layer.isEditable():
                layer.rollBack()
        for window in self._windows():
            window.close()
        QgsProject.instance().setDirty(False)
        QgsProject.instance().clear()
        utils.unloadPlugin(NAME)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        for scheme in ("http", "https", "file"):
            QDesktopServices.unsetUrlHandler(scheme)
        for key in ("avalanche_iseg", "proxy", "locale"):
            self.settings.remove(key)
        QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()

    def _set_up(self) -> None:
        """Choose what works, whatever was chosen in the options before."""
        self.settings.setValue("avalanche_iseg/interpreter", self.interpreter)
        self.settings.setValue("avalanche_iseg/model", "default")
        self.settings.setValue("avalanche_iseg/keep_off", False)  # the same is mapped again

    def _load(self) -> None:
        if NAME not in utils.available_plugins:
            utils.updateAvailablePlugins()
        utils.loadPlugin(NAME)
        utils.startPlugin(NAME)
        self._open()

    def _open(self) -> None:
        self.plugin = utils.plugins[NAME]
        self.controller = self.plugin.open()
        self.session = self.controller.session

    def _windows(self) -> list[QDialog]:
        """Windows of the plugin, and forms, that stand beside the map."""
        windows = [w for w in QApplication.topLevelWidgets() if isinstance(w, QDialog)]
        return [w for w in windows if w.isVisible() and not w.isModal()]

    def _docks(self) -> list[QDockWidget]:
        docks = self.iface.mainWindow().findChildren(QDockWidget)
        return [dock for dock in docks if dock.objectName().startswith("AvalancheISeg")]

    def _add(self, layer) -> None:
        QgsProject.instance().addMapLayer(layer)

    def _some_layer(self):
        layers = list(QgsProject.instance().mapLayers().values())
        return self.random.choice(layers) if layers else None

    def _choose(self, name: str) -> None:
        """Choose a photo in the panel, added if it is away, and look at all of it."""
        path = str(self.files / name)
        layers = QgsProject.instance().mapLayers().values()
        layer = next((at for at in layers if at.source() == path), None)
        if layer is None:
            layer = QgsRasterLayer(path, name)
            self._add(layer)
        self.controller.dock.layer.setLayer(layer)
        self.iface.setActiveLayer(layer)
        self.iface.zoomToActiveLayer()
        self._turn(0.05)

    def _trigger(self, names: tuple[str, ...]) -> None:
        """Use one of QGIS's own actions."""
        actions = [self.iface.mainWindow().findChild(QObject, name) for name in names]
        actions = [action for action in actions if action is not None and action.isEnabled()]
        if actions:
            action = self.random.choice(actions)
            self.hands.did.append(action.objectName())
            action.trigger()

    # --- the actions -------------------------------------------------------------------------

    def _actions(self) -> list[tuple]:
        return [
            (self.any_widget, 50), (self.on_the_map, 12), (self.avalanche, 6), (self.a_key, 4),
            (self.pose_camera, 1.5),
            (self.edit_layer, 6), (self.look_around, 4), (self.open_panels, 4),
            (self.menu_entry, 3), (self.options, 1), (self.set_up_window, 1),
            (self.models_window, 1), (self.processing, 1), (self.add_layer, 3),
            (self.remove_layer, 2), (self.rename_layer, 1), (self.activate_layer, 3),
            (self.hide_layer, 1), (self.select_features, 2), (self.new_project, 1),
            (self.save_project, 1), (self.open_project, 1), (self.move_panel, 2),
            (self.reload_plugin, 1), (self.other_language, 0.5), (self.close_windows, 2),
        ]  # fmt: skip

    def any_widget(self) -> None:
        """A gesture on any widget of a panel or a window."""
        roots = [dock for dock in self._docks() if dock.isVisible()] + self._windows()
        if not roots:
            self.open_panels()
            return
        root = self.random.choice(roots)
        if self.hands.use_one_in(root):
            self.used[root.objectName() or type(root).__name__] += 1

    def on_the_map(self) -> None:
        self.hands.map(self.iface.mapCanvas())

    def a_key(self) -> None:
        key = self.random.choice(MAP_KEYS)
        focused = QApplication.focusWidget() or self.iface.mapCanvas()
        self.hands.did.append(f"{key[0]} in {name_of(focused)}")
        self.hands.key(focused, *key)

    def avalanche(self) -> None:
        """Map an avalanche from its first click to Enter; sometimes save it."""
        self._set_up()
        self._open()
        name = self.random.choice(PHOTOS)
        self._choose(name)
        canvas = self.iface.mapCanvas()
        row, col = (at / 2 for at in scenery.CENTRE)
        row = row if name == PHOTOS[0] else scenery.HEIGHT / 2 - 1 - row
        row, col = row + self.random.randint(-20, 20), col + self.random.randint(-15, 15)
        to_screen = canvas.getCoordinateTransform().transform
        at = to_screen(QgsPointXY(col, -row)).toQPointF().toPoint()
        before, said = self._features(), len(self.uncaught.said)
        QTest.mouseClick(canvas.viewport(), LEFT, NONE, at)
        if self.random.random() < 0.3:
            QTest.mouseClick(canvas.viewport(), RIGHT, NONE, self.hands.point_in(canvas.viewport()))
        self._turn(0.05)
        self.before = self._made()  # with these clicks it becomes a feature
        QTest.keyClick(canvas, Qt.Key.Key_Return)
        self._turn(0.05)
        clients = self.controller.segmentation_client, self.controller.camera_client
        ended = self._await(
            lambda: (
                self.session.prompts.empty
                or len(self.uncaught.said) > said
                or clients[0].state.name == "BROKEN"
            )
        )
        if not ended:
            states = [f"{client.state.name}: {client.text}" for client in clients]
            self._problem(f"no avalanche after Enter; {self.session.draft.state}; {states}")
        self.mapped += bool(self._features().keys() - before.keys())
        save = self.controller.avalanches_dock.save
        if save.isVisible() and self.random.random() < 0.4:
            self.hands.use(save)

    def open_panels(self) -> None:
        self.hands.did.append("camera" if (camera := self.random.random() < 0.4) else "segment")
        if camera:
            self.plugin.open_camera()
        else:
            self.plugin.open()
        self._open()

    def menu_entry(self) -> None:
        """An entry of Raster, Avalanche ISeg."""
        action = self.random.choice(self.plugin._actions)
        self.hands.did.append(action.text())
        action.trigger()
        self._open()

    def options(self) -> None:
        self.controller.setup_actions.open_options()

    def set_up_window(self) -> None:
        self.controller.setup_actions.open_setup()

    def models_window(self) -> None:
        self.controller.setup_actions.open_models()

    def processing(self) -> None:
        """A dialog of Processing is opened and closed."""
        import processing

        algorithm = self.random.choice(("native:buffer", "gdal:hillshade", "native:zonalhistogram"))
        self.hands.did.append(algorithm)
        dialog = processing.createAlgorithmDialog(algorithm, {})
        dialog.show()
        self._turn(0.1)
        dialog.close()

    def close_windows(self) -> None:
        for window in self._windows():
            window.close()

    def move_panel(self) -> None:
        """A panel is floated, docked elsewhere, closed or shown."""
        dock = self.random.choice(self._docks())
        how = self.random.choice(("float", "left", "close", "show", "raise"))
        self.hands.did.append(f"{how} {dock.objectName()}")
        if how == "float":
            dock.setFloating(not dock.isFloating())
        elif how == "left":
            self.iface.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
        elif how == "close":
            dock.close()
        elif how == "show":
            dock.toggleViewAction().trigger()
        else:
            dock.setUserVisible(True)

    def pose_camera(self) -> None:
        """Pose a camera by six points, clicked in the photo and on the map."""
        operator = Operator(self.iface, self.plugin)
        operator.take(self.files / PHOTOS[0], self.files / "dem.tif")
        pose = operator.pose_session
        pose.change(position=hills.POSITION)
        if not operator.dock.add.isChecked():
            operator.push(operator.dock.add)
        camera = hills.camera(scenery.WIDTH // 2, scenery.HEIGHT // 2)
        for place in hills.PLACES[:6]:
            u, v, x, y = hills.pixel_of(camera, *place)
            operator.click_photo(u, v)
            operator.click_map(x, y)
        self._await(lambda: pose.draft.record is not None or pose.failure)
        self.posed += pose.draft.record is not None

    # --- layers and projects -----------------------------------------------------------------

    def edit_layer(self) -> None:
        """QGIS's actions on the active layer: editing, undo, redo, delete, duplicate."""
        ours = self._layers()
        if ours and self.random.random() < 0.7:
            self.iface.setActiveLayer(self.random.choice(ours))
        self._trigger(QGIS_ACTIONS)

    def look_around(self) -> None:
        self._trigger(VIEW_ACTIONS)

    def add_layer(self) -> None:
        name = self.random.choice((*PHOTOS, "ortho.tif", "height.tif", "outlines", "mask.png"))
        self.hands.did.append(name)
        self._add(
            foreign_layer()
            if name == "outlines"
            else QgsRasterLayer(str(self.files / name), Path(name).stem)
        )

    def remove_layer(self) -> None:
        layer = self._some_layer()
        if layer is not None:
            self.hands.did.append(layer.name())
            QgsProject.instance().removeMapLayer(layer.id())

    def rename_layer(self) -> None:
        layer = self._some_layer()
        if layer is not None:
            layer.setName(self.random.choice(("Lawine ☃", "a", "")))

    def activate_layer(self) -> None:
        layer = self._some_layer()
        if layer is not None:
            self.hands.did.append(layer.name())
            self.iface.setActiveLayer(layer)

    def hide_layer(self) -> None:
        layer = self._some_layer()
        node = QgsProject.instance().layerTreeRoot().findLayer(layer) if layer else None
        if node is not None:
            node.setItemVisibilityChecked(not node.itemVisibilityChecked())

    def select_features(self) -> None:
        layer = self._some_layer()
        if isinstance(layer, QgsVectorLayer):
            self.iface.setActiveLayer(layer)
            ids = [feature.id() for feature in layer.getFeatures()]
            layer.selectByIds(self.random.sample(ids, min(len(ids), 2)))

    def new_project(self) -> None:
        self.iface.actionNewProject().trigger()

    def save_project(self) -> None:
        self.iface.actionSaveProject().trigger()

    def open_project(self) -> None:
        projects = sorted(self.folder.rglob("*.qg[sz]"))
        if projects:
            self.iface.addProject(str(self.random.choice(projects)))

    # --- the plugin as a whole ---------------------------------------------------------------

    def reload_plugin(self) -> None:
        utils.unloadPlugin(NAME)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self._load()

    def other_language(self) -> None:
        """Another language, and a new start of the plugin, as QGIS asks for."""
        language = self.random.choice(("en_US", "de", "fr", "it"))
        self.hands.did.append(language)
        self.settings.setValue("locale/overrideFlag", True)
        self.settings.setValue("locale/userLocale", language)
        self.reload_plugin()


def make_files(folder: Path) -> Path:
    """Return a folder with what a user may open: photos, rasters, masks, tables, rubbish."""
    folder.mkdir()
    pixels = scenery.pixels()[::2, ::2]
    for name, image in zip(PHOTOS, (pixels, pixels[::-1]), strict=True):
        scenery.write(folder / name, image, driver="JPEG")
    there = {"transform": (2783000.0, 5, 0, 1188000.0, 0, -5), "epsg": scenery.LV95}
    scenery.write(folder / "ortho.tif", pixels, **there)
    height = 1500 + pixels[..., 0].astype(np.float32)
    scenery.write(folder / "height.tif", height, **there)
    hills.write_dem(folder / "dem.tif")
    mask = (scenery.truth()[::2, ::2] * 255).astype(np.uint8)
    scenery.write(folder / "mask.png", mask, driver="PNG")
    (folder / "points.csv").write_text("u_px,v_px,x,y\n10,20,2783010,1187900\nabc,1,2,3\n")
    (folder / "rubbish.json").write_bytes(b"\x00{")
    (folder / "rubbish.safetensors").write_bytes(b"\x08" + bytes(300))
    return folder


def foreign_layer() -> QgsVectorLayer:
    """Return a layer of outlines as others have them, in pixels of the photos."""
    layer = QgsVectorLayer("Polygon?field=nr:integer&field=method:string", "outlines", "memory")
    feature = QgsFeature(layer.fields())
    ring = [QgsPointXY(x, y) for x, y in ((180, -100), (250, -110), (240, -190), (190, -180))]
    feature.setGeometry(QgsGeometry.fromPolygonXY([ring]))
    feature.setAttributes([1, "alt"])
    layer.dataProvider().addFeatures([feature])
    return layer


if __name__ == "__main__":
    run_part(UserWalk, lambda walk, text: walk._problem(text))
