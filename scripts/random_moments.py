"""Ends QGIS, its project or the worker at random moments, and counts what is offered again.

``python3 scripts/random_moments.py [--count 50] [--seed 1]``: work goes on in a real QGIS, clicks,
boxes, masks and finished avalanches one after another, until it is killed with -9, quit, its worker
killed or its project closed. What is there or offered afterwards is compared with what was written
down before each moment. Status 1 if anything is missing.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "avalanche_iseg_qgis"
GRACE = 0.5  # seconds before a kill, of which what was done may not be on the disk yet
LASTING = ("project closed", "worker killed")  # QGIS goes on
ENDING = ("QGIS killed", "QGIS quit")


# --- outside of QGIS --------------------------------------------------------------------------


def main() -> int:
    """Run all moments, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests" / "qgis"))
    import run

    run.end_when_asked()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory(prefix="iseg-moments-", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        run.install(folder)
        left = arguments.count
        while left > 0:
            lasting = [rng.choice(LASTING) for _ in range(min(2, left - 1))]
            left -= len(lasting) + 1
            _run_once(run, folder, rng.random(), [*lasting, rng.choices(ENDING, (2, 1))[0]])
        _run_once(run, folder, rng.random(), [])  # looks at what the last one has left
        results = [json.loads(line) for line in (folder / "results").read_text().splitlines()]
    return _report(results, arguments.count)


def _run_once(run: object, folder: Path, seed: float, moments: list[str]) -> None:
    plan = {"folder": str(folder), "seed": seed, "moments": moments}
    script = [str(Path(__file__).resolve()), json.dumps(plan)]
    run.run_in(folder, run.HERE / "inside.py", {"ISEG_SCRIPT": json.dumps(script)})


def _report(results: list[dict], count: int) -> int:
    kinds = collections.Counter(result["moment"] for result in results)
    for kind in (*LASTING, *ENDING):
        of_kind = [result for result in results if result["moment"] == kind]
        prompts = [result for result in of_kind if result["had_prompts"]]
        kept = sum(result["prompts_kept"] for result in prompts)
        had = sum(result["objects"] for result in of_kind)
        found = sum(result["objects_kept"] for result in of_kind)
        print(
            f"{kind:15} {kinds[kind]:3} moments; prompts kept {kept} of {len(prompts)}, "
            f"unsaved objects kept {found} of {had}"
        )
    lost = [r for r in results if not r["prompts_kept"] or r["objects_kept"] != r["objects"]]
    for result in lost:
        print("LOST", result)
    if len(results) != count:
        print(f"{len(results)} moments of {count} were looked at.")
    return 1 if lost or len(results) != count else 0


# --- inside of QGIS ---------------------------------------------------------------------------


class Walk:
    """Work in one QGIS, and its end."""

    def __init__(self, plan: dict) -> None:
        from qgis import utils
        from qgis.core import QgsSettings

        self.folder, self.rng = Path(plan["folder"]), random.Random(plan["seed"])
        self.moments = plan["moments"]
        self.log, self.moment = self.folder / "log", self.folder / "moment"
        interpreter = ROOT / ".venv" / "bin" / "python"
        wanted = str(interpreter) if "worker killed" in self.moments else ""
        QgsSettings().setValue("avalanche_iseg/interpreter", wanted)
        os.environ.pop("AVALANCHE_ISEG_PYTHON", None)
        utils.updateAvailablePlugins()
        utils.loadPlugin(NAME)
        utils.startPlugin(NAME)
        self.controller = utils.plugins[NAME].open()
        self.session = self.controller.session
        self.session.may_discard = lambda: True

    def photo(self) -> Path:
        """Return the photo that is worked in."""
        import scenery

        path = self.folder / "cam.jpg"
        return path if path.exists() else scenery.write(path, scenery.pixels(), driver="JPEG")

    def go(self) -> None:
        """Look at what was left, restore it, and go on until the moments are over."""
        if self.moment.exists():
            offered = [offer.work for offer in self.controller.keeper.offers]
            prompts = [w.prompts.to_json() for w in offered if hasattr(w, "prompts")]
            uuids = {f.uuid for w in offered if hasattr(w, "features") for f in w.features}
            self.compare(prompts, uuids)
            self.controller.keeper.restore()
        self.open_photo()
        self.note()
        for moment in self.moments:
            getattr(self, moment.lower().replace(" ", "_"))()

    # --- work ------------------------------------------------------------------------------

    def work(self, seconds: float) -> None:
        """Work for a while, and note each step."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.step()
            self.note()
            self.wait(self.rng.uniform(0.0, 0.06))

    def wait(self, seconds: float) -> None:
        """Let QGIS go on for a while."""
        from qgis.PyQt.QtTest import QTest

        QTest.qWait(int(1000 * seconds))

    def step(self) -> None:
        """Do something."""
        session, rng = self.session, self.rng
        row, col = rng.uniform(50, 500), rng.uniform(50, 800)
        what = rng.choices(
            ("click", "undo", "redo", "box", "mask", "feature", "save", "roll back", "discard"),
            (40, 5, 3, 6, 3, 8, 1, 1, 2),
        )[0]
        if what == "click":
            session.add_click(row, col, rng.random() < 0.7)
        elif what in ("undo", "redo", "discard"):
            getattr(session, what)()
        elif what == "box":
            from avalanche_iseg_qgis.core.prompts import Box

            session.set_box(Box(row, row + 60, col, col + 80))
        elif what == "mask":
            import numpy as np

            from avalanche_iseg_qgis.session.start_mask import StartMask

            mask = np.random.default_rng(rng.randrange(10**6)).random((90, 90)) > 0.5
            session.start_from(StartMask.of(mask, int(row), int(col)))
        elif what == "feature":
            self.add_feature(row, col)
        else:
            for layer in self.layers():
                layer.commitChanges() if what == "save" else layer.rollBack()

    def add_feature(self, row: float, col: float) -> None:
        """As finishing does."""
        from qgis.core import QgsGeometry, QgsPointXY

        from avalanche_iseg_qgis.features import record, writer

        image = self.session.image
        layer = self.controller.feature_saver.layer_for(image)
        ring = [QgsPointXY(col + x, -row - y) for x, y in ((0, 0), (40, 10), (20, 50))]
        attributes = record.object_attributes(
            origin=image.origin,
            loaded=None,
            prompts=self.session.prompts,
            threshold=0.5,
            seconds=1.0,
        )
        writer.add(layer, QgsGeometry.fromPolygonXY([ring]), attributes, "Add avalanche")
        self.session.drop(image.key)

    def layers(self) -> list:
        """Return the layers of avalanches."""
        from qgis.core import QgsProject

        from avalanche_iseg_qgis.features.queries import find_layers

        return list(find_layers(QgsProject.instance()))

    # --- what there is -----------------------------------------------------------------------

    def state(self) -> dict:
        """Return prompts in hand and uuids of unsaved avalanches."""
        prompts, uuids = self.session.prompts, []
        for layer in self.layers():
            if layer.editBuffer() is not None:
                uuids += [f["uuid"] for f in layer.editBuffer().addedFeatures().values()]
        return {"prompts": "" if prompts.empty else prompts.to_json(), "uuids": sorted(uuids)}

    def note(self) -> None:
        """Note what there is."""
        with self.log.open("a") as file:
            file.write(json.dumps({"at": time.time(), **self.state()}) + "\n")

    def begin(self, moment: str) -> None:
        """Note that a moment comes now."""
        self.moment.write_text(json.dumps({"moment": moment, "at": time.time()}))

    def compare(self, prompts: list[str], uuids: set[str]) -> None:
        """Write a result: what there is against what there was at the moment, or just before."""
        moment = json.loads(self.moment.read_text())
        states = [json.loads(line) for line in self.log.read_text().splitlines()]
        grace = GRACE if moment["moment"] == "QGIS killed" else 0.0
        older = [s for s in states if s["at"] < moment["at"] - grace]
        possible = [*older[-1:], *states[len(older) :]] if grace else states[-1:]
        is_kept = any(s["prompts"] in (prompts or [""]) for s in possible)
        sets = [set(s["uuids"]) for s in possible]
        wanted = uuids if any(uuids == found for found in sets) else sets[-1]
        result = {
            "moment": moment["moment"],
            "had_prompts": bool(states[-1]["prompts"]),
            "prompts_kept": is_kept,
            "objects": len(wanted),
            "objects_kept": len(wanted & uuids),
        }
        with (self.folder / "results").open("a") as file:
            file.write(json.dumps(result) + "\n")
        self.moment.unlink()
        self.log.unlink()

    # --- moments -----------------------------------------------------------------------------

    def qgis_killed(self) -> None:
        """Work until it is killed."""

        def kill() -> None:
            time.sleep(self.rng.uniform(0.3, 3.0))
            self.begin("QGIS killed")
            os.kill(os.getpid(), signal.SIGKILL)

        threading.Thread(target=kill).start()
        self.work(10)

    def qgis_quit(self) -> None:
        """Quit."""
        from qgis import utils

        self.work(self.rng.uniform(0.3, 2.0))
        self.begin("QGIS quit")
        utils.unloadPlugin(NAME)

    def project_closed(self) -> None:
        """Close the project."""
        from qgis.core import QgsProject

        self.work(self.rng.uniform(0.3, 2.0))
        for layer in self.layers():
            layer.rollBack()  # as the user answers QGIS's question
        self.note()
        self.begin("project closed")
        QgsProject.instance().clear()
        self.controller.keeper.restore()
        self.compare([p for p in [self.state()["prompts"]] if p], set(self.state()["uuids"]))
        self.open_photo()

    def open_photo(self) -> None:
        """Open the photo, if no image is open."""
        from qgis.core import QgsProject, QgsRasterLayer

        if self.session.image is not None:
            return
        layer = QgsRasterLayer(str(self.photo()), "cam")
        QgsProject.instance().addMapLayer(layer)
        self.controller.dock.layer.setLayer(layer)

    def worker_killed(self) -> None:
        """Kill the worker."""
        self.work(self.rng.uniform(0.3, 2.0))
        self.note()
        self.begin("worker killed")
        pid = self.controller.segmentation_client.pid
        if pid:
            os.kill(pid, signal.SIGKILL)
        self.wait(0.3)
        state = self.state()
        self.compare([p for p in [state["prompts"]] if p], set(state["uuids"]))


if __name__ == "__main__":
    if "ISEG_SCRIPT" in os.environ:
        Walk(json.loads(sys.argv[1])).go()
    else:
        raise SystemExit(main())
