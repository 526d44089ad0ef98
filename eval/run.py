"""One robot-user session: the click protocol on one object (Sofiiuk et al. 2021, section 4)."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets import Dataset, ObjectRef, Sample
from core.errors import DatasetError
from core.metrics import Curve, iou
from core.perturb import perturb_mask
from core.predictor import Prediction, Predictor
from core.prompts import Box, Click, Prompts
from core.robot_user import NoisyUser, RobotUser, simulate_clicks

BOX_MARGIN = 0.05
"""A drawn box is looser than the object: each side moves out by this share of height or width."""

START_GOALS = (0.78, 0.83)
"""A mask to start from has an IoU of 0.75 to 0.85 with its object (DAVIS585, Chen et al. 2022)."""

USERS = ("robot", "noisy")
"""Who clicks: the published protocol's robot, or one that clicks like people."""


@dataclass(frozen=True)
class Protocol:
    """Protocol by which objects are clicked and measured.

    Attributes
    ----------
    threshold
        Probability above which a pixel belongs to the mask.
    max_clicks, target_iou
        The clicking of an object ends when either is reached.
    resize
        (width, height) in pixels. The image is shrunk to fit, keeping its proportions, and the
        IoU is measured at its own resolution.
    reference
        Do as the published evaluation does: ``resize`` stretches images that are wider *or*
        higher to exactly that size, and the IoU is measured there; the robot user goes on
        clicking when nothing is left to correct.
    box
        Give the object's bounding box, loosened, with all clicks.
    from_mask
        Give a flawed mask of the object to start from.
    user
        One of `USERS`.
    seed
        Of the noisy user's clicks.
    """

    threshold: float = 0.49
    max_clicks: int = 20
    target_iou: float = 0.9
    resize: tuple[int, int] | None = None
    reference: bool = False
    box: bool = False
    from_mask: bool = False
    user: str = "robot"
    seed: int = 0

    def make_user(self, ref: ObjectRef, truth: NDArray[np.int8]) -> RobotUser:
        """Make the user of an object; the noisy one always clicks the same for the same seed."""
        if self.user == "noisy":
            return NoisyUser(truth, np.random.default_rng((self.seed, _checksum(ref))))
        return RobotUser(truth, reference=self.reference)


@dataclass(frozen=True)
class ObjectRun:
    """Result of one object: clicks, the IoU after each, and seconds.

    ``iou_start`` is the IoU before the first click where a box or a mask came first. ``far`` holds
    for each click but a first one without start what it spoilt far away (see `far_damage`).
    """

    ref: ObjectRef
    clicks: tuple[Click, ...]
    ious: tuple[float, ...]
    iou_start: float | None
    seconds: float
    far: tuple[float, ...] = ()

    @property
    def curve(self) -> Curve:
        """The IoUs as `core.metrics` takes them."""
        return Curve(self.ious, self.iou_start, self.far)

    def to_json(self) -> dict[str, Any]:
        """Return the form of results files: all but the seconds."""
        record: dict[str, Any] = {
            "image": self.ref.image,
            "object": self.ref.object,
            "clicks": [[click.row, click.col, click.positive] for click in self.clicks],
            "ious": list(self.ious),
            "far": list(self.far),
        }
        return record if self.iou_start is None else record | {"iou_start": self.iou_start}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ObjectRun:
        """Rebuild from `to_json` with the ``seconds`` added."""
        return cls(
            ObjectRef(record["image"], record["object"]),
            tuple(Click(row, col, positive) for row, col, positive in record["clicks"]),
            tuple(record["ious"]),
            record.get("iou_start"),
            record["seconds"],
            tuple(record.get("far", ())),
        )


class Step(NamedTuple):
    """State after one click, or before the first (``click`` None) where a box or mask came.

    ``mask`` is (H, W) bool, ``truth`` the (H, W) ground truth that its IoU is measured with.
    """

    click: Click | None
    mask: NDArray[np.bool_]
    iou: float
    truth: NDArray[np.int8]


def run_object(predictor: Predictor, dataset: Dataset, index: int, protocol: Protocol) -> ObjectRun:
    """Click one object of a data set to its end; the time includes reading the image."""
    began = time.perf_counter()
    clicks: list[Click] = []
    ious: list[float] = []
    far: list[float] = []
    iou_start = before = None
    sample = dataset[index]
    for step in interact(predictor, sample, protocol):
        if step.click is None:
            iou_start = step.iou
        else:
            clicks.append(step.click)
            ious.append(step.iou)
            if before is not None:
                far.append(far_damage(step.truth, before, step.mask, step.click))
        before = step.mask
    seconds = time.perf_counter() - began
    ref = dataset.refs[index]
    return ObjectRun(ref, tuple(clicks), tuple(ious), iou_start, seconds, tuple(far))


