"""Screening: night, fog, snow on the lens and the like, against a camera's own usual look.

What is usual comes from the photos of the days before: how much detail each block of the photo
shows in clear weather. A photo is judged by how much of that it has.

For QGIS's own Python too: NumPy only, Python 3.9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from .looks import COLS, ROWS, PhotoLook, is_same_picture
from .records import Look, Observation, Screening, by_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .listing import SeriesPhoto

    Floats = NDArray[np.float32]

SEEN = 0.2
"""Share of its usual detail from which a block counts as seen."""

_DAYS = timedelta(days=20)  # before a photo that tell what is usual
_MOST, _FEWEST = 60, 8  # photos to compare with
_USUAL = 70  # percentile of the detail: that of clear weather, if that is at least every third day
_TEXTURED = 1.5  # detail from which a block has something to show, grey values
_FEWEST_BLOCKS = 8
_OFFSET = 15.0  # grey values, of cameras that show black as grey
_LIT = (50.0, 240.0)  # median grey value of photos that can be compared with
_NIGHT, _DARK = 0.16, 0.45  # brightest parts, of the usual ones
_BLACKEST = 32.0  # grey value of the brightest parts below which it is night, whatever is usual
_BURNT = 0.25  # share of burnt-out pixels beyond the usual one
_PALEST = 238.0  # median grey value that no snow has that is exposed well
_FOG, _HAZE = 0.33, 0.75  # share of the blocks that are seen
_HIDDEN, _PALE = 0.15, 0.5  # usual detail that is left in the median of the blocks
_LOST, _LOST_PART = 0.4, 0.12  # detail of covered blocks; share of them
_CLEAR_PART = 0.65  # detail of the best quarter where only parts of the lens are covered
_SPOTTED = 0.22  # standard deviation of clarity along rows


def screen(photos: Sequence[SeriesPhoto], looks: Mapping[str, PhotoLook | None]) -> list[Screening]:
    """Judge the photos of one camera, in the order of time.

    Parameters
    ----------
    photos
        All of the camera; those without a look are passed over.
    looks
        By key of the photo; None for one that cannot be read.

    Returns
    -------
    list of Screening
        By the program; the same for the same photos, however they were measured.
    """
    readable = [(photo, look) for photo in photos if (look := looks.get(photo.key)) is not None]
    found = {
        photo.key: Screening(
            photo.key, **by_program(), look=Look.UNREADABLE, figure=0.0,
            reason="The photo cannot be read: it is empty or damaged.",
        )
        for photo in photos
        if photo.key in looks and looks[photo.key] is None
    }  # fmt: skip
    norms = _Norms(readable)
    first_of: dict[bytes, str] = {}
    before: tuple[str, PhotoLook] | None = None
    for index, (photo, look) in enumerate(readable):
        original = _find_original(look, first_of, before)
        if original:
            reason = f"The same picture as {original}: the camera was stuck."
            found[photo.key] = Screening(
                photo.key, **by_program(), look=Look.REPEAT, reason=reason, repeat_of=original
            )
        else:
            found[photo.key] = _judge(photo.key, look, norms.of(index))
        if (look.marks > 0).any():
            first_of.setdefault(look.marks.tobytes(), original or photo.key)
        before = original or photo.key, look
    return [found[photo.key] for photo in photos if photo.key in found]


class _Norm:
    """What is usual for a camera: detail (`ROWS`, `COLS`), brightest parts, burnt-out share."""

    def __init__(self, detail: Floats, brightest: float, white: float) -> None:
        self.detail, self.brightest, self.white = detail, brightest, white


class _Norms:
    """Finds what is usual at each photo: from those of the days before, else the first after."""

    def __init__(self, photos: Sequence[tuple[SeriesPhoto, PhotoLook]]) -> None:
        looks = [look for _, look in photos]
        shape = (len(looks), ROWS, COLS)
        self._details = np.array([_relative_detail(look) for look in looks]).reshape(shape)
        self._brightest = np.array([_brightest(look) for look in looks])
        self._white = np.array([look.white for look in looks])
        medians = np.array([np.median(look.brightness) for look in looks])
        lit = (medians > _LIT[0]) & (medians < _LIT[1]) & (self._white < _BURNT)
        self._lit = np.flatnonzero(lit)
        self._times = [photo.time for photo, _ in photos]

    def of(self, index: int) -> _Norm | None:
        """Return the norm for a photo; None where there is too little to compare with."""
        end = int(np.searchsorted(self._lit, index))
        start, now = end, self._times[index]
        while start and now - self._times[self._lit[start - 1]] <= _DAYS:
            start -= 1
        chosen = self._lit[start:end]
        if len(chosen) < _FEWEST:
            chosen = self._lit[start : start + _FEWEST + 1]
            chosen = chosen[chosen != index]
        if len(chosen) < _FEWEST // 2:
            return None
        chosen = chosen[np.linspace(0, len(chosen) - 1, min(_MOST, len(chosen))).astype(int)]
        return _Norm(
            np.percentile(self._details[chosen], _USUAL, axis=0),
            float(np.median(self._brightest[chosen])),
            float(np.median(self._white[chosen])),
        )


def _find_original(
    look: PhotoLook, first_of: Mapping[bytes, str], before: tuple[str, PhotoLook] | None
) -> str:
    """Return the key of the photo that this one repeats; empty if it is a new picture."""
    if is_same_picture(look, look):  # enough of it has texture
        if look.marks.tobytes() in first_of:
            return first_of[look.marks.tobytes()]
        if before is not None and is_same_picture(look, before[1]):
            return before[0]
    return ""


def _relative_detail(look: PhotoLook) -> Floats:
    """Return the detail as if each block were of middle brightness: exposure has no part in it."""
    return np.asarray(look.detail * 150 / (look.brightness + np.float32(_OFFSET)))


def _brightest(look: PhotoLook) -> float:
    return float(np.percentile(look.brightness, 95))


def _judge(key: str, look: PhotoLook, norm: _Norm | None) -> Screening:
    """Judge one photo that is no repeat."""
    bright = _brightest(look)
    usual_bright = 150.0 if norm is None else norm.brightest
    usual_white = 0.0 if norm is None else norm.white
    textured = None if norm is None else norm.detail > _TEXTURED
    blocks, figure = "", 1.0
    if norm is not None and textured is not None:
        clarity = _relative_detail(look) / np.maximum(norm.detail, 1e-3)
        digits = np.clip(np.rint(clarity * 9), 0, 9).astype(int)
        blocks = "".join(
            str(digit) if told else "-"
            for digit, told in zip(digits.ravel().tolist(), textured.ravel().tolist())  # noqa: B905
        )
        if textured.sum() >= _FEWEST_BLOCKS:
            figure = round(float((clarity[textured] >= SEEN).mean()), 3)

    def result(kind: Look, reason: str, seen: float = figure) -> Screening:
        return Screening(
            key, **by_program(), look=kind, figure=seen, reason=reason,
            blocks=blocks if kind.usable or kind in (Look.FOG, Look.SNOW_ON_LENS) else "",
        )  # fmt: skip

    if bright < max(_NIGHT * usual_bright, _BLACKEST):
        return result(Look.NIGHT, f"Its brightest parts have a grey value of {bright:.0f}.", 0.0)
    if bright < _DARK * usual_bright:
        share = 100 * bright / usual_bright
        return result(Look.UNDEREXPOSED, f"It is {share:.0f} % as bright as usual.")
    if look.white > usual_white + _BURNT or np.median(look.brightness) > _PALEST:
        return result(Look.OVEREXPOSED, "It is nearly white, or much of it is burnt out.")
    if textured is None or textured.sum() < _FEWEST_BLOCKS:
        return result(Look.CLEAR, "There are too few photos of this camera to compare with.")
    parts = clarity[textured]
    spots = np.where(textured, np.minimum(clarity, 1), np.nan)
    rows = [row[~np.isnan(row)].std() for row in spots if (~np.isnan(row)).sum() > 3]
    spotted = float(np.mean(rows)) if rows else 0.0
    seen = f"{100 * figure:.0f} % of the terrain can be seen as usual"
    is_partly_lost = (parts < _LOST).mean() > _LOST_PART
    if spotted > _SPOTTED and is_partly_lost and np.percentile(parts, 75) > _CLEAR_PART:
        return result(Look.SNOW_ON_LENS, f"Spots hide parts of it; {seen}.")
    if figure < _FOG or np.median(parts) < _HIDDEN:
        return result(Look.FOG, f"{seen}.")
    if figure < _HAZE or np.median(parts) < _PALE:
        return result(Look.HAZE, f"Pale, or partly hidden; {seen}.")
    return result(Look.CLEAR, f"{seen}.")


def is_place_seen(screening: Screening, place: Observation) -> bool:
    """Return whether the place of an outline could be seen in a photo of the same camera.

    The blocks about the outline decide where they have something to show, else the whole photo.
    """
    if not screening.is_by_program:
        return screening.look.usable
    if not screening.look.usable and screening.look is not Look.SNOW_ON_LENS:
        return False
    points = np.array([point for ring in place.rings for point in ring]).reshape(-1, 2)
    told = np.empty(0)
    if len(screening.blocks) == ROWS * COLS and len(points) and min(place.size) > 0:
        share = points / np.array(place.size)
        cols, rows = (np.clip(share * (COLS, ROWS), 0, (COLS - 1, ROWS - 1)).astype(int)).T
        inside = slice(rows.min(), rows.max() + 1), slice(cols.min(), cols.max() + 1)
        digits = np.array(list(screening.blocks)).reshape(ROWS, COLS)[inside]
        told = digits[digits != "-"].astype(int)
    if not len(told):
        return screening.look.usable
    return bool((told >= round(9 * SEEN)).mean() >= 0.5)
