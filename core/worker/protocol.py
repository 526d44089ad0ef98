"""What goes between a program and its worker: requests and answers.

Every request has a number, counted up from 1, and gets one answer with the same number; but
`Cancel`, which makes another request's answer `Skipped`. Number 0 is a `Failure` that belongs to
no request: the worker ends with it.

For QGIS's own Python too: standard library and NumPy only, Python 3.9.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..errors import ImageError, WorkerError
from ..prompts import Box, Click, Prompts
from .frames import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 2
"""Raised with every change that an older program or worker would misunderstand."""

LEVELS = 200
"""Probabilities travel as 8 bits: ``ceil(LEVELS * p)``. See `Prediction.above`."""

_Request = TypeVar("_Request", bound="ObjectRequest")


# --- requests -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Hello:
    """The first request: answered with `Welcome`, or `Failure` if the versions differ."""

    protocol: int = VERSION


@dataclass(frozen=True, eq=False)
class Load:
    """Load a model, in place of the one before, and warm it up: answered with `Loaded`.

    Attributes
    ----------
    model
        A name of the zoo, which may be downloaded, or the absolute path of a file.
    device, engine
        As in `core.engine.load_model`.
    threads
        For computing; None takes half the cores.
    """

    model: str
    device: str = "auto"
    engine: str = "auto"
    threads: int | None = None


@dataclass(frozen=True, eq=False)
class SetImage:
    """Hand over a picture, (H, W, 3) uint8 RGB, under a name: answered with `Images`."""

    image: str
    pixels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            raise ImageError(f"The picture needs shape (H, W, 3) and 8 bits, got {shape} {dtype}.")


@dataclass(frozen=True, eq=False)
class Forget:
    """Drop a picture, whether it is there or not: answered with `Images`."""

    image: str


@dataclass(frozen=True, eq=False)
class Cancel:
    """The answer to an earlier `Predict` or `Outline` is not wanted any more. Not answered."""

    request: int


@dataclass(frozen=True, eq=False)
class ObjectRequest:
    """All prompts of one object, and how to look at it: what `Predict` and `Outline` share.

    Made by `of`, read by `prompts`.

    Attributes
    ----------
    image
        Name of a picture that the worker holds.
    clicks
        (row, col, positive) each, in order.
    box
        (row_min, row_max, col_min, col_max).
    mask, mask_at, mask_size
        The part of the mask to start from that is not 0, the (row, col) of its first pixel, and
        the (height, width) of the whole.
    zoom
        Whether to look closer at what has been found.
    target_size
        Longest side of what the network sees zoomed, in pixels; None takes the usual one.
    limit
        No input of the network is larger, in pixels; None takes the usual one.
    """

    image: str
    clicks: Sequence[Sequence[float]] = ()
    box: Sequence[float] | None = None
    mask: NDArray[Any] | None = None
    mask_at: Sequence[int] = (0, 0)
    mask_size: Sequence[int] = (0, 0)
    zoom: bool = True
    target_size: int | None = None
    limit: int | None = None

    @classmethod
    def of(cls: type[_Request], image: str, prompts: Prompts, **settings: Any) -> _Request:  # noqa: ANN401
        """The request for ``prompts``; ``settings`` are those of its fields that are no prompts."""
        clicks = [(float(c.row), float(c.col), bool(c.positive)) for c in prompts.clicks]
        box = prompts.box
        corners = (box.row_min, box.row_max, box.col_min, box.col_max) if box else None
        mask, at, size = None, (0, 0), (0, 0)
        if prompts.mask is not None:
            mask, at = trimmed(np.asarray(prompts.mask))
            size = prompts.mask.shape
        return cls(
            image=image,
            clicks=clicks,
            box=None if corners is None else [float(value) for value in corners],
            mask=mask,
            mask_at=at,
            mask_size=size,
            **settings,
        )

    @property
    def prompts(self) -> Prompts:
        """The prompts; a mask is made anew."""
        clicks = [Click(row, col, bool(positive)) for row, col, positive in self.clicks]
        box = None if self.box is None else Box(*self.box)
        if self.mask is None:
            return Prompts(clicks, box)
        mask = np.zeros(tuple(self.mask_size), self.mask.dtype)
        (row, col), (height, width) = self.mask_at, self.mask.shape
        mask[row : row + height, col : col + width] = self.mask
        return Prompts(clicks, box, mask)


@dataclass(frozen=True, eq=False)
class Predict(ObjectRequest):
    """Answered with `Prediction`, or `Skipped` if a newer `Predict` waits."""


@dataclass(frozen=True, eq=False)
class Outline(ObjectRequest):
    """Answered with `Outlined`, or `Skipped` if a newer `Outline` or `Predict` waits.

    Attributes
    ----------
    threshold
        Pixels above it are outlined: those of ``Prediction.mask(threshold)``.
    tolerance, smoothing, min_area, largest_only
        As in `core.outline.mask_to_polygons`, in pixels and square pixels of the picture.
    fill_holes
        Holes of at most that many square pixels are filled; 0 fills none, -1 all.
    """

    threshold: float = 0.5
    tolerance: float = 1.25
    smoothing: float = 0.0
    min_area: float = 0.0
    fill_holes: float = 0.0
    largest_only: bool = False


def trimmed(mask: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, int]]:
    """The part of an (H, W) mask that is not 0, as a frame carries it, and where it begins."""
    filled = mask if mask.dtype == bool else mask != 0
    rows = np.flatnonzero(filled.any(axis=1))
    if rows.size == 0:
        return np.zeros((0, 0), np.uint8), (0, 0)
    cols = np.flatnonzero(filled[rows[0] : rows[-1] + 1].any(axis=0))
    part = mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    if part.dtype not in (bool, np.uint8, np.float32):
        part = part.astype(np.float32)
    return part, (int(rows[0]), int(cols[0]))


# --- answers --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Welcome:
    """What the worker is.

    Attributes
    ----------
    versions
        Of "core", "python" and the packages that compute.
    devices, engines
        What `Load` may name here.
    models
        Names that `Load` knows, with their titles.
    """

    protocol: int
    versions: Mapping[str, str]
    devices: Sequence[str]
    engines: Sequence[str]
    models: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Loaded:
    """The model now in use, what it runs on, and how long loading and warming up took.

    ``sha256`` is that of its file, ``starts_from_mask`` tells whether it can start from a mask;
    ``threshold`` is its own.
    """

    name: str
    path: str
    engine: str
    device: str
    threads: int
    sha256: str
    threshold: float
    starts_from_mask: bool
    seconds: float
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Images:
    """Names of the pictures that the worker holds, the one used longest ago first."""

    held: Sequence[str]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Probabilities of one object, for thresholds to be chosen where they are shown.

    Attributes
    ----------
    levels
        (h, w) uint8, ``ceil(LEVELS * p)`` of the pixels of ``roi``, 0 to `LEVELS`; all pixels
        outside are 0.
    roi
        (row_min, row_max, col_min, col_max) in the picture, inclusive.
    size
        (height, width) of the picture.
    seconds
        That the worker took.
    """

    levels: NDArray[np.uint8]
    roi: Sequence[int]
    size: Sequence[int]
    seconds: float

    @staticmethod
    def above(threshold: float) -> int:
        """The level above which pixels are object: ``levels > above(t)`` is ``p > t``.

        This is so exactly for multiples of 0.005 (1 / `LEVELS`), and for all other thresholds as
        for the next such multiple below.
        """
        return math.floor(round(LEVELS * threshold, 6))

    def mask(self, threshold: float) -> NDArray[np.bool_]:
        """(H, W) bool: where the probability is above ``threshold``."""
        mask = np.zeros(tuple(self.size), np.bool_)
        row_min, row_max, col_min, col_max = self.roi
        mask[row_min : row_max + 1, col_min : col_max + 1] = self.levels > self.above(threshold)
        return mask


