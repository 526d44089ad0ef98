"""Interactive segmentation of avalanches, and the way between photo and map; no Qt, no QGIS.

The names below are the public interface; each is imported when it is first used, so importing
this package loads nothing heavy. Only relative imports are used: the same code is the top-level
package ``core`` for scripts and a sub-package inside the QGIS plugin.

Examples
--------
>>> from core import Click, Predictor, Prompts, load_model, mask_to_polygons, read_image
>>> predictor = Predictor(load_model("default"))                    # doctest: +SKIP
>>> predictor.set_image(read_image("photo.jpg").pixels)              # doctest: +SKIP
>>> mask = predictor.predict(Prompts([Click(604, 812)])).mask(0.5)   # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import lazy_getattr
from .version import __version__

if TYPE_CHECKING:
    from .camera import Camera as Camera
    from .camera import CameraRecord as CameraRecord
    from .camera import ControlPoint as ControlPoint
    from .camera import PosePrior as PosePrior
    from .camera import read_gcps as read_gcps
    from .camera import register as register
    from .camera import solve_pose as solve_pose
    from .datasets import open_dataset as open_dataset
    from .engine import LoadedModel as LoadedModel
    from .engine import load_model as load_model
    from .errors import IsegError as IsegError
    from .image import Image as Image
    from .image import read_image as read_image
    from .metrics import iou as iou
    from .metrics import noc as noc
    from .outline import mask_to_polygons as mask_to_polygons
    from .outline import write_mask as write_mask
    from .outline import write_outline as write_outline
    from .predictor import Prediction as Prediction
    from .predictor import Predictor as Predictor
    from .predictor import PredictorOptions as PredictorOptions
    from .projection import Viewshed as Viewshed
    from .projection import compute_viewshed as compute_viewshed
    from .projection import drape as drape
    from .projection import mask_to_map as mask_to_map
    from .projection import polygon_to_mask as polygon_to_mask
    from .prompts import Box as Box
    from .prompts import Click as Click
    from .prompts import Prompts as Prompts
    from .prompts import Stroke as Stroke
    from .terrain import Terrain as Terrain
    from .terrain import open_dem as open_dem

_MODULES = {
    "camera": (
        "Camera",
        "CameraRecord",
        "ControlPoint",
        "PosePrior",
        "read_gcps",
        "register",
        "solve_pose",
    ),
    "datasets": ("open_dataset",),
    "engine": ("LoadedModel", "load_model"),
    "errors": ("IsegError",),
    "image": ("Image", "read_image"),
    "metrics": ("iou", "noc"),
    "outline": ("mask_to_polygons", "write_mask", "write_outline"),
    "predictor": ("Prediction", "Predictor", "PredictorOptions"),
    "projection": ("Viewshed", "compute_viewshed", "drape", "mask_to_map", "polygon_to_mask"),
    "prompts": ("Box", "Click", "Prompts", "Stroke"),
    "terrain": ("Terrain", "open_dem"),
}
__getattr__ = lazy_getattr(__name__, _MODULES)
__all__ = ["__version__", *sorted(name for names in _MODULES.values() for name in names)]


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
