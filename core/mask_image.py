"""What a mask file holds, one object (with shades or without) or a label image: the one rule.

Values are taken as people see them: palettes and transparency applied, black and what is
transparent being no object. Then

- one value beside 0 is one object, whatever the value;
- colours are labels, one object for each, if anything is black or transparent or nothing white;
- greys are labels, whatever their values (255 too), where they fill areas, as labels do; or are
  spread evenly, as the plugin exports them; or are all darker than half of white;
- greys are the shades of one *soft mask* that lie in thin seams or smooth ramps between black and
  white, as at the edges of a drawn or predicted mask; it is cut at half of white;
- anything else is in doubt: refused with a question, never guessed.

Pure NumPy: `core` and the plugin share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VOID = 224 | 224 << 8 | 192 << 16
"""The colour by which PASCAL VOC marks pixels that belong to nothing."""
_WHITE = 0xFFFFFF
_MOST_COLOURS, _MOST_IDS = 255, 1000
_MOST_GREY, _SHADES = 0.5, 64  # share of pixels with grey, in more shades: a photograph
_FEW = 16  # shades; labels are seldom more, ramps never fewer
_MOSTLY = 0.9
_STEP = 0.1  # of white: neighbours in a ramp differ by less
_LOSS, _DRAWN = 12, 40  # grey levels; pixels of them
_NEXT = 4  # grey levels between neighbours in a gentle ramp
_WHITISH = 0.98  # of white
_ROWS = 256  # counted at a time
_HOW = "Save a mask as 255 on 0, or a label image with the ids 1, 2, 3 … and without smoothed edges"


@dataclass(frozen=True, eq=False)
class MaskImage:
    """The objects of a mask file.

    Attributes
    ----------
    labels
        (H, W) whole numbers: 0, or the number of the object there.
    numbers
        Of the objects, ascending; empty if there is none.
    shades
        (H, W) float32, 0 to 1, of the only object if it is a soft mask; else None.
    """

    labels: NDArray[Any]
    numbers: tuple[int, ...]
    shades: NDArray[np.float32] | None = None

    def mask(self, number: int) -> NDArray[np.bool_]:
        """Return the (H, W) mask of one object."""
        return np.asarray(self.labels == number)

    def area(self, number: int) -> NDArray[np.bool_] | NDArray[np.float32]:
        """Return the (H, W) shades of a soft mask, 0 to 1; the mask of any other object."""
        return self.mask(number) if self.shades is None else self.shades

    def turned(self, orientation: int) -> MaskImage:
        """Return the objects after a turn by EXIF orientation 1 to 8."""
        shades = None if self.shades is None else turn(self.shades, orientation)
        return MaskImage(turn(self.labels, orientation), self.numbers, shades)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(H, W) mask of all objects."""
        return np.asarray(self.labels > 0)


