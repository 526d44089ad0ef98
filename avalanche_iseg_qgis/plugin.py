"""The plugin as QGIS sees it: adds its actions, opens when asked to, and leaves nothing behind."""

from __future__ import annotations

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtGui import QIcon

from .compat import QAction
from .gui.options import ICON, OptionsFactory
from .i18n import set_translator, tr

_MENU = "Avalanche ISeg"


class Plugin:
    """Made by QGIS at its start; all but the actions is made when it is first used."""

    def __init__(self, iface) -> None:
        set_translator(lambda text: QCoreApplication.translate("AvalancheISeg", text))
        self._iface = iface
        self._actions: list[QAction] = []
        self._options: OptionsFactory | None = None
        self.controller = None

    def initGui(self) -> None:  # noqa: N802
        """Add the actions and the page of options; called by QGIS."""
        self._add(tr("Map avalanches"), self.open, toolbar=True)
        camera = QgsApplication.getThemeIcon("/mIconCamera.svg")
        self._add(tr("Pose a photo's camera"), self.open_camera, toolbar=True, icon=camera)
        self._add(tr("Export mask of this image…"), lambda: self.open().export_actions.mask())
        self._add(tr("Export label image…"), lambda: self.open().export_actions.labels())
        self._add(tr("Export one mask per avalanche…"), lambda: self.open().export_actions.each())
        self._add(tr("Export times and clicks (CSV)…"), lambda: self.open().export_actions.times())
        self._options = OptionsFactory(self._on_options)
        self._iface.registerOptionsWidgetFactory(self._options)

    def unload(self) -> None:
        """Take everything away; called by QGIS."""
        if self.controller is not None:
            self.controller.close()
            self.controller = None
        for action in self._actions:
            self._iface.removePluginRasterMenu(_MENU, action)
            self._iface.removeToolBarIcon(action)
            action.deleteLater()
        self._actions.clear()
        if self._options is not None:
            self._iface.unregisterOptionsWidgetFactory(self._options)
            self._options = None

    def open(self):
        """Show the panels and take the tool in hand; returns what they belong to."""
        if self.controller is None:
            from .controller import PluginController

            self.controller = PluginController(self._iface)
        self.controller.open()
        return self.controller

    def open_camera(self) -> None:
        """Show the panels in which a photo is joined with the map."""
        self.open().open_camera()

    def _add(self, text: str, action, *, toolbar: bool = False, icon: QIcon | None = None) -> None:
        entry = QAction(icon or QIcon(ICON), text, self._iface.mainWindow())
        entry.triggered.connect(lambda _=False: action())
        self._iface.addPluginToRasterMenu(_MENU, entry)
        if toolbar:
            self._iface.addToolBarIcon(entry)
        self._actions.append(entry)

    def _on_options(self) -> None:
        if self.controller is not None:
            self.controller.configure_worker()
