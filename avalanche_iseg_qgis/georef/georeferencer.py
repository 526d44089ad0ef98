"""From the outline in a photo to the outline on the map, and back, through the photo's camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .. import settings
from ..canvas.outline_item import OutlineItem
from ..core.survey.protocol import Drawn, Mapped, ToImage, ToMap
from ..features.geometry import arrays_to_multipolygon, multipolygon_to_arrays, reproject
from ..i18n import tr
from ..session.start_mask import StartMask
from ..worker.receiver import Receiver
from .camera_grid import PhotoGrid

if TYPE_CHECKING:
    from ..camera.gui.controller import CameraController
    from ..core.camera import CameraRecord
    from ..core.worker.protocol import Outlined
    from ..session.draft import FeatureRef
    from ..session.mapped_image import MappedImage
    from ..session.session import SegmentationSession
    from ..worker.camera_client import CameraClient


@dataclass(frozen=True, eq=False)
class PhotoPose:
    """What is needed to bring a photo's outlines to the map."""

    record: CameraRecord
    dem: tuple[str, ...]

    @property
    def crs(self) -> QgsCoordinateReferenceSystem:
        """In which the camera is posed."""
        return QgsCoordinateReferenceSystem.fromEpsgId(self.record.epsg)


@dataclass(frozen=True, eq=False)
class Finished:
    """An outline on its way to the map: the ticket of its request."""

    image: MappedImage
    outlined: Outlined
    pose: PhotoPose


@dataclass(frozen=True, eq=False)
class Live:
    """An outline that is shown on the map while it is made."""

    image: MappedImage
    outlined: Outlined


@dataclass(frozen=True, eq=False)
class Start:
    """An outline of the map on its way into the photo, where it is to be corrected."""

    image: MappedImage
    home: FeatureRef | None


