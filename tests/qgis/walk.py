"""A random walk of a user's actions and of faults in the real QGIS, with the real workers.

``python3 scripts/faults.py`` runs it in parts and prints its table; `test_walk` runs a short one.
After each step prompts, masks and features are compared with a shadow of what must be there. The
same seed walks the same way, but for the moments at which faults strike.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import scenery
from part import run_part
from qgis import utils
from qgis.core import (
    QgsProject,
    QgsRasterLayer,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.gui import QgsAttributeDialog
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QEventLoop, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication
from uncaught import Uncaught
from walk_camera import CameraFaults

NAME = "avalanche_iseg_qgis"
PHOTOS = ("first.jpg", "second.jpg")
TABLES = ("avalanches", "avalanches_pixels")  # on the map, in the photo
COLUMNS = ("injected", "lost", "exceptions", "stuck")
_PATIENCE = 120.0  # seconds until something counts as stuck

# Holds a lock in a process of its own: two SQLite libraries in one process undo each other's.
_LOCKER = (
    "import sqlite3, sys\n"
    "held = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    "held.execute('BEGIN ' + sys.argv[2])\n"
    "print('locked', flush=True)\n"
    "sys.stdin.read()\n"
)


class Walk:
    """One walk: `run` goes on until so many faults have struck; `report` is what came of it."""

    def __init__(self, iface, interpreter: Path, folder: Path, seed: int) -> None:
        self.iface, self.folder, self.random = iface, folder, random.Random(seed)  # noqa: S311
        self.table: dict[str, Counter] = {}
        self.problems: list[str] = []
        self.uncaught = Uncaught()
        self.said = self.uncaught.said
        self.doing = "begin"
        self.kind = "none"  # the fault that struck last
        self.saved: set[str] = set()  # uuids of features that must be there
        self.committed: set[str] = set()
        self.seen: set[str] = set()  # layers that come back bring theirs
        self.prompts: dict[str, str] = {}  # by photo, what must be in hand
        self.masks: dict[tuple[str, str], str] = {}
        self.settings = QgsSettings()
        self.settings.setValue("avalanche_iseg/interpreter", str(interpreter))
        self.settings.setValue("avalanche_iseg/model", "default")
        self.photos, self.disk = folder / "photos", folder / "disk"
        self.photos.mkdir()
        self.disk.mkdir()
        pixels = scenery.pixels()[::2, ::2]
        for name, image in zip(PHOTOS, (pixels, pixels[::-1]), strict=True):
            scenery.write(self.photos / name, image, driver="JPEG")
            self.prompts[name] = ""
        self.contents = {name: (self.photos / name).read_bytes() for name in PHOTOS}
        start = folder / "start.png"
        mask = (scenery.truth()[::2, ::2] * 255).astype(np.uint8)
        scenery.write(start, mask, driver="PNG")
        self.start = str(start)
        self.is_mounted = os.geteuid() == 0 and not os.system(
            f"mount -t tmpfs -o size=8m tmpfs {self.disk} 2>/dev/null"
        )

    # --- the walk --------------------------------------------------------------------------------

    def run(self, faults: int, after_each=lambda: None) -> None:
        """Walk until so many faults have struck; call something after each."""
        with self.uncaught:
            try:
                self._begin()
                self.camera_faults = CameraFaults(self)
                actions, ills = self._actions(), self._faults()
                while sum(row["injected"] for row in self.table.values()) < faults:
                    for _ in range(self.random.randint(1, 3)):
                        self._step(self.random.choice(actions))
                    ill = self.random.choice(ills)
                    self.kind = ill.__name__.replace("_", " ")
                    self.table.setdefault(self.kind, Counter())["injected"] += 1
                    self._step(ill)
                    after_each()
            finally:
                self._end()
                self._report_errors()

    @property
    def violations(self) -> int:
        """How often something was lost, raised or stuck."""
        return sum(row[column] for row in self.table.values() for column in COLUMNS[1:])

    def report(self) -> dict:
        """The counts by kind of fault, and what was wrong."""
        return {
            "table": {kind: {c: row[c] for c in COLUMNS} for kind, row in self.table.items()},
            "features": len(self.saved),
            "problems": self.problems,
        }

    def _step(self, act) -> None:
        self.doing = act.__name__
        start = time.monotonic()
        act()
        self._check()
        if os.environ.get("ISEG_WALK_TRACE"):
            print(f"{time.monotonic() - start:6.2f} s {self.doing}", flush=True)

    def _begin(self) -> None:
        QgsProject.instance().setFileName(str(self.disk / "project.qgz"))
        self._load()
        for name in PHOTOS:
            self._add_photo(name)
        self._choose(PHOTOS[0])

    def _load(self) -> None:
        if NAME not in utils.available_plugins:
            utils.updateAvailablePlugins()
        utils.loadPlugin(NAME)
        utils.startPlugin(NAME)
        self.plugin = utils.plugins[NAME]
        self.controller = self.plugin.open()
        self.session = self.controller.session
        self.session.may_discard = lambda: True
        self.controller.avalanche_list.may_delete = lambda entry: True
        self.client = self.controller.segmentation_client
        self._await(lambda: self.client.state.name == "READY", "the worker")

    def _unload(self) -> None:
        utils.unloadPlugin(NAME)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def _end(self) -> None:
        for layer in self._layers():
            layer.rollBack()
        QgsProject.instance().clear()
        self._unload()
        self.settings.remove("avalanche_iseg")
        if self.is_mounted:
            os.system(f"umount -l {self.disk}")

    # --- what the user does ----------------------------------------------------------------------

    def _actions(self) -> list:
        often = [self.click, self.click, self.click, self.not_here, self.enter, self.enter]
        return [
            *often, self.box, self.undo, self.redo, self.threshold, self.escape, self.other_photo,
            self.take_again, self.attributes, self.delete, self.start_from_mask,
            self.start_from_selection, self.export_mask, self.docks, self.save_edits,
        ]  # fmt: skip

    def click(self) -> None:
        self._give(lambda: self.session.add_click(*self._inside(), True), 1)

    def not_here(self) -> None:
        self._give(lambda: self.session.add_click(*self._outside(), False), 1)

    def box(self) -> None:
        from avalanche_iseg_qgis.core.prompts import Box

        row, col = self._centre()
        near, far = self.random.randint(60, 75), self.random.randint(76, 90)
        self._give(lambda: self.session.set_box(Box(row - near, row + far, col - 50, col + 50)))

    def undo(self) -> None:
        self._key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        self._remember()

    def redo(self) -> None:
        self._key(Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
        self._remember()

    def threshold(self) -> None:
        self.controller.dock.threshold.value = self.random.choice((0.3, 0.5, 0.6, 0.7))

    def escape(self) -> None:
        self._key(Qt.Key.Key_Escape)
        self._remember()

    def other_photo(self) -> None:
        self._choose(self.random.choice(PHOTOS))

    def enter(self) -> None:
        self._finish()

    def take_again(self) -> None:
        self._list("continue_requested")
        self._remember()

    def attributes(self) -> None:
        self._list("form_requested")
        self._turn()
        for window in QApplication.topLevelWidgets():
            if isinstance(window, QgsAttributeDialog):
                window.reject()

    def delete(self) -> None:
        before = self._features()
        self._list("delete_requested")
        gone = before - self._features()
        if len(gone) > 1:
            self._problem("lost", f"{len(gone)} features deleted at once")
        self.saved -= gone

    def start_from_mask(self) -> None:
        self.controller.start_actions._try(
            lambda: self.controller.start_actions.from_path(self.start)
        )
        self._remember()

    def start_from_selection(self) -> None:
        layer = next(iter(self._layers()), None)
        feature = next(layer.getFeatures(), None) if layer is not None else None
        if feature is None:
            return
        layer.selectByIds([feature.id()])
        self.iface.setActiveLayer(layer)
        said, draft = len(self.said), self.session.draft
        self.controller.start_actions._try(self.controller.start_actions.from_selection)
        layer.removeSelection()
        if layer.crs().isValid():  # brought into the photo by the camera's worker
            self._await(
                lambda: len(self.said) > said or self.session.draft is not draft,
                "the outline of the map in the photo",
            )
        self._remember()

    def export_mask(self) -> None:
        exports, path = self.controller.export_actions, self.folder / "mask.png"
        exports._ask = lambda *_: str(path)
        before = len(self.said)
        exports.mask()
        if not path.exists() and len(self.said) == before:
            self._problem("stuck", "no mask, and no message")
        path.unlink(missing_ok=True)

    def docks(self) -> None:
        self.plugin.open_camera()
        self._turn()
        self.controller.camera.dock.setVisible(self.random.random() < 0.5)
        self.controller.avalanches_dock.setVisible(self.random.random() < 0.8)
        self.controller._activate_tool()
        self._turn()

    def save_edits(self) -> None:
        if all(layer.commitChanges() for layer in self._layers() if layer.isEditable()):
            self.committed = set(self.saved)

    # --- faults ----------------------------------------------------------------------------------

    def _faults(self) -> list:
        return [
            self.worker_killed, self.worker_killed_at_enter, self.worker_stopped,
            self.camera_worker_killed, self.pose_killed, self.pose_stopped, self.terrain_away,
            self.disk_full, self.disk_read_only, self.locked_immediate, self.locked_exclusive,
            self.read_only_layer, self.file_deleted, self.file_truncated, self.file_replaced,
            self.photo_removed, self.target_removed, self.plugin_reloaded, self.project_cleared,
            self.wrong_model, self.edits_rolled_back,
        ]  # fmt: skip

    def worker_killed(self) -> None:
        self._signal(self.client, signal.SIGKILL)
        self.click()

    def worker_killed_at_enter(self) -> None:
        self._some_prompts()
        self._finish(during=lambda: self._signal(self.client, signal.SIGKILL))

    def worker_stopped(self) -> None:
        pid = self._signal(self.client, signal.SIGSTOP)
        self._give(lambda: self.session.add_click(*self._inside(), True), 1, settle=False)
        self._turn(self.random.uniform(0.1, 1.0))
        if pid:
            os.kill(pid, signal.SIGCONT)

    def camera_worker_killed(self) -> None:
        self.plugin.open_camera()
        client = self.controller.camera_client
        self._await(lambda: client.state.name == "READY", "the camera worker")
        self._signal(client, signal.SIGKILL)
        self._turn(0.2)
        self.controller.camera.dock.hide()
        self.controller._activate_tool()

    def pose_killed(self) -> None:
        self.camera_faults.strike(lambda client: self._signal(client, signal.SIGKILL))

    def pose_stopped(self) -> None:
        def stop(client) -> None:
            pid = self._signal(client, signal.SIGSTOP)
            self._turn(self.random.uniform(0.1, 1.0))
            if pid:
                os.kill(pid, signal.SIGCONT)

        self.camera_faults.strike(stop)

    def terrain_away(self) -> None:
        self.camera_faults.strike(self.camera_faults.without_terrain)

    def disk_full(self) -> None:
        self._enter_and_save(self._no_space())

    def disk_read_only(self) -> None:
        self.save_edits()
        for layer in self._layers():
            layer.dataProvider().leaveUpdateMode()
        self._enter_and_save(self._read_only())

    def locked_immediate(self) -> None:
        self._enter_while_locked("IMMEDIATE")

    def locked_exclusive(self) -> None:
        self._enter_while_locked("EXCLUSIVE")

    def read_only_layer(self) -> None:
        self.save_edits()
        layers = [layer for layer in self._layers() if not layer.isEditable()]
        for layer in layers:
            layer.setReadOnly(True)
        self._some_prompts()
        self._finish()
        for layer in layers:
            layer.setReadOnly(False)

    def file_deleted(self) -> None:
        self._without_photo(lambda path: path.unlink())

    def file_truncated(self) -> None:
        self._without_photo(lambda path: path.write_bytes(path.read_bytes()[:4000]))

    def file_replaced(self) -> None:
        others = dict(zip(PHOTOS, PHOTOS[::-1], strict=True))
        self._without_photo(lambda path: path.write_bytes(self.contents[others[path.name]]))

    def photo_removed(self) -> None:
        name = self._photo() or PHOTOS[0]
        for layer in self._photo_layers(name):
            QgsProject.instance().removeMapLayer(layer.id())
        self._turn(0.05)
        self._add_photo(name)
        self._choose(name)

    def target_removed(self) -> None:
        self.save_edits()
        for layer in self._layers():
            if layer.isEditable():
                layer.rollBack()
                self.saved = set(self.committed)
            QgsProject.instance().removeMapLayer(layer.id())
        if self._finish() is False:
            self._some_prompts()
            self._finish()
        self._add_layers()

    def plugin_reloaded(self) -> None:
        for name in PHOTOS:  # drafts are another matter
            self._choose(name)
            self._finish()
            self.escape()
        self._unload()
        self._load()
        self._choose(PHOTOS[0])
        self._remember()

    def project_cleared(self) -> None:
        self.save_edits()
        for layer in self._layers():
            if layer.isEditable():
                layer.rollBack()
        self.saved = set(self.committed)
        QgsProject.instance().clear()
        self._turn(0.05)
        QgsProject.instance().setFileName(str(self.disk / "project.qgz"))
        for name in PHOTOS:
            self._add_photo(name)
        self._add_layers()
        self._choose(PHOTOS[0])

    def wrong_model(self) -> None:
        wrong = self.folder / "wrong.safetensors"
        wrong.write_bytes(self.random.choice((b"", b"rubbish" * 99, b"\x08" + bytes(300))))
        self.settings.setValue("avalanche_iseg/model", str(wrong))
        self.controller.configure_worker()
        self._give(lambda: self.session.add_click(*self._inside(), True), 1, settle=False)
        self._await(lambda: self.client.state.name == "BROKEN", "the model refused")
        if str(wrong) not in self.client.text:
            self._problem("stuck", f"the wrong model is not named: {self.client.text}")
        self.settings.setValue("avalanche_iseg/model", "default")
        self.controller.configure_worker()

    def edits_rolled_back(self) -> None:
        self._some_prompts()

        def roll_back() -> None:
            self.saved = set(self.committed)
            for layer in self._layers():
                layer.rollBack()

        if self.random.random() < 0.5:
            self._finish(during=roll_back)
        else:
            self._finish()
            roll_back()
        self.controller.avalanche_list.refresh()

    # --- parts of faults -------------------------------------------------------------------------

    def _signal(self, client, number: int) -> int:
        pid = client.pid
        if pid:
            os.kill(pid, number)
        return pid

    def _enter_and_save(self, fault) -> None:
        self._some_prompts()
        with fault:
            self._finish()
            for layer in self._layers():
                if layer.isEditable():
                    layer.commitChanges()
        self.save_edits()

    def _enter_while_locked(self, kind: str) -> None:
        self._some_prompts()
        if self.random.random() < 0.5:
            self.save_edits()
        if not any(file.exists() for file in self._files()):
            self._finish()
            self.save_edits()
            self._some_prompts()
        file = next(filter(Path.exists, self._files()), self._files()[0])
        for layer in self._layers():
            layer.dataProvider().leaveUpdateMode()
        locker = subprocess.Popen(
            ["/usr/bin/python3", "-c", _LOCKER, str(file), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        locker.stdout.readline()  # empty if it could not lock
        start = time.monotonic()
        self._finish()
        if time.monotonic() - start > _PATIENCE / 2:
            self._problem("stuck", f"Enter took {time.monotonic() - start:.0f} s")
        locker.stdin.close()
        locker.wait()

    @contextmanager
    def _no_space(self):
        """A full disk; without leave to mount one, a limit of 0 bytes for what is written."""
        if self.is_mounted:
            ballast = self.disk / "ballast"
            with ballast.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
            yield
            ballast.unlink()
        else:
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    @contextmanager
    def _read_only(self):
        """A disk on which nothing more can be opened to be written; else files that cannot."""
        files = [self.disk, *self.disk.iterdir()]
        if self.is_mounted:  # once more over itself: what is open does not keep it writable
            for options in (("--bind", self.disk), ("-o", "remount,bind,ro")):
                subprocess.run(["mount", *options, self.disk], check=True)
        else:
            for file in files:
                file.chmod(0o555)
        try:
            yield
        finally:
            if self.is_mounted:
                subprocess.run(["umount", "-l", self.disk], check=True)
            else:
                for file in files:
                    file.chmod(0o755)

    def _without_photo(self, spoil) -> None:
        name = self._photo() or PHOTOS[0]
        path = self.photos / name
        image = self.session.image
        self._await(lambda: image is None or image.origin.sha256, "the photo's checksum")
        spoil(path)
        other = next(other for other in PHOTOS if other != name)
        if self.random.random() < 0.5:
            self._choose(other)
            self.controller.dock.layer.setLayer(*self._photo_layers(name))  # refused if it is away
        self._give(lambda: self.session.add_click(*self._inside(), True), None, settle=False)
        self._turn(0.3)
        path.write_bytes(self.contents[name])
        for layer in self._photo_layers(name):
            layer.reload()
        self._choose(other)
        self._choose(name)
        self._take_new_file(path)
        if self._prompts():  # a click asks for what could not be read
            self._give(lambda: self.session.add_click(*self._inside(), True), 1)

    def _take_new_file(self, path: Path) -> None:
        """Do what the message says, if the avalanche was begun in what the file was meanwhile."""
        from avalanche_iseg_qgis.layers.file_version import file_version

        image = self.session.image
        self._await(
            lambda: image is None or image.replaced or image.version == file_version(str(path)),
            "another look at the photo",
        )
        if image is not None and image.replaced:
            self.session.move_to_new_file()

    def _some_prompts(self) -> None:
        if not self._prompts():
            self.click()

    # --- gestures --------------------------------------------------------------------------------

    def _centre(self) -> tuple[float, float]:
        row, col = (at / 2 for at in scenery.CENTRE)
        return (row, col) if self._photo() == PHOTOS[0] else (scenery.HEIGHT / 2 - 1 - row, col)

    def _inside(self) -> tuple[float, float]:
        row, col = self._centre()
        return row + self.random.randint(-25, 25), col + self.random.randint(-20, 20)

    def _outside(self) -> tuple[float, float]:
        return float(self.random.randint(5, 40)), float(self.random.randint(5, 60))

    def _give(self, act, more: int | None = None, *, settle: bool = True) -> None:
        """Change the prompts; so many clicks more must be in hand then."""
        before = len(self.session.prompts.clicks)
        act()
        now = len(self.session.prompts.clicks)
        if more is not None and self.session.image is not None and now != before + more:
            self._problem("lost", f"{now} clicks after {before}")
        self._remember()
        if settle:
            self._settle()

    def _key(self, key, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(self.iface.mapCanvas(), key, modifiers)
        self._turn(0.03)

    def _list(self, signal_name: str) -> None:
        dock = self.controller.avalanches_dock
        if dock.table.rowCount():
            dock.table.setCurrentCell(self.random.randrange(dock.table.rowCount()), 0)
            dock._emit(getattr(dock, signal_name))

    def _finish(self, during=None) -> bool:
        """Enter; there is a feature then, or a message and the prompts. Return which."""
        before, had, said = self._features(), self._prompts(), len(self.said)
        ref = self.session.draft.feature_ref if self.session.draft else None
        self.controller._activate_tool()
        self._key(Qt.Key.Key_Return)
        if during is not None:
            self._turn(self.random.uniform(0, 0.3))
            during()
        clients = (self.client, self.controller.camera_client)

        def answered() -> bool:
            draft = self.session.draft
            waits = draft is not None and draft.state.name != "EDITING"
            waits = waits and all(client.state.name != "BROKEN" for client in clients)
            return not self._prompts() or (len(self.said) > said and not waits)

        self._await(answered, "Enter: no feature, no message")
        self._turn(0.05)
        if self._prompts():
            if self._prompts() != had:
                self._problem("lost", "prompts changed by an Enter that failed")
            return False
        self.prompts[self._photo()] = ""
        new = self._features() - before - self.seen
        self.seen |= new
        if during is None and had and ref is None and len(new) != 1:
            self._problem("lost", f"Enter made {len(new)} features; said {self.said[-1:]}")
        self.saved |= new
        return True

    # --- the shadow ------------------------------------------------------------------------------

    def _prompts(self) -> str:
        prompts = self.session.prompts
        return "" if prompts.empty else prompts.to_json()

    def _photo(self) -> str:
        image = self.session.image
        return Path(image.source.path).name if image else ""

    def _remember(self) -> None:
        if self._photo():
            self.prompts[self._photo()] = self._prompts()

    def _features(self) -> set[str]:
        from avalanche_iseg_qgis.features.reading import features_of

        return {f["uuid"] for layer in self._layers() for f in features_of(layer)}

    def _layers(self) -> list[QgsVectorLayer]:
        layers = QgsProject.instance().mapLayers().values()
        found = [layer for layer in layers if isinstance(layer, QgsVectorLayer)]
        return [layer for layer in found if layer.fields().indexOf("prompts") >= 0]

    def _photo_layers(self, name: str) -> list[QgsRasterLayer]:
        return [
            layer
            for layer in QgsProject.instance().mapLayersByName(name)
            if isinstance(layer, QgsRasterLayer)
        ]

    def _files(self) -> list[Path]:
        """GeoPackages: also beside the photos, once the disk could not be written."""
        return [folder / "avalanches.gpkg" for folder in (self.disk, self.photos)]

    def _add_photo(self, name: str) -> None:
        layer = QgsRasterLayer(str(self.photos / name), name)
        QgsProject.instance().addMapLayer(layer)

    def _add_layers(self) -> None:
        """Add the tables of features, if the project has lost them."""
        there = {layer.source() for layer in self._layers()}
        for file in filter(Path.exists, self._files()):
            for name in TABLES:
                layer = QgsVectorLayer(f"{file}|layername={name}", name)
                # The first posed photo makes the table on the map.
                if layer.isValid() and layer.source() not in there:
                    QgsProject.instance().addMapLayer(layer)

    def _choose(self, name: str) -> None:
        (layer,) = self._photo_layers(name)
        self.controller.dock.layer.setLayer(layer)
        self._turn(0.02)
        if self._photo() != name:
            self._problem("stuck", f"the panel shows {name}, in hand is {self._photo() or 'none'}")
            self.session.choose(layer)

    def _settle(self) -> None:
        def settled() -> bool:
            if self.client.state.name == "BROKEN" and "within a minute" in self.client.text:
                self.client.restart()  # killed too often: the user presses Restart
            draft = self.session.draft
            if draft is None or draft.prompts.empty:
                return True
            return draft.up_to_date and draft.outline_for(self.session.shape) is not None

        if not self._await(settled, "the mask"):
            return
        draft = self.session.draft
        if draft is None or draft.prompts.empty:
            return
        state = draft.prediction
        mask = hashlib.sha256(np.packbits(state.prediction.mask(0.5)).tobytes()).hexdigest()
        known = self.masks.setdefault((self._photo(), self._prompts()), mask)
        if known != mask and self.kind != "file replaced":
            self._problem("lost", "the same prompts, another mask")

    def _check(self) -> None:
        """Compare what is there with what must be."""
        self._settle()
        image = self.session.image
        layer = self.controller.dock.layer.currentLayer()
        if (layer and layer.id()) != (image and image.layer_id):
            self._problem("stuck", "the panel and the image in hand differ")
        for held in self.session._images.values():
            name = Path(held.source.path).name
            prompts = held.draft.prompts
            now = "" if prompts.empty else prompts.to_json()
            if now != self.prompts[name]:
                self._problem("lost", f"prompts of {name}: {self.prompts[name]}, now {now}")
                self.prompts[name] = now
        found = self._features()
        if found != self.saved:
            gone, more = self.saved - found, found - self.saved
            text = f"{len(gone)} features gone, {len(more)} too many"
            self._problem("lost", f"{text}; of {len(self.saved)}; said {self.said[-2:]}")
            self.saved = found
        self._report_errors()

    def _report_errors(self) -> None:
        for error in self.uncaught.take_errors():
            self._problem("exceptions", error)

    def _problem(self, column: str, text: str) -> None:
        self.table.setdefault(self.kind, Counter())[column] += 1
        self.problems.append(f"{self.kind}: {column}, at {self.doing}: {text}")

    # --- QGIS ------------------------------------------------------------------------------------

    def _turn(self, seconds: float = 0.0) -> None:
        """Let QGIS go on, and close any dialog that waits for somebody."""
        end = time.monotonic() + seconds
        while True:
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            dialog = QApplication.activeModalWidget()
            if dialog is not None:
                self._problem("stuck", f"a dialog: {dialog.windowTitle()}")
                dialog.close()
            if time.monotonic() >= end:
                return
            time.sleep(0.002)

    def _await(self, condition, what: str) -> bool:
        end = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > end:
                said = self.said[-1] if self.said else "nothing"
                self._problem("stuck", f"{what}; state {self.client.state.name}; said: {said}")
                return False
            self._turn()
        return True


if __name__ == "__main__":
    run_part(Walk, lambda walk, text: walk._problem("exceptions", text))
