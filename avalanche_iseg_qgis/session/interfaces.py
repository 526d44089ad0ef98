"""What a session needs from outside."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Protocol

from ..layers.pixel_window import PixelWindow, RasterSize, WindowImage

if TYPE_CHECKING:
    from ..core.prompts import Prompts
    from ..worker.requests import Receiver
    from ..worker.settings import ShapeSettings


class RasterGrid(RasterSize, Protocol):
    """Pixels of a whole raster, comparable with `==`."""

    @property
    def is_photo(self) -> bool:
        """Whether this is a photo without georeference."""


class RasterSource(Protocol):
    """Pixels of one layer: what a session knows of `layers.source.PixelSource`."""

    @property
    def grid(self) -> RasterGrid:
        """Its pixels."""

    @property
    def path(self) -> str:
        """The file, or the layer's source where there is none."""

    @property
    def needs_pixel_size(self) -> bool:
        """Whether the layer has no resolution of its own."""


class WindowReader(Protocol):
    """Reads windows of images in the background, one at a time.

    The session's `take_image`, `take_read_failure` and `take_origin` are called with what it reads.
    """

    def request(self, source: RasterSource, window: PixelWindow, name: str) -> None:
        """Read a window, in place of the one requested before; at once if it is cached."""

    def cached(self, name: str) -> WindowImage | None:
        """Return a window that is cached."""

    def request_origin(self, source: RasterSource) -> None:
        """Look up the origin of a source."""


class Segmenter(Protocol):
    """Computes predictions and outlines in the background.

    For each slot there is one prediction and one outline at most: a newer request replaces the
    older. The receiver of a request that is replaced or withdrawn is never called.
    """

    def preload(self, image: WindowImage) -> None:
        """Prepare for requests about an image."""

    def predict(
        self, slot: Hashable, image: WindowImage, prompts: Prompts, receiver: Receiver
    ) -> None:
        """Request a `Predicted`; prompts are in pixels of the image."""

    def outline(
        self,
        slot: Hashable,
        image: WindowImage,
        prompts: Prompts,
        shape: ShapeSettings,
        receiver: Receiver,
    ) -> None:
        """Request the `Outlined` of a prediction."""

    def withdraw(self, slot: Hashable) -> None:
        """Drop the requests of a slot."""

    def preview(self, image: WindowImage, prompts: Prompts, receiver: Receiver) -> None:
        """Request a `Predicted` that nothing else waits for; nothing while there is other work."""

    def withdraw_preview(self) -> None:
        """Drop the request of a preview."""


class DelayTimer(Protocol):
    """Calls the session's `outline_due` a moment after the latest `start`."""

    def start(self) -> None:
        """Start, or start again."""
