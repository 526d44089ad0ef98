"""From the outline in a photo to the outline on the map, and back, by the photo's camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry
from qgis.PyQt.QtCore import QObject

from .. import settings
from ..canvas.outline_item import OutlineItem
from ..core.errors import IsegError
from ..core.survey.protocol import Drawn, Mapped, ToImage, ToMap
from ..features.geometry import arrays_to_multipolygon, multipolygon_to_arrays, reproject
from ..i18n import tr
from ..session.draft import DraftState
from ..session.qt_session import grid_of
from ..session.start_mask import StartMask
from ..worker.requests import Receiver
from ..worker.state import WorkerState

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray
    from qgis.gui import QgsMapCanvas

    from ..camera.gui.controller import CameraController
    from ..camera.photo_grid import PhotoGrid
    from ..core.camera import CameraRecord
    from ..core.worker.protocol import Outlined
    from ..features.accepted_outline import AcceptedOutline
    from ..session.draft import FeatureRef, ObjectDraft
    from ..session.mapped_image import MappedImage
    from ..session.prompt_set import PromptSet
    from ..session.qt_session import QtSession
    from ..worker.camera_client import CameraClient


_CRUMB = 0.01  # of the largest part: smaller ones are dropped


@dataclass(frozen=True, eq=False)
class PhotoPose:
    """What is needed to bring a photo's outlines to the map."""

    record: CameraRecord
    dem: tuple[str, ...]

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """The CRS of the pose."""
        return QgsCoordinateReferenceSystem.fromEpsgId(self.record.epsg)


