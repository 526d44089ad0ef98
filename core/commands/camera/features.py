"""Reading of polygons from vector files, and reprojection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import CameraError, IsegError
from ...outline.vector_files import VectorFile, VectorLayer, open_vectors
from ...outline.wkb import read_wkb_polygons
from . import common

if TYPE_CHECKING:
    from shapely import MultiPolygon
    from shapely.geometry.base import BaseGeometry

_LAYER = "avalanches"  # taken where a file has several


class Feature(NamedTuple):
    """Polygon with its attributes; ``fid`` is its number in the file."""

    fid: int
    polygon: MultiPolygon
    properties: dict[str, Any]


def read_polygons(path: Path, layer: str | None = None) -> tuple[list[Feature], str | None]:
    """Read the polygons of a vector file.

    Those in collections, TINs and surfaces are read too, and rings that are open are closed. A
    feature without a usable polygon is named in a warning.

    Parameters
    ----------
    path
        File or folder of any driver of GDAL.
    layer
        Its name; None takes ``avalanches``, or else the only layer that holds polygons.

    Returns
    -------
    list, str or None
        Features in the file's coordinates, and their CRS as named by GDAL, None if unknown.

    Raises
    ------
    IsegError
        If the file cannot be read, or holds no polygons, or several layers do.
    """
    with open_vectors(path) as file:
        names = _candidates(file, path, layer)
        found: dict[str, tuple[list[Feature], str | None]] = {}
        faults: list[str] = []
        for name in names:
            content = file.read(name)
            features = _polygons(content, name, faults)
            if content.unreadable:
                faults.append(
                    f"layer {name}: {', '.join(content.unreadable)} holds a value that cannot be "
                    "read; this attribute is left out."
                )
            if features:
                found[name] = features, content.crs
            if features and name == _LAYER:
                break
    for fault in faults:
        common.warn(f"{path}, {fault}")
    if not found:
        raise IsegError(f"{path} holds no polygons (layers {', '.join(names) or 'none'}).")
    if _LAYER in found:
        return found[_LAYER]
    if len(found) > 1:
        raise IsegError(
            f"{path} holds polygons in several layers ({', '.join(found)}): choose one with "
            "--layer NAME."
        )
    return next(iter(found.values()))


def reproject(shape: BaseGeometry, source: str | int, target: str | int) -> Any:  # noqa: ANN401
    """Transform a geometry from one CRS to another (WKT, authority code or EPSG number).

    Raises
    ------
    CameraError
        If the CRS cannot be transformed, or the geometry lies where the target CRS is not defined.
    """
    import shapely
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    try:
        if CRS.from_user_input(source) == CRS.from_user_input(target):
            return shape
        transformer = Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        raise CameraError(
            f"Its CRS cannot be brought into the other one ({error}): give the file a CRS of a map."
        ) from error
    moved = shapely.transform(
        shape, lambda xy: np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)
    )
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise CameraError("It lies where the other CRS is not defined: check the CRS of the file.")
    return moved


def _candidates(file: VectorFile, path: Path, layer: str | None) -> list[str]:
    """Return the names of the layers to look into, ``avalanches`` first."""
    layers = file.layers()
    if layer is None:
        names = [info.name for info in layers if info.areas]
        return sorted(names, key=lambda name: name != _LAYER)
    if layer not in [info.name for info in layers]:
        known = ", ".join(info.name for info in layers) or "none"
        raise IsegError(f"{path} has no layer {layer}; its layers: {known}.")
    return [layer]


def _polygons(content: VectorLayer, layer: str, faults: list[str]) -> list[Feature]:
    """Return the features with polygons; name in ``faults`` what is left out."""
    features = []
    for row, (fid, wkb) in enumerate(zip(content.fids, content.wkb, strict=True)):
        where = f"layer {layer}, feature {fid}"
        if wkb is None:
            faults.append(f"{where}: it has no geometry and is left out.")
            continue
        try:
            found = read_wkb_polygons(wkb)
            polygon = found.to_multipolygon()
        except ValueError as error:
            faults.append(f"{where}: {error}. It is left out: draw it again.")
            continue
        if found.flat:
            faults.append(
                f"{where}: {found.flat} of its polygons have fewer than three different points and "
                "are left out."
            )
        if found.others:
            kinds = " and ".join(sorted(found.others))
            faults.append(f"{where}: {kinds} in it cannot be an outline, and is left out.")
        if polygon.is_empty:
            if not found.flat and not found.others:
                faults.append(f"{where}: its polygon is empty and is left out.")
            continue
        values = {name: _plain(column[row]) for name, column in content.fields.items()}
        features.append(Feature(fid, polygon, values))
    return features


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return an attribute as a value for tables: lists as JSON, binary content as hexadecimal."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.item() if isinstance(value, np.generic) else value
