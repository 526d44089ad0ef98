"""Writing of outlines and masks; files appear complete or not at all."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IsegError, write_errors
from ..files import write_bytes
from ..image import write_png
from .vector_files import encode_vectors, open_vectors

if TYPE_CHECKING:
    from shapely import MultiPolygon

OUTLINE_DRIVERS: Mapping[str, str] = {".geojson": "GeoJSON", ".gpkg": "GPKG"}
MASK_SUFFIXES = (".png", ".tif", ".tiff")

LAYER = "avalanches"

# GDAL maps this name to GeoPackage's "undefined cartesian" system (srs_id -1).
NO_CRS = 'LOCAL_CS["Undefined Cartesian SRS"]'

Attribute = str | int | float | bool | None

UNREFERENCED = "no CRS: pixels (x, -y) of a plain picture, or map units of an unknown CRS"


def check_output_path(
    path: Path,
    suffixes: Collection[str] = (*OUTLINE_DRIVERS, *MASK_SUFFIXES),
    layers: Collection[str] = (LAYER,),
) -> None:
    """Raise an IsegError if `path` has a wrong suffix, no folder, is in use, or has other layers.

    Other than ``layers``, which are written anew. Cheap: call it before long work, too.
    """
    if path.suffix.lower() not in suffixes:
        raise IsegError(f"{path}: files of this kind cannot be written. Use {', '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise IsegError(f"{path} cannot be written: make the folder {path.parent} first.")
    # SQLite would apply the journal of an open GeoPackage to the new file and spoil it.
    for journal in (path.with_name(path.name + end) for end in ("-wal", "-journal")):
        if journal.exists():
            raise IsegError(
                f"{path} is open in another program ({journal.name} lies beside it): close its "
                "layers there, in QGIS for instance, or choose another file name."
            )
    if path.suffix.lower() == ".gpkg" and path.is_file():
        _check_other_layers(path, layers)


def write_outline(
    path: str | Path,
    geometry: MultiPolygon,
    *,
    crs_wkt: str | None,
    properties: Mapping[str, Attribute],
) -> None:
    """Write one outline as one feature; see `write_outlines`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from core.outline import mask_to_polygons, pixel_to_map, write_outline
    >>> outline = pixel_to_map(mask_to_polygons(np.ones((4, 5), bool)), transform=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "avalanche.geojson")
    ...     write_outline(path, outline, crs_wkt=None, properties={"image": "a.jpg"})
    ...     path.stat().st_size > 0
    True
    """
    write_outlines(path, [(geometry, properties)], crs_wkt=crs_wkt)


def write_outlines(
    path: str | Path,
    features: Sequence[tuple[MultiPolygon, Mapping[str, Attribute]]],
    *,
    crs_wkt: str | None,
) -> None:
    """Write outlines as features, replacing the file.

    Parameters
    ----------
    path
        ``.geojson``: RFC 7946, longitude and latitude in WGS 84 (7 decimals, about 1 cm);
        without a CRS plain coordinates, noted in a property ``coordinates``.
        ``.gpkg``: layer ``avalanches`` in the given CRS; without one, undefined cartesian.
    features
        One or more geometries in map coordinates (see `pixel_to_map`) with their attributes, which
        have the same names in each.
    crs_wkt
        CRS of the geometries, or None.

    Raises
    ------
    IsegError
        If the suffix is unknown, or the file cannot be written.
    """
    import shapely

    path = Path(path)
    check_output_path(path, OUTLINE_DRIVERS)
    driver = OUTLINE_DRIVERS[path.suffix.lower()]
    options = {}
    attributes = {name: [values[name] for _, values in features] for name in features[0][1]}
    if driver == "GeoJSON" and crs_wkt:
        options["RFC7946"] = "YES"
    elif driver == "GeoJSON":
        attributes["coordinates"] = [UNREFERENCED] * len(features)
    oriented = [shapely.orient_polygons(geometry) for geometry, _ in features]
    with write_errors(path):
        content = encode_vectors(
            [shapely.to_wkb(geometry) for geometry in oriented],
            {name: _column(values) for name, values in attributes.items()},
            crs=crs_wkt or NO_CRS,
            driver=driver,
            layer=LAYER,
            layer_options=options,
        )
        write_bytes(path, content)


def _check_other_layers(path: Path, layers: Collection[str]) -> None:
    """Raise an IsegError if a GeoPackage has other layers, which would be lost."""
    try:
        with open_vectors(path) as file:
            others = [name for name in file.layer_names() if name not in layers]
    except IsegError:
        return  # no GeoPackage after all
    if others:
        raise IsegError(
            f"{path} holds other layers ({', '.join(others)}), which would be lost. Choose a new "
            "file."
        )


def write_mask(
    path: str | Path,
    mask: NDArray[np.bool_],
    *,
    transform: Sequence[float] | None,
    crs_wkt: str | None,
) -> None:
    """Write a mask as 0 and 255, 8 bit: ``.png``, or ``.tif`` with the image's georeference.

    Parameters
    ----------
    path
        Its suffix chooses the format; an existing file is replaced.
    mask
        (H, W) bool.
    transform, crs_wkt
        Georeference of the image (see `pixel_to_map`), for ``.tif`` only; None without one.

    Raises
    ------
    IsegError
        If the suffix is unknown, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from core import write_mask
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_mask(Path(folder, "a.png"), np.eye(3) > 0, transform=None, crs_wkt=None)
    ...     Path(folder, "a.png").is_file()
    True
    """
    path = Path(path)
    check_output_path(path, MASK_SUFFIXES)
    values = np.where(mask, np.uint8(255), np.uint8(0))
    if path.suffix.lower() == ".png":
        write_png(path, values)
        return
    write_tif(path, values[None], transform, crs_wkt, driver="GTiff")


def write_tif(
    path: Path,
    bands: NDArray[np.uint8],
    transform: Sequence[float] | None,
    crs: str | None,
    colours: Sequence[str] = (),
    **options: str,
) -> None:
    """Write (B, H, W) bands by a driver of GDAL, atomically; name what they are as `colours`.

    Encoded in memory: on a full disk, GDAL may truncate files without an error. Raises IsegError
    if it cannot be written.
    """
    from affine import Affine
    from rasterio.enums import ColorInterp
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    count, height, width = bands.shape
    size = {"count": count, "height": height, "width": width}
    affine = None if transform is None else Affine(*tuple(transform)[:6])
    with warnings.catch_warnings(), MemoryFile() as file:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with file.open(
            dtype="uint8", transform=affine, crs=crs, compress="deflate", **size, **options
        ) as target:
            target.write(bands)
            if colours:
                target.colorinterp = [ColorInterp[name] for name in colours]
        content = bytes(file.getbuffer())
    with write_errors(path):
        write_bytes(path, content)


def _column(values: Sequence[Attribute]) -> NDArray[Any]:
    """Convert the values of an attribute to a column for pyogrio."""
    plain = all(isinstance(value, (bool, int, float)) for value in values)
    return np.array(values, dtype=None if plain else object)
