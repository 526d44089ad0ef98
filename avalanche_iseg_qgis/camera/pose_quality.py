"""How good a pose is, and what to do next, in words for the user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..i18n import tr, tr_core
from .points import MAP, first_incomplete

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.camera import CameraRecord
    from ..core.survey.protocol import ComputedViewshed
    from .pose_draft import PoseDraft

GOOD, USABLE, BAD = "good", "usable", "bad"

# Leave-one-out error as a share of the photo's width: real webcams with careful points reach
# 0.1 - 0.3 %, with careless ones 0.5 % and more.
_GOOD, _USABLE = 0.003, 0.006
_FAR_OFF = 25.0  # metres on the map


def pose_quality(record: CameraRecord) -> str:
    """Return `GOOD`, `USABLE` or `BAD`, by leave-one-out errors: few points always fit well."""
    if record.loo_rms_px is None:
        return USABLE
    share, metres = record.loo_rms_px / record.camera.width, record.loo_map_median_m or 0.0
    if share > _USABLE or metres > 2 * _FAR_OFF:
        return BAD
    contradicted = any(fit.suspect and fit.point.use for fit in record.points)
    doubtful = share > _GOOD or metres > _FAR_OFF or contradicted or record.warnings
    return USABLE if doubtful else GOOD


def summary(record: CameraRecord) -> str:
    """Return one line: the errors of the points, and their leave-one-out errors."""
    if record.rms_px is None:
        return tr("A camera without points: its accuracy is not known.")
    fit = tr("RMS {:.1f} px").format(record.rms_px)
    if record.loo_rms_px is None:
        return tr("{}; too few points to check it").format(fit)
    check = tr("cross-check {:.1f} px").format(record.loo_rms_px)
    if record.loo_map_median_m is not None:
        check = tr("{} / {:.1f} m").format(check, record.loo_map_median_m)
    words = {GOOD: tr("good"), USABLE: tr("usable"), BAD: tr("bad")}
    return f"{fit}, {check}: {words[pose_quality(record)]}"


def advice(record: CameraRecord) -> list[str]:
    """Return what is wrong, and what to do."""
    suspects = [fit.point.name for fit in record.points if fit.suspect]
    lines = [tr_core(line) for line in record.warnings]
    if suspects and not any(name in line for line in lines for name in suspects):
        text = tr("Points that do not fit the others: {}. Check them, or untick them.")
        lines.append(text.format(", ".join(suspects)))
    if not lines and pose_quality(record) == BAD:
        lines.append(
            tr(
                "The pose does not predict points that it was not fitted to: check the points "
                "with the largest errors, and add some all over the photo."
            )
        )
    if not lines and pose_quality(record) == USABLE:
        lines.append(tr("More points, spread over the whole photo, make it better."))
    return lines


def next_step(draft: PoseDraft, missing: int, saved: Sequence[str] = ()) -> str:
    """Return what to do next.

    ``missing`` points are still needed; ``saved`` are names of cameras whose photos have this
    shape.
    """
    incomplete = first_incomplete(draft.points)
    if not draft.photo:
        return tr("Choose a photo first.")
    if _may_take_over(draft, saved):
        text = tr("Is this a photo of {}? Take it over with “Saved camera…”, above.")
        return text.format(tr(" or ").join(saved[:3]))
    if not draft.dem:
        return tr("Choose the terrain model: it gives the points their heights.")
    if incomplete is not None:
        on_map = incomplete.position(MAP) is None
        side = tr("on the map") if on_map else tr("in the photo")
        return tr("Point {}: now click the same place {}.").format(incomplete.name, side)
    if missing:
        return tr(
            "Click a peak, rock or house in the photo, then the same on the map. Points still "
            "needed: {}."
        ).format(missing)
    return tr("More points, spread over the photo and near and far, make the pose better.")


def step_of_next(draft: PoseDraft, saved: Sequence[str] = ()) -> int:
    """Return the index of the dock's step in which `next_step` is done."""
    has_inputs = draft.photo and draft.dem and not _may_take_over(draft, saved)
    return 2 if has_inputs else 0


def _may_take_over(draft: PoseDraft, saved: Sequence[str]) -> bool:
    return bool(saved) and draft.record is None and not draft.points


def pose_status(
    draft: PoseDraft,
    failure: str,
    seen: ComputedViewshed | None,
    *,
    computing: bool,
    doubt: str = "",
) -> tuple[str, str, str]:
    """Return how good the pose is: a line, one of `STATUS_COLOURS` or none, and details.

    ``doubt`` is why it is not known whether the camera has moved.
    """
    if computing:
        return tr("Computing…"), "busy", ""
    if failure:
        return tr("Not computed"), BAD, failure
    record = draft.record
    if record is None:
        return tr("Not yet computed"), "", ""
    line, kind, lines = summary(record), pose_quality(record), advice(record)
    if record.drift_deg is not None:
        line = tr("Taken over, turned by {:.2f}°").format(record.drift_deg)
        lines = [tr("The pose follows: compare the drawn skyline with the photo.")]
    elif record.image not in ("", Path(draft.photo).name):
        line, kind = tr("Taken over from {}").format(record.image), USABLE
        unknown = tr(
            "Whether the camera has moved since is not known: compare the drawn skyline with "
            "the photo, or add points."
        )
        lines = [tr_core(doubt) or unknown]
    lines += map(tr_core, seen.warnings) if seen else ()
    return line, kind, "\n".join(lines)
