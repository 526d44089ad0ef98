"""Calibrations of lenses, as other programs write them: OpenCV, ROS, Agisoft, and camera files."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CameraError
from ..json_files import read_json
from ..text_files import decode_text, read_limited
from .lens import Projection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_LARGEST_FILE = 16 << 20  # bytes
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_MATRIX_NAMES = (
    "camera_matrix",
    "cameramatrix",
    "intrinsic_matrix",
    "intrinsics",
    "mtx",
    "k",
    "m1",
)
_TERM_NAMES = (
    *("distortion_coefficients", "distortion_coeffs", "distcoeffs", "dist_coeffs", "dist_coeff"),
    *("dist_coefs", "distortion", "dist", "d", "d1"),
)
_SIZE_NAMES = ("image_width", "width", "img_width"), ("image_height", "height", "img_height")
_SQUARE = 0.002  # relative difference of the focal lengths across and down from which to warn
_ALIKE = 0.01  # of aspect ratios of a photo and of its calibration


@dataclass(frozen=True)
class Calibration:
    """Lens that was calibrated.

    Attributes
    ----------
    f
        Focal length, pixels.
    cx, cy
        Principal point, pixels; see `core.camera.camera`.
    k1, k2, k3, p1, p2
        Distortion; see `core.camera.lens`.
    size
        (width, height) of the photos that it is of; None if the file does not say.
    projection
        Pinhole or fisheye.
    warnings
        What was left out.

    Examples
    --------
    >>> from core.camera.calibration import Calibration
    >>> Calibration(1200.0, 799.5, 499.5, size=(1600, 1000)).fitted((800, 500)).f
    600.0
    """

    f: float
    cx: float
    cy: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    size: tuple[int, int] | None = None
    projection: Projection = Projection.PINHOLE
    warnings: tuple[str, ...] = ()

    def fitted(self, size: tuple[int, int]) -> Calibration:
        """Return it for photos of another size (width, height) of the same view.

        Raises
        ------
        CameraError
            If the photo has another shape.
        """
        width, height = self.size or size
        across, down = size[0] / width, size[1] / height
        if abs(across / down - 1) > _ALIKE:
            raise CameraError(
                f"The calibration is of photos of {width} x {height} pixels, the photo has "
                f"{size[0]} x {size[1]}: another shape, not another size of the same view."
            )
        cx, cy = (self.cx + 0.5) * across - 0.5, (self.cy + 0.5) * down - 0.5
        if not (0 <= cx <= size[0] and 0 <= cy <= size[1]):
            raise CameraError(
                f"The calibration's principal point ({self.cx:.0f}, {self.cy:.0f}) lies outside of "
                f"a photo of {width} x {height} pixels: it is of photos of another size."
            )
        return replace(self, f=self.f * across, cx=cx, cy=cy, size=size)


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration: OpenCV's YAML, XML or JSON, Agisoft's XML, or a ``camera.json``.

    Raises
    ------
    CameraError
        If the file cannot be read, is none of these, or has terms that a camera here has not.
    """
    path = Path(path)
    try:
        text = decode_text(read_limited(path, _LARGEST_FILE))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CameraError(f"The calibration {path} cannot be read: {reason}.") from error
    try:
        if text.lstrip()[:1] == "{":
            return _parse_json(read_json(path, _LARGEST_FILE), text)
        return _parse(text)
    except CameraError as error:
        raise CameraError(f"The calibration {path.name}: {error}") from error
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise CameraError(
            f"The calibration {path.name} cannot be used ({error}). Read are OpenCV's YAML, XML "
            "and JSON, Agisoft's XML, and camera.json."
        ) from error


def _parse(text: str) -> Calibration:
    if text.lstrip()[:1] == "<":
        return _parse_xml(text)
    return _from_opencv(_yaml_numbers(text), _is_fisheye(text))


def _parse_json(content: Mapping[str, Any], text: str) -> Calibration:
    if "f_px" in content:
        return _from_camera_file(content)
    values = {str(name).lower(): _flatten(value) for name, value in content.items()}
    size = values.get("image_size") or values.get("img_size")
    if size and len(size) == 2:
        values.update(image_width=size[:1], image_height=size[1:])
    return _from_opencv(values, _is_fisheye(text))


