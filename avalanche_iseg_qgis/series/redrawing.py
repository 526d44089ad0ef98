"""Outlines on the map that were edited by hand, drawn anew in their photos through the camera.

So that the outline beside it, and what is noted of it in the series, is that of the same avalanche.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QTransform

from ..core.errors import IsegError
from ..core.survey.protocol import Drawn, ToImage
from ..features import record, writer
from ..features.geometry import large_parts, make_valid, multipolygon_to_arrays, reproject
from ..features.queries import find_photo_twin
from ..features.reference import feature_ref
from ..i18n import tr
from ..layers.pixel_window import PixelWindow
from ..masks.polygonise import mask_polygons
from ..worker.requests import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..camera.pose_draft import PoseDraft
    from ..camera.pose_session import PoseSession
    from ..session.draft import FeatureRef
    from ..worker.camera_client import CameraClient

_STAIRS = 0.8  # pixels by which edges of pixels are smoothed


class OutlineRedrawer:
    """Takes what an edit added to an outline on the map, and what it removed, to the photo.

    The outline in the photo stays as it is elsewhere; undo brings back the one of before.

    Parameters
    ----------
    warn
        Says why an outline could not be drawn.
    """

    def __init__(
        self, client: CameraClient, pose_session: PoseSession, warn: Callable[[str], None]
    ) -> None:
        self._client, self._pose_session, self._warn = client, pose_session, warn
        self._on_map: dict[str, QgsGeometry] = {}  # that the one in the photo belongs to, by uuid
        self._in_photo: dict[tuple[str, bytes], QgsGeometry] = {}  # by uuid and outline on the map

    def remember(self, layer: QgsVectorLayer, feature: QgsFeature) -> None:
        """Note an outline on the map that was made together with the one in the photo."""
        uuid = feature_ref(layer, feature).uuid
        if uuid and layer.crs().isValid():
            self._on_map[uuid] = feature.geometry()

    def redraw(self, layer: QgsVectorLayer, feature: QgsFeature) -> None:
        """Change the outline in the photo, once it is known; nothing if there is none."""
        ref, now = feature_ref(layer, feature), feature.geometry()
        twin = find_photo_twin(ref)
        path = str(record.attribute_value(feature, "image_path") or "")
        draft = self._pose_session.draft_of(path) if path else None
        if twin is None or draft is None or draft.record is None or not draft.dem:
            return
        before = self._on_map.get(ref.uuid)
        before = _saved(layer, feature) if before is None else before
        if before is not None:
            self._in_photo[ref.uuid, _key(before)] = twin[1].geometry()
        known = self._in_photo.get((ref.uuid, _key(now)))
        if known is not None:
            self._write(ref, now, known)
            return
        changes: dict[str, QgsGeometry | None] = {"added": now, "removed": None}
        if before is not None:
            changes = {"added": now.difference(before), "removed": before.difference(now)}
        found: dict[str, QgsGeometry] = {}

        def take(name: str, drawn: Drawn | None) -> None:
            found[name] = _shape_of(drawn)
            if len(found) == len(changes):
                kept = [] if before is None else [_without(twin[1].geometry(), found["removed"])]
                shape = QgsGeometry.unaryUnion([*kept, found["added"]])
                self._write(ref, now, QgsGeometry.collectGeometry(large_parts(shape)))

        for name, change in changes.items():
            self._ask((ref.uuid, name), change, layer, draft, partial(take, name))

    def _ask(
        self,
        slot: tuple[str, str],
        change: QgsGeometry | None,
        layer: QgsVectorLayer,
        draft: PoseDraft,
        take: Callable[[Drawn | None], None],
    ) -> None:
        self._client.withdraw(slot)
        try:
            shape = make_valid(change) if change is not None and not change.isEmpty() else None
        except IsegError:
            shape = None  # lines and points alone
        if shape is None or draft.record is None:
            take(None)
            return
        crs = QgsCoordinateReferenceSystem.fromEpsgId(draft.record.epsg)
        points, parts = multipolygon_to_arrays(reproject(shape, layer.crs(), crs))
        request = ToImage.of(points, parts, record=draft.record.to_json(), dem=list(draft.dem))
        self._client.request(slot, request, Receiver(take, self._warn))
        self._client.ensure_started()

    def _write(self, ref: FeatureRef, on_map: QgsGeometry, in_photo: QgsGeometry) -> None:
        twin = find_photo_twin(ref)
        if twin is None or QgsProject.instance().mapLayer(ref.layer_id) is None:
            return
        try:
            shape = make_valid(in_photo)
            writer.rewrite(twin[0], twin[1].id(), shape, None, tr("Correct avalanche"))
        except IsegError as error:
            self._warn(str(error))
            return
        self._on_map[ref.uuid] = on_map
        self._in_photo[ref.uuid, _key(on_map)] = shape
        twin[0].triggerRepaint()


def _saved(layer: QgsVectorLayer, feature: QgsFeature) -> QgsGeometry | None:
    """Return the outline of a feature in its file; None if it is not there yet."""
    found = layer.dataProvider().getFeatures(QgsFeatureRequest(feature.id()))
    stored = next(found, None) if feature.id() >= 0 else None
    return None if stored is None else stored.geometry()


def _without(geometry: QgsGeometry, part: QgsGeometry) -> QgsGeometry:
    return geometry if part.isEmpty() else geometry.difference(part)


def _key(geometry: QgsGeometry) -> bytes:
    return bytes(geometry.asWkb())


def _shape_of(drawn: Drawn | None) -> QgsGeometry:
    """Return what was drawn, in coordinates of the photo's layer."""
    if drawn is None or not drawn.part.any():
        return QgsGeometry()
    height, width = drawn.part.shape
    window = PixelWindow(int(drawn.at[0]), int(drawn.at[1]), height, width)
    shape = QgsGeometry.unaryUnion(mask_polygons(np.asarray(drawn.part), window))
    shape.transform(QTransform.fromScale(1, -1))
    return shape.simplify(_STAIRS)
