"""Opens the demo photo that comes with the plugin, to try it without a picture of one's own."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication, QgsMapLayer, QgsRasterLayer
from qgis.gui import QgisInterface

from ..core.errors import IsegError
from ..core.files import normal_path, write_bytes
from ..features.stacking import add_image
from ..i18n import tr
from ..layers.kinds import file_of, raster_layers

NAME = "demo_20240115_1030.jpg"
_SHIPPED = Path("resources", "demo", NAME)


def open_demo(iface: QgisInterface) -> QgsMapLayer:
    """Return the layer of the demo photo, made if the project has none, and zoom to it.

    The photo is copied into the user's profile: avalanches are saved beside their image, and the
    plugin's own folder goes with its next version.

    Raises
    ------
    IsegError
        If it cannot be copied or opened.
    """
    path = Path(QgsApplication.qgisSettingsDirPath(), "avalanche_iseg", "demo", NAME)
    own = normal_path(str(path))
    layer = next((at for at in raster_layers() if normal_path(file_of(at)) == own), None)
    if layer is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file():
                write_bytes(path, _shipped().read_bytes())
        except OSError as error:
            text = tr("The demo photo cannot be copied to {}: {}. Make room or write access there.")
            raise IsegError(text.format(path, error.strerror or error)) from error
        layer = QgsRasterLayer(str(path), path.stem)
        if not layer.isValid():
            raise IsegError(tr("The demo photo {} cannot be opened.").format(path))
        add_image(layer)
    iface.setActiveLayer(layer)
    iface.zoomToActiveLayer()
    return layer


def _shipped() -> Path:
    """Return the file in the plugin, or in a checkout that the plugin is linked from."""
    plugin = Path(__file__).resolve().parents[1]
    return next(at for at in (plugin / _SHIPPED, plugin.parent / _SHIPPED) if at.is_file())
