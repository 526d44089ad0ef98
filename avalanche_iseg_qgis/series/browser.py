"""Looking through a series: which photos are shown, which one is open, what is noted of it.

Free of QGIS and Qt.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import IsegError
from ..core.files import normal_path
from ..core.series import (
    Listing,
    Observation,
    PhotoState,
    Review,
    SeriesStore,
    day_activity,
    list_photos,
    release_intervals,
)
from ..core.series.records import SUFFIX
from ..i18n import tr

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    """

    def __init__(self, store: SeriesStore, listing: Listing, state: SeriesState) -> None:
        self.store = store
        self._photos: list[SeriesPhoto] = [*listing.photos, *listing.undated]
        self._by_file = {normal_path(str(photo.path)): photo for photo in self._photos}
        self._state = state
        self._filter = PhotoFilter()
        self.shown: Sequence[SeriesPhoto] = ()
        self._places: dict[str, int] = {}  # of those shown, by key
        self._show(self._photos)
        self.current: SeriesPhoto | None = None

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

    @property
    def is_screened(self) -> bool:
        """Whether any photo was screened."""
        return bool(self._state.screenings)

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
        wanted, look = self._filter, self.look_of(photo)
        return (
            wanted.camera in ("", photo.camera)
            and (not wanted.day or wanted.day == day_of(photo))
            and wanted.state in (None, self.state_of(photo))
            and not (wanted.usable_only and look is not None and not look.usable)
        )

    def next(self, step: int = 1) -> SeriesPhoto | None:
        """Return the photo so many places on from the open one among those shown.

        None at the end; the first one if the open one is not shown.
        """
        place = self._places.get(self.current.key) if self.current else None
        if place is None:
            return self.shown[0] if self.shown else None
        place += step
        return self.shown[place] if 0 <= place < len(self.shown) else None

    def nearest(self, photo: SeriesPhoto, others: Iterable[SeriesPhoto]) -> SeriesPhoto | None:
        """Return the photo of the same camera that was taken nearest in time; None without any."""
        same = [other for other in others if other.camera == photo.camera and other != photo]
        if photo.taken_at is None:
            return same[0] if same else None
        dated = [(abs(o.taken_at - photo.taken_at), o.key, o) for o in same if o.taken_at]
        return min(dated)[2] if dated else None

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

    def note_avalanche(self, photo: SeriesPhoto, avalanche: str, count: int) -> None:
        """Note an avalanche in a photo, and how many that has now; errors as of `note`."""
        observation = Observation(photo.key, avalanche=avalanche)
        review = Review(photo.key, state=PhotoState.AVALANCHES, count=count)
        self.store.append([observation, review])
        self._state.observations[avalanche, photo.key] = observation
        self._state.reviews[photo.key] = review

    def release_interval(self, avalanche: str) -> ReleaseInterval | None:
        """Return when an avalanche released, by what is noted of its camera's photos.

        None if none of them shows it.
        """
        shown = {key for known, key in self._state.observations if known == avalanche}
        cameras = {photo.camera for photo in self._photos if photo.key in shown}
        photos = [p for p in self._photos if p.camera in cameras and p.taken_at is not None]
        return release_intervals(photos, self._state).get(avalanche)

    def activity(self) -> list[DayActivity]:
        """Return what each camera showed on each day, days without avalanches included."""
        dated = [photo for photo in self._photos if photo.taken_at is not None]
        return day_activity(dated, self._state, release_intervals(dated, self._state))

    def refresh(self) -> None:
        """Take in what colleagues have noted meanwhile; errors as of `SeriesStore.read`."""
        self._state = self.store.read()


def _store_in(folder: Path) -> SeriesStore:
    """Return the series of a folder of photos, made if there is none."""
    path = folder / f"{folder.name or 'photos'}{SUFFIX}"
    return SeriesStore.open(path) if path.is_dir() else SeriesStore.create(path, [folder])
