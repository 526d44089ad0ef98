"""Photos of one station: a camera that pans, tilts and zooms, whose photos are solved together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .pose_crs import with_crs
from .pose_draft import LEAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .pose_draft import PoseDraft

LEAST_OF_VIEW = 2
"""Points in use by which a photo takes part, where the others tell the rest."""

_SHARED = (
    *("dem", "position", "position_sigma", "height_above_ground", "projection", "near_field"),
    *("principal_point_sigma", "station", "zooms"),
)


def differ_in_shared(first: PoseDraft, second: PoseDraft) -> bool:
    """Return whether two drafts differ in what photos of a station have in common."""
    return any(getattr(first, name) != getattr(second, name) for name in (*_SHARED, "epsg"))


def with_shared(view: PoseDraft, draft: PoseDraft) -> PoseDraft:
    """Return the draft of a photo with what it has in common with another one of its station.

    Raises
    ------
    CameraError
        If the CRS of the other one does not reach its points.
    """
    if draft.epsg and draft.epsg != view.epsg:
        view = with_crs(view, draft.epsg)
    return replace(view, **{name: getattr(draft, name) for name in _SHARED})


def takes_part(view: PoseDraft) -> bool:
    """Return whether a photo has points enough to be solved with others."""
    return _used(view) >= LEAST_OF_VIEW


def missing_points(draft: PoseDraft, others: Sequence[PoseDraft]) -> int:
    """Return how many points a photo still needs, with the others that take part."""
    if not others:
        return draft.missing
    is_placed = draft.position is not None or max(map(_used, others)) >= LEAST
    return max(0, (LEAST_OF_VIEW if is_placed else LEAST) - _used(draft))


def _used(view: PoseDraft) -> int:
    return sum(gcp.use for gcp in view.gcps)