@dataclass(frozen=True, eq=False)
class Outlined:
    """The outline of one object; no parts, if nothing was found.

    Attributes
    ----------
    points
        (N, 2) float32, (x, y) of all rings one after another, in pixels of the picture: x right,
        y down; pixel (row, col) covers the square from (col, row) to (col + 1, row + 1).
    parts
        For each polygon the numbers of points of its rings, outer ring first. A ring's first
        point is not repeated at its end.
    area
        Of all parts, in square pixels.
    seconds
        That the worker took.
    """

    points: NDArray[np.float32]
    parts: Sequence[Sequence[int]]
    area: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Skipped:
    """The request was cancelled, or a newer one has made it stale."""


@dataclass(frozen=True, eq=False)
class Failure:
    """A request that failed; the worker goes on.

    ``error`` is the name of a class of `core.errors`, ``text`` what a person should read.
    """

    error: str
    text: str


# --- messages as frames ---------------------------------------------------------------------


def names(*kinds: type) -> Mapping[str, type]:
    """Messages by the name that frames call them: ``set_image`` is `SetImage`."""
    return {_name(kind): kind for kind in kinds}


def _name(kind: type) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


REQUESTS = names(Hello, Load, SetImage, Forget, Cancel, Predict, Outline)
ANSWERS = names(Welcome, Loaded, Images, Prediction, Outlined, Skipped, Failure)

REPLACES: Mapping[type, tuple[type, ...]] = {Predict: (Predict, Outline), Outline: (Outline,)}
"""The kinds of earlier requests that a request makes `Skipped`."""


def to_frame(number: int, message: Any) -> Frame:  # noqa: ANN401
    """The frame of a request or answer with this number."""
    header: dict[str, Any] = {"type": _name(type(message)), "number": number}
    arrays = {}
    for entry in fields(message):
        value = getattr(message, entry.name)
        if isinstance(value, np.ndarray):
            arrays[entry.name] = value
        else:
            header[entry.name] = value
    return Frame(header, arrays)


def number_of(frame: Frame) -> int:
    """The number of the request that a frame is, or answers.

    Raises
    ------
    WorkerError
        If it has none.
    """
    number = frame.header.get("number")
    if not isinstance(number, int) or number < 0:
        raise WorkerError(f"A message with the number {number!r}.")
    return number


def from_frame(frame: Frame, known: Mapping[str, type]) -> Any:  # noqa: ANN401
    """The message in a frame, one of the ``known`` (`REQUESTS` or `ANSWERS`).

    Raises
    ------
    WorkerError
        If it is none of these, or has other fields.
    IsegError
        If its content does not fit.
    """
    content = {**frame.header, **frame.arrays}
    kind, _ = content.pop("type", None), content.pop("number", None)
    if kind not in known:
        raise WorkerError(f"Unknown message {kind!r}; known are {', '.join(known)}.")
    try:
        return known[kind](**content)
    except TypeError as error:
        raise WorkerError(f"A message {kind!r} that cannot be read: {error}.") from error
