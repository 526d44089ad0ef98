"""Schema of the attributes of an avalanche, from which layers and forms are made."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from qgis.core import QgsField, QgsFields

from ..compat import FIELD_TYPES
from ..i18n import tr

# Attributes by which the plugin recognises its features, see `record`.
UUID, IMAGE_NAME, IMAGE_SHA256, PROMPTS = "uuid", "image_name", "image_sha256", "prompts"
AVALANCHE = "avalanche_id"
AREA = "area_m2"
TYPE, TRIGGER, SIZE = "type", "trigger", "size_eaws"
RELEASED_FROM, RELEASED_TO = "released_from", "released_to"
OF_AVALANCHE = (
    *(TYPE, "moisture", TRIGGER, SIZE, "fracture_width_m", "fracture_depth_cm"),
    *(RELEASED_FROM, RELEASED_TO),
)
"""Attributes of an avalanche, the same in all its photos; others are those of one outline."""
MAPPER = "mapper"
REVIEW, REVIEW_REASON = "review", "review_reason"
REVIEWED_BY, REVIEWED_AT = "reviewed_by", "reviewed_at"


@dataclass(frozen=True)
class Attribute:
    """One attribute.

    Attributes
    ----------
    name
        Name of the field in the file.
    kind
        text, int, real, bool or datetime (UTC).
    alias
        Label for users.
    group
        Group of the form, see `form`; empty for an attribute that is not shown.
    domain
        Labels of the allowed codes.
    default
        Expression for features drawn by hand, or empty.
    by_user
        Whether the user fills it, not the plugin.
    length
        Length of text; 0 for any.
    """

    name: str
    kind: str
    alias: str
    group: str = ""
    domain: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    by_user: bool = False
    length: int = 0

    def to_field(self) -> QgsField:
        """Return the attribute as a field of QGIS."""
        return QgsField(self.name, FIELD_TYPES[self.kind], len=self.length)


def all_attributes() -> tuple[Attribute, ...]:
    """Return all attributes in the order of the file, in the user's language."""
    old = (*_classification(), *_times(), *_measures(), *_provenance())  # the fields of 0.1.0
    return (*old, *_review(), *_later_measures())


def fields() -> QgsFields:
    """Return the fields of a new layer."""
    result = QgsFields()
    for attribute in all_attributes():
        result.append(attribute.to_field())
    return result


def avalanche_types() -> dict[str, str]:
    """Return the labels of the types of avalanches by their codes."""
    return {
        "slab": tr("Slab"),
        "loose": tr("Loose snow"),
        "glide": tr("Glide snow"),
        "slush": tr("Slush flow"),
        "cornice": tr("Cornice fall"),
        "unknown": tr("Unknown"),
    }


def review_states() -> dict[str, str]:
    """Return the labels of the results of a review by their codes; empty: to review."""
    return {"accepted": tr("Accepted"), "rejected": tr("Rejected")}


_by_user = functools.partial(Attribute, by_user=True)


def _classification() -> tuple[Attribute, ...]:
    identifier = functools.partial(Attribute, default="uuid('WithoutBraces')", length=36)
    unknown = {"unknown": tr("Unknown")}
    moisture = {"dry": tr("Dry"), "wet": tr("Wet"), "mixed": tr("Mixed"), **unknown}
    triggers = {
        "natural": tr("Natural"),
        "person": tr("Person"),
        "explosive": tr("Explosive"),
        "machine": tr("Machine"),
        "other": tr("Other"),
        **unknown,
    }
    parts = {
        "avalanche": tr("Whole avalanche"),
        "release": tr("Release area"),
        "track": tr("Track"),
        "deposit": tr("Deposit"),
    }
    qualities = {
        "exact": tr("Exact"),
        "estimated": tr("Estimated"),
        "created": tr("Position only"),
    }
    return (
        identifier(UUID, "text", tr("Identifier")),
        identifier(AVALANCHE, "text", tr("Avalanche (groups its parts)"), "record", by_user=True),
        _by_user(TYPE, "text", tr("Type"), "what", avalanche_types()),
        _by_user("moisture", "text", tr("Moisture"), "what", moisture),
        _by_user(TRIGGER, "text", tr("Trigger"), "what", triggers),
        _by_user(SIZE, "int", tr("Size (EAWS)"), "what", _sizes()),
        _by_user("part", "text", tr("Outline covers"), "what", parts, "'avalanche'"),
        _by_user("outline_quality", "text", tr("Outline"), "what", qualities),
        _by_user("comment", "text", tr("Comment"), "what"),
        _by_user("fracture_width_m", "real", tr("Fracture width (m)"), "fracture"),
        _by_user("fracture_depth_cm", "real", tr("Fracture depth (cm)"), "fracture"),
    )


