"""Tables of control points of other programs, and plain columns in any order.

Known by their headings or by what they hold: ImGRAFT (``X Y Z u v``, without a heading), PRACTISE
(a heading, then ``E N Z column row name``), projimdem (``name x_img y_img x_world y_world
z_world``), Pic2Map (``line,column,X,Y,Z``, and its binary ``.dat``), QGIS's georeferencer
(``mapX,mapY,sourceX,sourceY``), the WSL Monoplotting Tool and others by the names of their columns
in English, German, French and Italian. What was taken from where is said.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CameraError
from ..text_files import decode_text, read_limited
from .control_points import ControlPoint
from .gcp_table import is_own_table, read_gcps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = list[tuple[int, list[str]]]  # number of the line, cells

_NAMES = {
    "name": "name id point pointid pointname pt ptid nr no num number label gcp gcpid marker fid "
    "punkt punktnr punktnummer bezeichnung nom nome punto numero",
    "u_px": "u upx ximg imgx ximage imagex xim imx xpix pixx pixelx xpixel px xpx col column "
    "cols columns pixelcol pixelcolumn photocol photocolumn imagecolumn colpx xphoto photox xpic "
    "picx xpicture picturex pictureu imageu pixelu upixel spalte bildx xbild colonne colonna "
    "sourcex sample",
    "v_px": "v vpx yimg imgy yimage imagey yim imy ypix pixy pixely ypixel py ypx row rows "
    "line lines pixelrow photorow imagerow pixelline rowpx yphoto photoy ypic picy ypicture "
    "picturey picturev imagev pixelv vpixel zeile bildy ybild ligne riga sourcey",
    "x": "x e east easting eastings xworld worldx xmap mapx xcoord coordx xgeo ost ostwert "
    "rechtswert est estern ecoord xm longitude lon elv95 xlv95 xutm eutm",
    "y": "y n north northing northings yworld worldy ymap mapy ycoord coordy ygeo nord nordwert "
    "hochwert ncoord ym latitude lat nlv95 ylv95 yutm nutm",
    "z": "z h height heightm alt altitude elev elevation zworld worldz zmap mapz zcoord coordz "
    "hoehe hohe quota altezza hauteur zm msl",
    "use": "use used enable enabled active lstsqio useasgcp",
    "sigma_px": "sigmapx sigma",
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_REQUIRED = ("u_px", "v_px", "x", "y")
_ACCENTS = str.maketrans("äöüéèêàçñ", "aoueeeacn")
_PIC2MAP = b"\x00\x05\x70\xc4"  # first bytes of its .dat
_LARGE = 5000.0  # metres: coordinates of a map are larger, pixels without a photo's size smaller
_LARGEST_FILE = 64 << 20  # bytes


@dataclass(frozen=True)
class GcpTable:
    """Control points of a table, and how it was understood.

    Attributes
    ----------
    points
        In pixels as of `core.camera.camera`.
    description
        Whose table it is and what was taken from which column; empty for tables of `write_gcps`.
    """

    points: list[ControlPoint]
    description: str = ""


@dataclass(frozen=True)
class GcpColumns:
    """What the columns of a table of control points were taken for, to be shown and changed.

    Attributes
    ----------
    form
        Whose table it is; empty where that is not clear.
    headings
        Of the columns; empty texts without a heading.
    roles
        Of the columns: ``name``, ``u_px`` …, empty for those that are left out.
    rows
        The first ones.
    origin
        Number of the first pixel's centre.
    """

    form: str
    headings: list[str]
    roles: list[str]
    rows: list[list[str]]
    origin: float


ROLES = tuple(_NAMES)
"""What a column can hold."""

_SHOWN = 6  # rows


@dataclass(frozen=True)
class _Layout:
    """Column of each role, and the number that the first pixel's centre has."""

    columns: Mapping[str, int]
    form: str = "plain columns"
    origin: float = 0.0


_PIC2MAP_LAYOUT = _Layout({"u_px": 0, "v_px": 1, "x": 2, "y": 3, "z": 4}, "Pic2Map", 0.5)


