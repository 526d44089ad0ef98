"""Map CRS: checks that one suits a camera, and its meridian convergence."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..errors import CameraError

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_SCALE_ERROR = 0.02  # of distances on the map, relative
_MARGIN = 3.0  # degrees around a CRS's area of use that still belong to it


def require_metres(epsg: int) -> None:
    """Refuse a CRS whose x and y are not metres on the ground.

    Raises
    ------
    CameraError
        If it is unknown, geographic, Web Mercator, or counts in feet.
    """
    crs = find_crs(epsg)
    if not crs.is_projected:
        held = "holds longitude and latitude, not metres" if crs.is_geographic else "is no map"
        raise CameraError(
            f"{crs_name(epsg)} {held}. Use a projected CRS: EPSG:2056 in Switzerland, or "
            "the UTM zone of the place."
        )
    if "pseudo-mercator" in crs.name.lower():
        raise CameraError(
            f"{crs_name(epsg)} stretches distances, by 1.45 in the Alps. Use a national "
            "grid such as EPSG:2056, or the UTM zone of the place."
        )
    axis = crs.axis_info[0]
    if abs(axis.unit_conversion_factor - 1) > 1e-9:
        raise CameraError(
            f"{crs_name(epsg)} counts in {axis.unit_name}, not in metres. Use a CRS in "
            "metres, such as the UTM zone of the place."
        )


def require_true_scale(epsg: int, x: float, y: float) -> None:
    """Refuse a CRS that stretches distances at a place by more than 2 %.

    Raises
    ------
    CameraError
        If it does, as outside of its area of use.
    """
    factors = _factors(epsg, x, y)
    scales = factors.meridional_scale, factors.parallel_scale
    worst = max(scales, key=lambda scale: abs(scale - 1))
    if not abs(worst - 1) < _MAX_SCALE_ERROR:
        raise CameraError(
            f"{crs_name(epsg)} stretches distances by {worst:.3f} at ({x:.0f}, "
            f"{y:.0f}). Use a CRS made for that place, and check that x and y belong to it."
        )


def convergence(epsg: int, x: float, y: float) -> float:
    """Return the meridian convergence: how far grid north lies clockwise of true north, degrees.

    ``grid azimuth = true azimuth - convergence``; in LV95 (EPSG:2056) +1.8 degrees at Davos.

    Raises
    ------
    CameraError
        If the CRS is not defined at the place.
    """
    return float(_factors(epsg, x, y).meridian_convergence)


def in_area_of_use(epsg: int, x: float, y: float) -> bool:
    """Return whether a place lies in the area of use of its CRS, or within 3 degrees of it."""
    area = find_crs(epsg).area_of_use
    if area is None:
        return True
    longitude, latitude = _to_degrees(epsg)(x, y)
    return bool(
        area.west - _MARGIN <= longitude <= area.east + _MARGIN
        and area.south - _MARGIN <= latitude <= area.north + _MARGIN
    )


def crs_name(epsg: int) -> str:
    """Return such as ``EPSG:2056 (CH1903+ / LV95)``."""
    return f"EPSG:{epsg} ({find_crs(epsg).name})"


@lru_cache(maxsize=16)
def find_crs(epsg: int) -> Any:  # noqa: ANN401 -- pyproj is imported late
    """Return the pyproj CRS of an EPSG code; raise `CameraError` if it is unknown."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_epsg(epsg)
    except CRSError as error:
        raise CameraError(
            f"EPSG:{epsg} is no known CRS. Look it up at epsg.io; EPSG:2056 is Switzerland's."
        ) from error


@lru_cache(maxsize=16)
def _to_degrees(epsg: int) -> Callable[[float, float], tuple[float, float]]:
    from pyproj import Transformer

    crs = find_crs(epsg)
    transformer = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    return transformer.transform  # type: ignore[no-any-return]


@lru_cache(maxsize=16)
def _projection(epsg: int) -> Any:  # noqa: ANN401 -- pyproj is imported late
    from pyproj import Proj

    return Proj(find_crs(epsg))


def _factors(epsg: int, x: float, y: float) -> Any:  # noqa: ANN401 -- pyproj is imported late
    from pyproj.exceptions import ProjError

    try:
        return _projection(epsg).get_factors(*_to_degrees(epsg)(x, y), errcheck=True)
    except ProjError as error:
        raise CameraError(
            f"({x:.1f}, {y:.1f}) is no place in {crs_name(epsg)}. Check that x and y are not "
            "exchanged and that the CRS is theirs."
        ) from error
