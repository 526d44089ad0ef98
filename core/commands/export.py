"""`python -m core export ...`: mapped avalanches in the forms of other programs.

The command lines are a contract: options keep their names and meanings.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import arguments
from ..errors import ImageError, IsegError, write_errors
from ..exchange.activity import activity_csv, activity_rows
from ..exchange.avalanche import AvalancheRecord
from ..exchange.awsome import awsome_observations
from ..exchange.coco import AnnotatedImage, coco_content
from ..exchange.geojson import geojson_content
from ..exchange.images import ImageFiles
from ..exchange.release import FIELDS, ReleaseArea, release_areas
from ..files import write_text
from ..outline.vector_files import open_vectors
from ..series import SeriesStore
from ..series.activity import observed_days
from .camera import common
from .camera.features import Feature, read_polygons, reproject

if TYPE_CHECKING:
    from shapely import MultiPolygon

MAP, PIXELS = "avalanches", "avalanches_pixels"
_WGS84 = "EPSG:4326"

Table = tuple[list[Feature], str | None]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its subcommands to the parser of `core.commands`."""
    parser = subparsers.add_parser(
        "export",
        help="mapped avalanches as COCO, GeoJSON, AvaFrame release areas, AWSOME, table",
        description="Write mapped avalanches in the forms of other programs.",
    )
    forms = parser.add_subparsers(required=True, metavar="FORM")
    coco = _new_form(forms, "coco", export_coco, "COCO annotations, parts and holes kept", ".json")
    coco.add_argument(
        "--images",
        metavar="FOLDER",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        help="where images are that are no longer where they were mapped (default: beside FILE)",
    )
    geojson = _new_form(forms, "geojson", export_geojson, "GeoJSON with prompts", ".geojson")
    common.add_layer_option(geojson)
    release = _new_form(
        forms, "avaframe", export_release, "release areas for AvaFrame", ".shp", ".gpkg"
    )
    common.add_layer_option(release)
    release.add_argument(
        "--dem",
        metavar="DEM",
        type=Path,
        required=True,
        help="raster of the simulation, whose CRS the release areas get",
    )
    release.add_argument(
        "--thickness",
        metavar="M",
        type=arguments.positive,
        help="where no fracture depth is known, metres (default: left open)",
    )
    release.add_argument(
        "--all-parts",
        action="store_true",
        help='take every outline, not only those whose part is "release"',
    )
    awsome = _new_form(forms, "awsome", export_awsome, "observations for AWSOME", ".json")
    common.add_layer_option(awsome)
    table = _new_form(forms, "csv", export_table, "table of avalanches by day and camera", ".csv")
    table.add_argument(
        "--series",
        metavar="NAME.series",
        type=Path,
        help="add the days on which its cameras showed no avalanche, or nothing could be seen",
    )


def _new_form(
    forms: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], None],
    summary: str,
    *suffixes: str,
) -> argparse.ArgumentParser:
    parser = common.new_parser(forms, name, run, summary)
    parser.add_argument(
        "outlines", metavar="FILE", type=Path, help="GeoPackage of the plugin, or another layer"
    )
    common.add_out_option(parser, f"FILE{'|'.join(suffixes)}", summary)
    parser.set_defaults(suffixes=suffixes)
    return parser


# --- forms --------------------------------------------------------------------------------------


def export_coco(args: argparse.Namespace) -> None:
    """Write COCO annotations of the photos and rasters that were mapped in."""
    _check(args)
    files = ImageFiles([*args.images, args.outlines.parent])
    found: dict[Path, AnnotatedImage] = {}
    count = 0
    for avalanche, crs in read_avalanches(args.outlines):
        try:
            path = files.find(avalanche)
            count += _annotate(found, path, avalanche, crs)
        except IsegError as error:  # noqa: PERF203
            common.warn(f"{avalanche.name or 'an outline'} is left out. {error}")
    if not found:
        raise ImageError(
            f"None of the images of {args.outlines} is there: name their folder with --images."
        )
    text = json.dumps(coco_content(list(found.values())), ensure_ascii=False, allow_nan=False)
    with write_errors(args.out):
        write_text(args.out, text + "\n")
    _report(args, f"{count} avalanches in {len(found)} images")


