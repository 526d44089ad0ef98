"""What a pose is worth, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..i18n import tr
from .points import MAP, half

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.camera import CameraRecord
    from ..core.survey.protocol import ComputedViewshed
    from .pose_draft import PoseDraft

GOOD, USABLE, BAD = "good", "usable", "bad"
_COLOURS = {GOOD: "#2e7d32", USABLE: "#b26a00", BAD: "#c62828"}

# Of the picture's width, what left-out points may miss: real webcams with careful points come to
# 0.1 - 0.3 %, sloppy ones to 0.5 % and more.
_GOOD, _USABLE = 0.003, 0.006
_FAR_OFF = 25.0  # metres on the map


def pose_quality(record: CameraRecord) -> str:
    """Good, usable or bad: by the points left out, as a fit to few points says little."""
    if record.loo_rms_px is None:
        return USABLE
    share, metres = record.loo_rms_px / record.camera.width, record.loo_map_median_m or 0.0
    if share > _USABLE or metres > 2 * _FAR_OFF:
        return BAD
    contradicted = any(fit.suspect and fit.point.use for fit in record.points)
    doubtful = share > _GOOD or metres > _FAR_OFF or contradicted or record.warnings
    return USABLE if doubtful else GOOD


def in_words(record: CameraRecord) -> str:
    """One line: how well the pose fits its points, and the points that it was not fitted to."""
    if record.rms_px is None:
        return tr("A camera without points: nothing says how good it is.")
    fit = tr("RMS {:.1f} px").format(record.rms_px)
    if record.loo_rms_px is None:
        return tr("{}; too few points to check it").format(fit)
    left_out = tr("left-out points {:.1f} px").format(record.loo_rms_px)
    if record.loo_map_median_m is not None:
        left_out = tr("{} / {:.1f} m").format(left_out, record.loo_map_median_m)
    words = {GOOD: tr("good"), USABLE: tr("usable"), BAD: tr("bad")}
    return f"{fit}, {left_out}: {words[pose_quality(record)]}"


def advice(record: CameraRecord) -> list[str]:
    """What is wrong, and what to do."""
    suspects = [fit.point.name for fit in record.points if fit.suspect]
    lines = list(record.warnings)
    if suspects and not any(name in line for line in lines for name in suspects):
        text = tr("Points that contradict the others: {}. Check them, or switch them off.")
        lines.append(text.format(", ".join(suspects)))
    if not lines and pose_quality(record) == BAD:
        lines.append(
            tr(
                "The pose does not foretell points that it was not fitted to: check the points "
                "with the largest errors, and add some all over the picture."
            )
        )
    if not lines and pose_quality(record) == USABLE:
        lines.append(tr("More points, spread over the whole picture, make it better."))
    return lines


def next_step(sheet: PoseDraft, saved: Sequence[str] = ()) -> str:
    """What to do next for a pose; ``saved`` are names of cameras whose pictures have this shape."""
    waiting = half(sheet.points)
    if not sheet.picture:
        return tr("Choose a photo first.")
    if saved and sheet.record is None and not sheet.points:
        text = tr("Is this a picture of {}? Take it over with “Saved camera…”, above.")
        return text.format(tr(" or ").join(saved[:3]))
    if not sheet.dem:
        return tr("Choose the terrain model: it gives the points their heights.")
    if waiting is not None:
        there = tr("on the map") if waiting.on(MAP) is None else tr("in the picture")
        return tr("Point {}: now click the same place {}.").format(waiting.name, there)
    if sheet.missing:
        return tr(
            "Click a peak, rock or house in the picture, then the same on the map. Points still "
            "needed: {}."
        ).format(sheet.missing)
    return tr("More points, spread over the picture and near and far, make the pose better.")


def result(sheet: PoseDraft, refusal: str, seen: ComputedViewshed | None) -> tuple[str, str, str]:
    """Of the pose: a line, its colour, and what more there is to say."""
    if refusal:
        return tr("No pose"), _COLOURS[BAD], refusal
    record = sheet.record
    if record is None:
        return tr("No pose yet"), "#6d6d6d", ""
    lines = [*advice(record), *(seen.warnings if seen else ())]
    return in_words(record), _COLOURS[pose_quality(record)], "\n".join(lines)
