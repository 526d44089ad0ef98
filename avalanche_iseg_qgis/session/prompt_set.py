"""The prompts of one object as immutable values, which makes undo simple."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..core.errors import PromptError
from ..core.prompts import Box, Click, Prompts, Stroke, in_order
from ..core.stored_prompts import StoredPrompts
from ..i18n import tr
from .start_mask import StartMask

if TYPE_CHECKING:
    from ..layers.pixel_window import PixelWindow, RasterSize

_DECIMALS = 2  # of a pixel: as many as are stored, so that a feature can be continued exactly


@dataclass(frozen=True)
class PromptSet:
    """Clicks and strokes in order, a box, and a start mask, in pixels of the whole image."""

    clicks: tuple[Click, ...] = ()
    box: Box | None = None
    mask: StartMask | None = None
    strokes: tuple[Stroke, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to predict from."""
        return not (self.clicks or self.strokes) and self.box is None and self.mask is None

    def with_click(self, click: Click) -> PromptSet:
        """Return the prompts with one click more."""
        return replace(self, clicks=(*self.clicks, _rounded(click)))

    def with_moved(self, index: int, row: float, col: float) -> PromptSet:
        """Return the prompts with a click elsewhere, of the same sign and rank."""
        moved = _rounded(Click(row, col, self.clicks[index].positive))
        return replace(self, clicks=(*self.clicks[:index], moved, *self.clicks[index + 1 :]))

    def without(self, index: int) -> PromptSet:
        """Return the prompts with one click less."""
        strokes = tuple(
            replace(stroke, after=stroke.after - 1) if stroke.after > index else stroke
            for stroke in self.strokes
        )
        clicks = (*self.clicks[:index], *self.clicks[index + 1 :])
        return replace(self, clicks=clicks, strokes=strokes)

    def with_stroke(
        self, points: Sequence[tuple[float, float]], radius: float, positive: bool
    ) -> PromptSet:
        """Return the prompts with one stroke more: see `Stroke`."""
        rounded = [(round(row, _DECIMALS), round(col, _DECIMALS)) for row, col in points]
        stroke = Stroke(rounded, round(radius, _DECIMALS), positive, len(self.clicks))
        return replace(self, strokes=(*self.strokes, stroke))

    def first_clicks(self, count: int) -> PromptSet:
        """Return the prompts as they were before the click after so many."""
        if count >= len(self.clicks):
            return self
        strokes = tuple(stroke for stroke in self.strokes if stroke.after <= count)
        return replace(self, clicks=self.clicks[:count], strokes=strokes)

    def steps(self) -> list[PromptSet]:
        """Return what the prompts were after each click and stroke, the box and mask first.

        The last one is this very value.
        """
        steps = [replace(self, clicks=(), strokes=())]
        for prompt in in_order(self.clicks, self.strokes):
            before = steps[-1]
            if isinstance(prompt, Stroke):
                steps.append(replace(before, strokes=(*before.strokes, prompt)))
            else:
                steps.append(replace(before, clicks=(*before.clicks, prompt)))
        return [*steps[:-1], self]

    def with_box(self, box: Box | None) -> PromptSet:
        """Return the prompts with another box, or none."""
        if box is not None:
            corners = (box.row_min, box.row_max, box.col_min, box.col_max)
            box = Box(*(round(value, _DECIMALS) for value in corners))
        return replace(self, box=box)

    def bounds(self) -> tuple[float, float, float, float]:
        """Return (row_min, row_max, col_min, col_max) of all prompts, which must not be empty."""
        rows = [click.row for click in self.clicks]
        cols = [click.col for click in self.clicks]
        if self.box:
            rows += [self.box.row_min, self.box.row_max]
            cols += [self.box.col_min, self.box.col_max]
        if self.mask:
            rows += [self.mask.row, self.mask.row + self.mask.bits.shape[0] - 1]
            cols += [self.mask.col, self.mask.col + self.mask.bits.shape[1] - 1]
        for stroke in self.strokes:
            row_min, row_max, col_min, col_max = stroke.bounds()
            rows += [row_min, row_max]
            cols += [col_min, col_max]
        return min(rows), max(rows), min(cols), max(cols)

    def fits(self, size: RasterSize) -> bool:
        """Whether an image of this size has a place for all prompts; strokes may leave it."""
        for stroke in self.strokes:
            row_min, row_max, col_min, col_max = stroke.bounds()
            if min(row_max, col_max) < 0 or row_min >= size.height or col_min >= size.width:
                return False
        others = replace(self, strokes=())
        if others.empty:
            return True
        row_min, row_max, col_min, col_max = others.bounds()
        return min(row_min, col_min) >= -1 and row_max <= size.height and col_max <= size.width

    def within(self, window: PixelWindow) -> Prompts:
        """Return the prompts in pixels of a window that contains them all."""
        down, right = window.row, window.col
        box = self.box and Box(
            self.box.row_min - down,
            self.box.row_max - down,
            self.box.col_min - right,
            self.box.col_max - right,
        )
        return Prompts(
            [Click(c.row - down, c.col - right, c.positive) for c in self.clicks],
            box,
            self.mask.within(window) if self.mask else None,
            [
                replace(s, points=[(row - down, col - right) for row, col in s.points])
                for s in self.strokes
            ],
        )

    def to_json(self) -> str:
        """Encode for the attribute ``prompts`` of a feature."""
        return StoredPrompts(self.clicks, self.box, self.mask, self.strokes).to_json()

    @classmethod
    def from_json(cls, text: str) -> PromptSet:
        """Decode what `to_json` has made.

        Raises
        ------
        PromptError
            If the text cannot be decoded.
        """
        try:
            stored = StoredPrompts.from_json(text)
        except PromptError as error:
            raise PromptError(
                tr(
                    "The prompts stored with this feature cannot be read, so it cannot be "
                    "continued from them. Import its outline as a mask instead."
                )
            ) from error
        part = stored.mask
        mask = None if part is None else StartMask(part.bits, part.row, part.col)
        return cls(stored.clicks, stored.box, mask, stored.strokes)


def _rounded(click: Click) -> Click:
    return Click(round(click.row, _DECIMALS), round(click.col, _DECIMALS), click.positive)
