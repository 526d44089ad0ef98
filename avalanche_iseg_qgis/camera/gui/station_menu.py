"""The menu *Station*: which photos of a camera that pans, tilts and zooms are solved together."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QObject

from ...core.errors import CameraError
from ...i18n import tr

if TYPE_CHECKING:
    from qgis.PyQt.QtWidgets import QMenu

    from ...messages import Messages
    from ..pose_session import PoseSession


class StationMenu(QObject):
    """Fills the menu whenever it is opened: the other photos of the project that have points."""

    def __init__(
        self, menu: QMenu, session: PoseSession, messages: Messages, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._menu, self._session, self._messages = menu, session, messages
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)

    def _fill(self) -> None:
        self._menu.clear()
        draft, others = self._session.draft, self._session.photos_with_points()
        for other in others:
            text = tr("{} ({} points)").format(Path(other.photo).name, len(other.gcps))
            action = self._menu.addAction(text)
            action.setToolTip(other.photo)
            action.setCheckable(True)
            action.setChecked(bool(draft.station) and other.station == draft.station)
            action.toggled.connect(partial(self._join, other.photo))
        if not others:
            text = tr("No other photo of the project has points on the map yet")
            self._menu.addAction(text).setEnabled(False)
        self._menu.addSeparator()
        zooms = self._menu.addAction(tr("The camera zooms: each photo has its own focal length"))
        zooms.setCheckable(True)
        zooms.setChecked(draft.zooms)
        zooms.toggled.connect(lambda checked: self._session.change(zooms=checked))

    def _join(self, photo: str, joined: bool) -> None:
        try:
            self._session.join_station(photo, joined=joined)
        except CameraError as error:
            self._messages.warn(str(error))
