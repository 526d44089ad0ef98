"""From a finished outline to a feature in the layer that the user has chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from .. import settings
from ..core.errors import IsegError
from ..features import checks, record, schema, target, writer
from ..features.geometry import (
    keep_off,
    missing_crs,
    multipolygon_to_arrays,
    pixels_to_geometry,
    points_to_geometry,
    reproject,
)
from ..features.queries import find_layers, find_photo_twin, is_ours, known_of_avalanche
from ..features.reading import features_of
from ..features.reference import feature_ref, resolve
from ..features.splice import splice
from ..georef.georeferencer import Georeferencer
from ..gui.segment_dock import SegmentDock
from ..i18n import tr
from ..layers.pixel_window import PixelWindow
from ..masks.changes import changed_zone
from ..session.draft import FeatureRef
from ..session.mapped_image import MappedImage
from ..session.qt_session import QtSession, grid_of
from ..worker.requests import Receiver
from ..worker.segmentation_client import SegmentationClient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.survey.protocol import Mapped
    from ..core.worker.protocol import Outlined
    from ..georef.georeferencer import PhotoPose


_SKY = 0.05  # of an outline: less is spilt over ridges by a pixel or two


@dataclass(frozen=True)
class PosedOutline:
    """An outline of a photo that its camera has brought to the map."""

    pose: PhotoPose
    mapped: Mapped


class FeatureSaver(QObject):
    """Makes features of the outlines that the session has finished.

    Signals
    -------
    saved
        (FeatureRef): a feature has been written.
    """

    saved = pyqtSignal(object)

    def __init__(
        self,
        session: QtSession,
        client: SegmentationClient,
        georeferencer: Georeferencer,
        dock: SegmentDock,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._session, self._client, self._dock = session, client, dock
        self._georeferencer = georeferencer
        self._told: set[tuple[str, str]] = set()  # once for each layer
        session.finished.connect(self._on_finished)

    def _on_finished(self, image: MappedImage, outlined: Outlined) -> None:
        pose = self._georeferencer.pose_of(image)
        if pose is None or self._belongs_in_photo(image):
            self._save(image, outlined, None)
            return
        try:
            outlined = self._kept_off_in_photo(image, outlined)
        except IsegError as error:
            self._session.refuse(image, str(error))
            return
        receiver = Receiver(
            lambda mapped: self._save(image, outlined, PosedOutline(pose, mapped)),
            lambda text: self._session.refuse(image, text),
        )
        self._georeferencer.finish(image, outlined, pose, receiver)

    def _save(self, image: MappedImage, outlined: Outlined, posed: PosedOutline | None) -> None:
        try:
            ref = self._write(image, outlined, posed)
        except IsegError as error:
            self._session.refuse(image, str(error))
            return
        if posed is not None:
            try:
                self._write_photo_twin(image, outlined, ref)
            except IsegError as error:
                text = tr("The avalanche is on the map, but its outline in the photo is not kept: ")
                self._session.say(f"{text}{error}")
            self._tell_of_sky(posed.mapped)
        self._session.accept(image)
        self.saved.emit(ref)

    @staticmethod
    def _origin_ref(image: MappedImage) -> FeatureRef | None:
        """Return the feature to write back to; None for a new one."""
        return image.draft.feature_ref if image.draft.write_back else None

    def _belongs_in_photo(self, image: MappedImage) -> bool:
        """Whether the object came from a feature in pixels of the photo, and goes back there."""
        ref = self._origin_ref(image)
        found = resolve(ref) if ref else None
        return found is not None and not found[0].crs().isValid()

    def _write(
        self, image: MappedImage, outlined: Outlined, posed: PosedOutline | None
    ) -> FeatureRef:
        ref = self._origin_ref(image)
        found = resolve(ref) if ref else None
        if ref is not None and found is None:
            raise IsegError(
                tr(
                    "The feature to write back to is gone, hidden by a filter, or its layer was "
                    "removed. Add it again, or untick “Write back to the same feature”, and "
                    "finish once more."
                )
            )
        layer = found[0] if found else self.layer_for(image, posed.pose if posed else None)
        attributes = self._attributes(image, posed, is_new=ref is None)
        if posed is None:
            geometry = self._photo_geometry(image, outlined, layer)
        else:
            mapped, crs = posed.mapped, posed.pose.crs
            geometry = points_to_geometry(mapped.xy, mapped.parts, crs, layer.crs())
        own = found[1].id() if found else None
        geometry = self._kept_off(image, outlined, geometry, layer, own)
        if ref is not None and found is not None:
            if posed is None:
                geometry = self._spliced(image, found[1].geometry(), geometry, layer)
            values = attributes if is_ours(layer) else None
            fid = found[1].id()
            writer.rewrite(layer, fid, geometry, values, tr("Correct avalanche"))
            self._tell(layer, layer.getFeature(fid), values or {})
            return ref
        fid = writer.add(layer, geometry, attributes, tr("Add avalanche"))
        feature = layer.getFeature(fid)
        self._tell(layer, feature, attributes)
        return feature_ref(layer, feature)

    def _tell(
        self, layer: QgsVectorLayer, feature: QgsFeature, attributes: Mapping[str, object]
    ) -> None:
        """Say what the user does not see: what keeps the feature from being saved, or shown."""
        texts = [checks.broken_constraints(layer, feature)]
        for text in (
            checks.hidden_by_filter(layer, feature),
            checks.left_out(layer, feature, attributes),
        ):
            if (layer.id(), text) not in self._told:
                self._told.add((layer.id(), text))
                texts.append(text)
        if any(texts):
            self._session.say(" ".join(filter(None, texts)))

    def _tell_of_sky(self, mapped: Mapped) -> None:
        """Say what of an outline in the photo is not on the map."""
        if mapped.lost > _SKY:
            text = tr(
                "{:.0f} % of the outline in the photo shows no terrain: sky, or ground beyond the "
                "terrain model. That part is not on the map."
            )
            self._session.say(text.format(100 * mapped.lost))

    @staticmethod
    def _kept_off(
        image: MappedImage,
        outlined: Outlined,
        geometry: QgsGeometry,
        layer: QgsVectorLayer,
        own: int | None,
    ) -> QgsGeometry:
        """Return an outline without what belongs to finished avalanches, if that is wanted.

        ``own`` is the id of the feature that it is written back to.
        """
        if not settings.KEEP_OFF.get() or outlined.area <= 0:
            return geometry
        pixel = math.sqrt(geometry.area() / outlined.area)  # in units of the layer
        gap, origin = pixel * settings.CLOSE_GAPS.get(), image.origin
        near = QgsFeatureRequest(geometry.boundingBox().buffered(gap))
        others = [
            feature.geometry()
            for feature in features_of(layer, near)
            if feature.id() != own
            and record.is_from_image(feature, origin.image_name, origin.sha256)
        ]
        return keep_off(geometry, others, gap)

    def _kept_off_in_photo(self, image: MappedImage, outlined: Outlined) -> Outlined:
        """Return the outline of a posed photo without what belongs to finished avalanches in it.

        Before it is brought to the map, so that what is measured there is that of the rest.
        """
        ref, grid = self._origin_ref(image), grid_of(image)
        twin = find_photo_twin(ref) if ref else None
        whole = PixelWindow(0, 0, grid.height, grid.width)
        state = image.draft.prediction
        window = state.window if state else whole
        for layer in find_layers(QgsProject.instance()):
            if layer.crs().isValid():
                continue
            geometry = self._photo_geometry(image, outlined, layer)
            own = twin[1].id() if twin and twin[0].id() == layer.id() else None
            rest = self._kept_off(image, outlined, geometry, layer, own)
            if rest is not geometry:
                xy, parts = multipolygon_to_arrays(rest)
                places = np.array([grid.to_pixel(QgsPointXY(x, y)) for x, y in xy])
                corners = places[:, ::-1] + 0.5 - (window.col, window.row)
                outlined = replace(
                    outlined, points=corners.astype(np.float32), parts=parts, area=rest.area()
                )
        return outlined

    def _attributes(
        self, image: MappedImage, posed: PosedOutline | None, *, is_new: bool
    ) -> dict[str, object]:
        draft = image.draft
        attributes = record.object_attributes(
            origin=image.origin,
            loaded=self._client.loaded,
            prompts=draft.prompts,
            threshold=(draft.final_shape or self._session.shape).threshold,
            seconds=draft.stopwatch.seconds,
            undone=draft.stopwatch.undone,
            again=not is_new,
        )
        if is_new and draft.avalanche:
            attributes[schema.AVALANCHE] = draft.avalanche
            attributes.update(known_of_avalanche(draft.avalanche, image.origin.observed_at))
        if posed is not None:
            camera = posed.pose.record
            attributes.update(record.map_attributes(camera, posed.mapped, again=not is_new))
        return attributes

    @staticmethod
    def _photo_geometry(
        image: MappedImage, outlined: Outlined, layer: QgsVectorLayer
    ) -> QgsGeometry:
        state, grid = image.draft.prediction, grid_of(image)
        window = state.window if state else PixelWindow(0, 0, grid.height, grid.width)
        return pixels_to_geometry(outlined.points, outlined.parts, grid, window, layer.crs())

    @staticmethod
    def _spliced(
        image: MappedImage, old: QgsGeometry, new: QgsGeometry, layer: QgsVectorLayer
    ) -> QgsGeometry:
        """Return the outline of a feature with the new one only where clicks changed the mask."""
        draft = image.draft
        state, start, shape = draft.prediction, draft.prompts.mask, draft.final_shape
        if state is None or start is None or shape is None:
            return new
        before = start.within(state.window)
        after = state.prediction.mask(shape.threshold)
        grid = grid_of(image)
        zone = changed_zone(before, after, grid, state.window)
        return splice(old, new, reproject(zone, grid.crs, layer.crs()))

    def _write_photo_twin(self, image: MappedImage, outlined: Outlined, ref: FeatureRef) -> None:
        """Write the outline in the photo beside the one on the map, under the same uuid."""
        found = resolve(ref)
        if not ref.uuid or found is None:
            return  # a foreign layer's: nothing to find it by
        attributes = {
            **self._attributes(image, None, is_new=False),
            schema.UUID: ref.uuid,
            schema.AVALANCHE: record.attribute_value(found[1], schema.AVALANCHE) or ref.uuid,
        }
        twin = find_photo_twin(ref)
        layer = twin[0] if twin else self.photo_layer(image, found[0])
        geometry = self._photo_geometry(image, outlined, layer)
        own = twin[1].id() if twin else None
        geometry = self._kept_off(image, outlined, geometry, layer, own)
        if twin:
            writer.rewrite(layer, twin[1].id(), geometry, attributes, tr("Correct avalanche"))
        else:
            writer.add(layer, geometry, attributes, tr("Add avalanche"))

    def layer_for(self, image: MappedImage, pose: PhotoPose | None = None) -> QgsVectorLayer:
        """Return the layer that new objects of an image go to, made if there is none yet.

        Parameters
        ----------
        image
            That they were mapped in.
        pose
            Of a photo whose objects go to the map.

        Raises
        ------
        IsegError
            If the layer chosen cannot take them, or none can be made.
        """
        if grid_of(image).lacks_crs:
            raise missing_crs()
        plain = image.grid.is_photo and pose is None
        layer = self._dock.target.currentLayer()
        if layer is None or (pose is not None and not layer.crs().isValid()):
            layers = find_layers(QgsProject.instance())
            layer = next((each for each in layers if each.crs().isValid() != plain), None)
        if layer is None:
            layer = self.make_layer(image, None, pose)
        reason = target.why_unsuitable(layer)
        if reason:
            raise IsegError(reason)
        return layer

    def make_layer(
        self, image: MappedImage, path: str | None, pose: PhotoPose | None = None
    ) -> QgsVectorLayer:
        """Make the layer for objects of an image in a GeoPackage, and add it to the project.

        Raises
        ------
        IsegError
            If it cannot be made, or the CRS of the image is not known.
        """
        if grid_of(image).lacks_crs:
            raise missing_crs()
        project = QgsProject.instance()
        path = path or target.default_path(project, image.origin.path)
        layer = target.create_layer(path, pose.crs if pose else grid_of(image).crs)
        project.addMapLayer(layer)
        return layer

    def photo_layer(self, image: MappedImage, beside: QgsVectorLayer) -> QgsVectorLayer:
        """Return the layer in pixels in the GeoPackage of another one; hidden, as it is no map."""
        project, path = QgsProject.instance(), target.geopackage_path(beside)
        for layer in find_layers(project):
            if not layer.crs().isValid() and (not path or target.geopackage_path(layer) == path):
                return layer
        path = path or target.default_path(project, image.origin.path)
        layer = target.create_layer(path, QgsCoordinateReferenceSystem())
        project.addMapLayer(layer)
        project.layerTreeRoot().findLayer(layer.id()).setItemVisibilityChecked(False)
        return layer
