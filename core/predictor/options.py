"""Options of the predictor: mode, zoom, limits, flip averaging, published behaviour."""

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
    """Options of zooming in on the object found so far (RITM's ZoomIn).

    Attributes
    ----------
    target_size
        Longest side of the network's input for a zoomed window, in pixels; or its exact
        (height, width), which distorts the window. None: size, ``skip_clicks``, ``overview_size``
        and ``refine`` as given in the model file, else the published `TARGET_SIZE`.
    skip_clicks
        Number of first clicks that use the whole image; with 0, the first gets a second, zoomed
        pass if the object found is small; -1 zooms (to the whole image) at once.
    expansion_ratio, min_crop_size
        The window is the object's bounding box times the ratio, at least so many pixels a side.
    recompute_iou
        The window is chosen anew when its overlap with the new one is less than this.
    threshold
        Probability above which a pixel is object when the window is chosen.
    overview_size
        Exact (height, width) of the input for the whole image, before there is an object; None:
        as for zoomed windows.
    refine
        Add a refinement view from the third click on, or from the first on a start mask.

    Examples
    --------
    >>> from core.predictor import Zoom
    >>> Zoom(target_size=600, skip_clicks=0).size
    600
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
        """The target size, or else the published one."""
        return TARGET_SIZE if self.target_size is None else self.target_size


@dataclass(frozen=True)
class BRSOptions:
    """Options of the BRS modes (Jang & Kim 2019; Sofiiuk et al. 2020).

    Attributes
    ----------
    net_clicks_limit
        Number of first clicks that enter the network; the optimisation uses all. None: the
        published 5 for RGB-BRS and DistMap-BRS, 8 for f-BRS.
    after_clicks
        Optimise once there are more clicks than this.
    max_evaluations
        Evaluations of the objective per click; a line search may exceed it by two, in
        ``reference`` mode without limit.
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
    """Options of a predictor.

    Attributes
    ----------
    mode
        Plain network ("NoBRS") or one of the BRS modes.
    zoom
        None: every click uses the whole image.
    limit_longest_side
        Limit of the network's input in pixels, but for an exact ``target_size``; None: 800, and no
        limit in ``reference`` mode.
    windows
        (height, width) of sliding windows, which overlap by at least ``window_overlap`` and whose
        probabilities are averaged. None: whole inputs.
    flip
        Average with the prediction of the mirrored image, in twice the time.
    correct_mask
        Return the start mask, changed only where clicks were made (see `MaskCorrection`), instead
        of the network's prediction. Not in ``reference`` mode.
    reference
        Reproduce the published behaviour exactly, its faults included. For evaluation.

    Examples
    --------
    >>> from core.predictor import PredictorOptions
    >>> PredictorOptions(mode="f-BRS-B", flip=True).brs.max_evaluations
    20
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