def interact(predictor: Predictor, sample: Sample, protocol: Protocol) -> Iterator[Step]:
    """Yield the states of one session.

    Raises
    ------
    DatasetError
        If the object has no pixels, so that there is nothing to click.
    """
    if not (sample.mask == 1).any():
        raise DatasetError(
            f"Object {sample.ref.object} of {sample.ref.image} has no pixels; "
            "remove its mask from the data set."
        )
    frame = EvaluatedImage.of(sample, protocol)
    predictor.set_image(frame.pixels)
    start = _starting_prompts(sample.ref, frame, protocol)

    def answer(clicks: Sequence[Click]) -> NDArray[np.bool_]:
        prompts = Prompts([frame.seen(click) for click in clicks], start.box, start.mask)
        return frame.mask(predictor.predict(prompts), protocol.threshold)

    mask = None
    if not start.empty:
        mask = answer(())
        yield (step := Step(None, mask, iou(mask, frame.truth), frame.truth))
        if step.iou >= protocol.target_iou:
            return
    turns = simulate_clicks(
        frame.truth,
        answer,
        max_clicks=protocol.max_clicks,
        target_iou=protocol.target_iou,
        mask=mask,
        user=protocol.make_user(sample.ref, frame.truth),
    )
    for turn in turns:
        yield Step(*turn, frame.truth)


def far_damage(
    truth: NDArray[np.int8], before: NDArray[np.bool_], after: NDArray[np.bool_], click: Click
) -> float:
    """Measure what a click spoilt far away, as a share of the object's area.

    Counted are pixels farther from the click than 1.5 times the longer side of the object's
    bounding box that were right in the (H, W) mask before it and are wrong after it.
    """
    spoilt = (before != after) & (truth >= 0) & (before == (truth == 1))
    rows, cols = np.nonzero(spoilt)
    _, _, width, height = cv2.boundingRect((truth == 1).view(np.uint8))
    far = np.hypot(rows - click.row, cols - click.col) > 1.5 * max(width, height)
    return float(np.count_nonzero(far) / np.count_nonzero(truth == 1))


@dataclass(frozen=True, eq=False)
class EvaluatedImage:
    """A sample at two resolutions: pixels as the model sees them, truth where it is measured."""

    pixels: NDArray[np.uint8]
    truth: NDArray[np.int8]

    @classmethod
    def of(cls, sample: Sample, protocol: Protocol) -> EvaluatedImage:
        """Bring a sample to the protocol's size."""
        height, width = sample.mask.shape
        limit = protocol.resize or (width, height)
        if width <= limit[0] and height <= limit[1]:
            return cls(sample.image, sample.mask)
        if protocol.reference:
            pixels = cv2.resize(sample.image, limit, interpolation=cv2.INTER_LINEAR)
            truth = cv2.resize(sample.mask, limit, interpolation=cv2.INTER_NEAREST)
            return cls(np.asarray(pixels, np.uint8), np.asarray(truth, np.int8))
        scale = min(limit[0] / width, limit[1] / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = cv2.resize(sample.image, size, interpolation=cv2.INTER_AREA)
        return cls(np.asarray(pixels, np.uint8), sample.mask)

    def seen(self, click: Click) -> Click:
        """Map a click on the truth to the pixels that the model sees."""
        if self.pixels.shape[:2] == self.truth.shape:
            return click
        return Click(*self._seen_point(click.row, click.col), click.positive)

    def _seen_point(self, row: float, col: float) -> tuple[float, float]:
        (height, width), (rows, cols) = self.pixels.shape[:2], self.truth.shape
        seen_row = (row + 0.5) * height / rows - 0.5
        seen_col = (col + 0.5) * width / cols - 0.5
        return min(max(seen_row, 0.0), height - 1.0), min(max(seen_col, 0.0), width - 1.0)

    def seen_box(self, box: Box) -> Box:
        """Map a box likewise."""
        return Box.from_corners(
            self._seen_point(box.row_min, box.col_min), self._seen_point(box.row_max, box.col_max)
        )

    def seen_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Bring a mask to the size that the model sees."""
        height, width = self.pixels.shape[:2]
        small = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        return np.asarray(small, dtype=bool)

    def mask(self, prediction: Prediction, threshold: float) -> NDArray[np.bool_]:
        """Threshold a prediction at the truth's resolution, reached by bilinear interpolation."""
        if prediction.size == self.truth.shape:
            return prediction.mask(threshold)
        height, width = self.truth.shape
        full = cv2.resize(prediction.probability, (width, height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full > threshold)


def _starting_prompts(ref: ObjectRef, frame: EvaluatedImage, protocol: Protocol) -> Prompts:
    """Return the prompts before the first click, at the resolution that the model sees."""
    box = frame.seen_box(loose_box(frame.truth)) if protocol.box else None
    mask = None
    if protocol.from_mask:
        mask = frame.seen_mask(perturb_mask(frame.truth, _checksum(ref), START_GOALS))
    return Prompts(box=box, mask=mask)


def _checksum(ref: ObjectRef) -> int:
    """Return a seed that is an object's own."""
    return zlib.crc32(f"{ref.image}/{ref.object}".encode())


def loose_box(truth: NDArray[np.int8]) -> Box:
    """Bounding box of the object with a margin, inside the image."""
    rows = np.flatnonzero((truth == 1).any(axis=1))
    cols = np.flatnonzero((truth == 1).any(axis=0))
    return Box(*_loosened(rows, truth.shape[0]), *_loosened(cols, truth.shape[1]))


def _loosened(occupied: NDArray[np.intp], length: int) -> tuple[int, int]:
    first, last = int(occupied[0]), int(occupied[-1])
    margin = round(BOX_MARGIN * (last - first + 1))
    return max(0, first - margin), min(length - 1, last + margin)
