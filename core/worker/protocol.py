"""The messages of the segmentation worker: requests and answers about objects in images.

For QGIS's own Python too: standard library and NumPy only, Python 3.9.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..errors import ImageError, WorkerError
from ..ipc.envelope import Cancel as Cancel
from ..ipc.envelope import Failure as Failure
from ..ipc.envelope import Hello as Hello
from ..ipc.envelope import MessageSet
from ..ipc.envelope import Skipped as Skipped
from ..ipc.envelope import Welcome as Welcome
from ..ipc.envelope import from_frame as from_frame
from ..ipc.envelope import number_of as number_of
from ..ipc.geometry import crop_mask, paste_mask
from ..prompts import Box, Click, Prompts, Stroke

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 2
"""Raised with every change that an older program or worker would misunderstand."""

LEVELS = 200
"""Probabilities travel as 8 bits: ``ceil(LEVELS * p)``. See `Predicted.above`."""

_Request = TypeVar("_Request", bound="ObjectRequest")


# --- requests -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Load:
    """Load a model, in place of the one before, and warm it up: answered with `Loaded`.

    Attributes
    ----------
    model
        A name of the zoo, which may be downloaded, or the absolute path of a file.
    device, engine
        As in `core.engine.load_model`; `Loaded` tells what they came to.
    threads
        For computing; None takes half the cores.
    """

    model: str
    device: str = "auto"
    engine: str = "auto"
    threads: int | None = None


@dataclass(frozen=True, eq=False)
class SetImage:
    """Hand over an image, (H, W, 3) uint8 RGB, under a name: answered with `Images`."""

    image: str
    pixels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or dtype != np.uint8:
            raise ImageError(f"The image needs shape (H, W, 3) and 8 bits, got {shape} {dtype}.")


@dataclass(frozen=True, eq=False)
class Forget:
    """Drop an image, whether it is there or not: answered with `Images`."""

    image: str


@dataclass(frozen=True, eq=False)
class ObjectRequest:
    """All prompts of one object and the settings that `Predict` and `Outline` share.

    Made by `of`, read by `prompts`.

    Attributes
    ----------
    image
        Name of an image that the worker holds.
    clicks
        (row, col, positive) each, in order.
    box
        (row_min, row_max, col_min, col_max).
    mask, mask_at, mask_size
        The part of the mask to start from that is not 0, the (row, col) of its first pixel, and
        the (height, width) of the whole.
    zoom
        Whether to zoom in on the object found so far.
    target_size
        Longest side of what the network sees zoomed, in pixels; None takes the usual one.
    limit
        No input of the network is larger, in pixels; None takes the usual one.
    strokes, stroke_points
        (positive, after, radius, number of points) of each stroke of brush or eraser, and their
        points one stroke after the other: (N, 16) uint8, the bytes of (row, col), float64.
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
    strokes: Sequence[Sequence[float]] = ()
    stroke_points: NDArray[np.uint8] | None = None

    @classmethod
    def of(cls: type[_Request], image: str, prompts: Prompts, **settings: Any) -> _Request:  # noqa: ANN401
        """Return the request for ``prompts``; ``settings`` are its other fields."""
        clicks = [(float(c.row), float(c.col), bool(c.positive)) for c in prompts.clicks]
        box = prompts.box
        corners = (box.row_min, box.row_max, box.col_min, box.col_max) if box else None
        mask, at, size = None, (0, 0), (0, 0)
        if prompts.mask is not None:
            mask, at = crop_mask(np.asarray(prompts.mask))
            size = prompts.mask.shape
        return cls(
            image=image,
            clicks=clicks,
            box=None if corners is None else [float(value) for value in corners],
            mask=mask,
            mask_at=at,
            mask_size=size,
            strokes=[(s.positive, s.after, s.radius, len(s.points)) for s in prompts.strokes],
            stroke_points=_points(prompts.strokes),
            **settings,
        )

    @property
    def prompts(self) -> Prompts:
        """The prompts; the mask is a new array."""
        clicks = [Click(row, col, bool(positive)) for row, col, positive in self.clicks]
        box = None if self.box is None else Box(*self.box)
        mask = None
        if self.mask is not None:
            mask = paste_mask(self.mask, self.mask_at, self.mask_size)
        packed = b"" if self.stroke_points is None else self.stroke_points.tobytes()
        points = iter(np.frombuffer(packed, "<f8").reshape(-1, 2).tolist())
        strokes = [
            Stroke(
                [(row, col) for row, col in islice(points, int(count))],
                radius,
                bool(positive),
                int(after),
            )
            for positive, after, radius, count in self.strokes
        ]
        return Prompts(clicks, box, mask, strokes)


def _points(strokes: Sequence[Stroke]) -> NDArray[np.uint8] | None:
    """Return the points of strokes to the last bit, in a type that frames carry."""
    if not strokes:
        return None
    return np.concatenate([np.asarray(stroke.points, "<f8") for stroke in strokes]).view(np.uint8)


@dataclass(frozen=True, eq=False)
class Predict(ObjectRequest):
    """Answered with `Predicted`, or `Skipped` if a newer `Predict` waits."""


@dataclass(frozen=True, eq=False)
class Outline(ObjectRequest):
    """Answered with `Outlined`, or `Skipped` if a newer `Outline` or `Predict` waits.

    Attributes
    ----------
    threshold
        Pixels above it are outlined: those of ``Predicted.mask(threshold)``.
    tolerance, smoothing, min_area, largest_only
        As in `core.outline.mask_to_polygons`, in pixels and square pixels of the image.
    fill_holes
        Holes of at most that many square pixels are filled, but for those that were erased; 0
        fills none, -1 all.
    clicked_only
        Whether only parts with a positive click or stroke in them are outlined; all, if none has
        one.
    """

    threshold: float = 0.5
    tolerance: float = 1.25
    smoothing: float = 0.0
    min_area: float = 0.0
    fill_holes: float = 0.0
    largest_only: bool = False
    clicked_only: bool = False


