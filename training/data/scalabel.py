"""Scalabel's JSON form: frames with labels, whose outlines may have curved parts (Bézier)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.coco_json import image_size
from core.errors import DatasetError

from .faults import noted

_CURVE_STEPS = 16

Found = tuple[str, tuple[int, int] | None, list[tuple[str, Any]]]
"""Name of an image, (height, width) or None, and outlines as `OutlinedImage` has them."""


def scalabel_frames(content: object, path: Path, faults: list[str]) -> Iterator[Found]:
    """Read every frame of a list, or of a mapping that has it as ``frames``.

    Frames and labels that cannot be used are named in ``faults``, with the file ``path``.

    Raises
    ------
    DatasetError
        Content of another form.
    """
    frames = content.get("frames") if isinstance(content, dict) else content
    if not isinstance(frames, list):
        raise DatasetError(
            f"{path} is neither in COCO's form ('images' and 'annotations') nor in Scalabel's (a "
            "list of frames, or 'frames')."
        )
    for number, frame in enumerate(frames):
        with noted(faults, f"Frame {number} in {path}"):
            name = file_name(frame["name"])
            size = frame.get("size")
            shape = image_size(size) if size else None
            outlines = _outlines(list(frame.get("labels") or []), f"{name} in {path}", faults)
            yield name, shape, outlines


def file_name(value: object) -> str:
    """Check that a value is a file name; `ValueError` where it is not."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no name of an image")
    return value


def _outlines(labels: list[Any], place: str, faults: list[str]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for number, label in enumerate(labels):
        with noted(faults, f"Label {number} of {place}"):
            parts = label.get("rle") or [
                flatten(part).ravel().tolist() for part in label.get("poly2d") or []
            ]
            if not parts:
                raise ValueError("it has neither poly2d nor rle")
            found.append((f"label {label.get('id', number)}", parts))
    return found


def flatten(part: dict[str, Any]) -> NDArray[np.float64]:
    """(N, 2) points (x, y) of one closed outline, its curves cut into short lines.

    Parameters
    ----------
    part
        ``vertices`` [[x, y], ...], ``types`` with one letter for each (L a corner, C a control
        point; none means corners only), ``closed``. Two control points and the vertex that
        follows, whatever its letter, make a cubic curve; at the end the first vertex follows.

    Raises
    ------
    ValueError
        An open line, fewer than three vertices, letters that do not fit.
    """
    points = np.asarray(part["vertices"], np.float64)
    types = part.get("types") or "L" * len(points)
    if not part.get("closed", True):
        raise ValueError("it is an open line")
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or len(types) != len(points):
        raise ValueError("an outline needs three vertices (x, y) or more, and a type for each")
    if types[0] != "L" or types.endswith("LC") or set(types) - {"L", "C"}:
        raise ValueError(f"the vertex types {types!r} make no outline")
    result = [points[:1]]
    place = 1
    while place < len(points):
        if types[place] == "L":
            result.append(points[place : place + 1])
            place += 1
        else:
            corners = points[[place - 1, place, place + 1, (place + 2) % len(points)]]
            result.append(_curve(corners))
            place += 3
    return np.concatenate(result)


def _curve(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of a cubic Bézier curve after its first: (4, 2) -> (steps, 2)."""
    t = np.linspace(0, 1, _CURVE_STEPS + 1)[1:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    points: NDArray[np.float64] = weights @ corners
    return points