def find_objects(
    values: NDArray[Any],
    name: object,
    *,
    palette: NDArray[np.uint8] | None = None,
    opacity: NDArray[np.uint8] | None = None,
    is_lossy: bool = False,
) -> MaskImage:
    """Find the objects of a mask file.

    Parameters
    ----------
    values
        (H, W) grey or palette indices, or (H, W, 3) RGB; whole numbers of up to 16 bits.
    name
        Of the file, for messages.
    palette
        (N, 4) RGBA by index; indices beyond are black.
    opacity
        (H, W) uint8, 0 where the file is transparent or has no data; None if it is opaque.
    is_lossy
        Whether values are inexact (`core.containers.is_lossy`): what is nearly black or white, is.

    Raises
    ------
    ImageError
        If it is in doubt what the file holds, or it is a photograph.
    """
    values = _as_unsigned(values, name)
    indices = values if palette is not None else None
    if palette is not None:
        values, opacity = _apply_palette(values, palette, opacity)
    elif values.ndim == 3:
        values = values >> 8 * (values.dtype.itemsize - 1)
        values = without_loss(values, name) if is_lossy else values
        values = _unpack_greys(_pack(*(values[:, :, band] for band in range(3))))
    if opacity is not None:
        faint = (opacity > 0) & (opacity <= opacity.max() // 2)
        values = apply_opacity(values, opacity)
        if values is not opacity and _flat_pixels(opacity)[faint].sum() > 0.5 * faint.sum() > 0:
            raise ImageError(
                f"{name} has areas that are more transparent than others: are they objects? {_HOW}."
            )
    if is_lossy:
        values = without_loss(values, name)
    if values.dtype == np.uint32:
        found = _find_colours(values, indices, name)
    else:
        found = _find_greys(values, name)
    if is_lossy and len(found.numbers) > 1:
        raise ImageError(lossy_labels(name))
    return found


def without_loss(values: NDArray[Any], name: object) -> NDArray[Any]:
    """Return inexact greys, of which what is nearly black or white, is.

    ``values`` are (H, W) or (H, W, C) uint8; colours and other types stay as they are.

    Raises
    ------
    ImageError
        If greys fill areas, as labels do. Those beside edges and in ramps change all the time.
    """
    if values.dtype != np.uint8 or (
        values.ndim == 3 and np.ptp(values, axis=2).max(initial=0) > _LOSS
    ):
        return values
    shades = values if values.ndim == 2 else values[:, :, values.shape[2] // 2]
    greys = (shades > 0) & (shades < 255 - _LOSS)
    drawn = _flat_pixels(shades) & greys
    ramp = greys & ~drawn & (shades >= 64) & (shades < 192)
    few = 0.1 * greys.sum()
    if drawn.sum() > _DRAWN and (drawn.sum() > few or ramp.sum() < few):
        raise ImageError(lossy_labels(name))
    exact = np.where(shades <= _LOSS, 0, np.where(shades >= 255 - _LOSS, 255, shades))
    exact = exact.astype(np.uint8)
    return exact if values.ndim == 2 else np.repeat(exact[:, :, None], values.shape[2], axis=2)


def lossy_labels(name: object) -> str:
    """Return the message about a label image whose values compression has changed."""
    return (
        f"Is {name} a label image? It is compressed with losses (as a JPEG), which changes values, "
        "so its numbers are lost. "
        "Save masks and label images as PNG, or as TIFF without losses."
    )


def _as_unsigned(values: NDArray[Any], name: object) -> NDArray[Any]:
    if values.dtype in (np.uint8, np.uint16):
        return values
    if values.dtype.kind in "iu" and 0 <= values.min(initial=0) <= values.max(initial=0) <= 65535:
        return values.astype(np.uint16)
    raise ImageError(
        f"The mask {name} has type {values.dtype}: save it as whole numbers of 8 or 16 bits."
    )


def turn(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W, ...) as stored to what is displayed, by EXIF orientation 1 to 8."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values


def turn_back(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W, ...) as displayed to what is stored; contiguous."""
    return np.ascontiguousarray(turn(values, {6: 8, 8: 6}.get(orientation, orientation)))


# --- as people see it -------------------------------------------------------------------------


def _pack(red: Any, green: Any, blue: Any) -> Any:  # noqa: ANN401
    """Pack bands, numbers or arrays, in one number, red in the lowest byte."""
    return (
        np.asarray(red, np.uint32)
        | np.asarray(green, np.uint32) << 8
        | (np.asarray(blue, np.uint32) << 16)
    )


def _unpack_greys(colours: NDArray[np.uint32]) -> NDArray[Any]:
    """Return the grey levels if all colours are grey; else the colours."""
    red = colours & 255
    if np.array_equal(colours, _pack(red, red, red)):
        return np.asarray(red, np.uint8)
    return colours


def _apply_palette(
    indices: NDArray[Any], palette: NDArray[np.uint8], opacity: NDArray[np.uint8] | None
) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    """Return what indices show, and where that is opaque."""
    size = int(indices.max(initial=0)) + 1
    colours, opaque = np.zeros(size, np.uint32), np.full(size, 255, np.uint8)
    known = min(size, len(palette))
    colours[:known] = _pack(*palette[:known, :3].T)
    opaque[:known] = palette[:known, 3]
    if (opaque < 255).any():
        seen = opaque[indices]
        opacity = seen if opacity is None else np.minimum(opacity, seen)
    return _unpack_greys(colours[indices]), opacity


def apply_opacity(values: NDArray[Any], opacity: NDArray[np.uint8]) -> NDArray[Any]:
    """Return values without what is transparent; where only the transparency draws, the opacity.

    ``values`` are (H, W) or (H, W, C), ``opacity`` (H, W) uint8; the result is (H, W) or as values.
    """
    seen = values[opacity > 0]
    if not seen.size or (opacity == 255).all():
        return values if seen.size else np.zeros_like(values)
    is_one = bool((seen == seen[0]).all())  # one colour, cut out by its transparency
    if is_one and (not seen[0].any() or not np.isin(opacity, (0, 255)).all()):
        return opacity
    shown = values.copy()
    shown[opacity <= opacity.max() // 2] = 0  # an overlay may be half transparent as a whole
    return shown


# --- colours ------------------------------------------------------------------------------------


def _find_colours(
    colours: NDArray[np.uint32], indices: NDArray[Any] | None, name: object
) -> MaskImage:
    """Find one object in each colour; numbered by palette index, or in the colours' order."""
    found = [value for value in _nonzero_values(colours) if value != _VOID]
    if _WHITE in found and colours.all():
        raise ImageError(
            f"{name} has colours and white, but no black: is the white the background? Make black "
            "or transparent what is no object."
        )
    if len(found) > _MOST_COLOURS:
        raise ImageError(
            f"{name} has {len(found)} colours, so it is no mask but a photograph: choose a mask "
            "image."
        )
    labels = np.zeros(colours.shape, np.uint16)
    numbers = []
    for count, value in enumerate(found, 1):
        where = colours == value
        number = count if indices is None else int(indices[where].min())
        labels[where] = number
        numbers.append(number)
    flat = _flat_shares(labels)
    seams = sum(bool(flat[number] < 1 - _MOSTLY) for number in numbers)
    if seams > max(1, len(found) - seams):
        raise ImageError(
            f"{name} has {seams} colours in thin seams, as smoothed edges have: what is an object "
            f"in it? {_HOW}."
        )
    return MaskImage(labels, tuple(sorted(numbers)))


# --- greys --------------------------------------------------------------------------------------


def _find_greys(values: NDArray[Any], name: object) -> MaskImage:
    """Find the objects of a grey image by the rule of the module."""
    found = _nonzero_values(values)
    white = 255 if not found or found[-1] <= 255 else 65535
    if found == [white]:
        return MaskImage((values > 0).astype(np.uint8), (1,))
    if len(found) < 2 or _are_labels(values, found, white, name):
        return MaskImage(values, tuple(found))
    inside = (values > white // 2).astype(np.uint8)
    return MaskImage(inside, (1,), np.asarray(values, np.float32) / np.float32(white))


def _are_labels(values: NDArray[Any], found: list[int], white: int, name: object) -> bool:
    """Return whether several greys are labels, not shades of one object.

    Raises
    ------
    ImageError
        In doubt, or if the image is a photograph.
    """
    highest, greys = found[-1], (values > 0) & (values < found[-1])
    runs, steps = _share_of_runs(values, greys), _Steps.of(values, greys)
    if len(found) > _SHADES and runs < 0.5 and greys.mean() > _MOST_GREY:
        raise ImageError(_not_a_mask(name, len(found)))
    shares = _flat_shares(values)[found]
    is_ramp = len(found) > _FEW and steps.are_ramp(white)
    is_label_image: bool | None = None
    if len(found) > _SHADES // 2 and steps.are_contours:
        pass
    elif highest <= white // 2:
        is_label_image = None if runs < 0.5 and (is_ramp or (shares < 0.5).mean() > 0.5) else True
    elif found in ([127, 255], [128, 255]):
        pass  # data sets mark by 128 what is to be ignored
    elif (shares > 0.5).all():
        is_label_image = None if is_ramp else True
    elif _is_spread(found) and shares[-1] < 0.5:
        is_label_image = True
    elif is_ramp or _are_seams(values, greys & (values < _WHITISH * white)):
        is_label_image = False
    if is_label_image is None:
        raise ImageError(
            f"Is {name} a mask or a label image? It holds {len(found)} values beside 0, up to "
            f"{highest}, which may be labels as well as shades of one object. {_HOW}."
        )
    if is_label_image and len(found) > _MOST_IDS:
        raise ImageError(_not_a_mask(name, len(found)))
    return is_label_image


def _not_a_mask(name: object, count: int) -> str:
    return (
        f"{name} holds {count} different values, as a photograph does: that is no mask and no "
        "label image. Save avalanches as 255 on 0, or with one whole number each."
    )


def _is_spread(found: list[int]) -> bool:
    """Return whether values are those of the plugin's exports: k * floor(255 / n), all of them."""
    step = 255 // len(found)
    return step > 0 and found == list(range(step, step * len(found) + 1, step))


@dataclass(frozen=True)
class _Steps:
    """How greys change from pixel to pixel: pairs of neighbours, those that differ, by how much."""

    pairs: int
    differences: NDArray[np.int64]

    @classmethod
    def of(cls, values: NDArray[Any], greys: NDArray[np.bool_]) -> _Steps:
        """Count the neighbours among greys; the differences by their size, 1 first."""
        pairs, counts = 0, np.zeros(65535, np.int64)
        for axis in (0, 1):
            near = np.abs(np.diff(values.astype(np.int32), axis=axis))
            near = near[np.delete(greys, 0, axis) & np.delete(greys, -1, axis)]
            pairs += near.size
            counts += np.bincount(near, minlength=65536)[1:]
        return cls(pairs, counts)

    @property
    def are_contours(self) -> bool:
        """Whether values touch hardly any but their next ones, as in gentle ramps."""
        changes = self.differences.sum()
        return bool(changes > 0.01 * self.pairs and self.differences[:_NEXT].sum() > 0.95 * changes)

    def are_ramp(self, white: int) -> bool:
        """Whether greys change often, in small steps."""
        changes = self.differences.sum()
        small = self.differences[: int(_STEP * white)].sum()
        return bool(changes > 0.25 * self.pairs and small > _MOSTLY * changes)


# --- areas ----------------------------------------------------------------------------------------


def _share_of_runs(values: NDArray[Any], where: NDArray[np.bool_]) -> float:
    """Return which share of the pixels is equal to its left or right neighbour."""
    same = values[:, 1:] == values[:, :-1]
    runs = np.zeros(values.shape, np.bool_)
    runs[:, 1:] |= same
    runs[:, :-1] |= same
    return float(runs[where].mean()) if where.any() else 1.0


def _flat_pixels(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which pixels lie in a square of 3 x 3 pixels of one value."""
    flat = np.zeros(values.shape, np.bool_)
    height, width = values.shape
    if min(height, width) < 3:
        return flat
    across, along = values[:, 1:] == values[:, :-1], values[1:] == values[:-1]
    rows = across[:, 1:] & across[:, :-1]  # three in a row
    squares = rows[2:] & rows[1:-1] & rows[:-2] & (along[1:] & along[:-1])[:, 1:-1]
    for row in range(3):
        for col in range(3):
            flat[row : height - 2 + row, col : width - 2 + col] |= squares
    return flat


def _are_seams(values: NDArray[Any], greys: NDArray[np.bool_]) -> bool:
    """Return whether hardly any of the greys lies in an area of its own."""
    return bool(_flat_pixels(values)[greys].sum() < (1 - _MOSTLY) * greys.sum())


def _flat_shares(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return, by value, which share of its pixels lies in squares of 3 x 3 pixels."""
    flat = _flat_pixels(values)
    size = int(values.max(initial=0)) + 1
    counts = np.zeros((2, size), np.int64)
    for top in range(0, len(values), _ROWS):
        rows = slice(top, top + _ROWS)
        counts[0] += np.bincount(values[rows].ravel(), minlength=size)
        counts[1] += np.bincount(values[rows][flat[rows]], minlength=size)
    return np.asarray(counts[1] / np.maximum(counts[0], 1))


def _nonzero_values(values: NDArray[Any]) -> list[int]:
    """Return all values but 0, ascending; by rows, since sorting a whole image takes seconds."""
    found: set[int] = set()
    for row in values:
        last_of_run = np.flatnonzero(row[1:] != row[:-1])
        found.update(row[last_of_run].tolist(), (int(row[-1]),))
    return sorted(found - {0})