# --- answers --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class SegmentationWelcome(Welcome):
    """What the worker is, and can do.

    Attributes
    ----------
    devices, engines
        What `Load` may name here.
    models
        Names that `Load` knows, with their titles.
    """

    devices: Sequence[str]
    engines: Sequence[str]
    models: Mapping[str, str]

    def __post_init__(self) -> None:
        _expect(_are(str, self.devices) and isinstance(self.models, Mapping), "welcome")


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

    def __post_init__(self) -> None:
        texts = (self.name, self.path, self.engine, self.device, self.sha256)
        is_threshold = _are(float, [self.threshold]) and 0 <= self.threshold <= 1
        _expect(_are(str, texts) and _are(int, [self.threads]) and is_threshold, "loaded")


@dataclass(frozen=True, eq=False)
class Images:
    """Names of the images that the worker holds, the one used longest ago first."""

    held: Sequence[str]

    def __post_init__(self) -> None:
        _expect(_are(str, self.held), "images")


@dataclass(frozen=True, eq=False)
class Predicted:
    """Probabilities of one object, for thresholds to be chosen where they are shown.

    Attributes
    ----------
    levels
        (h, w) uint8, ``ceil(LEVELS * p)`` of the pixels of ``roi``, 0 to `LEVELS`; all pixels
        outside are 0.
    roi
        (row_min, row_max, col_min, col_max) in the image, inclusive.
    size
        (height, width) of the image.
    seconds
        Taken by the worker.
    """

    levels: NDArray[np.uint8]
    roi: Sequence[int]
    size: Sequence[int]
    seconds: float

    def __post_init__(self) -> None:
        levels, roi, size = self.levels, self.roi, self.size
        is_image = isinstance(levels, np.ndarray) and levels.dtype == np.uint8 and levels.ndim == 2
        fits = is_image and _are(int, roi) and _are(int, size) and (len(roi), len(size)) == (4, 2)
        if fits:
            top, bottom, left, right = roi
            fits = levels.shape == (bottom - top + 1, right - left + 1)
            fits = fits and min(top, left) >= 0 and bottom < size[0] and right < size[1]
        _expect(fits, "prediction")

    @staticmethod
    def above(threshold: float) -> int:
        """Return the level above which pixels are object: ``levels > above(t)`` is ``p > t``.

        This is so exactly for multiples of 0.005 (1 / `LEVELS`), and for all other thresholds as
        for the next such multiple below.
        """
        return math.floor(round(LEVELS * threshold, 6))

    def mask(self, threshold: float) -> NDArray[np.bool_]:
        """Return (H, W) bool: where the probability is above ``threshold``."""
        row_min, _, col_min, _ = self.roi
        return paste_mask(self.levels > self.above(threshold), (row_min, col_min), self.size)


@dataclass(frozen=True, eq=False)
class Outlined:
    """The outline of one object; no parts, if nothing was found.

    Attributes
    ----------
    points
        (N, 2) float32, (x, y) of all rings one after another, in pixels of the image: x right,
        y down; pixel (row, col) covers the square from (col, row) to (col + 1, row + 1).
    parts
        For each polygon the numbers of points of its rings, outer ring first. A ring's first
        point is not repeated at its end.
    area
        Of all parts, in square pixels.
    seconds
        Taken by the worker.
    """

    points: NDArray[np.float32]
    parts: Sequence[Sequence[int]]
    area: float
    seconds: float

    def __post_init__(self) -> None:
        points, parts = self.points, self.parts
        fits = isinstance(points, np.ndarray) and points.ndim == 2 and points.shape[1] == 2
        fits = fits and isinstance(parts, Sequence) and all(_are(int, part) for part in parts)
        fits = fits and all(n > 0 for part in parts for n in part)
        fits = fits and sum(sum(part) for part in parts) == len(points)
        _expect(fits and bool(np.isfinite(points).all()), "outlined")


def _are(kind: type, values: Any) -> bool:  # noqa: ANN401
    """Return whether these are values of a kind; whole numbers are real numbers too."""
    kinds = (int, float) if kind is float else (kind,)
    if isinstance(values, str) or not isinstance(values, Sequence):
        return False
    return all(isinstance(value, kinds) and not isinstance(value, bool) for value in values)


def _expect(fits: bool, name: str) -> None:
    """Raise `WorkerError` if an answer does not fit its name."""
    if not fits:
        raise WorkerError(f"A message {name!r} whose content does not fit.")


# --- message set ----------------------------------------------------------------------------

SEGMENTATION_MESSAGES = MessageSet(
    part="worker",
    version=VERSION,
    table=(
        ("hello", Hello, "welcome", SegmentationWelcome, 180),  # imports OpenCV from a cold disk
        ("load", Load, "loaded", Loaded, 900),  # it may be downloaded
        ("set_image", SetImage, "images", Images, 60),
        ("forget", Forget, "images", Images, 60),
        ("predict", Predict, "prediction", Predicted, 120),
        ("outline", Outline, "outlined", Outlined, 120),
    ),
    replaces={Predict: (Predict, Outline), Outline: (Outline,)},
)
REQUESTS, ANSWERS = SEGMENTATION_MESSAGES.requests, SEGMENTATION_MESSAGES.answers
REPLACES = SEGMENTATION_MESSAGES.replaces
to_frame = SEGMENTATION_MESSAGES.to_frame

Prediction = Predicted
"""Its first name, and that in frames."""
