"""Notes that follow the features of avalanches: deleted ones, undo and redo of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsProject

from ..core.series import Observation, Presence
from ..features.queries import is_ours
from .carrying import avalanche_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.series import SeriesPhoto
    from ..session.draft import FeatureRef
    from .browser import SeriesBrowser


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
        self, browser: SeriesBrowser, photo: SeriesPhoto, refs: Sequence[FeatureRef]
    ) -> set[str]:
        """Take back notes of avalanches that were deleted, note those again that are back.

        Features that are hidden by a filter, or went with their layer, are not deleted.

        Parameters
        ----------
        refs
            The features of the open photo.

        Returns
        -------
        set of str
            Avalanches of which something was noted.
        """
        project, now = QgsProject.instance(), {}
        for ref in refs:
            layer = project.mapLayer(ref.layer_id)
            if layer is not None and is_ours(layer):
                now[ref.layer_id, ref.key] = avalanche_of(ref), layer.subsetString()
        shown = {name for name, _ in now.values()}
        gone = set()
        if photo == self._photo:
            for key, (name, subset) in self._listed.items():
                layer = project.mapLayer(key[0])
                is_same = layer is not None and layer.subsetString() == subset
                if key not in now and name not in shown and is_same:
                    gone.add(name)
        self._photo, self._listed = photo, now
        return self._note(browser, photo, gone, shown, len(refs))

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
