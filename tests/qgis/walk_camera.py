"""Faults while a camera is posed: what was placed stays, and there is a pose or a message."""

from __future__ import annotations

import hills
import scenery

PIXELS = scenery.WIDTH // 2, scenery.HEIGHT // 2  # of the photos of the walk


class CameraFaults:
    """Poses the photo in hand in a walk, and strikes while the worker computes."""

    def __init__(self, walk) -> None:
        from avalanche_iseg_qgis.camera.points import PosePoint

        self._walk = walk
        self._dem = hills.write_dem(walk.folder / "dem.tif")
        camera = hills.camera(*PIXELS)
        self._points = tuple(
            PosePoint(str(number), *hills.pixel_of(camera, *place))
            for number, place in enumerate(hills.PLACES[:6], 1)
        )

    def strike(self, fault) -> None:
        """Pose the camera; call ``fault`` with the client of its worker while it is solved."""
        walk, session = self._walk, self._open()
        client = walk.controller.camera_client
        walk._await(lambda: client.state.name == "READY", "the camera worker")
        session.solve()
        walk._turn(walk.random.choice((0.0, 0.02, 0.1, 0.5)))
        fault(client)
        self._await_pose(session)
        if session.failure:
            self._open().solve()
            self._await_pose(session)
            if session.failure:
                walk._problem("stuck", f"no pose after the fault: {session.failure}")
        walk.controller.camera.dock.hide()
        walk.controller._activate_tool()

    def without_terrain(self, _client) -> None:
        """The terrain model is away for a moment."""
        away = self._dem.rename(self._dem.with_suffix(".away"))
        self._walk._turn(self._walk.random.uniform(0.2, 1.0))
        away.rename(self._dem)

    def _open(self):
        """Open the photo with its points, and nothing computed yet."""
        walk = self._walk
        walk.plugin.open_camera()
        (layer,) = walk._photo_layers(walk._photo() or "first.jpg")
        walk.controller.camera.dock.photo.setLayer(layer)
        session = walk.controller.camera.pose_session
        session.open_photo(layer.source(), *PIXELS)
        session.close()  # forgets what was computed, and failures
        session.change(
            dem=(str(self._dem),), epsg=scenery.LV95, position=hills.POSITION, record=None,
            points=self._points,
        )  # fmt: skip
        return session

    def _await_pose(self, session) -> None:
        client = self._walk.controller.camera_client

        def is_posed() -> bool:
            if client.state.name == "BROKEN":
                client.ensure_started()  # killed too often: the user presses Solve again
            return bool(session.draft.record or session.failure)

        self._walk._await(is_posed, "the pose")
        there = session.draft.points
        if there != self._points:
            self._walk._problem("lost", f"{len(there)} points of {len(self._points)}")
