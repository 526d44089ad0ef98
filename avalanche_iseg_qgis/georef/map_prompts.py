"""Prompts on the map: clicks on terrain that a posed photo shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..i18n import tr

if TYPE_CHECKING:
    from ..core.prompts import Box
    from ..layers.grid import PixelGrid
    from ..session.prompt_set import PromptSet
    from ..session.qt_session import QtSession
    from .camera_grid import PhotoGrid


class MapPrompts:
    """The session's prompts as the map tool of the main canvas changes them.

    Attributes
    ----------
    photo_grid
        The photo's pixels as places on the map; None if the current image lies on the map itself.
    """

    def __init__(self, session: QtSession) -> None:
        self._session = session
        self.photo_grid: PhotoGrid | None = None
        self.add_click = session.add_click
        self.move_click = session.move_click
        self.remove_click = session.remove_click
        self.remove_last_click = session.remove_last_click
        self.undo, self.redo = session.undo, session.redo
        self.finish, self.discard = session.finish, session.discard
        self.say = session.say

    @property
    def grid(self) -> PixelGrid | None:
        """Grid of the pixels that prompts are given in."""
        return self.photo_grid or self._session.grid

    @property
    def prompts(self) -> PromptSet:
        """The prompts that can be shown: a box in the photo is no box on the map."""
        prompts = self._session.prompts
        return prompts.with_box(None) if self.photo_grid else prompts

    def set_box(self, box: Box | None) -> None:
        """Set or remove the box, unless the map shows a photo's terrain."""
        if self.photo_grid:
            self.say(tr("Click on the map, or draw the box in the photo."))
        else:
            self._session.set_box(box)
