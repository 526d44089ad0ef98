"""A session between fakes of all that it needs from outside."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avalanche_iseg_qgis.core.worker.protocol import Outlined, Predicted
from avalanche_iseg_qgis.layers.file_version import file_version
from avalanche_iseg_qgis.layers.image_origin import ImageOrigin
from avalanche_iseg_qgis.layers.pixel_window import WindowImage
from avalanche_iseg_qgis.session.session import SegmentationSession, SessionObserver

PREDICT, OUTLINE, PREVIEW = "predict", "outline", "preview"


@dataclass(frozen=True)
class FakeGrid:
    width: int = 60
    height: int = 40
    is_photo: bool = True


@dataclass(frozen=True)
class FakeSource:
    path: str
    grid: FakeGrid = FakeGrid()
    needs_pixel_size: bool = False


class FakeTimer:
    starts = 0

    def start(self) -> None:
        self.starts += 1


@dataclass
class FakeReader:
    """Reads when it is told to; a new request replaces the one before, as in QGIS."""

    session: SegmentationSession = None
    cache: dict = field(default_factory=dict)
    pending: tuple | None = None
    origins: list = field(default_factory=list)
    path: str = ""

    def request(self, source, window, name) -> None:
        self.pending, self.path = None, source.path
        if name in self.cache:
            self.session.take_image(self.cache[name])
        else:
            self.pending = (window, name)

    def cached(self, name):
        return self.cache.get(name)

    def request_origin(self, source) -> None:
        self.origins.append(source.path)

    def read(self) -> None:
        (window, name), self.pending = self.pending, None
        pixels = np.zeros((window.height, window.width, 3), np.uint8)
        self.cache[name] = WindowImage(name, window, pixels, file_version(self.path))
        self.session.take_image(self.cache[name])

    def read_origins(self) -> None:
        """Tell the session what the files are now."""
        origins, self.origins = self.origins, []
        for path in origins:
            content, version = Path(path).read_bytes(), file_version(path)
            digest = hashlib.sha256(content).hexdigest()
            self.session.take_origin(ImageOrigin(path, path, sha256=digest, version=version))

    def fail(self, text="The file is gone.") -> None:
        (_, name), self.pending = self.pending, None
        self.session.take_read_failure(name, text)


class FakeSegmenter:
    """Answers when it is told to; never to a request that was replaced or withdrawn."""

    def __init__(self) -> None:
        self.requests: dict[tuple, tuple] = {}
        self.sent: list[str] = []
        self.preloaded: list[str] = []

    def preload(self, image) -> None:
        self.preloaded.append(image.name)

    def predict(self, slot, image, prompts, receiver) -> None:
        self._add(PREDICT, slot, image, prompts, receiver)

    def outline(self, slot, image, prompts, shape, receiver) -> None:
        self._add(OUTLINE, slot, image, prompts, receiver)

    def preview(self, image, prompts, receiver) -> None:
        if not self.requests:
            self._add(PREDICT, PREVIEW, image, prompts, receiver)

    def withdraw_preview(self) -> None:
        self.requests.pop((PREVIEW, PREDICT), None)

    def withdraw(self, slot) -> None:
        for kind in (PREDICT, OUTLINE):
            self.requests.pop((slot, kind), None)

    def _add(self, kind, slot, image, prompts, receiver) -> None:
        self.sent.append(kind)
        self.requests[slot, kind] = (image, prompts, receiver)

    def predict_now(self, draft, levels=None, corner=(5, 5)) -> None:
        image, _, receiver = self.requests.pop((draft, PREDICT))
        levels = np.full((4, 6), 200, np.uint8) if levels is None else levels
        row, col = corner
        roi = (row, row + levels.shape[0] - 1, col, col + levels.shape[1] - 1)
        size = image.pixels.shape[:2]
        receiver.answered(Predicted(levels, roi, size, 0.1))

    def outline_now(self, draft, parts=((4,),)) -> Outlined:
        _, _, receiver = self.requests.pop((draft, OUTLINE))
        points = np.zeros((sum(map(sum, parts)), 2), np.float32)
        outlined = Outlined(points, parts, 24.0 if parts else 0.0, 0.1)
        receiver.answered(outlined)
        return outlined

    def fail(self, draft, kind, text="The worker refuses.") -> None:
        self.requests.pop((draft, kind))[2].failed(text)


class Rig:
    """The session, its surroundings, and all that its observer was told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.messages: list[str] = []
        self.finished: list[tuple] = []
        self.cancelled: list = []
        self.changed: list = []  # images whose draft has changed
        self.reader, self.segmenter, self.timer = FakeReader(), FakeSegmenter(), FakeTimer()
        observer = SessionObserver(
            image_changed=lambda: self.events.append("image"),
            prompts_changed=lambda: self.events.append("prompts"),
            prediction_changed=lambda: self.events.append("prediction"),
            outline_changed=lambda: self.events.append("outline"),
            finished=lambda image, outlined: self.finished.append((image, outlined)),
            saving_cancelled=self.cancelled.append,
            message=self.messages.append,
            draft_changed=self.changed.append,
        )
        self.session = SegmentationSession(self.segmenter, self.reader, self.timer, observer)
        self.reader.session = self.session

    def open(self, name="a.jpg", grid=None, read=True):
        """Open an image, and read it."""
        source = FakeSource(name, grid or FakeGrid())
        self.session.open_image(name, f"layer of {name}", source, ImageOrigin(name, name))
        if read and self.reader.pending:
            self.reader.read()
        return self.session.image

    def click(self, row=7.0, col=8.0, positive=True):
        """Click, and return the draft."""
        self.session.add_click(row, col, positive)
        return self.session.draft

    def predicted(self):
        """Click, and let the prediction come."""
        draft = self.click()
        self.segmenter.predict_now(draft)
        return draft

    def outlined(self):
        """Click, and let prediction and outline come."""
        draft = self.predicted()
        self.session.outline_due()
        self.segmenter.outline_now(draft)
        return draft
