"""The images that outlines were mapped in: files, outlines in their pixels, camera and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.capture_time import capture_time
from core.datasets.mapped import draw_outline
from core.errors import ImageError, IsegError, TrainingError
from core.exchange.avalanche import AvalancheRecord
from core.exchange.images import ImageFiles
from core.image import Image, read_image
from core.json_files import MALFORMED, is_true, parse_json
from core.series import NameRule
from core.series.exif_times import read_exif_times
from core.series.name_rule import parse_zone

from .outlines import MappedOutline

if TYPE_CHECKING:
    from core.exchange.avalanche import Part

LONGEST = 1600
"""Pixels of the longer side of an image to learn from; of larger ones parts are cut out."""
_AROUND = 5.0  # sizes of an avalanche that are cut out round it: no window of training is larger
_MOST_PIXELS = 200_000_000
_LEAST_AREA = 100  # pixels of an avalanche
_REASONS_SHOWN = 3

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OutlinedObject:
    """One avalanche in an image.

    Attributes
    ----------
    uuid, avalanche
        Identifiers of the outline, and of the avalanche, which may lie in many images.
    parts
        In pixels of the image as shown: whole at corners, y down.
    clicks
        (N, 3): row, column (whole at pixel centres), and 1 or 0; those that made it.
    """

    uuid: str
    avalanche: str
    parts: Sequence[Part]
    clicks: Points

    def moved(self, scale: float, shift: Points) -> OutlinedObject:
        """Return it in pixels of a part of the image, shifted by (x, y) and scaled."""
        clicks = self.clicks.copy()
        clicks[:, :2] = (self.clicks[:, :2] + 0.5 - shift[::-1]) * scale - 0.5
        parts = [[(ring - shift) * scale for ring in part] for part in self.parts]
        return OutlinedObject(self.uuid, self.avalanche, parts, clicks)


@dataclass(frozen=True, eq=False)
class ImageOutlines:
    """An image with the avalanches mapped in it.

    Attributes
    ----------
    path
        Its file.
    camera
        Name of its camera: attribute of the outlines, else by the name rule, else the folder.
    day
        ``2024-01-31`` in the zone asked for; empty where no time is known.
    objects
        At least one.
    """

    path: Path
    camera: str
    day: str
    objects: Sequence[OutlinedObject]


def find_images(
    outlines: Sequence[MappedOutline], folders: Sequence[Path], rule: NameRule
) -> tuple[list[ImageOutlines], list[str]]:
    """Find the images of outlines, in the order of their paths, and what was left out and why.

    Parameters
    ----------
    folders
        Where images are that are no longer where they were mapped; those below count, too. The
        folders of the files of outlines are looked into in any case.
    rule
        How camera and time stand in names; its zone is that of days.

    Raises
    ------
    TrainingError
        If no image is there.
    """
    beside = {outline.file.resolve().parent for outline in outlines}
    files = ImageFiles([*beside, *(below for folder in folders for below in _all_folders(folder))])
    inside: dict[Path, list[MappedOutline]] = {}
    faults: list[str] = []
    for outline in outlines:
        try:
            inside.setdefault(files.find(outline.avalanche).resolve(), []).append(outline)
        except ImageError as error:  # noqa: PERF203
            faults.append(str(error))
    images = []
    for path in sorted(inside):
        try:
            image, small = _outlined(path, inside[path], rule)
        except IsegError as error:
            faults += [str(error)] * len(inside[path])
            continue
        images += [image] if image.objects else []
        faults += [f"It covers fewer than {_LEAST_AREA} pixels of {path.name}."] * small
    if not images:
        raise TrainingError(
            f"None of the images of {len(outlines)} outlines can be used: name their folder with "
            f"--photos. {' '.join(summary_of(faults))}"
        )
    return images, faults


def summary_of(faults: Sequence[str]) -> list[str]:
    """Return the most frequent faults, each once."""
    common = Counter(faults).most_common()
    rest = len(common) - _REASONS_SHOWN
    shown = [f"{text} ({count} outlines)" for text, count in common[:_REASONS_SHOWN]]
    return [*shown, *([f"And {rest} other reasons."] if rest > 0 else [])]


def cut_images(
    image: ImageOutlines,
) -> Iterator[tuple[NDArray[np.uint8], list[OutlinedObject]]]:
    """Yield what is learnt from: the image, or of a large one the part round each avalanche.

    Yields (H, W, 3) uint8 RGB of at most `LONGEST` pixels each way, and the avalanches in it.
    """
    pixels = read_image(image.path).pixels
    height, width = pixels.shape[:2]
    if max(height, width) <= LONGEST:
        yield pixels, list(image.objects)
        return
    for item in image.objects:
        corners = np.concatenate([part[0] for part in item.parts])
        low, high = corners.min(axis=0), corners.max(axis=0)
        side = max(LONGEST, _AROUND * float((high - low).max()))
        start = np.clip((low + high - side) / 2, 0, np.maximum((width - side, height - side), 0))
        left, top = np.floor(start).astype(int)
        right, bottom = min(width, left + round(side)), min(height, top + round(side))
        scale = min(1.0, LONGEST / max(right - left, bottom - top))
        part = pixels[top:bottom, left:right]
        if scale < 1:
            size = round(scale * part.shape[1]), round(scale * part.shape[0])
            part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
        yield part, [item.moved(scale, np.array([left, top], np.float64))]


def _outlined(
    path: Path, outlines: Sequence[MappedOutline], rule: NameRule
) -> tuple[ImageOutlines, int]:
    """Return an image with its outlines, and the number of those that are too small."""
    image = _read(path)
    objects = []
    for outline in outlines:
        avalanche = outline.avalanche.moved(_to_pixels(outline.crs, image))
        if np.count_nonzero(draw_outline(avalanche.parts, *image.pixels.shape[:2])) < _LEAST_AREA:
            continue
        clicks = _stored_clicks(avalanche, image)
        objects.append(OutlinedObject(avalanche.name, avalanche.group, avalanche.parts, clicks))
    first = outlines[0].avalanche
    named = rule.read("/".join(path.parts[-3:]))
    taken_at = first.moment("observed_at") or named.taken_at
    taken_at = taken_at or capture_time("", read_exif_times(path))
    day = taken_at.astimezone(parse_zone(rule.zone)).date().isoformat() if taken_at else ""
    camera = first.text("camera_id") or named.camera or first.text("camera") or path.parent.name
    return ImageOutlines(path, camera, day, objects), len(outlines) - len(objects)


def _read(path: Path) -> Image:
    image = read_image(path)
    if image.pixels.shape[0] * image.pixels.shape[1] > _MOST_PIXELS:
        raise ImageError(f"{path} has more than {_MOST_PIXELS // 10**6} megapixels.")
    return image


def _to_pixels(crs: str | None, image: Image) -> Callable[[Points], Points]:
    """Return how points of an outline become pixels of the image as shown."""
    a, b, c, d, e, f = image.qgis_transform[:6]
    back = np.linalg.inv(np.array([[a, b], [d, e]]))
    if crs is None:
        return lambda xy: (xy - (c, f)) @ back.T
    if image.transform is None or image.crs_wkt is None:
        raise ImageError(f"{image.path} has no place on the map, but the outline has.")
    from pyproj import Transformer

    move = Transformer.from_crs(crs, image.crs_wkt, always_xy=True)
    return lambda xy: (np.column_stack(move.transform(*xy.T)) - (c, f)) @ back.T


def _stored_clicks(avalanche: AvalancheRecord, image: Image) -> Points:
    """Return the clicks of the attribute ``prompts``; none where it is empty or damaged."""
    try:
        content: Mapping[str, Any] = parse_json(avalanche.text("prompts"))
        rows = [(float(r), float(c), float(is_true(kind))) for r, c, kind in content["clicks"]]
    except MALFORMED:
        rows = []
    clicks = np.array(rows, np.float64).reshape(-1, 3)
    if image.transform is None:  # pixels as stored, which QGIS shows
        stored = np.column_stack([clicks[:, 1] + 0.5, -(clicks[:, 0] + 0.5)])
        clicks[:, :2] = _to_pixels(None, image)(stored)[:, ::-1] - 0.5
    return clicks[np.isfinite(clicks).all(axis=1)]


def _all_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}: name one that holds the photos.")
    return [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