def _parse_xml(text: str) -> Calibration:
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise CameraError("it declares entities, which no calibration needs.")
    reader = _ElementReader()
    reader.feed(text)
    reader.close()
    if len(reader.open) > 1:
        raise CameraError(f"it is XML cut short: {reader.open[-1].name} has no end.")
    calibrations = [node for node in reader.all if node.name == "calibration"]
    for focal in ("f", "fx"):
        for node in calibrations:
            if node.find(focal) is not None:
                return _from_agisoft(node)
    values = {node.name: _numbers((node.find("data") or node).text) for node in reader.all}
    return _from_opencv(values, _is_fisheye(text))


@dataclass(eq=False)
class _Element:
    """An element of XML; names are in lower case."""

    name: str
    attributes: Mapping[str, str | None]
    text: str = ""
    children: list[_Element] = field(default_factory=list)

    def find(self, name: str) -> _Element | None:
        """Return the first child of a name."""
        return next((child for child in self.children if child.name == name), None)


class _ElementReader(HTMLParser):
    """Reads elements, attributes and text: all that calibrations have of XML.

    No entities are expanded, so no file can blow up.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.all: list[_Element] = []
        self.open = [_Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element; called by the parser."""
        element = _Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        self.all.append(element)
        self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element without content; called by the parser."""
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        """Add text to the open element; called by the parser."""
        self.open[-1].text += data

    def handle_endtag(self, tag: str) -> None:
        """End an element; called by the parser."""
        if tag != self.open[-1].name:
            raise CameraError(f"it is no XML that can be read: {tag} ends before it begins.")
        self.open.pop()


def _is_fisheye(text: str) -> bool:
    return bool(re.search(r"fisheye|equidistant", text, re.IGNORECASE))


def _yaml_numbers(text: str) -> dict[str, list[float]]:
    """Return the numbers of each key of OpenCV's or ROS's YAML, and of their ``data``."""
    keys = list(re.finditer(r"^([ \t]*)([\w-]+)[ \t]*:", text, re.MULTILINE))
    values: dict[str, list[float]] = {}
    parent = ""
    for key, following in zip(keys, [*keys[1:], None]):  # noqa: B905 -- Python 3.9
        content = text[key.end() : following.start() if following else len(text)]
        numbers = _numbers(re.sub(r"!!\S+|#.*", "", content))
        name = key[2].lower()
        if not key[1]:
            parent = name
        elif name == "data":
            name = parent
        if numbers:
            values[name] = numbers
    return values


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(rf"(?<![\w.]){_NUMBER}(?![\w.])", text)]


def _flatten(value: Any) -> list[float]:  # noqa: ANN401 -- of a file
    """Return the numbers of nested lists, or of the ``data`` of a matrix."""
    if isinstance(value, dict):
        return _flatten(value.get("data"))
    if isinstance(value, list):
        return [number for part in value for number in _flatten(part)]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return [float(value)] if is_number else []


def _from_opencv(values: Mapping[str, Sequence[float]], is_fisheye: bool) -> Calibration:
    matrix = _first(values, _MATRIX_NAMES, lambda found: len(found) == 9)
    if matrix is None:
        raise CameraError("it holds no camera matrix of 3 x 3 numbers.")
    fx, skew, cx, _, fy, cy = matrix[:6]
    terms = list(_first(values, _TERM_NAMES, lambda found: len(found) >= 4) or [])
    sides = [_first(values, names, lambda found: len(found) == 1) for names in _SIZE_NAMES]
    size = (int(sides[0][0]), int(sides[1][0])) if sides[0] and sides[1] else None
    more = {"skew": skew}
    if is_fisheye:
        lens = dict(zip(("k1", "k2", "k3"), terms))  # noqa: B905 -- Python 3.9
        more["k4"] = terms[3] if len(terms) > 3 else 0.0
    else:
        lens = dict(zip(("k1", "k2", "p1", "p2", "k3"), terms))  # noqa: B905 -- Python 3.9
        more.update({f"term {5 + i}": term for i, term in enumerate(terms[5:], 1)})
    _refuse_terms(more)
    projection = Projection.FISHEYE if is_fisheye else Projection.PINHOLE
    return _make(fx, fy, cx, cy, lens, size, projection)


def _from_agisoft(node: _Element) -> Calibration:
    """Return the calibration of Agisoft, whose pixels begin at their edges."""

    def text(name: str) -> str:
        child = node.find(name)
        return "" if child is None else child.text.strip()

    def value(name: str) -> float:
        return float(text(name) or 0.0)

    kind = (text("projection") or node.attributes.get("type") or "frame").lower()
    if kind not in ("frame", "fisheye", "equidistant_fisheye"):
        raise CameraError(f"its lens is of the kind {kind}; frame and fisheye are read.")
    resolution = node.find("resolution")
    width, height = value("width"), value("height")
    if resolution is not None:
        width, height = (
            float(resolution.attributes.get(side) or 0) for side in ("width", "height")
        )
    fx = value("fx") or value("f") + value("b1")
    fy = value("fy") or value("f")
    cx, cy = value("cx"), value("cy")
    is_absolute = node.find("fx") is not None  # PhotoScan before 1.3
    if not is_absolute:
        cx, cy = cx + width / 2, cy + height / 2
    lens = {name: value(name) for name in ("k1", "k2", "k3")}
    lens.update(p1=value("p2"), p2=value("p1"))
    if is_absolute:  # as OpenCV's
        lens.update(p1=value("p1"), p2=value("p2"))
    _refuse_terms({name: value(name) for name in ("k4", "p3", "p4", "b2", "skew")})
    projection = Projection.PINHOLE if kind == "frame" else Projection.FISHEYE
    return _make(fx, fy, cx - 0.5, cy - 0.5, lens, (int(width), int(height)), projection)


def _from_camera_file(content: Mapping[str, Any]) -> Calibration:
    from .record import CameraRecord

    camera = CameraRecord.from_json(content).camera
    if camera.projection.is_panorama:
        raise CameraError("it is of a panorama, which has no lens of its own.")
    names = ("f", "cx", "cy", "k1", "k2", "k3", "p1", "p2", "projection")
    values = {name: getattr(camera, name) for name in names}
    return Calibration(**values, size=(camera.width, camera.height))


def _make(
    fx: float,
    fy: float,
    cx: float,
    cy: float,
    lens: Mapping[str, float],
    size: tuple[int, int] | None,
    projection: Projection,
) -> Calibration:
    if size is not None and min(size) < 1:
        raise CameraError("it has no width and height.")
    numbers = (fx, fy, cx, cy, *lens.values())
    if not all(map(math.isfinite, numbers)) or min(fx, fy) <= 0:
        raise CameraError("its focal lengths are not positive numbers.")
    warnings = []
    if abs(fx / fy - 1) > _SQUARE:
        warnings.append(
            f"The calibration's focal lengths across and down differ ({fx:.1f} and {fy:.1f} px): "
            "their mean is taken."
        )
    f = math.sqrt(fx * fy)
    return Calibration(
        f, cx, cy, **lens, size=size, projection=projection, warnings=tuple(warnings)
    )


def _refuse_terms(terms: Mapping[str, float]) -> None:
    """Refuse terms that a camera here has not, unless they are 0."""
    there = [f"{name} = {value:g}" for name, value in terms.items() if abs(value) > 1e-12]
    if there:
        raise CameraError(
            f"it has {', '.join(there)}, which this program does not know: calibrate with k1, k2, "
            "k3, p1 and p2 alone."
        )


def _first(
    values: Mapping[str, Sequence[float]],
    names: Sequence[str],
    suits: Callable[[Sequence[float]], bool],
) -> Sequence[float] | None:
    """Return the first value of these names that suits."""
    found = (values[name] for name in names if name in values and suits(values[name]))
    return next(found, None)
