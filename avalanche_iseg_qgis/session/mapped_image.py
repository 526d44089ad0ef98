"""A raster layer's source that is being mapped, with the current object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..layers.pixel_window import PixelWindow
from ..layers.windows import MAX_WHOLE_PIXELS, choose_window
from .draft import ObjectDraft

if TYPE_CHECKING:
    from ..core.worker.protocol import Predicted
    from ..layers.image_origin import ImageOrigin
    from ..layers.pixel_window import RasterSize, WindowImage
    from .interfaces import RasterGrid, RasterSource


@dataclass(eq=False)
class MappedImage:
    """An image that outlives its layer: the same source in another layer is the same image.

    Attributes
    ----------
    key
        Provider and source of the layer.
    layer_id
        Of the layer; empty when that was removed.
    origin
        Of the image; more of it is known once the file has been read.
    window
        The part that the object needs; None as long as that is not known.
    widenings
        How often the window was made wider for the object.
    version
        Of its file, see `file_version`: the one that object and origin belong to.
    pixels
        Those of the object's latest prediction; kept, for its file may be replaced.
    replaced
        Whether the file has become another image since the object was begun.
    """

    key: str
    layer_id: str
    source: RasterSource
    origin: ImageOrigin
    draft: ObjectDraft = field(default_factory=ObjectDraft)
    window: PixelWindow | None = None
    widenings: int = 0
    version: str = ""
    pixels: WindowImage | None = None
    replaced: bool = False

    @property
    def grid(self) -> RasterGrid:
        """Its pixels."""
        return self.source.grid

    @property
    def window_name(self) -> str:
        """Name of the window for reader and worker; empty if there is no window."""
        w = self.window
        if w is None:
            return ""
        return f"{self.key}@{self.version}@{w.row},{w.col},{w.height},{w.width}"

    @property
    def whole(self) -> PixelWindow | None:
        """The whole image, if it is small enough to be one window."""
        grid = self.grid
        if grid.width * grid.height > MAX_WHOLE_PIXELS:
            return None
        return PixelWindow(0, 0, grid.height, grid.width)

    def begin(self, draft: ObjectDraft) -> None:
        """Begin another object."""
        self.draft = draft
        self.widenings = 0
        self.window = self.whole
        self.pixels = None

    def take_file(self, source: RasterSource, version: str, origin: ImageOrigin) -> None:
        """Go on in another version of the file; what was predicted in the one before is dropped."""
        self.source, self.version, self.origin = source, version, origin
        self.replaced, self.pixels = False, None
        self.window, self.widenings = self.whole, 0
        if self.draft.prompts.empty:
            self.draft = ObjectDraft()
        self.draft.prediction = self.draft.outline = None

    def window_wanted(self) -> PixelWindow:
        """Return the window that the prompts need.

        Raises
        ------
        PromptError
            If the prompts lie too far apart.
        """
        return choose_window(self.grid, self.draft.prompts.bounds(), self.window)

    def is_cut_off(self, threshold: float) -> bool:
        """Whether the object reaches an edge of the window that is no edge of the image."""
        state = self.draft.prediction
        if state is None:
            return False
        return is_cut_off(state.prediction, state.window, self.grid, threshold)


def is_cut_off(
    prediction: Predicted, window: PixelWindow, grid: RasterSize, threshold: float
) -> bool:
    """Whether an object reaches an edge of its window that is no edge of the raster."""
    row_min, row_max, col_min, col_max = prediction.roi
    bottom, right = window.row + window.height, window.col + window.width
    levels, above = prediction.levels, prediction.above(threshold)
    edges = (
        (row_min == 0 and window.row > 0, levels[:1]),
        (row_max == window.height - 1 and bottom < grid.height, levels[-1:]),
        (col_min == 0 and window.col > 0, levels[:, :1]),
        (col_max == window.width - 1 and right < grid.width, levels[:, -1:]),
    )
    return any(inner and bool((edge > above).any()) for inner, edge in edges)
