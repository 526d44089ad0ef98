"""Outlines of the plugin's layers, read from files, and which of them may be learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import TrainingError
from core.exchange.avalanche import AvalancheRecord
from core.outline.vector_files import VectorLayer, open_vectors
from core.outline.wkb import read_wkb_polygons

MAP, PIXELS = "avalanches", "avalanches_pixels"
REVIEW, ACCEPTED, REJECTED = "review", "accepted", "rejected"
_WHOLE = ("", "avalanche")
_NEEDED = "image_name"


@dataclass(frozen=True, eq=False)
class MappedOutline:
    """An outline and where its points lie.

    Attributes
    ----------
    avalanche
        Outline and attributes.
    crs
        Of the outline; None: pixels of the photo as QGIS shows it, x and -y.
    file
        That it was read from.
    """

    avalanche: AvalancheRecord
    crs: str | None
    file: Path


def read_outlines(files: Sequence[Path]) -> list[MappedOutline]:
    """Read the outlines of the plugin's layers, each once, by ``uuid``.

    Of a posed photo's avalanche, which is in both tables, the outline in pixels is taken with the
    attributes of both. Of files that hold the same outline, the one changed last counts.

    Raises
    ------
    IsegError
        A file that cannot be read, or has no layer with the fields of the plugin.
    """
    found: dict[str, MappedOutline] = {}
    for file in files:
        for name, outline in _read_file(file).items():
            known = found.get(name)
            if known is None or _changed(outline) > _changed(known):
                found[name] = outline
    return list(found.values())


def choose_outlines(
    outlines: Sequence[MappedOutline], *, with_unreviewed: bool
) -> list[MappedOutline]:
    """Return what may be learnt from: whole avalanches that a reviewer accepted.

    Parameters
    ----------
    with_unreviewed
        Take all that were not rejected.

    Raises
    ------
    TrainingError
        If none is left; says what to do.
    """
    if not outlines:
        raise TrainingError("There are no outlines in these files: map avalanches first.")
    whole = [outline for outline in outlines if outline.avalanche.text("part") in _WHOLE]
    if not whole:
        raise TrainingError(
            f"None of {len(outlines)} outlines is a whole avalanche: their attribute part says "
            "release area, track or deposit, which are not learnt."
        )
    if with_unreviewed:
        chosen = [outline for outline in whole if _verdict(outline) != REJECTED]
        if not chosen:
            raise TrainingError(f"All {len(whole)} outlines are rejected: nothing to learn from.")
        return chosen
    chosen = [outline for outline in whole if _verdict(outline) == ACCEPTED]
    if not chosen:
        named = ", ".join(sorted({str(outline.file) for outline in whole}))
        has_field = any(REVIEW in outline.avalanche.attributes for outline in whole)
        reason = "none is accepted" if has_field else f"they have no field {REVIEW!r}"
        raise TrainingError(
            f"The {len(whole)} outlines of {named} were not reviewed: {reason}. Let a second "
            "person accept or reject them in QGIS, or take all that are not rejected with --all."
        )
    return chosen


def _verdict(outline: MappedOutline) -> str:
    return outline.avalanche.text(REVIEW).strip().lower()


def _changed(outline: MappedOutline) -> str:
    moment = outline.avalanche.moment("modified_at")
    return "" if moment is None else moment.isoformat()


def _read_file(path: Path) -> dict[str, MappedOutline]:
    with open_vectors(path) as file:
        names = [info.name for info in file.layers() if info.areas]
        known = [name for name in (PIXELS, MAP) if name in names]
        layers = [(name, file.read(name)) for name in known or names]
    layers = [(name, layer) for name, layer in layers if _NEEDED in layer.fields]
    if not layers:
        raise TrainingError(
            f"{path} has no layer of the plugin: fields such as {_NEEDED!r} are missing. Choose "
            "the GeoPackage that avalanches were mapped into."
        )
    found: dict[str, MappedOutline] = {}
    for name, layer in layers:
        crs = None if layer.crs is None or "Undefined" in layer.crs else layer.crs
        for number, avalanche in _avalanches(layer):
            key = avalanche.name or f"{path} {name} {number}"
            twin = found.get(key)
            if twin is None:
                found[key] = MappedOutline(avalanche, crs, path)
            else:
                both = _joined(twin.avalanche.attributes, avalanche.attributes)
                merged = AvalancheRecord(twin.avalanche.parts, both)
                found[key] = MappedOutline(merged, twin.crs, path)
    return found


def _joined(pixels: Mapping[str, Any], on_map: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of both twins; those on the map are the ones that people edit."""
    edited = {name: value for name, value in on_map.items() if value not in (None, "")}
    return {**pixels, **edited}


def _avalanches(layer: VectorLayer) -> Iterable[tuple[int, AvalancheRecord]]:
    for row, (fid, wkb) in enumerate(zip(layer.fids, layer.wkb, strict=True)):
        if wkb is None:
            continue
        try:
            rings = read_wkb_polygons(wkb).rings
        except ValueError:
            continue
        attributes = {name: values[row] for name, values in layer.fields.items()}
        if rings:
            yield fid, AvalancheRecord(rings, attributes)