def export_geojson(args: argparse.Namespace) -> None:
    """Write GeoJSON in longitude and latitude, or in pixels of photos."""
    _check(args)
    features, crs = read_polygons(args.outlines, args.layer)
    in_pixels = _is_local(crs)
    avalanches = _mapped(features, None if in_pixels else crs, _WGS84)
    content = geojson_content(avalanches, in_pixels=in_pixels)
    with write_errors(args.out):
        write_text(args.out, json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
    _report(args, f"{len(avalanches)} avalanches{' in pixels' if in_pixels else ''}")


def export_release(args: argparse.Namespace) -> None:
    """Write release areas in the CRS of the simulation's DEM."""
    from ..raster_files import opened_raster

    _check(args, [args.dem])
    features, crs = _read_on_map(args)
    with opened_raster(args.dem) as dem:
        target = dem.crs.to_wkt() if dem.crs else ""
    if not target:
        raise IsegError(f"{args.dem} has no CRS: give it one, e.g. gdal_edit -a_srs EPSG:2056.")
    areas, warnings = release_areas(
        _mapped(features, crs, target),
        thickness=args.thickness,
        whole_avalanches=args.all_parts,
    )
    if not areas:
        raise IsegError(
            f"{args.outlines} has no outlines of release areas: set their attribute part to "
            "release, or take all with --all-parts."
        )
    for text in warnings:
        common.warn(text)
    _write_areas(args.out, areas, target)
    _report(args, f"{len(areas)} release areas")


def export_awsome(args: argparse.Namespace) -> None:
    """Write observations as JSON."""
    _check(args)
    features, crs = _read_on_map(args)
    content = awsome_observations(_mapped(features, crs, _WGS84))
    with write_errors(args.out):
        write_text(args.out, json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")
    _report(args, f"{len(content)} observations")


def export_table(args: argparse.Namespace) -> None:
    """Write the table of days and cameras."""
    _check(args)
    days = observed_days(SeriesStore.open(args.series)) if args.series else ()
    found = read_avalanches(args.outlines, map_first=True, may_be_empty=bool(days))
    rows = activity_rows([avalanche for avalanche, _ in found], *days)
    with write_errors(args.out):
        write_text(args.out, activity_csv(rows))
    _report(args, f"{len(rows)} days and cameras")


# --- reading ------------------------------------------------------------------------------------


def _check(args: argparse.Namespace, inputs: Sequence[Path] = ()) -> None:
    common.check_out(args.out, args.suffixes, [args.outlines, *inputs])


def _read_on_map(args: argparse.Namespace) -> tuple[list[Feature], str]:
    """Read outlines that lie on the map."""
    features, crs = read_polygons(args.outlines, args.layer)
    if crs is None or _is_local(crs):
        raise IsegError(
            f"The outlines of {args.outlines} are in pixels of photos: pose the camera and bring "
            "them to the map first, or choose another layer with --layer."
        )
    return features, crs


def read_avalanches(
    path: Path, *, map_first: bool = False, may_be_empty: bool = False
) -> list[tuple[AvalancheRecord, str | None]]:
    """Return each avalanche once, with the CRS of its points: None for pixels, x and -y.

    A posed photo's avalanche is in both tables: the outline in pixels is taken, or the other one.
    """
    with open_vectors(path) as file:
        names = [info.name for info in file.layers()]
    order = (MAP, PIXELS) if map_first else (PIXELS, MAP)
    layers: list[str | None] = [name for name in order if name in names]
    found: dict[str, tuple[AvalancheRecord, str | None]] = {}
    for layer in layers or [None]:
        try:
            features, crs = read_polygons(path, layer)
        except IsegError:
            if layer is None or (len(layers) == 1 and not may_be_empty):
                raise
            continue  # an empty table
        crs = None if _is_local(crs) else crs
        for avalanche in _mapped(features, None, ""):
            found.setdefault(avalanche.name or f"{layer} {len(found)}", (avalanche, crs))
    return list(found.values())


def _is_local(crs: str | None) -> bool:
    return crs is None or "Undefined" in crs


def _mapped(features: Sequence[Feature], crs: str | None, target: str) -> list[AvalancheRecord]:
    """Return avalanches in another CRS, unchanged without a CRS of their own; no rejected ones."""
    mapped = (
        AvalancheRecord(
            _parts(feature.polygon if crs is None else reproject(feature.polygon, crs, target)),
            feature.properties,
        )
        for feature in features
    )
    return [avalanche for avalanche in mapped if not avalanche.is_rejected]


def _parts(polygon: MultiPolygon) -> list[list[NDArray[np.float64]]]:
    return [
        [np.asarray(ring.coords, np.float64)[:, :2] for ring in (part.exterior, *part.interiors)]
        for part in polygon.geoms
    ]


def _annotate(
    found: dict[Path, AnnotatedImage], path: Path, avalanche: AvalancheRecord, crs: str | None
) -> int:
    """Add an avalanche to its image, in pixels; return 1."""
    inside, size = in_stored_pixels(path, avalanche, crs)
    known = found.setdefault(path, AnnotatedImage(path.name, *size, []))
    found[path] = AnnotatedImage(path.name, *size, [*known.avalanches, inside])
    return 1


def in_stored_pixels(
    path: Path, avalanche: AvalancheRecord, crs: str | None
) -> tuple[AvalancheRecord, tuple[int, int]]:
    """Return an avalanche of `read_avalanches` in its image, and the (width, height) of that.

    In pixels of the image as stored, x to the right, y down.

    Raises
    ------
    ImageError
        If the image has no place on the map, but the outline has.
    """
    from ..raster_files import opened_raster, placement

    with opened_raster(path) as source:
        size = source.width, source.height
        transform, image_crs, _ = placement(source)
    if crs is None:
        return avalanche.moved(lambda xy: xy * (1, -1)), size
    if transform is None or image_crs is None:
        raise ImageError(f"{path} has no place on the map, but the outline has.")
    a, b, c, d, e, f = transform[:6]
    to_pixels = np.linalg.inv(np.array([[a, b], [d, e]]))
    moved = avalanche.moved(lambda xy: (_reprojected(xy, crs, image_crs) - (c, f)) @ to_pixels.T)
    return moved, size


def _reprojected(xy: NDArray[np.float64], crs: str, target: str) -> NDArray[np.float64]:
    import shapely

    line: Any = reproject(shapely.LineString(xy), crs, target)
    return np.asarray(line.coords, np.float64)


# --- writing ------------------------------------------------------------------------------------


def _write_areas(path: Path, areas: Sequence[ReleaseArea], crs: str) -> None:
    """Write release areas; a shapefile with the files that belong to it."""
    import shapely

    from ..outline.vector_files import write_polygons

    fields = {
        name: np.array(
            [_empty(area.values[name], kind) for area in areas],
            np.float64 if kind is float else object,
        )
        for name, kind in FIELDS.items()
    }
    polygons = [shapely.to_wkb(shapely.Polygon(area.ring)) for area in areas]
    driver = "ESRI Shapefile" if path.suffix.lower() == ".shp" else "GPKG"
    with write_errors(path):
        write_polygons(path, polygons, fields, crs=crs, driver=driver)


def _empty(value: Any, kind: type) -> Any:  # noqa: ANN401
    return float("nan") if value is None and kind is float else value


def _report(args: argparse.Namespace, text: str) -> None:
    print(text, file=sys.stdout)
    print(f"wrote {args.out}")