def read_gcp_table(
    path: str | Path,
    size: tuple[int, int] | None = None,
    columns: Sequence[str] = (),
    origin: float | None = None,
) -> GcpTable:
    """Read a table of control points of this program, or of another one.

    Parameters
    ----------
    path
        Text with commas, semicolons, tabs or blanks between columns, or Pic2Map's ``.dat``.
    size
        (width, height) of the photo, pixels; where coordinates count from its centre.
    columns
        What the columns hold, in their order (``name``, ``u``, ``v``, ``x``, ``y``, ``z``, ``use``,
        ``sigma``, or ``-``), or ``role=heading``, ``role=number`` of a column, from 1. Empty to
        find out.
    origin
        Number of the first pixel's centre in the table: 0, 0.5 or 1. None takes that of its form.

    Raises
    ------
    CameraError
        If the file cannot be read, or its columns are not clear; the message says what to do.
    """
    path = Path(path)
    content = _read(path)
    if not columns and origin is None and _is_own(content):
        return GcpTable(read_gcps(path))
    names, rows, layout = _understand(content, path.name, size, columns)
    if layout is None:
        found = f"Its columns are {', '.join(names)}" if names else "It has no heading"
        raise CameraError(
            f"{path.name} is no table of control points that can be understood. {found}: say what "
            "they hold, such as --columns name,u,v,x,y,z (in their order, - for others) or "
            "--columns u=HEADING,v=HEADING,x=HEADING,y=HEADING."
        )
    start = layout.origin if origin is None else origin
    points = [
        _parse_point(cells, layout.columns, f"{path.name}, line {line}", index)
        for index, (line, cells) in enumerate(rows, 1)
    ]
    if not points:
        raise CameraError(f"{path.name} holds no control points.")
    pixels, counted = _pixels([(p.u, p.v) for p in points], start, size, path.name)
    points = [_at(point, *pixel) for point, pixel in zip(points, pixels)]  # noqa: B905
    described = ", ".join(
        f"{role} = {names[index] if index < len(names) else f'column {index + 1}'}"
        for role, index in layout.columns.items()
    )
    return GcpTable(points, f"{path.name} is read as {layout.form}: {described}; {counted}.")


def inspect_gcp_table(path: str | Path, size: tuple[int, int] | None = None) -> GcpColumns | None:
    """Return what the columns of a table are taken for; None of a table of `write_gcps`.

    Raises
    ------
    CameraError
        If the file cannot be read, or is no table.
    """
    path = Path(path)
    content = _read(path)
    if _is_own(content):
        return None
    names, rows, layout = _understand(content, path.name, size, ())
    width = max([len(names), *(len(cells) for _, cells in rows)])
    roles = [""] * width
    for role, index in layout.columns.items() if layout else ():
        roles[index] = role
    shown = [[*cells, *[""] * (width - len(cells))] for _, cells in rows[:_SHOWN]]
    headings = [*names, *[""] * (width - len(names))]
    form, origin = (layout.form, layout.origin) if layout else ("", 0.0)
    return GcpColumns(form, headings, roles, shown, origin)


def _read(path: Path) -> bytes:
    try:
        return read_limited(path, _LARGEST_FILE)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CameraError(f"The control points {path} cannot be read: {reason}.") from error


def _is_own(content: bytes) -> bool:
    is_binary = content.startswith(_PIC2MAP)
    return not is_binary and is_own_table(decode_text(content, fallback="cp1252"))


def _understand(
    content: bytes, file: str, size: tuple[int, int] | None, columns: Sequence[str]
) -> tuple[list[str], Rows, _Layout | None]:
    """Return heading, rows, and what the columns hold; None where that is not clear."""
    if content.startswith(_PIC2MAP):
        return [], _pic2map_rows(content, file), _PIC2MAP_LAYOUT
    names, rows = _split_rows(decode_text(content, fallback="cp1252"), file)
    layout = _layout_by_option(columns, names, file) if columns else None
    layout = layout or _layout_by_heading(names) or _layout_by_values(names, rows, size)
    return names, rows, layout