class Georeferencer(QObject):
    """Shows the outline of a posed photo on the map, and converts outlines both ways."""

    def __init__(
        self,
        canvas: QgsMapCanvas,
        session: QtSession,
        camera: CameraController,
        client: CameraClient,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._camera, self._client = session, camera, client
        self._canvas = canvas
        self.outline = OutlineItem(canvas)
        self._requested: tuple[object, ...] = ()  # what the outline on the map is made of
        session.outline_changed.connect(self._update)
        session.image_changed.connect(self._update)
        session.saving_cancelled.connect(client.withdraw)
        camera.camera_changed.connect(self._update)

    def close(self) -> None:
        """Remove the outline from the map."""
        self.outline.close()

    def pose_of(self, image: MappedImage | None) -> PhotoPose | None:
        """Return the pose of an image; None if it has no camera or no terrain."""
        if image is None or not image.grid.is_photo or grid_of(image).lacks_crs:
            return None
        pose_draft = self._camera.pose_session.draft_of(image.source.path)
        if pose_draft is None or pose_draft.record is None or not pose_draft.dem:
            return None
        return PhotoPose(pose_draft.record, pose_draft.dem)

    @property
    def grid(self) -> PhotoGrid | None:
        """The current photo's pixels as places on the map, once its range map is known."""
        image, pose = self._session.image, self._camera.pose_session
        if image is None or not pose.is_open(image.source.path):
            return None
        return pose.map_grid

    def finish(
        self, image: MappedImage, outlined: Outlined, pose: PhotoPose, receiver: Receiver
    ) -> None:
        """Bring a finished outline to the map: the receiver is given a `Mapped` with attributes.

        One request per draft; withdrawn when the draft is changed.
        """

        def answered(mapped: Mapped) -> None:
            if len(mapped.parts):
                receiver.answered(mapped)
                return
            receiver.failed(
                tr(
                    "The camera sees no terrain inside this outline: it is not saved yet. Check "
                    "the camera's pose, or take a terrain model that reaches farther."
                )
            )

        points = outlined.points + _corner(image)
        request = _to_map(points, outlined.parts, pose, attributes=True)
        self._client.request(image.draft, request, Receiver(answered, receiver.failed))
        self._client.ensure_started()

    def bring(
        self, slot: Hashable, outline: AcceptedOutline, pose: PhotoPose, to: Receiver
    ) -> None:
        """Bring an accepted outline to the map: ``to`` gets a `Mapped` with attributes."""
        request = _to_map(outline.points, outline.parts, pose, attributes=True)
        self._client.request(slot, request, to)
        self._client.ensure_started()

    def start_from(
        self,
        geometry: QgsGeometry,
        crs: QgsCoordinateReferenceSystem,
        image: MappedImage,
        feature_ref: FeatureRef | None,
    ) -> None:
        """Start from polygons of the map, drawn into a posed image.

        Raises
        ------
        IsegError
            If they cannot be brought to the CRS of the camera, or there is none.
        """
        pose = self.pose_of(image)
        if pose is None:
            raise IsegError(
                tr(
                    "The outlines lie on the map, and the photo has no camera yet: pose it in the "
                    "Camera panel first."
                )
            )
        points, parts = multipolygon_to_arrays(reproject(geometry, crs, pose.crs))
        request = ToImage.of(points, parts, record=pose.record.to_json(), dem=list(pose.dem))
        answered = partial(self._start, image, image.draft, image.draft.prompts, feature_ref)
        self._client.request("start", request, Receiver(answered, self._session.say))
        self._client.ensure_started()

    def _update(self) -> None:
        """Request the current outline on the map, if it is not the one requested last."""
        image = self._session.image
        pose = self.pose_of(image)
        outlined = image.draft.outline_for(self._session.shape) if image else None
        is_empty = outlined is not None and not outlined.parts
        if image is None or pose is None or image.draft.prompts.empty or is_empty:
            self._clear()
            return
        wanted = (image, outlined, pose.record.pose_id, settings.BRIDGE.get())
        if self._requested[:1] != (image,):
            self._clear()
        if outlined is None or wanted == self._requested:
            return
        self._requested = wanted
        request = _to_map(outlined.points + _corner(image), outlined.parts, pose, attributes=False)
        receiver = Receiver(partial(self._show, pose.crs), lambda _: self.outline.clear())
        self._client.request("live", request, receiver)
        if self._client.state is WorkerState.OFF:
            self._client.ensure_started()

    def _clear(self) -> None:
        self.outline.clear()
        self._requested = ()
        self._client.withdraw("live")

    def _show(self, crs: QgsCoordinateReferenceSystem, mapped: Mapped) -> None:
        """Draw the outline, and move the map to it if it is elsewhere altogether."""
        self.outline.show(arrays_to_multipolygon(mapped.xy, mapped.parts), crs)
        shown = self._canvas.mapSettings().destinationCrs()
        if not shown.isValid():
            return
        box = reproject(self.outline.geometry, crs, shown).boundingBox()
        if not box.isEmpty() and not self._canvas.extent().intersects(box):
            self._canvas.setCenter(box.center())
            self._canvas.refresh()

    def _start(
        self,
        image: MappedImage,
        draft: ObjectDraft,
        prompts: PromptSet,
        feature_ref: FeatureRef | None,
        drawn: Drawn,
    ) -> None:
        if image is not self._session.image:
            return
        has_gone_on = draft.prompts != prompts or draft.state is not DraftState.EDITING
        if image.draft is not draft or has_gone_on:
            self._session.say(
                tr(
                    "The selected outline was ready only after you had gone on, so it was not "
                    "taken: your clicks are kept. Choose “Edit an existing outline…” again to take "
                    "it."
                )
            )
        elif drawn.part.any():
            self._session.start_from(StartMask.of(drawn.part, *drawn.at), feature_ref)
        else:
            self._session.say(
                tr("The camera does not see this outline: nothing of it is in the photo.")
            )


def _corner(image: MappedImage) -> NDArray[np.float32]:
    """Return where the window of an image's prediction begins, (x, y) in pixels."""
    state = image.draft.prediction
    return np.array([state.window.col, state.window.row] if state else (0, 0), np.float32)


def _to_map(
    points: NDArray[np.float32],
    parts: Sequence[Sequence[int]],
    pose: PhotoPose,
    *,
    attributes: bool,
) -> ToMap:
    return ToMap(
        record=pose.record.to_json(),
        dem=list(pose.dem),
        points=points,
        parts=parts,
        attributes=attributes,
        min_share=_CRUMB,
        bridge=settings.BRIDGE.get(),
    )
