"""Photos of a series whose cameras are posed in the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..camera.pose_draft import PoseDraft
    from ..camera.pose_session import PoseSession
    from ..core.series import SeriesPhoto
    from .browser import SeriesBrowser


class PosedPhotos:
    """Finds the posed photos of a camera, however many the project has of others."""

    def __init__(self, pose_session: PoseSession) -> None:
        self._session = pose_session
        self._paths: list[str] = []
        self._browser: SeriesBrowser | None = None
        self._found: dict[SeriesPhoto, str] = {}  # file of each that has a draft
        self._references: dict[str, SeriesPhoto] = {}  # by camera

    def nearest(self, browser: SeriesBrowser, photo: SeriesPhoto) -> str:
        """Return the file of the posed photo of the same camera that was taken nearest in time.

        Empty if there is none, or the photo itself has a pose.
        """
        if self._posed(browser, photo) is not None:
            return ""
        found = next(self._near(browser, photo), None)
        return self._found[found[0]] if found else ""

    def reference(self, browser: SeriesBrowser, photo: SeriesPhoto) -> tuple[str, PoseDraft] | None:
        """Return file and draft of a photo of the same camera that was posed by points.

        The same one for all photos as long as it is posed, so that what is found by it is found
        again; None without any.
        """
        known = self._references.get(photo.camera)
        draft = None if known is None else self._posed(browser, known)
        if known is None or draft is None:
            every = self._near(browser, photo, with_itself=True)
            found = next((each for each in every if _is_original(each[1])), None)
            if found is None:
                return None
            known, draft = found
            self._references[photo.camera] = known
        return self._found[known], draft

    def _near(
        self, browser: SeriesBrowser, photo: SeriesPhoto, *, with_itself: bool = False
    ) -> Iterator[tuple[SeriesPhoto, PoseDraft]]:
        """Yield the posed photos of a camera with their drafts, the nearest first."""
        self._look_up(browser)
        near = list(browser.by_distance(photo, self._found))
        for other in [*([photo] if with_itself else []), *near]:
            draft = self._posed(browser, other)
            if draft is not None:
                yield other, draft

    def _posed(self, browser: SeriesBrowser, photo: SeriesPhoto) -> PoseDraft | None:
        self._look_up(browser)
        path = self._found.get(photo)
        draft = self._session.draft_of(path) if path else None
        if draft is None or draft.record is None:
            return None
        return draft if draft.record.image in ("", photo.path.name) else None

    def _look_up(self, browser: SeriesBrowser) -> None:
        """Match the project's photos with the series, if either is another one than before."""
        paths = self._session.photos
        if paths is self._paths and browser is self._browser:
            return
        if browser is not self._browser:
            self._references.clear()
        self._paths, self._browser = paths, browser
        pairs = ((browser.find(path), path) for path in paths)
        self._found = {photo: path for photo, path in pairs if photo is not None}


def _is_original(draft: PoseDraft) -> bool:
    """Whether a photo was posed by itself, and not by following another one."""
    return draft.record is not None and draft.record.drift_deg is None
