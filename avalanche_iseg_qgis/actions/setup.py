"""Opens the windows *Set up segmentation* and *Models*, and says in the panel what is wanted."""

from __future__ import annotations

from collections.abc import Callable

from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject

from .. import settings
from ..environment.profile import profile_state
from ..gui.models_dialog import ModelsDialog
from ..gui.options import PAGE
from ..gui.segment_dock import SegmentDock
from ..gui.setup_dialog import SetupDialog
from ..models.catalogue import usable
from ..worker.segmentation_client import SegmentationClient


class SetupActions(QObject):
    """What can be done about the environment and the models of the segmentation."""

    def __init__(
        self,
        iface: QgisInterface,
        dock: SegmentDock,
        client: SegmentationClient,
        restart: Callable[[], None],
        parent: QObject,
    ) -> None:
        """Connect the panel; ``restart`` starts the workers as the settings are."""
        super().__init__(parent)
        self._iface, self._dock, self._client = iface, dock, client
        self._restart = restart
        self._shown: tuple[bool, str] | None = None  # whether it works, and with which Python
        self.setup_dialog: SetupDialog | None = None
        self.models_dialog: ModelsDialog | None = None
        dock.notice.setup_requested.connect(self.open_setup)
        dock.notice.options_requested.connect(self.open_options)
        dock.models.clicked.connect(lambda _=False: self.open_models())
        client.state_changed.connect(self._refresh)

    def open_setup(self) -> SetupDialog:
        """Show the window in which the environment is made."""
        if self.setup_dialog is None:
            dialog = self.setup_dialog = SetupDialog(self._iface.mainWindow())
            dialog.interpreter_changed.connect(self._restart)
            dialog.finished.connect(self._on_setup_closed)
        self.setup_dialog.show()
        self.setup_dialog.raise_()
        return self.setup_dialog

    def open_options(self) -> None:
        """Show the plugin's page of QGIS's options."""
        self._iface.showOptionsDialog(self._iface.mainWindow(), PAGE)

    def open_models(self) -> ModelsDialog:
        """Show the window in which models are downloaded and chosen."""
        if self.models_dialog is None:
            dialog = self.models_dialog = ModelsDialog(self._iface.mainWindow())
            dialog.model_chosen.connect(self._restart)
            dialog.models_changed.connect(self._show_models)
        self.models_dialog.refresh()
        self.models_dialog.show()
        self.models_dialog.raise_()
        return self.models_dialog

    def close(self) -> None:
        """Leave no window and no process behind."""
        for dialog in (self.setup_dialog, self.models_dialog):
            if dialog is not None:
                dialog.end()
                dialog.deleteLater()

    def _refresh(self) -> None:
        works = not self._client.needs_interpreter
        now = works, settings.INTERPRETER.get()
        if now != self._shown:  # the disk is not asked at each click
            self._shown = now
            self._dock.notice.show_state(profile_state(), works=works)
        if not works:
            self._dock.restart.hide()

    def _show_models(self) -> None:
        self._dock.show_models(usable(settings.MODEL.get()), settings.MODEL.get())

    def _on_setup_closed(self, _result: int) -> None:
        """Drop the window: it looks for Pythons each time that it opens."""
        if self.setup_dialog is not None:
            self.setup_dialog.deleteLater()
            self.setup_dialog = None
        self._shown = None
        self._refresh()
