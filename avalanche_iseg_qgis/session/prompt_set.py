"""The prompts of one object as immutable values, which makes undo simple."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..core.errors import PromptError
from ..core.json_files import MALFORMED, is_true, parse_json
from ..core.prompts import Box, Click, Prompts
from ..i18n import tr
from .start_mask import StartMask

if TYPE_CHECKING:
    from ..layers.pixel_window import PixelWindow

_VERSION = 1
_LONGEST = 1 << 26  # characters: a start mask takes a few thousand
_DECIMALS = 2  # of a pixel: as many as are stored, so that a feature can be continued exactly


@dataclass(frozen=True)
class PromptSet:
    """Clicks in order, a box, and a start mask, in pixels of the whole image."""

    clicks: tuple[Click, ...] = ()
    box: Box | None = None
    mask: StartMask | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to predict from."""
        return not self.clicks and self.box is None and self.mask is None

    def with_click(self, click: Click) -> PromptSet:
        """Return the prompts with one click more."""
        return replace(self, clicks=(*self.clicks, _rounded(click)))

    def with_moved(self, index: int, row: float, col: float) -> PromptSet:
        """Return the prompts with a click elsewhere, of the same sign and rank."""
        moved = _rounded(Click(row, col, self.clicks[index].positive))
        return replace(self, clicks=(*self.clicks[:index], moved, *self.clicks[index + 1 :]))

    def without(self, index: int) -> PromptSet:
        """Return the prompts with one click less."""
        return replace(self, clicks=(*self.clicks[:index], *self.clicks[index + 1 :]))

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
        return min(rows), max(rows), min(cols), max(cols)

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
        )

    def to_json(self) -> str:
        """Encode for the attribute ``prompts`` of a feature."""
        box = self.box
        content = {
            "version": _VERSION,
            "clicks": [[c.row, c.col, int(c.positive)] for c in self.clicks],
            "box": [box.row_min, box.row_max, box.col_min, box.col_max] if box else None,
            "mask": self.mask.to_json() if self.mask else None,
        }
        return json.dumps(content, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> PromptSet:
        """Decode what `to_json` has made.

        Raises
        ------
        PromptError
            If the text cannot be decoded.
        """
        try:
            if len(text) > _LONGEST:
                raise ValueError("the text is too long")
            content = parse_json(text)
            mask = content["mask"]
            return cls(
                tuple(Click(row, col, is_true(kind)) for row, col, kind in content["clicks"]),
                Box(*content["box"]) if content["box"] else None,
                StartMask.from_json(mask) if mask else None,
            )
        except (*MALFORMED, zlib.error, MemoryError) as error:
            raise PromptError(
                tr(
                    "The prompts stored with this feature cannot be read, so it cannot be "
                    "continued from them. Import its outline as a mask instead."
                )
            ) from error


def _rounded(click: Click) -> Click:
    return Click(round(click.row, _DECIMALS), round(click.col, _DECIMALS), click.positive)
