"""Sources of carried outlines: which outlines of persons go into which photo, and from where.

For QGIS's own Python too: NumPy only, Python 3.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from .listing import SeriesPhoto
from .records import Observation, PhotoState, Presence, SeriesState
from .release_times import presence_in

FITS = 0.5
"""Confidence from which a carried outline is taken to fit."""

LONGEST = timedelta(days=3)
"""Time for which outlines are carried, unless something else is asked for."""

_EMPTY, _COMPARED = 30, 2  # photos without an avalanche: the last that are looked through; taken


def outlines_to_carry(
    photos: Sequence[SeriesPhoto], state: SeriesState, longest: timedelta = LONGEST
) -> dict[str, list[Observation]]:
    """Return the outlines to carry into each photo of a camera, given in the order of time.

    Those of the last photo in which a person outlined the avalanche, for the ``longest`` time, into
    usable photos in which no person has noted it, nor that nothing released. Before each stands the
    one of the photo before, which serves where the last photo cannot be registered.
    """
    last: dict[str, list[tuple[SeriesPhoto, Observation]]] = {}
    noted: dict[str, list[Observation]] = {}
    for observation in state.observations.values():
        if not observation.is_by_program:
            noted.setdefault(observation.photo, []).append(observation)
    targets: dict[str, list[Observation]] = {}
    for photo in photos:
        here = {observation.avalanche: observation for observation in noted.get(photo.key, ())}
        screening = state.screenings.get(photo.key)
        is_usable = screening is None or screening.look.usable
        if is_usable and state.state_of(photo.key) is not PhotoState.NOTHING:
            targets[photo.key] = [
                observation
                for avalanche, sources in sorted(last.items())
                for source, observation in sources
                if avalanche not in here and photo.time - source.time <= longest
            ]
        if state.state_of(photo.key) is PhotoState.NOTHING:
            last.clear()
        for avalanche, observation in here.items():
            if observation.presence is Presence.ABSENT:
                last.pop(avalanche, None)
            elif observation.presence is Presence.PRESENT and observation.rings:
                last[avalanche] = [*last.get(avalanche, [])[-1:], (photo, observation)]
    return {key: sources for key, sources in targets.items() if sources}


def places_without(
    photos: Sequence[SeriesPhoto], state: SeriesState, sources: Iterable[Observation]
) -> dict[str, list[SeriesPhoto]]:
    """Return by avalanche the last photos before it in which persons saw its place without it.

    ``photos`` are those of one camera, in the order of time; ``sources`` outlines in them.
    """
    at = {photo.key: index for index, photo in enumerate(photos)}
    found: dict[str, list[SeriesPhoto]] = {}
    for name, source in {source.avalanche: source for source in sources}.items():
        shown = [
            at[key]
            for avalanche, key in state.observations
            if avalanche == name
            and key in at
            and presence_in(key, name, source, state) is Presence.PRESENT
        ]
        empty: list[SeriesPhoto] = []
        for photo in reversed(photos[: min(shown, default=len(photos))]):
            if presence_in(photo.key, name, source, state) is Presence.ABSENT:
                empty.append(photo)
                if len(empty) == _EMPTY:
                    break
        found[name] = empty[::-1]
    return found


def at_this_hour(photo: SeriesPhoto, others: Sequence[SeriesPhoto]) -> list[SeriesPhoto]:
    """Return the photos whose light is most like that of a photo, the latest first."""

    def apart(other: SeriesPhoto) -> float:
        hours = abs((photo.time - other.time).total_seconds()) / 3600 % 24
        return float(min(hours, 24 - hours))

    latest_first = list(others)[::-1]
    return sorted(latest_first, key=apart)[:_COMPARED]