def _sizes() -> dict[str, str]:
    return {
        "1": tr("1 – small"),
        "2": tr("2 – medium"),
        "3": tr("3 – large"),
        "4": tr("4 – very large"),
        "5": tr("5 – extremely large"),
    }


def _times() -> tuple[Attribute, ...]:
    return (
        _by_user("observed_at", "datetime", tr("Observed at (UTC)"), "when"),
        _by_user(RELEASED_FROM, "datetime", tr("Released after (UTC)"), "when"),
        _by_user(RELEASED_TO, "datetime", tr("Released before (UTC)"), "when"),
    )


def _measures() -> tuple[Attribute, ...]:
    """Return the measures, most of which stay empty without a posed camera or a DEM."""
    return (
        Attribute(AREA, "real", tr("Area (m²)"), "extent"),
        Attribute("area_surface_m2", "real", tr("Surface area (m²)"), "extent"),
        Attribute("length_m", "real", tr("Length (m)"), "extent"),
        Attribute("width_m", "real", tr("Width (m)"), "extent"),
        Attribute("size_suggested", "int", tr("Suggested size (EAWS)"), "extent", _sizes()),
        Attribute("z_max", "real", tr("Highest point (m)"), "terrain"),
        Attribute("z_min", "real", tr("Lowest point (m)"), "terrain"),
        Attribute("z_release", "real", tr("Elevation of the release (m)"), "terrain"),
        Attribute("z_deposit", "real", tr("Elevation of the deposit (m)"), "terrain"),
        Attribute("aspect_deg", "real", tr("Aspect (°)"), "terrain"),
        Attribute("aspect_8", "text", tr("Aspect (sector)"), "terrain"),
        Attribute("slope_mean_deg", "real", tr("Mean slope (°)"), "terrain"),
        Attribute("slope_release_deg", "real", tr("Slope of the release (°)"), "terrain"),
        Attribute("bridged", "bool", tr("Hidden gaps filled"), "accuracy"),
        Attribute("vis_frac", "real", tr("Visible share of the outline"), "accuracy"),
        Attribute("sigma_map_m", "real", tr("Accuracy (m)"), "accuracy"),
        Attribute("sigma_map_p90_m", "real", tr("Accuracy, 90 % (m)"), "accuracy"),
        Attribute("grazing_med_deg", "real", tr("Grazing angle, median (°)"), "accuracy"),
        Attribute("range_med_m", "real", tr("Distance, median (m)"), "accuracy"),
    )


def _provenance() -> tuple[Attribute, ...]:
    methods = {
        "interactive": tr("Interactive segmentation"),
        "polygon": tr("Drawn by hand"),
        "imported": tr("Imported outline"),
    }
    return (
        Attribute(IMAGE_NAME, "text", tr("Image"), "image"),
        Attribute("image_path", "text", tr("Image file"), "image"),
        Attribute(IMAGE_SHA256, "text", tr("SHA-256 of the image")),
        Attribute("camera", "text", tr("Camera (make, model)"), "image"),
        Attribute("camera_id", "text", tr("Camera"), "image"),
        Attribute("pose_id", "text", tr("Pose of the camera")),
        Attribute("drift_deg", "real", tr("Drift of the camera (°)"), "image"),
        Attribute("method", "text", tr("Method"), "work", methods, "'polygon'"),
        Attribute("model_id", "text", tr("Model"), "work"),
        Attribute(PROMPTS, "text", tr("Prompts (JSON)")),
        Attribute("n_clicks", "int", tr("Clicks"), "work"),
        Attribute("seconds", "real", tr("Seconds spent"), "work"),
        Attribute("threshold", "real", tr("Threshold"), "work"),
        Attribute("plugin_version", "text", tr("Plugin version"), "work"),
        _by_user(MAPPER, "text", tr("Mapped by"), "record", default="@user_full_name"),
        _by_user(REVIEWED_BY, "text", tr("Reviewed by"), "record"),
        Attribute("created_at", "datetime", tr("Created (UTC)"), "record"),
        Attribute("modified_at", "datetime", tr("Outlined last (UTC)"), "record"),
    )


def _review() -> tuple[Attribute, ...]:
    """Return what a review leaves; it is made by its actions, see `reviews`."""
    return (
        Attribute(REVIEW, "text", tr("Review"), "record", review_states()),
        Attribute(REVIEW_REASON, "text", tr("Reason of the review"), "record"),
        Attribute(REVIEWED_AT, "datetime", tr("Reviewed (UTC)"), "record"),
    )


def _later_measures() -> tuple[Attribute, ...]:
    """Return measures that came later: new fields go behind those that files have already."""
    return (
        Attribute("closed_frac", "real", tr("Share closed over noise of the terrain"), "accuracy"),
    )
