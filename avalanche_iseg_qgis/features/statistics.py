"""Working time and clicks per avalanche, as a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QDateTime, Qt

from ..core.errors import IsegError, PromptError
from ..core.files import replacing
from ..i18n import tr
from . import record, schema
from .reading import features_of

COLUMNS = (
    "uuid",
    "image",
    "model",
    "n_clicks",
    "n_positive",
    "n_negative",
    "box",
    "seconds",
    "threshold",
    "finished_at",
    "n_undone",
)


def work_rows(layer: QgsVectorLayer) -> Iterator[dict[str, object]]:
    """Yield a row of `COLUMNS` for each feature that was made from prompts."""
    for feature in features_of(layer):
        try:
            prompts = record.read_prompts(feature)
        except PromptError:
            continue
        positive = sum(click.positive for click in prompts.clicks)
        finished = record.attribute_value(feature, "modified_at")
        yield {
            "uuid": record.attribute_value(feature, schema.UUID),
            "image": record.attribute_value(feature, schema.IMAGE_NAME),
            "model": record.attribute_value(feature, "model_id"),
            "n_clicks": len(prompts.clicks),
            "n_positive": positive,
            "n_negative": len(prompts.clicks) - positive,
            "box": int(prompts.box is not None),
            "seconds": record.attribute_value(feature, "seconds"),
            "threshold": record.attribute_value(feature, "threshold"),
            "finished_at": _utc_text(finished),
            "n_undone": record.undone_steps(feature),
        }


def write_csv(path: str, rows: Iterable[dict[str, object]]) -> None:
    """Write rows of `COLUMNS` as CSV, atomically.

    Raises
    ------
    IsegError
        If the file cannot be written.
    """
    try:
        with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(rows)
    except OSError as error:
        text = tr("The table {} cannot be written ({}): choose another folder.")
        raise IsegError(text.format(path, error.strerror)) from error


def _utc_text(moment: QDateTime | None) -> str | None:
    """Format a time of a layer, which is UTC whatever time zone its provider gives it."""
    if moment is None:
        return None
    if moment.timeSpec() != Qt.TimeSpec.UTC:
        moment = QDateTime(moment.date(), moment.time(), Qt.TimeSpec.UTC)
    return moment.toString(Qt.DateFormat.ISODate)
