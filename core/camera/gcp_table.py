"""Tables of ground control points: CSV with a header line.

Columns ``name,u_px,v_px,x,y,z`` and, optionally, ``use`` (1 or 0) and ``sigma_px``; z may be empty
where a DEM gives it. Separators are commas, semicolons or tabs; with the latter two, numbers may
have decimal commas, as in German, French and Italian spreadsheets.
"""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CameraError, write_errors
from ..files import write_text
from ..text_files import read_table
from .control_points import ControlPoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_REQUIRED = ("name", "u_px", "v_px", "x", "y")
_COLUMNS = (*_REQUIRED, "z", "use", "sigma_px")


def read_gcps(path: str | Path) -> list[ControlPoint]:
    """Read a table of ground control points.

    Parameters
    ----------
    path
        CSV file in UTF-8, Windows-1252 or UTF-16 (the latter two as written by Excel).

    Raises
    ------
    CameraError
        If the file cannot be read, lacks a column, or has an invalid line, which is named.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from core.camera import ControlPoint, read_gcps, write_gcps
    >>> with TemporaryDirectory() as folder:
    ...     write_gcps(folder + "/gcps.csv", [ControlPoint("church", 470, 243.5, 2725293, 1124990)])
    ...     read_gcps(folder + "/gcps.csv")[0].name
    'church'
    """
    path = Path(path)
    try:
        table = read_table(path, fallback="cp1252")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CameraError(f"The control points {path} cannot be read: {reason}.") from error
    names = table.columns
    _require_columns(names, path.name)
    points: list[ControlPoint] = []
    for line, cells in table.rows:
        where = f"{path.name}, line {line}"
        if len(cells) > len(names):
            raise CameraError(
                f"{where}: {len(cells)} values in {len(names)} columns. Write numbers with a "
                "decimal point (decimal commas need semicolons between the columns) and without "
                "separators between thousands."
            )
        values = dict(zip(names, cells))  # noqa: B905 -- Python 3.9
        if table.separator != ",":
            values.update({k: v.replace(",", ".") for k, v in values.items() if k != "name"})
        points.append(_parse_point(values, where))
    if not points:
        raise CameraError(f"{path.name} holds no control points.")
    return points


def is_own_table(text: str) -> bool:
    """Return whether text is a table that `read_gcps` reads, by its heading.

    A heading that Excel's line ``sep=`` precedes counts as one.
    """
    heading = next((line for line in text.splitlines() if line.strip()), "").lower()
    names = [name.strip().strip('"') for name in re.split("[,;\t]", heading)]
    return heading.strip().strip('"').startswith("sep=") or all(n in names for n in _REQUIRED)


def write_gcps(path: str | Path, points: Sequence[ControlPoint]) -> None:
    """Write a table that `read_gcps` reads; raise `CameraError` if that fails."""
    path, subject = Path(path), f"The control points {path}"
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for point in points:
        values = (point.u, point.v, point.x, point.y, point.z)
        cells = ["" if value is None else f"{value:.3f}" for value in values]
        rows.writerow([point.name, *cells, int(point.use), f"{point.sigma:g}"])
    with write_errors(subject, CameraError):
        table = text.getvalue()
        # Excel reads UTF-8 only by this mark; other programs are spared it where it says nothing.
        write_text(path, table if table.isascii() else f"\ufeff{table}")


def _require_columns(names: Sequence[str], file: str) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise CameraError(
            f"{file} has no column {', '.join(missing)}. Its first line must name the columns: "
            f"{','.join(_COLUMNS)}; the last two may be missing."
        )


def _parse_point(cells: Mapping[str, str], where: str) -> ControlPoint:
    name = cells["name"]
    if not name:
        raise CameraError(f"{where}: the control point has no name.")
    u, v, x, y = (_parse_number(cells, key, where) for key in ("u_px", "v_px", "x", "y"))
    use = cells.get("use") or "1"
    if use not in ("0", "1"):
        raise CameraError(f"{where}, {name}: use is {use}; it must be 1 (used) or 0 (not used).")
    sigma = _parse_number(cells, "sigma_px", where) if cells.get("sigma_px") else 1.0
    if sigma <= 0:
        raise CameraError(f"{where}, {name}: sigma_px is {sigma:g}; it must be positive.")
    z = _parse_number(cells, "z", where) if cells.get("z") else None
    return ControlPoint(name, u, v, x, y, z, use == "1", sigma)


def _parse_number(cells: Mapping[str, str], column: str, where: str) -> float:
    text = cells.get(column, "")
    try:
        value = float(text) if "_" not in text else math.nan  # Python reads 1_0 as 10
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CameraError(
            f"{where}, {cells['name']}: {column} is {text or 'empty'}; it must be a number, such "
            "as 2725293.3."
        )
    return value
