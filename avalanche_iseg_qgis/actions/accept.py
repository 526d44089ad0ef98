"""From outlines that were accepted as they are to features: all of them one step to be undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from qgis.core import QgsGeometry, QgsVectorLayer

from ..core.errors import IsegError
from ..features import record, schema, writer
from ..features.geometry import pixels_to_geometry, points_to_geometry
from ..features.reference import feature_ref
from ..i18n import tr
from ..layers.pixel_window import PixelWindow
from ..session.qt_session import grid_of
from ..worker.requests import Receiver

if TYPE_CHECKING:
    from ..core.survey.protocol import Mapped
    from ..features.accepted_outline import AcceptedOutline
    from ..georef.georeferencer import Georeferencer, PhotoPose
    from ..session.draft import FeatureRef
    from ..session.mapped_image import MappedImage
    from ..session.qt_session import QtSession
    from ..worker.segmentation_client import SegmentationClient
    from .save import FeatureSaver

    Features = list[tuple[QgsGeometry, dict[str, object]]]
    Done = Callable[[list[FeatureRef]], None]


class AcceptedOutlineSaver:
    """Adds outlines to the layer in which new avalanches of an image go."""

    def __init__(
        self,
        session: QtSession,
        client: SegmentationClient,
        georeferencer: Georeferencer,
        saver: FeatureSaver,
        refresh_list: Callable[[], None],
    ) -> None:
        self._session, self._client = session, client
        self._georeferencer, self._saver = georeferencer, saver
        self._refresh_list = refresh_list

    def add(
        self, image: MappedImage, outlines: Sequence[AcceptedOutline], text: str, done: Done
    ) -> None:
        """Add outlines of an image as features, or say why that is not possible.

        Those of a posed photo go to the map, as soon as the camera worker has brought them there.

        Parameters
        ----------
        text
            Name of the step to be undone.
        done
            Is given their references, in the order of the outlines; none if that failed.
        """
        pose = self._georeferencer.pose_of(image)
        if pose is None:
            self._end(done, lambda: self._write_in_photo(image, outlines, text))
            return
        mapped: dict[int, Mapped] = {}

        def take(index: int, answer: Mapped) -> None:
            mapped[index] = answer
            if len(mapped) == len(outlines):
                found = [mapped[index] for index in range(len(outlines))]
                self._end(done, lambda: self._write_on_map(image, outlines, pose, found, text))

        def fail(text: str) -> None:
            self._session.say(text)
            done([])

        for index, outline in enumerate(outlines):
            receiver = Receiver(partial(take, index), fail)
            self._georeferencer.bring(("accepted", image.key, index), outline, pose, receiver)

    def _end(self, done: Done, write: Callable[[], list[FeatureRef]]) -> None:
        try:
            done(write())
        except IsegError as error:
            self._session.say(str(error))
            done([])
        self._refresh_list()

    def _write_in_photo(
        self, image: MappedImage, outlines: Sequence[AcceptedOutline], text: str
    ) -> list[FeatureRef]:
        layer = self._saver.layer_for(image)
        features = [
            (_in_photo(image, outline, layer), self._attributes(image, outline))
            for outline in outlines
        ]
        return _add(layer, features, text)

    def _write_on_map(
        self,
        image: MappedImage,
        outlines: Sequence[AcceptedOutline],
        pose: PhotoPose,
        found: Sequence[Mapped],
        text: str,
    ) -> list[FeatureRef]:
        if not all(len(mapped.parts) for mapped in found):
            raise IsegError(
                tr(
                    "The camera sees no terrain inside one of these outlines: none is saved. "
                    "Accept the others one by one, or check the camera's pose."
                )
            )
        layer = self._saver.layer_for(image, pose)
        features, twins = [], []
        for outline, mapped in zip(outlines, found):  # noqa: B905 - Python 3.9
            attributes = self._attributes(image, outline)
            twins.append((outline, attributes))
            geometry = points_to_geometry(mapped.xy, mapped.parts, pose.crs, layer.crs())
            more = record.map_attributes(pose.record, mapped, again=False)
            features.append((geometry, {**attributes, **more}))
        refs = _add(layer, features, text)
        beside = self._saver.photo_layer(image, layer)
        in_photo = [(_in_photo(image, outline, beside), values) for outline, values in twins]
        writer.add_all(beside, in_photo, text)
        return refs

    def _attributes(self, image: MappedImage, outline: AcceptedOutline) -> dict[str, object]:
        return {
            **record.object_attributes(
                origin=image.origin,
                loaded=self._client.loaded,
                prompts=outline.prompts,
                threshold=self._session.shape.threshold,
                seconds=0.0,
            ),
            schema.AVALANCHE: outline.avalanche,
            **outline.attributes,
        }


def _in_photo(image: MappedImage, outline: AcceptedOutline, layer: QgsVectorLayer) -> QgsGeometry:
    grid = grid_of(image)
    whole = PixelWindow(0, 0, grid.height, grid.width)
    return pixels_to_geometry(outline.points, outline.parts, grid, whole, layer.crs())


def _add(layer: QgsVectorLayer, features: Features, text: str) -> list[FeatureRef]:
    fids = writer.add_all(layer, features, text)
    layer.triggerRepaint()
    return [feature_ref(layer, layer.getFeature(fid)) for fid in fids]
