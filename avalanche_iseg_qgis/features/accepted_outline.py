"""Outlines that were made elsewhere and accepted as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..session.prompt_set import PromptSet


@dataclass(frozen=True, eq=False)
class AcceptedOutline:
    """An outline in pixels of a photo, to become a feature.

    Attributes
    ----------
    points, parts
        As in `core.worker.protocol.Outlined`, in pixels of the whole image.
    prompts
        From which it can be continued.
    avalanche
        Identifier of the avalanche that it shows.
    attributes
        More of its attributes, by field name.
    """

    points: NDArray[np.float32]
    parts: Sequence[Sequence[int]]
    prompts: PromptSet
    avalanche: str
    attributes: Mapping[str, object] = field(default_factory=dict)
