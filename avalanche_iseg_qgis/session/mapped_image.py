"""A raster layer that is being mapped, with the object in hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..layers.origin import ImageOrigin, parse_observed_at
from ..layers.pixel_window import PixelWindow
from ..layers.windows import MAX_WHOLE_PIXELS, choose_window
from .draft import ObjectDraft

if TYPE_CHECKING:
    from ..layers.grid import Grid
    from ..layers.source import PixelSource


@dataclass(eq=False)
class MappedImage:
    """It outlives its layer: the same file in another layer is the same image.

    Attributes
    ----------
    key
        Provider and source of the layer.
    origin
        Where it comes from; more of it is known once the file has been read.
    window
        The part that the object in hand needs; None as long as nobody knows.
    widenings
        How often the window was made wider for the object in hand.
    """

    key: str
    layer_id: str
    source: PixelSource
    draft: ObjectDraft = field(default_factory=ObjectDraft)
    window: PixelWindow | None = None
    widenings: int = 0
    origin: ImageOrigin = field(init=False)

    def __post_init__(self) -> None:
        path = self.source.path
        name = Path(path).name if Path(path).is_file() else self.source.name
        self.origin = ImageOrigin(name, path, parse_observed_at(path))

    @property
    def grid(self) -> Grid:
        """Its pixels."""
        return self.source.grid

    @property
    def picture_name(self) -> str:
        """By which reader and worker know the window."""
        w = self.window
        return f"{self.key}@{w.row},{w.col},{w.height},{w.width}"

    @property
    def whole(self) -> PixelWindow | None:
        """The whole image, where it is small enough to be looked at at once."""
        grid = self.grid
        if grid.width * grid.height > MAX_WHOLE_PIXELS:
            return None
        return PixelWindow(0, 0, grid.height, grid.width)

    def begin(self, draft: ObjectDraft) -> None:
        """Take another object in hand."""
        self.draft = draft
        self.widenings = 0
        self.window = self.whole

    def window_wanted(self) -> PixelWindow:
        """The window that the prompts ask for.

        Raises
        ------
        PromptError
            If they lie too far apart.
        """
        return choose_window(self.grid, self.draft.prompts.bounds(), self.window)

    def cut_off(self, threshold: float) -> bool:
        """Whether what was found reaches an edge of the window that is no edge of the image."""
        found = self.draft.found
        window, levels = found.window, found.prediction.levels
        row_min, row_max, col_min, col_max = found.prediction.roi
        bottom, right = window.row + window.height, window.col + window.width
        above = found.prediction.above(threshold)
        edges = (
            (row_min == 0 and window.row > 0, levels[:1]),
            (row_max == window.height - 1 and bottom < self.grid.height, levels[-1:]),
            (col_min == 0 and window.col > 0, levels[:, :1]),
            (col_max == window.width - 1 and right < self.grid.width, levels[:, -1:]),
        )
        return any(inner and bool((edge > above).any()) for inner, edge in edges)
