"""How much work an avalanche was: seconds and clicks, for a table."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QDateTime, Qt

from ..core.errors import IsegError, PromptError
from ..core.files import replacing
from ..i18n import tr
from . import record, schema

PAUSE = 60.0
"""Seconds without an action, from which on they do not count as work."""

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
)


@dataclass
class Stopwatch:
    """Seconds of work on one object: from the first action to the latest, without pauses."""

    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _last: float | None = field(default=None, init=False)

    def touch(self) -> None:
        """An action of the user."""
        now = self.clock()
        if self._last is not None and now - self._last <= PAUSE:
            self.seconds += now - self._last
        self._last = now


def rows_of(layer: QgsVectorLayer) -> Iterator[dict[str, object]]:
    """A row of `COLUMNS` for each feature that was made from prompts."""
    for feature in layer.getFeatures():
        try:
            prompts = record.stored(feature)
        except PromptError:
            continue
        positive = sum(click.positive for click in prompts.clicks)
        finished = record.value(feature, "modified_at")
        yield {
            "uuid": record.value(feature, schema.UUID),
            "image": record.value(feature, schema.IMAGE_NAME),
            "model": record.value(feature, "model_id"),
            "n_clicks": len(prompts.clicks),
            "n_positive": positive,
            "n_negative": len(prompts.clicks) - positive,
            "box": int(prompts.box is not None),
            "seconds": record.value(feature, "seconds"),
            "threshold": record.value(feature, "threshold"),
            "finished_at": _utc(finished),
        }


def write_csv(path: str, rows: Iterable[dict[str, object]]) -> None:
    """Write rows of `COLUMNS`, at once or not at all.

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
        raise IsegError(
            tr("The table {} cannot be written ({}): choose another folder.").format(
                path, error.strerror
            )
        ) from error


def _utc(moment: QDateTime | None) -> str | None:
    """What a layer holds is UTC, whatever time zone its provider gives it."""
    if moment is None:
        return None
    if moment.timeSpec() != Qt.TimeSpec.UTC:
        moment = QDateTime(moment.date(), moment.time(), Qt.TimeSpec.UTC)
    return moment.toString(Qt.DateFormat.ISODate)
