"""Looking through a series: which photos are shown, which one is open, what is noted of it.

Free of QGIS and Qt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import IsegError
from ..core.files import normal_path
from ..core.series import (
    Listing,
    Observation,
    PhotoState,
    Presence,
    Review,
    Screening,
    SeriesStore,
    day_activity,
    list_photos,
    presence_in,
    release_intervals,
)
from ..core.series.records import SUFFIX
from ..core.series.sources import LONGEST, at_this_hour, outlines_to_carry, places_without
from ..i18n import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..core.series import DayActivity, Look, ReleaseInterval, SeriesPhoto, SeriesState


@dataclass(frozen=True)
class PhotoFilter:
    """Which photos are shown.

    Attributes
    ----------
    camera
        Name; empty for all.
    day
        Date by the clock of this computer, ISO 8601; empty for all.
    state
        None for all.
    usable_only
        Whether photos that screening found useless (night, fog …) are passed over.
    """

    camera: str = ""
    day: str = ""
    state: PhotoState | None = None
    usable_only: bool = False


@dataclass(frozen=True)
class CarrySource:
    """An outline of a person that is to be carried into a later photo.

    Attributes
    ----------
    photo
        In which it was outlined.
    outline
        The note of it.
    without
        Photos that show its place without the avalanche, in the light of that hour.
    """

    photo: SeriesPhoto
    outline: Observation
    without: Sequence[SeriesPhoto]


def day_of(photo: SeriesPhoto) -> str:
    """Return the date of a photo by the clock of this computer; empty if it has no time."""
    return photo.taken_at.astimezone().date().isoformat() if photo.taken_at else ""


def time_of(photo: SeriesPhoto) -> str:
    """Return date and time of a photo by the clock of this computer; its name if it has none."""
    if photo.taken_at is None:
        return photo.path.name
    return photo.taken_at.astimezone().strftime("%Y-%m-%d %H:%M")


class SeriesBrowser:
    """One open series.

    Attributes
    ----------
    store
        Its folder of records.
    shown
        Photos that pass the filter, as it was when it was set: a photo stays there when what is
        noted of it changes, so that the next one is the next.
    current
        The open photo.
    skips_unusable
        Whether `next` passes over photos that screening found useless.
    """

    def __init__(self, store: SeriesStore, listing: Listing, state: SeriesState) -> None:
        self.store = store
        self._photos: list[SeriesPhoto] = [*listing.photos, *listing.undated]
        self._by_file = {normal_path(str(photo.path)): photo for photo in self._photos}
        self._by_name: dict[str, SeriesPhoto | None] = {}  # None where several have it
        for photo in self._photos:
            name = photo.path.name
            self._by_name[name] = None if name in self._by_name else photo
        self._of_camera = listing.cameras()
        self._by_key = {photo.key: photo for photo in self._photos}
        self._at = {p.key: i for photos in self._of_camera.values() for i, p in enumerate(photos)}
        self._state = state
        self._filter = PhotoFilter()
        self.shown: Sequence[SeriesPhoto] = ()
        self._places: dict[str, int] = {}  # of those shown, by key
        self._show(self._photos)
        self.current: SeriesPhoto | None = None
        self.skips_unusable = False

    @classmethod
    def open(cls, path: Path) -> SeriesBrowser:
        """Open a series: its folder ``*.series``, or a folder of photos, which gets one.

        Takes a second for thousands of photos, and longer over a network.

        Raises
        ------
        IsegError
            If a folder cannot be read, there are no photos, or nothing can be noted there.
        """
        store = SeriesStore.open(path) if path.suffix == SUFFIX else _store_in(path)
        listing = list_photos(store.folders, store.rule)
        if not (listing.photos or listing.undated):
            text = tr("{} holds no photos (JPEG, PNG, TIFF, WebP): choose another folder.")
            raise IsegError(text.format(path))
        return cls(store, listing, store.read())

    # --- what there is ---------------------------------------------------------------------------

    @property
    def photos(self) -> Sequence[SeriesPhoto]:
        """All photos, by camera and time; those without a time come last."""
        return self._photos

    def cameras(self) -> list[str]:
        """Return the names of the cameras."""
        return sorted({photo.camera for photo in self._photos})

    def days(self) -> list[str]:
        """Return the dates that have photos of the camera that is shown."""
        camera = self._filter.camera
        photos = (photo for photo in self._photos if camera in ("", photo.camera))
        return sorted({day_of(photo) for photo in photos} - {""})

    def find(self, path: str) -> SeriesPhoto | None:
        """Return the photo of a file, by whatever path."""
        return self._by_file.get(normal_path(path)) if path else None

    def named(self, name: str) -> SeriesPhoto | None:
        """Return the photo with a file name; None if there is none, or several have it."""
        return self._by_name.get(name)

    def state_of(self, photo: SeriesPhoto) -> PhotoState:
        """Return what was found in a photo."""
        return self._state.state_of(photo.key)

    def count_of(self, photo: SeriesPhoto) -> int:
        """Return the number of avalanches that were found in a photo."""
        review = self._state.reviews.get(photo.key)
        return review.count if review and review.state is PhotoState.AVALANCHES else 0

    def look_of(self, photo: SeriesPhoto) -> Look | None:
        """Return how a photo looks; None if it was not screened."""
        return self._state.look_of(photo.key)

    def is_usable(self, photo: SeriesPhoto) -> bool:
        """Return whether a person should look at a photo, as far as it was screened."""
        look = self.look_of(photo)
        return look is None or look.usable

    @property
    def is_screened(self) -> bool:
        """Whether any photo was screened."""
        return bool(self._state.screenings)

    @property
    def unscreened(self) -> int:
        """Number of photos with a time that were not screened yet."""
        return sum(key not in self._state.screenings for key in self._at)

    def progress(self) -> Counter[PhotoState]:
        """Return how many of the photos shown have which state."""
        return Counter(map(self.state_of, self.shown))

    # --- which photo -----------------------------------------------------------------------------

    @property
    def photo_filter(self) -> PhotoFilter:
        """Which photos are shown."""
        return self._filter

    @photo_filter.setter
    def photo_filter(self, wanted: PhotoFilter) -> None:
        self._filter = wanted
        self._show([photo for photo in self._photos if self._passes(photo)])

    def _show(self, photos: Sequence[SeriesPhoto]) -> None:
        self.shown = photos
        self._places = {photo.key: place for place, photo in enumerate(photos)}

    def _passes(self, photo: SeriesPhoto) -> bool:
        wanted = self._filter
        return (
            wanted.camera in ("", photo.camera)
            and (not wanted.day or wanted.day == day_of(photo))
            and wanted.state in (None, self.state_of(photo))
            and (not wanted.usable_only or self.is_usable(photo))
        )

    def next(self, step: int = 1) -> SeriesPhoto | None:
        """Return the photo after the open one among those shown, or before it for a step of -1.

        None at the end; the first one if the open one is not shown. Unusable ones are passed over
        if that is wanted.
        """
        return self._seek(step, lambda photo: not self.skips_unusable or self.is_usable(photo))

    def next_unseen(self) -> SeriesPhoto | None:
        """Return the next photo of those shown that nobody has looked at and that can be seen."""
        return self._seek(1, lambda p: self.state_of(p) is PhotoState.UNSEEN and self.is_usable(p))

    def _seek(self, step: int, is_wanted: Callable[[SeriesPhoto], bool]) -> SeriesPhoto | None:
        place = self._places.get(self.current.key) if self.current else None
        place = 0 if place is None else place + step
        while 0 <= place < len(self.shown):
            if is_wanted(self.shown[place]):
                return self.shown[place]
            place += step
        return None

    def by_distance(
        self, photo: SeriesPhoto, others: Iterable[SeriesPhoto]
    ) -> Sequence[SeriesPhoto]:
        """Return the photos of the same camera among others, those nearest in time first."""
        same = [other for other in others if other.camera == photo.camera and other != photo]
        if photo.taken_at is None:
            return same
        time = photo.taken_at
        dated = [(abs(o.taken_at - time), o.key, o) for o in same if o.taken_at]
        return [other for *_, other in sorted(dated)]

    # --- carried outlines ------------------------------------------------------------------------

    def sources_for(self, photo: SeriesPhoto) -> list[CarrySource]:
        """Return the outlines that are to be carried into a photo; see `outlines_to_carry`."""
        photos, at = self._of_camera.get(photo.camera, []), self._at.get(photo.key)
        if at is None:
            return []
        start = at
        while start and photo.time - photos[start - 1].time <= LONGEST:
            start -= 1
        window = photos[start : at + 1]
        outlines = outlines_to_carry(window, self._state).get(photo.key, [])
        empty = places_without(photos, self._state, outlines)
        by_key = {each.key: each for each in window}
        return [
            CarrySource(
                by_key[outline.photo], outline, at_this_hour(photo, empty[outline.avalanche])
            )
            for outline in outlines
        ]

    def observation(self, photo: SeriesPhoto, avalanche: str) -> Observation | None:
        """Return what a person has noted of an avalanche in a photo."""
        found = self._state.observations.get((avalanche, photo.key))
        return None if found is None or found.is_by_program else found

    # --- what is noted ---------------------------------------------------------------------------

    def note(self, photo: SeriesPhoto, state: PhotoState, count: int = 0) -> None:
        """Note what was found in a photo; it is on the disk when this returns.

        Raises
        ------
        IsegError
            If it cannot be written; nothing is noted then.
        """
        review = Review(photo.key, state=state, count=count)
        self.store.append([review])
        self._state.reviews[photo.key] = review

    def note_avalanches(
        self, photo: SeriesPhoto, observations: Sequence[Observation], count: int
    ) -> None:
        """Note avalanches in a photo, and how many that has now; errors as of `note`."""
        review = Review(photo.key, state=PhotoState.AVALANCHES, count=count)
        self.store.append([*observations, review])
        for observation in observations:
            self._state.observations[observation.avalanche, photo.key] = observation
        self._state.reviews[photo.key] = review

    def drop(self, photo: SeriesPhoto, avalanches: Iterable[str]) -> None:
        """Note that outlines carried into a photo are not to be seen there; errors as of `note`.

        That says nothing about a release: it only keeps them from being proposed again.
        """
        found = [
            Observation(photo.key, avalanche=avalanche, presence=Presence.HIDDEN)
            for avalanche in avalanches
        ]
        self.store.append(found)
        for observation in found:
            self._state.observations[observation.avalanche, photo.key] = observation

    def take_back(self, photo: SeriesPhoto, avalanches: Iterable[str], count: int) -> None:
        """Take back what was noted of avalanches in a photo, which has ``count`` now.

        Errors as of `note`.
        """
        names = [name for name in avalanches if (name, photo.key) in self._state.observations]
        records: list[Observation | Review] = [
            Observation.taken_back(photo.key, name) for name in names
        ]
        review = self._state.reviews.get(photo.key)
        if review is not None and review.state is PhotoState.AVALANCHES:
            state = PhotoState.AVALANCHES if count else PhotoState.UNSEEN
            review = Review(photo.key, state=state, count=count)
            records.append(review)
        self.store.append(records)
        for name in names:
            del self._state.observations[name, photo.key]
        if review is not None:
            self._state.reviews[photo.key] = review

    def overrule(self, photo: SeriesPhoto, look: Look) -> None:
        """Note how a photo looks to a person, whatever the screening says; errors as of `note`."""
        screening = Screening(photo.key, look=look, reason="Noted by a person.")
        self.store.append([screening])
        self._state.screenings[photo.key] = screening

    def release_interval(self, avalanche: str) -> ReleaseInterval | None:
        """Return when an avalanche released, by what is noted of its cameras' photos.

        None if none of them shows it. Photos of days before and after are not looked at.
        """
        known = self._state.observations
        noted = {key: o for (name, key), o in known.items() if name == avalanche}
        shown = [self._by_key[key] for key in noted if key in self._at]
        if not shown:
            return None
        state = replace(self._state, observations={(avalanche, k): o for k, o in noted.items()})
        first, last = min(p.time for p in shown), max(p.time for p in shown)
        photos: list[SeriesPhoto] = []
        for place in {photo.camera: photo for photo in shown}.values():
            every = self._of_camera[place.camera]
            photos += [photo for photo in every if first <= photo.time <= last]
            for photo in reversed([photo for photo in every if photo.time < first]):
                photos.append(photo)
                seen = presence_in(photo.key, avalanche, noted[place.key], state)
                if seen is Presence.ABSENT:
                    break
        return release_intervals(photos, state).get(avalanche)

    def day_photos(self, photo: SeriesPhoto) -> list[SeriesPhoto]:
        """Return the photos of the same camera and day, in the order of time."""
        photos, day = self._of_camera.get(photo.camera, []), day_of(photo)
        first = last = self._at.get(photo.key, 0)
        while first and day_of(photos[first - 1]) == day:
            first -= 1
        while last < len(photos) and day_of(photos[last]) == day:
            last += 1
        return list(photos[first:last])

    def day_releases(self, photos: Sequence[SeriesPhoto]) -> list[ReleaseInterval]:
        """Return the release intervals of the avalanches that photos show, the earliest first."""
        keys = {photo.key for photo in photos}
        names = {
            name
            for (name, key), found in self._state.observations.items()
            if key in keys and found.presence is Presence.PRESENT
        }
        intervals = filter(None, map(self.release_interval, sorted(names)))
        return sorted(intervals, key=lambda interval: (interval.before, interval.avalanche))

    def activity(self) -> list[DayActivity]:
        """Return what each camera showed on each day, days without avalanches included."""
        dated = [photo for photo in self._photos if photo.taken_at is not None]
        return day_activity(dated, self._state, release_intervals(dated, self._state))

    def refresh(self) -> None:
        """Take in what programs and colleagues have noted; errors as of `SeriesStore.read`."""
        self._state = self.store.read()


def _store_in(folder: Path) -> SeriesStore:
    """Return the series of a folder of photos, made if there is none."""
    path = folder / f"{folder.name or 'photos'}{SUFFIX}"
    return SeriesStore.open(path) if path.is_dir() else SeriesStore.create(path, [folder])
