"""The plugin's entry point: its menu and toolbar actions, and its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qgis.core import QgsApplication
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices, QIcon

from . import settings
from .compat import QAction
from .gui.options import OptionsFactory
from .i18n import tr, use_language
from .messages import HELP, ICON, TITLE

if TYPE_CHECKING:
    from .controller import PluginController
    from .processing.provider import IsegProvider


SHORTCUT = "Ctrl+Shift+K"
"""Of *Map avalanches*, until the user chooses another one in QGIS's keyboard shortcuts."""


class Plugin:
    """Plugin object, made when QGIS starts; everything but its actions is made at the first use."""

    def __init__(self, iface: QgisInterface) -> None:
        use_language(QgsApplication.locale())
        self._iface = iface
        self._actions: list[QAction] = []
        self._options: OptionsFactory | None = None
        self._provider: IsegProvider | None = None
        self.controller: PluginController | None = None

    def initProcessing(self) -> None:  # noqa: N802
        """Add the algorithms; called by ``qgis_process``, where there is no interface."""
        from .processing.provider import IsegProvider

        self._provider = IsegProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:  # noqa: N802
        """Add the algorithms, the actions and the page of options; called by QGIS."""
        self.initProcessing()
        camera = QgsApplication.getThemeIcon("/mIconCamera.svg")
        main = self._add(tr("Map avalanches"), self.open, QIcon(ICON))
        main.setObjectName("AvalancheISegOpen")
        self._iface.registerMainWindowAction(main, SHORTCUT)
        self._add(tr("Georeference a webcam photo"), self.open_camera, camera)
        self._add(tr("Look through a series of photos"), lambda: self.open().open_series())
        self._add(tr("Export mask of this image…"), lambda: self.open().export_actions.mask())
        self._add(tr("Export label image…"), lambda: self.open().export_actions.labels())
        self._add(tr("Export one mask per avalanche…"), lambda: self.open().export_actions.each())
        self._add(tr("Export times and clicks (CSV)…"), lambda: self.open().export_actions.times())
        self._options = OptionsFactory(self._on_options)
        self._iface.registerOptionsWidgetFactory(self._options)
        self._iface.initializationCompleted.connect(self._open_again)
        self._help = QAction(QIcon(ICON), TITLE, self._iface.mainWindow())
        self._help.triggered.connect(lambda _=False: QDesktopServices.openUrl(QUrl(HELP)))
        self._iface.pluginHelpMenu().addAction(self._help)

    def unload(self) -> None:
        """Remove everything; called by QGIS."""
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
        if self._iface is None:
            return
        self._iface.initializationCompleted.disconnect(self._open_again)
        self._iface.pluginHelpMenu().removeAction(self._help)
        if self.controller is not None:
            self.controller.close()
            self.controller = None
        self._iface.unregisterMainWindowAction(self._actions[0])
        for action in self._actions:
            self._iface.removePluginRasterMenu(TITLE, action)
            self._iface.removeToolBarIcon(action)
            action.deleteLater()
        self._actions.clear()
        if self._options is not None:
            self._iface.unregisterOptionsWidgetFactory(self._options)
            self._options = None

    def open(self, *, take_tool: bool = True) -> PluginController:
        """Show the panels, activate the map tool, and return the controller."""
        if self.controller is None:
            from .controller import PluginController

            self.controller = PluginController(self._iface)
        self.controller.open(take_tool=take_tool)
        return self.controller

    def open_camera(self) -> None:
        """Show the panels for georeferencing a photo."""
        self.open().open_camera()

    def _open_again(self) -> None:
        """Open the panels if they were open in the QGIS before this one, or it left work behind."""
        from .actions.recovery import recovery_files

        files = recovery_files()
        orphans, damaged = files.orphans()
        files.close()
        if orphans or damaged or settings.PANELS_OPEN.get():
            self.open(take_tool=False)

    def _add(self, text: str, callback: Callable[[], object], icon: QIcon | None = None) -> QAction:
        """Add an action to the menu, and with an icon of its own to the toolbar."""
        action = QAction(icon or QIcon(ICON), text, self._iface.mainWindow())
        action.triggered.connect(lambda _=False: callback())
        self._iface.addPluginToRasterMenu(TITLE, action)
        if icon is not None:
            self._iface.addToolBarIcon(action)
        self._actions.append(action)
        return action

    def _on_options(self) -> None:
        if self.controller is not None:
            self.controller.configure_worker()
