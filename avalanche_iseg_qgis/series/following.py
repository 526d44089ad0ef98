"""Notes that follow the features of avalanches: deleted and edited ones, undo, redo of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ..core.series import Observation, Presence
from ..features import record, schema, writer
from ..features.following import LayerFollower
from ..features.queries import find_photo_twin, is_ours
from ..features.reference import feature_ref, resolve
from ..i18n import tr
from ..session.draft import FeatureRef
from .outlines import is_other, observe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.series import SeriesPhoto
    from ..features.following import Connections
    from .browser import SeriesBrowser


class ReshapingFollower(LayerFollower):
    """Tells of outlines whose vertices were edited, in whatever photo and by whatever tool.

    Undo, redo and edits that are given up count, too.

    Signals
    -------
    reshaped
        (list of (QgsVectorLayer, QgsFeature)), as they are now.
    """

    reshaped = pyqtSignal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._edited: set[FeatureRef] = set()
        self._timer = QTimer(self)  # once for many vertices
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tell)
        self.start()

    def connections(self, layer: QgsVectorLayer) -> Connections:
        """Return the signal of a new outline."""
        return ((layer.geometryChanged, self._on_edited),)

    def forget(self, layer: QgsVectorLayer, feature: QgsFeature) -> None:
        """Tell nothing of an outline that was written with all that belongs to it."""
        self._edited.discard(_ref_of(layer, feature))

    def close(self) -> None:
        """Let all layers go."""
        self._timer.stop()
        super().close()

    def _on_edited(self, fid: int, _geometry: QgsGeometry) -> None:
        layer = self.sender()
        self._edited.add(_ref_of(layer, layer.getFeature(fid)))  # saving changes ids
        self._timer.start(0)

    def _tell(self) -> None:
        edited, self._edited = self._edited, set()
        self.reshaped.emit(list(filter(None, map(resolve, edited))))


class FeatureFollower:
    """Compares the avalanches of the open photo with those that it had before."""

    def __init__(self) -> None:
        self._photo: SeriesPhoto | None = None
        # Avalanche, and filter of its layer, by layer and feature.
        self._listed: dict[tuple[str, str], tuple[str, str]] = {}
        self._noted: dict[tuple[str, str], Observation] = {}  # by avalanche and photo

    def reset(self) -> None:
        """Have no photo."""
        self._photo = None
        self._listed.clear()

    def follow(
        self,
        browser: SeriesBrowser,
        photo: SeriesPhoto,
        refs: Sequence[FeatureRef],
        stored: tuple[int, int],
    ) -> set[str]:
        """Take back notes of avalanches that were deleted, note those again that are back.

        Features that are hidden by a filter, or went with their layer, are not deleted. One that
        was given to another avalanche, as a part of it, is noted there.

        Parameters
        ----------
        refs
            The features of the open photo.
        stored
            Its (width, height) as stored.

        Returns
        -------
        set of str
            Avalanches of which something was noted.
        """
        project, now = QgsProject.instance(), {}
        for ref in refs:
            layer = project.mapLayer(ref.layer_id)
            if layer is not None and is_ours(layer):
                found = resolve(ref)
                name = record.avalanche_of(found[1]) if found else ""
                now[ref.layer_id, ref.key] = name, layer.subsetString()
        shown = {name for name, _ in now.values()}
        gone, others = set(), set()
        if photo == self._photo:
            for key, (name, subset) in self._listed.items():
                layer = project.mapLayer(key[0])
                is_same = layer is not None and layer.subsetString() == subset
                after = now[key][0] if key in now else ""
                if after == name or not (after or is_same):
                    continue
                others |= {name, after} & shown
                if after:
                    _give_twin(project.mapLayer(key[0]), key[1], after)
                if name not in shown:
                    gone.add(name)
            added = {name for key, (name, _) in now.items() if key not in self._listed}
            others |= {name for name in added if _is_present(browser.observation(photo, name))}
        self._photo, self._listed = photo, now
        changed = self._note(browser, photo, gone, shown, len(refs))
        noted = []
        for name in sorted(others - changed):
            seen = observe(browser, photo, name, stored)
            if is_other(seen, browser.observation(photo, name)):
                noted.append(seen)
        if noted:
            browser.note_avalanches(photo, noted, len(refs))
        return changed | {each.avalanche for each in noted}

    def _note(
        self,
        browser: SeriesBrowser,
        photo: SeriesPhoto,
        gone: set[str],
        shown: set[str],
        count: int,
    ) -> set[str]:
        lost = [name for name in gone if _is_present(browser.observation(photo, name))]
        if lost:
            browser.take_back(photo, lost, count)
        back = []
        for name in shown:
            found = browser.observation(photo, name)
            if found is not None and _is_present(found):
                self._noted[name, photo.key] = found
            elif found is None and (name, photo.key) in self._noted:
                back.append(_again(self._noted[name, photo.key]))
        if back:
            browser.note_avalanches(photo, back, count)
        return {*lost, *(each.avalanche for each in back)}


def _ref_of(layer: QgsVectorLayer, feature: QgsFeature) -> FeatureRef:
    ref = feature_ref(layer, feature)
    return FeatureRef(ref.layer_id, -1, ref.uuid) if ref.uuid else ref


def _give_twin(layer: QgsVectorLayer, uuid: str, avalanche: str) -> None:
    """Give the outline in the photo to the avalanche that the one on the map was given to."""
    twin = find_photo_twin(FeatureRef(layer.id(), -1, uuid)) if layer.crs().isValid() else None
    if twin is not None and record.avalanche_of(twin[1]) != avalanche:
        values = {schema.AVALANCHE: avalanche}
        writer.set_attributes(twin[0], twin[1].id(), values, tr("Give to another avalanche"))


def _is_present(found: Observation | None) -> bool:
    return found is not None and found.presence is Presence.PRESENT


def _again(noted: Observation) -> Observation:
    """Return a note of now, by this person."""
    return Observation(
        noted.photo,
        avalanche=noted.avalanche,
        rings=noted.rings,
        parts=noted.parts,
        size=noted.size,
    )
