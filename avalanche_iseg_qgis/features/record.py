"""Attributes of an object, and the prompts stored in them."""

from __future__ import annotations

import configparser
import functools
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qgis.core import QgsApplication, QgsFeature
from qgis.PyQt.QtCore import QDateTime, Qt, QVariant

from ..core.errors import PromptError
from ..core.exchange.avalanche import AvalancheRecord
from ..core.json_files import MALFORMED, parse_json
from ..i18n import tr
from ..session.prompt_set import PromptSet
from ..settings import AUTHOR
from . import schema

if TYPE_CHECKING:
    from ..core.camera import CameraRecord
    from ..core.survey.protocol import Mapped
    from ..core.worker.protocol import Loaded
    from ..layers.image_origin import ImageOrigin

_UNDONE = "undone"  # beside the prompts, for studies of work

# An outline counts as exact from this visible share on, and up to this accuracy in metres.
_MIN_VISIBLE, _MAX_SIGMA = 0.9, 15.0


def object_attributes(
    *,
    origin: ImageOrigin,
    loaded: Loaded | None,
    prompts: PromptSet,
    threshold: float,
    seconds: float,
    undone: int = 0,
    again: bool = False,
) -> dict[str, object]:
    """Return the attributes of a finished object by field name.

    Parameters
    ----------
    origin
        Origin of the image.
    loaded
        The model in use.
    prompts
        Prompts from which the object can be continued.
    threshold
        Threshold of probability.
    seconds
        Time spent on the object.
    undone
        Steps that the user took back.
    again
        Whether it is a feature already: attributes that users may have changed are left out then.
    """
    now = _to_qt(datetime.now(timezone.utc))
    by_model = prompts.clicks or prompts.box
    by_person = by_model or prompts.strokes
    provenance = {
        schema.IMAGE_NAME: origin.image_name,
        "image_path": origin.path,
        schema.IMAGE_SHA256: origin.sha256,
        "camera": origin.camera,
        "method": "interactive" if by_person else "imported",
        "model_id": f"{loaded.name} {loaded.sha256[:16]}" if loaded and by_model else None,
        schema.PROMPTS: _with_undone(prompts.to_json(), undone),
        "n_clicks": len(prompts.clicks),
        "seconds": round(seconds, 1),
        "threshold": round(threshold, 3),
        "plugin_version": plugin_version(),
        "modified_at": now,
    }
    if again:
        return provenance
    name = str(uuid.uuid4())
    return {
        **provenance,
        schema.UUID: name,
        schema.AVALANCHE: name,
        "part": "avalanche",
        "observed_at": _to_qt(origin.observed_at),
        "mapper": mapper_name(),
        "created_at": now,
    }


def map_attributes(camera: CameraRecord, mapped: Mapped, *, again: bool) -> dict[str, object]:
    """Return the attributes of an outline projected to the map, by field name.

    Parameters
    ----------
    camera
        Camera by which it was projected.
    mapped
        Answer of the camera worker, with attributes.
    again
        Whether it is a feature already: attributes that users may have changed are left out then.
    """
    measures = {
        name: round(value, 1) if isinstance(value, float) else value
        for name, value in mapped.attributes.items()
        if name != schema.AREA
    }
    found = {
        **measures,
        "camera_id": camera.name or None,
        "pose_id": camera.pose_id,
        "drift_deg": None if camera.drift_deg is None else round(camera.drift_deg, 3),
        "bridged": mapped.bridged,
        "vis_frac": round(mapped.visible_fraction, 3),
    }
    closed = mapped.attributes.get("closed_frac")
    if closed is not None:
        found["closed_frac"] = round(closed, 3)
    if not again:
        sigma = mapped.attributes.get("sigma_map_m") or 0.0
        is_exact = mapped.visible_fraction >= _MIN_VISIBLE and sigma <= _MAX_SIGMA
        found["outline_quality"] = "exact" if is_exact else "estimated"
    return found


def read_prompts(feature: QgsFeature) -> PromptSet:
    """Read the prompts that a feature was made from.

    Raises
    ------
    PromptError
        If it has none, or they are damaged.
    """
    text = attribute_value(feature, schema.PROMPTS)
    if not text:
        raise PromptError(
            tr(
                "This feature has no prompts to continue from: import its outline as a mask "
                "instead."
            )
        )
    return PromptSet.from_json(str(text))


def undone_steps(feature: QgsFeature) -> int:
    """Return how many steps the user took back; 0 where that is not known."""
    try:
        return max(0, int(parse_json(attribute_value(feature, schema.PROMPTS))[_UNDONE]))
    except MALFORMED:
        return 0


def is_from_image(feature: QgsFeature, image_name: str, sha256: str | None) -> bool:
    """Return whether a feature was made from an image: by SHA-256 if both have one, or by name."""
    known = attribute_value(feature, schema.IMAGE_SHA256)
    if known and sha256:
        return known == sha256
    return attribute_value(feature, schema.IMAGE_NAME) == image_name


def avalanche_of(feature: QgsFeature) -> str:
    """Return the identifier of a feature's avalanche, the same in all photos; empty without one."""
    values = {n: attribute_value(feature, n) for n in (schema.AVALANCHE, schema.UUID)}
    return AvalancheRecord((), values).group


def made_at(feature: QgsFeature) -> tuple[bool, int]:
    """Return a key that sorts features by the time at which they were made; unknown ones last."""
    moment = attribute_value(feature, "created_at")
    known = isinstance(moment, QDateTime) and moment.isValid()
    return not known, moment.toMSecsSinceEpoch() if known else 0


def attribute_value(feature: QgsFeature, name: str) -> Any:  # noqa: ANN401
    """Return an attribute; None if it is empty or there is no such field.

    Features of layers that are being edited may have fewer attributes than fields.
    """
    index = feature.fields().indexOf(name)
    content = feature.attribute(index) if 0 <= index < feature.attributeCount() else None
    return None if isinstance(content, QVariant) and content.isNull() else content


def mapper_name() -> str:
    """Return the mapper's name, from the options or the user account."""
    return AUTHOR.get() or QgsApplication.userFullName() or QgsApplication.userLoginName()


def release_attributes(after: datetime | None, before: datetime) -> dict[str, object]:
    """Return when an avalanche released, in UTC: after the one time, if known, before the other."""
    return {schema.RELEASED_FROM: _to_qt(after), schema.RELEASED_TO: _to_qt(before)}


@functools.cache
def plugin_version() -> str:
    """Return the version in the plugin's metadata."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(Path(__file__).parents[1] / "metadata.txt", encoding="utf-8")
    return metadata.get("general", "version")


def _with_undone(prompts: str, undone: int) -> str:
    """Return prompts as JSON with the steps that were taken back, if there are any."""
    return f'{prompts[:-1]},"{_UNDONE}":{undone}}}' if undone else prompts


def _to_qt(moment: datetime | None) -> QDateTime | None:
    if moment is None:
        return None
    return QDateTime.fromMSecsSinceEpoch(round(moment.timestamp()) * 1000, Qt.TimeSpec.UTC)
