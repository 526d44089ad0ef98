"""Prompts on the map: clicks on ground that a posed photo shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..i18n import tr

if TYPE_CHECKING:
    from ..core.prompts import Box
    from ..session.prompt_set import PromptSet
    from ..session.session import SegmentationSession
    from .camera_grid import PhotoGrid


class MapPrompts:
    """What the map tool of the main canvas changes: the prompts of the image in hand.

    Everything but what is named here is the workspace's own.

    Attributes
    ----------
    through
        The photo's pixels as places on the map; None as long as the image in hand lies on the map
        itself.
    """

    def __init__(self, workspace: SegmentationSession) -> None:
        self._workspace = workspace
        self.through: PhotoGrid | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._workspace, name)

    @property
    def grid(self):
        """In whose pixels prompts are."""
        return self.through or self._workspace.grid

    @property
    def prompts(self) -> PromptSet:
        """The prompts that can be shown: a box in the photo is no box on the map."""
        prompts = self._workspace.prompts
        return prompts.with_box(None) if self.through else prompts

    def set_box(self, box: Box | None) -> None:
        """Boxes are drawn in the picture."""
        if self.through:
            self._workspace.say(tr("Click on the map, or draw the box in the picture."))
        else:
            self._workspace.set_box(box)