class Georeferencer(QObject):
    """See the module.

    Signals
    -------
    mapped
        (Finished, Mapped): the outline on the map, with its attributes.
    failed
        (Finished, text): why it could not be brought there.
    said
        (text): something that the user should read.
    """

    mapped = pyqtSignal(object, object)
    failed = pyqtSignal(object, str)
    said = pyqtSignal(str)

    def __init__(
        self,
        canvas,
        workspace: SegmentationSession,
        desk: CameraController,
        surveyor: CameraClient,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._desk, self._surveyor = workspace, desk, surveyor
        self._canvas = canvas
        self.outline = OutlineItem(canvas)
        self._shown: tuple[object, ...] = ()  # what has been asked for last
        workspace.outline_changed.connect(self._follow)
        workspace.image_changed.connect(self._follow)
        desk.camera_changed.connect(self._follow)

    def close(self) -> None:
        """Take the outline off the map."""
        self.outline.close()

    def pose_of(self, image: MappedImage | None) -> PhotoPose | None:
        """How to bring outlines of an image to the map; None if it has no camera."""
        if image is None or not image.grid.is_photo:
            return None
        sheet = self._desk.pose_session.draft_of(image.source.path)
        if sheet is None or sheet.record is None or not sheet.dem:
            return None
        return PhotoPose(sheet.record, sheet.dem)

    @property
    def grid(self) -> PhotoGrid | None:
        """The pixels of the photo in hand as places on the map, once it is known what it sees."""
        image, work = self._workspace.image, self._desk.pose_session
        if image is None or work.range_map is None or image.source.path != work.draft.photo:
            return None
        return PhotoGrid(work.range_map, work.heights, work.crs)

    def finish(self, image: MappedImage, outlined: Outlined, pose: PhotoPose) -> None:
        """Bring a finished outline to the map, and measure it: answered by a signal."""
        ticket = Finished(image, outlined, pose)
        self._ask("finish", ticket, _to_map(image, outlined, pose, attributes=True))

    def start_from(
        self,
        geometry: QgsGeometry,
        crs: QgsCoordinateReferenceSystem,
        image: MappedImage,
        home: FeatureRef | None,
    ) -> None:
        """Draw polygons of the map into the image, for clicks to correct them there.

        Raises
        ------
        IsegError
            If they cannot be brought to the CRS of the camera.
        """
        pose = self.pose_of(image)
        points, parts = multipolygon_to_arrays(reproject(geometry, crs, pose.crs))
        request = ToImage.of(points, parts, record=pose.record.to_json(), dem=list(pose.dem))
        self._ask("start", Start(image, home), request)

    def _follow(self) -> None:
        """Ask for the outline of the object in hand."""
        image, draft = self._workspace.image, self._workspace.draft
        pose = self.pose_of(image)
        if pose is None or draft.prompts.empty:
            self.outline.clear()
            self._shown = ()
            return
        outlined = draft.outline_for(self._workspace.shape)
        wanted = (outlined, pose.record.pose_id, settings.BRIDGE.get())
        if outlined is not None and len(outlined.parts) and wanted != self._shown:
            self._shown = wanted
            request = _to_map(image, outlined, pose, attributes=False)
            self._ask("live", Live(image, outlined), request)

    def _ask(self, slot: str, ticket: object, request: object) -> None:
        receiver = Receiver(
            lambda answer: self._on_answered(ticket, answer),
            lambda text: self._on_refused(ticket, text),
        )
        self._surveyor.request(slot, request, receiver)

    def _on_answered(self, ticket, answer) -> None:
        if isinstance(ticket, Live) and isinstance(answer, Mapped):
            self._show(ticket, answer)
        elif isinstance(ticket, Finished) and isinstance(answer, Mapped):
            if len(answer.parts):
                self.mapped.emit(ticket, answer)
            else:
                self.failed.emit(
                    ticket,
                    tr(
                        "The camera sees no ground of the terrain model inside this outline: it "
                        "is still in hand. Check the camera's pose, or take a terrain model that "
                        "reaches farther."
                    ),
                )
        elif isinstance(ticket, Start) and isinstance(answer, Drawn):
            self._begin(ticket, answer)

    def _on_refused(self, ticket, text: str) -> None:
        if isinstance(ticket, Finished):
            self.failed.emit(ticket, text)
        elif isinstance(ticket, Live):
            self.outline.clear()
        elif isinstance(ticket, Start):
            self.said.emit(text)

    def _show(self, ticket: Live, answer: Mapped) -> None:
        pose, draft = self.pose_of(ticket.image), self._workspace.draft
        if ticket.image is self._workspace.image and pose and not draft.prompts.empty:
            self.outline.show(arrays_to_multipolygon(answer.xy, answer.parts), pose.crs)
            self._bring_into_view(pose.crs)

    def _bring_into_view(self, crs: QgsCoordinateReferenceSystem) -> None:
        """Move the map to an outline that lies elsewhere altogether."""
        shown = self._canvas.mapSettings().destinationCrs()
        if not shown.isValid():
            return
        box = reproject(self.outline.geometry, crs, shown).boundingBox()
        if not box.isEmpty() and not self._canvas.extent().intersects(box):
            self._canvas.setCenter(box.center())
            self._canvas.refresh()

    def _begin(self, ticket: Start, answer: Drawn) -> None:
        if ticket.image is not self._workspace.image:
            return
        if not answer.part.any():
            self.said.emit(
                tr("The camera does not see this outline: nothing of it is in the picture.")
            )
            return
        self._workspace.start_from(StartMask.of(answer.part, *answer.at), ticket.home)


def _to_map(image: MappedImage, outlined: Outlined, pose: PhotoPose, *, attributes: bool) -> ToMap:
    window = image.draft.found.window
    corner = np.array([window.col, window.row], np.float32)
    return ToMap(
        record=pose.record.to_json(),
        dem=list(pose.dem),
        points=outlined.points + corner,
        parts=outlined.parts,
        attributes=attributes,
        bridge=settings.BRIDGE.get(),
    )
