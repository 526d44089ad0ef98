"""Reading of polygons from vector files, and reprojection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import IsegError

if TYPE_CHECKING:
    from shapely import MultiPolygon, Polygon
    from shapely.geometry.base import BaseGeometry

_LAYER = "avalanches"  # taken where a file has several


class Feature(NamedTuple):
    """Polygon with its attributes; ``fid`` is its number in the file."""

    fid: int
    polygon: Polygon | MultiPolygon
    properties: dict[str, Any]


def read_polygons(path: Path) -> tuple[list[Feature], str | None]:
    """Read the polygons of a vector file, of the layer ``avalanches`` or else the first.

    Return them in the file's coordinates, and their CRS as named by GDAL, None if unknown.

    Raises
    ------
    IsegError
        If the file cannot be read, or holds no polygons.
    """
    import shapely
    from pyogrio import list_layers
    from pyogrio.errors import DataLayerError, DataSourceError
    from pyogrio.raw import read

    if not path.is_file() and not path.is_dir():
        raise IsegError(f"{path} cannot be read: there is no such file. Check the name.")
    try:
        names = [str(name) for name, kind in list_layers(path) if kind is not None]
        layer = _LAYER if _LAYER in names or not names else names[0]
        meta, fids, shapes, columns = read(
            path, layer=layer, return_fids=True, datetime_as_string=True
        )
    except (DataSourceError, DataLayerError) as error:
        raise IsegError(f"{path} cannot be read as outlines: {error}") from error
    features = [
        Feature(int(fid), shapely.make_valid(shape), _properties(meta["fields"], columns, row))
        for row, (fid, shape) in enumerate(zip(fids, shapely.from_wkb(shapes), strict=True))
        if shape is not None and shape.geom_type in ("Polygon", "MultiPolygon")
    ]
    if not features:
        raise IsegError(f"{path} holds no polygons (layer {layer}).")
    return features, meta["crs"]


def reproject(shape: BaseGeometry, source: str | int, target: str | int) -> Any:  # noqa: ANN401
    """Transform a geometry from one CRS to another (WKT, authority code or EPSG number)."""
    import numpy as np
    import shapely
    from pyproj import CRS, Transformer

    if CRS.from_user_input(source) == CRS.from_user_input(target):
        return shape
    transformer = Transformer.from_crs(source, target, always_xy=True)
    return shapely.transform(
        shape, lambda xy: np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)
    )


def _properties(names: Any, columns: Any, row: int) -> dict[str, Any]:  # noqa: ANN401
    return {
        str(name): values[row].item() if hasattr(values[row], "item") else values[row]
        for name, values in zip(names, columns, strict=True)
    }
