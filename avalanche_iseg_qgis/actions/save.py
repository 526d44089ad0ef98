"""From a finished outline to a feature in the layer that the user has chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..core.errors import IsegError
from ..features import record, schema, target, writer
from ..features.geometry import pixels_to_geometry, points_to_geometry
from ..features.queries import feature_ref, find_feature, layers_of, photo_twin
from ..georef.georeferencer import Finished, Georeferencer
from ..gui.segment_dock import SegmentDock
from ..i18n import tr
from ..session.draft import FeatureRef
from ..session.mapped_image import MappedImage
from ..session.session import SegmentationSession
from ..worker.segmentation_client import SegmentationClient

if TYPE_CHECKING:
    from ..core.survey.protocol import Mapped
    from ..core.worker.protocol import Outlined
    from ..georef.georeferencer import PhotoPose


@dataclass(frozen=True)
class OnGround:
    """An outline of a photo that its camera has brought to the map."""

    pose: PhotoPose
    mapped: Mapped


class FeatureSaver(QObject):
    """Writes what the workspace has finished.

    Signals
    -------
    saved
        (Image, Home): the feature.
    said
        (text): why it could not be written, and what to do.
    """

    saved = pyqtSignal(object, object)
    said = pyqtSignal(str)

    def __init__(
        self,
        workspace: SegmentationSession,
        service: SegmentationClient,
        ground: Georeferencer,
        dock: SegmentDock,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace, self._service, self._dock = workspace, service, dock
        self._ground = ground
        workspace.finished.connect(self._on_finished)
        ground.mapped.connect(self._on_mapped)
        ground.failed.connect(self._on_failed)

    def _on_finished(self, image: MappedImage, outlined: Outlined) -> None:
        pose = self._ground.pose_of(image)
        if pose is None or self._belongs_in_picture(image):
            self._keep(image, outlined, None)
        else:
            self._ground.finish(image, outlined, pose)

    def _on_mapped(self, ticket: Finished, mapped: Mapped) -> None:
        draft = ticket.image.draft
        if draft.finishing and draft.outline and draft.outline.outlined is ticket.outlined:
            self._keep(ticket.image, ticket.outlined, OnGround(ticket.pose, mapped))

    def _on_failed(self, ticket: Finished, text: str) -> None:
        self._workspace.keep(ticket.image)
        self.said.emit(text)

    def _keep(self, image: MappedImage, outlined: Outlined, ground: OnGround | None) -> None:
        try:
            home = self._save(image, outlined, ground)
        except IsegError as error:
            self._workspace.keep(image)
            self.said.emit(str(error))
            return
        if ground is not None:
            try:
                self._save_in_picture(image, outlined, home)
            except IsegError as error:
                text = tr("The avalanche is on the map, but its outline in the photo is not kept: ")
                self.said.emit(f"{text}{error}")
        self._workspace.accept(image)
        self.saved.emit(image, home)

    def _again(self, image: MappedImage) -> bool:
        """Whether to write back to the feature that the object came from."""
        return image.draft.home is not None and self._dock.write_back.isChecked()

    def _belongs_in_picture(self, image: MappedImage) -> bool:
        """Whether the object came from a feature in pixels of the photo, and goes back there."""
        found = find_feature(image.draft.home) if self._again(image) else None
        return found is not None and not found[0].crs().isValid()

    def _save(self, image: MappedImage, outlined: Outlined, ground: OnGround | None) -> FeatureRef:
        draft, again = image.draft, self._again(image)
        if again:
            layer, feature = self._feature_of(draft.home)
        else:
            layer, feature = self.layer_for(image, ground and ground.pose), None
        attributes = self._attributes(image, again, ground)
        if ground is None:
            geometry = self._in_picture(image, outlined, layer)
        else:
            mapped, crs = ground.mapped, ground.pose.crs
            geometry = points_to_geometry(mapped.xy, mapped.parts, crs, layer.crs())
        if again:
            writer.rewrite(layer, feature.id(), geometry, attributes, tr("Correct avalanche"))
            return draft.home
        fid = writer.add(layer, geometry, attributes, tr("Add avalanche"))
        return feature_ref(layer, layer.getFeature(fid))

    def _attributes(
        self, image: MappedImage, again: bool, ground: OnGround | None
    ) -> dict[str, object]:
        draft = image.draft
        attributes = record.object_attributes(
            origin=image.origin,
            loaded=self._service.loaded,
            prompts=draft.prompts,
            threshold=draft.outline.shape.threshold,
            seconds=draft.stopwatch.seconds,
            again=again,
        )
        if ground is not None:
            attributes.update(record.map_attributes(ground.pose.record, ground.mapped, again=again))
        return attributes

    @staticmethod
    def _in_picture(image: MappedImage, outlined: Outlined, layer: QgsVectorLayer) -> QgsGeometry:
        window = image.draft.found.window
        return pixels_to_geometry(outlined.points, outlined.parts, image.grid, window, layer.crs())

    def _save_in_picture(self, image: MappedImage, outlined: Outlined, home: FeatureRef) -> None:
        """Keep the outline in the photo beside the one on the map, under the same uuid."""
        if not home.uuid:
            return  # a foreign layer's: nothing to find it by
        attributes = {
            **self._attributes(image, True, None),
            schema.UUID: home.uuid,
            schema.AVALANCHE: self._avalanche_of(home),
        }
        found = photo_twin(home)
        if found:
            layer, feature = found
            geometry = self._in_picture(image, outlined, layer)
            writer.rewrite(layer, feature.id(), geometry, attributes, tr("Correct avalanche"))
            return
        layer = self._picture_layer(image, QgsProject.instance().mapLayer(home.layer_id))
        geometry = self._in_picture(image, outlined, layer)
        writer.add(layer, geometry, attributes, tr("Add avalanche"))

    @staticmethod
    def _avalanche_of(home: FeatureRef) -> str:
        """What groups the parts of an avalanche: of a new feature its own identifier."""
        found = find_feature(home)
        return (found and record.attribute_value(found[1], schema.AVALANCHE)) or home.uuid

    @staticmethod
    def _feature_of(home: FeatureRef) -> tuple[QgsVectorLayer, QgsFeature]:
        found = find_feature(home)
        if found is None:
            raise IsegError(
                tr(
                    "The feature to write back to is gone, or its layer was removed. Add it again, "
                    "or untick “Write back to the same feature”, and finish once more."
                )
            )
        return found

    def layer_for(self, image: MappedImage, pose: PhotoPose | None = None) -> QgsVectorLayer:
        """The layer that new objects of an image go to, made if there is none yet.

        Parameters
        ----------
        image
            In which they were mapped.
        pose
            Of a photo whose objects go to the map.

        Raises
        ------
        IsegError
            If the layer chosen cannot take them, or none can be made.
        """
        plain = image.grid.is_photo and pose is None
        layer = self._dock.target.currentLayer()
        if layer is None or (pose is not None and not layer.crs().isValid()):
            layer = next(
                (
                    layer
                    for layer in layers_of(QgsProject.instance())
                    if layer.crs().isValid() != plain
                ),
                None,
            )
        if layer is None:
            layer = self.make_layer(image, None, pose)
        reason = target.why_unsuitable(layer)
        if reason:
            raise IsegError(reason)
        return layer

    def make_layer(
        self, image: MappedImage, path: str | None, pose: PhotoPose | None = None
    ) -> QgsVectorLayer:
        """Make the layer for objects of an image in a GeoPackage, and add it to the project."""
        project = QgsProject.instance()
        path = path or target.default_path(project, image.origin.path)
        if pose is None:
            layer = target.create_layer(path, image.grid.crs, image.grid.is_photo)
        else:
            layer = target.create_layer(path, pose.crs, plain=False)
        project.addMapLayer(layer)
        return layer

    def _picture_layer(self, image: MappedImage, beside: QgsVectorLayer) -> QgsVectorLayer:
        """The layer in pixels in the GeoPackage of another one; not shown, as it is no map."""
        project, path = QgsProject.instance(), target.geopackage_path(beside)
        for layer in layers_of(project):
            if not layer.crs().isValid() and (not path or target.geopackage_path(layer) == path):
                return layer
        layer = target.create_layer(
            path or target.default_path(project, image.origin.path), None, True
        )
        project.addMapLayer(layer)
        project.layerTreeRoot().findLayer(layer.id()).setItemVisibilityChecked(False)
        return layer
