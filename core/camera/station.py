"""Station: what the views of a camera that pans, tilts and zooms share, as ``station.json``."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CameraError, write_errors
from ..files import write_text
from ..json_files import MALFORMED, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .ray_casting import Floats

SHARED = ("x", "y", "z", "", "", "", "f_widths", "k1", "cx_widths", "cy_widths")
"""Names of shared parameters, at their places: metres, and widths of the photo."""

_FORMAT = "avalanche-iseg station 1"
_LARGEST_FILE = 16 << 20  # bytes


@dataclass(frozen=True)
class Station:
    """What the views of a station share, and how well it is known.

    Attributes
    ----------
    epsg
        Projected CRS.
    values
        By the names of `SHARED`: the position, and of a shared lens what is shared.
    covariance_parameters, covariance
        Of `values`, and of the angles (and focal length) of each view: ``left: yaw_deg``.
    views
        Camera file of each view by its name.
    name
        Of the station.
    """

    epsg: int
    values: Mapping[str, float]
    covariance_parameters: Sequence[str]
    covariance: Sequence[Sequence[float]]
    views: Mapping[str, str]
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the station as JSON; keys and units are a published format."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "epsg": self.epsg,
            **self.values,
            "views": [{"name": name, "camera": file} for name, file in self.views.items()],
            "covariance_parameters": list(self.covariance_parameters),
            "covariance": [list(row) for row in self.covariance],
        }

    @classmethod
    def read(cls, path: str | Path) -> Station:
        """Read a station file; raise `CameraError` if it cannot be read, or holds none."""
        try:
            content = read_json(path, _LARGEST_FILE)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise CameraError(f"The station {path} cannot be read: {reason}.") from error
        try:
            return cls._from_json(content)
        except MALFORMED as error:
            raise CameraError(
                f"{path} is no station that can be used ({error}). Stations are made by "
                "`python -m core camera station`."
            ) from error

    @classmethod
    def _from_json(cls, content: Mapping[str, Any]) -> Station:
        if content["format"] != _FORMAT:
            raise ValueError(f"its format is {content['format']!r}, not {_FORMAT!r}")
        values = {name: float(content[name]) for name in SHARED if name and name in content}
        names = [str(name) for name in content["covariance_parameters"]]
        matrix = np.array(content["covariance"], np.float64)
        if not set(SHARED[:3]) <= set(values) or not set(values) <= set(names):
            raise ValueError("its position or the covariance of its position is missing")
        if matrix.shape != (len(names), len(names)) or not np.isfinite(matrix).all():
            raise ValueError("its covariance is not as many finite rows and columns as parameters")
        if not all(map(math.isfinite, values.values())) or values.get("f_widths", 1.0) <= 0:
            raise ValueError("it has a number that cannot be")
        if np.linalg.eigvalsh((matrix + matrix.T) / 2).min() < -1e-9 * np.abs(matrix).max():
            raise ValueError("its covariance is none")
        views = {str(view["name"]): str(view["camera"]) for view in content["views"]}
        epsg = int(content["epsg"])
        return cls(epsg, values, names, matrix.tolist(), views, str(content.get("name") or ""))

    def write(self, path: str | Path) -> None:
        """Write a station file atomically; raise `CameraError` if that fails."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with write_errors(f"The station {path}", CameraError):
            write_text(path, text)


def is_station(path: str | Path) -> bool:
    """Return whether a file says that it is a station."""
    try:
        content = read_json(path, _LARGEST_FILE)
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == _FORMAT


def shared_covariance(station: Station) -> Floats:
    """Return the covariance of `Station.values`."""
    places = [list(station.covariance_parameters).index(name) for name in station.values]
    return np.asarray(np.array(station.covariance)[np.ix_(places, places)])
