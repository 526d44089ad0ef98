"""How a predictor works: mode, zoom, limits, flip averaging, and the published behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..errors import PromptError

Mode = Literal["NoBRS", "RGB-BRS", "DistMap-BRS", "f-BRS-A", "f-BRS-B", "f-BRS-C"]
MODES: tuple[Mode, ...] = ("NoBRS", "RGB-BRS", "DistMap-BRS", "f-BRS-A", "f-BRS-B", "f-BRS-C")


TARGET_SIZE = 400
"""Longest side of zoomed windows in published results, in pixels."""


@dataclass(frozen=True)
class Zoom:
    """Look closer at the object found so far (RITM's ZoomIn).

    Attributes
    ----------
    target_size
        Longest side of the network's input for a zoomed window, in pixels; or its exact
        (height, width), which distorts the window. None: what the model's file asks for, also as
        to ``skip_clicks``, else the published `TARGET_SIZE`.
    skip_clicks
        This many first clicks see the whole image; with 0, the first is answered twice if what
        it finds is small, the second time zoomed; -1 zooms (to the whole image) at once.
    expansion_ratio, min_crop_size
        The window is the object's bounding box times the ratio, at least so many pixels a side.
    recompute_iou
        The window follows the object when it overlaps the wanted one by less than this.
    threshold
        Probability above which a pixel counts as object in choosing the window.
    overview_size
        Exact (height, width) at which the whole image is seen before there is an object; None:
        as zoomed windows are. Where ``target_size`` is None, the model's file decides.
    closer
        From the third click on, or from the first on a mask to start from, look closer round the
        click, too (see `refine`). Where ``target_size`` is None, the model's file decides.
    """

    target_size: int | tuple[int, int] | None = None
    skip_clicks: int = 1
    expansion_ratio: float = 1.4
    min_crop_size: int = 200
    recompute_iou: float = 0.5
    threshold: float = 0.5
    overview_size: tuple[int, int] | None = None
    refine: bool = False

    @property
    def size(self) -> int | tuple[int, int]:
        """The target size, the published one where none is given."""
        return TARGET_SIZE if self.target_size is None else self.target_size


@dataclass(frozen=True)
class BRSOptions:
    """Settings of the modes that optimise against the clicks (Jang & Kim 2019; f-BRS 2020).

    Attributes
    ----------
    net_clicks_limit
        Only so many first clicks enter the network, all of them the optimisation; None takes the
        published 5 for RGB-BRS and DistMap-BRS, 8 for f-BRS.
    after_clicks
        Optimise once there are more clicks than this.
    max_evaluations
        Evaluations of the objective per click; a line search may go two beyond, in ``reference``
        mode as far as it likes.
    min_iou_change
        Stop when the mask changes by less than this from one evaluation to the next.
    """

    net_clicks_limit: int | None = None
    after_clicks: int = 1
    max_evaluations: int = 20
    min_iou_change: float = 0.01
    threshold: float = 0.49
    weight: float = 1e-3
    bias_weight: float = 10.0


@dataclass(frozen=True)
class PredictorOptions:
    """All that governs a prediction beside image, prompts and model.

    Attributes
    ----------
    mode
        Plain network ("NoBRS") or one of the optimising modes.
    zoom
        None looks at the whole image at every click.
    limit_longest_side
        No input of the network is larger than this (pixels), but for an exact ``target_size``;
        None means the default: 800, and no limit in ``reference`` mode.
    windows
        (height, width) of sliding windows: larger inputs are cut into these, overlapping by at
        least ``window_overlap``, and the answers averaged. None: whole inputs.
    flip
        Average with the answer for the mirrored image; costs twice the time.
    correct_mask
        What is returned equals the mask to start from but where clicks have changed it (see
        `KeptMask`). Without this, the network's answer replaces the mask. Not in ``reference``
        mode.
    reference
        Reproduce the published behaviour exactly, its faults included. For evaluation.
    """

    mode: Mode = "NoBRS"
    zoom: Zoom | None = field(default_factory=Zoom)
    limit_longest_side: int | None = None
    windows: tuple[int, int] | None = None
    window_overlap: float = 0.2
    flip: bool = False
    correct_mask: bool = False
    reference: bool = False
    brs: BRSOptions = field(default_factory=BRSOptions)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise PromptError(f"Unknown mode {self.mode!r}; choose one of {', '.join(MODES)}.")
        if self.limit_longest_side is not None and self.limit_longest_side < 32:
            raise PromptError("limit_longest_side must be at least 32 pixels.")
        if not 0 <= self.window_overlap < 1:
            raise PromptError("window_overlap must be at least 0 and less than 1.")
        if self.windows is not None and self.mode != "NoBRS":
            raise PromptError("Sliding windows work in the mode NoBRS only.")