def _split_rows(text: str, file: str) -> tuple[list[str], Rows]:
    """Return the heading, empty without one, and the rows."""
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and line.strip()[0] not in "#%"
    ]
    if not lines:
        raise CameraError(f"{file} holds no control points.")
    last = lines[-1][1]
    separator = max(";\t,", key=last.count)
    parts = last.split()
    if last.count(separator) == 0 or (
        separator == "," and len(parts) > 3 and all(p.strip(",") == p for p in parts)
    ):
        separator = ""  # blanks; decimal commas between digits
    rows = []
    for number, line in lines:
        cells = line.split(separator) if separator else line.split()
        rows.append((number, [cell.strip().strip('"') for cell in cells]))
    if separator != ",":
        rows = [(n, [_with_point(cell) for cell in cells]) for n, cells in rows]
    heading = rows[0][1]
    if sum(_number(cell) is not None for cell in heading) >= len(_REQUIRED):
        return [], rows
    return heading, rows[1:]


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if re.fullmatch(r"[-+]?\d[\d'’]*,\d+", cell) else cell


def _number(cell: str) -> float | None:
    try:
        value = float(cell.replace("'", "").replace("’", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _normalized(name: str) -> str:
    name = re.sub(r"\[.*?\]|\(.*?\)", "", name.lower()).translate(_ACCENTS)
    return re.sub(r"[^a-z0-9]", "", name)


def _layout_by_option(columns: Sequence[str], names: Sequence[str], file: str) -> _Layout:
    found: dict[str, int] = {}
    for index, entry in enumerate(columns):
        role, _, source = (part.strip() for part in entry.partition("="))
        if role == "-":
            continue
        known = _ROLES.get(_normalized(role))
        if known is None:
            raise CameraError(
                f"--columns: {role} is none of name, u, v, x, y, z, use, sigma and -."
            )
        if not source:
            found[known] = index
        elif source in names:
            found[known] = list(names).index(source)
        elif source.isdecimal() and int(source) > 0:
            found[known] = int(source) - 1
        else:
            raise CameraError(
                f"--columns: {file} has no column {source}"
                + (f"; it has {', '.join(names)}." if names else " (it has no heading).")
            )
    missing = [role for role in _REQUIRED if role not in found]
    if missing:
        raise CameraError(f"--columns does not say which column holds {', '.join(missing)}.")
    return _Layout(found, "told by --columns")


def _layout_by_heading(names: Sequence[str]) -> _Layout | None:
    if [name.lower() for name in names] == ["line", "column", "x", "y", "z"]:
        # Its own table calls what stands under "line" the picture's u.
        return _PIC2MAP_LAYOUT
    in_case = {"x", "y", "X", "Y"} <= set(names)  # small letters in the photo
    found: dict[str, int] = {}
    for index, name in enumerate(names):
        role = _ROLES.get(_normalized(name))
        if in_case and name in ("x", "y"):
            role = {"x": "u_px", "y": "v_px"}[name]
        if role in found:
            return None
        if role:
            found[role] = index
    if any(role not in found for role in _REQUIRED):
        return None
    keys = {_normalized(name) for name in names}
    if {"ximg", "yimg", "xworld", "yworld"} <= keys:
        return _Layout(found, "projimdem")
    if {"mapx", "mapy"} <= keys:
        return _Layout(found, "QGIS's georeferencer", 0.5)
    if _is_practise([found.get(role) for role in ("x", "y", "z", "u_px", "v_px", "name")]):
        return _Layout(found, "PRACTISE", 1.0)
    return _Layout(found)


def _is_practise(order: Sequence[int | None]) -> bool:
    return list(order) == list(range(6))


def _layout_by_values(
    names: Sequence[str], rows: Rows, size: tuple[int, int] | None
) -> _Layout | None:
    """Return the layout of columns that their numbers tell: large ones are those of the map."""
    count = min((len(cells) for _, cells in rows), default=0)
    values = [[_number(cells[index]) for _, cells in rows] for index in range(count)]
    numeric = [index for index in range(count) if None not in values[index]]
    texts = [index for index in range(count) if index not in numeric]
    middle = {
        i: sorted(abs(v) for v in values[i] if v is not None)[len(rows) // 2] for i in numeric
    }
    if not texts and len(numeric) > 5 and values[0] == [values[0][0] + n for n in range(len(rows))]:  # type: ignore[operator]
        texts, numeric = [0], numeric[1:]  # numbers of the points
    numeric = numeric[:5]
    limit = 3 * max(size) if size else _LARGE
    large = [place for place, index in enumerate(numeric) if middle[index] > max(limit, _LARGE)]
    if large[:1] == [0] and large[1:2] == [1]:
        order = ["x", "y", "z", "u_px", "v_px"] if len(numeric) == 5 else ["x", "y", "u_px", "v_px"]
    elif large[:1] == [2] and large[1:2] == [3]:
        order = ["u_px", "v_px", "x", "y", "z"]
    else:
        return None
    if len(numeric) < 4:
        return None
    found = dict(zip(order, numeric))  # noqa: B905
    if texts:
        found["name"] = texts[0]
    if order == ["x", "y", "z", "u_px", "v_px"] and numeric == [0, 1, 2, 3, 4]:
        if not texts and not names:
            return _Layout(found, "ImGRAFT", 1.0)
        if texts == [5]:
            return _Layout(found, "PRACTISE", 1.0)
    return _Layout(found)


def _parse_point(
    cells: Sequence[str], columns: Mapping[str, int], where: str, number: int
) -> ControlPoint:
    texts = {role: cells[i] for role, i in columns.items() if i < len(cells) and cells[i]}
    values = {}
    for role in ("u_px", "v_px", "x", "y", "z", "sigma_px", "use"):
        value = _number(texts[role]) if role in texts else None
        if value is None and (role in _REQUIRED or role in texts):
            raise CameraError(
                f"{where}: {role} is {texts.get(role, 'empty')}; it must be a number, such as "
                "2725293.3."
            )
        if value is not None:
            values[role] = value
    name = texts.get("name") or f"P{number}"
    sigma = values.get("sigma_px", 1.0)
    if sigma <= 0:
        raise CameraError(f"{where}, {name}: sigma_px is {sigma:g}; it must be positive.")
    u, v, x, y = (values[role] for role in _REQUIRED)
    return ControlPoint(name, u, v, x, y, values.get("z"), values.get("use", 1.0) != 0, sigma)


def _pixels(
    pixels: Sequence[tuple[float, float]], start: float, size: tuple[int, int] | None, file: str
) -> tuple[list[tuple[float, float]], str]:
    """Return pixels counted from the first one's centre, and how they were counted."""
    if all(v <= 0 for _, v in pixels) and any(v < -1 for _, v in pixels):
        turned = [(u - start, -v - start) for u, v in pixels]
        return turned, f"v counts upwards from 0, the first pixel's centre is {start:g}"
    if all(u >= start - 1 and v >= start - 1 for u, v in pixels):
        moved = [(u - start, v - start) for u, v in pixels]
        return moved, f"the first pixel's centre is {start:g}"
    if size is None:
        raise CameraError(
            f"{file} has negative pixels, which count from the photo's centre: its size is needed."
        )
    width, height = size
    moved = [(u + (width - 1) / 2, v + (height - 1) / 2) for u, v in pixels]
    return moved, "u and v count from the photo's centre, v downwards"


def _at(point: ControlPoint, u: float, v: float) -> ControlPoint:
    return ControlPoint(point.name, u, v, point.x, point.y, point.z, point.use, point.sigma)


def _pic2map_rows(content: bytes, file: str) -> Rows:
    """Return the rows of Pic2Map's file of Qt's variants, as text."""
    values: list[float] = []
    place = 6  # after its number and version
    try:
        while place < len(content):
            kind = struct.unpack_from(">I", content, place)[0]
            place += 5  # the kind, and whether it is null
            code = {6: ">d", 2: ">i", 4: ">q", 38: ">f"}[kind]
            values.append(float(struct.unpack_from(code, content, place)[0]))
            place += struct.calcsize(code)
    except (struct.error, KeyError) as error:
        raise CameraError(
            f"{file} is a file of Pic2Map that cannot be read: save its points as CSV."
        ) from error
    rows = [values[first : first + 5] for first in range(0, len(values), 5)]
    if rows and len(rows[-1]) < 5:
        raise CameraError(f"{file} is cut short: save the points in Pic2Map again.")
    return [(number, [repr(value) for value in row]) for number, row in enumerate(rows, 1)]
