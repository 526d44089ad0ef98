"""Photos of a camera that pans, tilts and zooms, posed together in the Camera dock."""

from __future__ import annotations

from dataclasses import replace

import hills
import numpy as np
import pytest
import scenery
from hills import PLACES, POSITION
from operating import Operator
from qgis.core import QgsProject, QgsRasterLayer
from waiting import wait_until

WIDTH, HEIGHT = 1200, 800
TURN = 27.0  # degrees between the two photos
ASIDE = [(800, 1100), (1100, 2900)]  # metres from the camera: in the second photo alone


@pytest.fixture
def files(tmp_path):
    """Two photos, and the terrain model."""
    dem = hills.write_dem(tmp_path / "dem.tif")
    pixels = np.kron(scenery.pixels(), np.ones((2, 2, 1), np.uint8))[:HEIGHT, :WIDTH]
    photos = [
        scenery.write(tmp_path / name, pixels, driver="JPEG") for name in ("north.jpg", "east.jpg")
    ]
    return (*photos, dem)


@pytest.fixture
def truth():
    """Both cameras, as they really are."""
    first = hills.camera(WIDTH, HEIGHT)
    return first, replace(first, yaw=first.yaw + TURN)


@pytest.fixture
def operator(plugin, iface):
    return Operator(iface, plugin)


def give_points(operator, camera, places) -> None:
    from avalanche_iseg_qgis.camera.points import PosePoint

    seen = [hills.pixel_of(camera, *place) for place in places]
    assert all(0 < u < WIDTH and 0 < v < HEIGHT for u, v, *_ in seen)
    operator.pose_session.add_points([PosePoint(str(n), *at) for n, at in enumerate(seen, 1)])


def place_of(camera) -> tuple[float, float]:
    return round(camera.x, 5), round(camera.y, 5)


def show(operator, photo) -> None:
    """Open a photo in the dock."""
    layers = QgsProject.instance().mapLayers().values()
    layer = next((each for each in layers if each.source() == str(photo)), None)
    if layer is None:
        layer = QgsRasterLayer(str(photo), photo.stem)
        QgsProject.instance().addMapLayer(layer)
    operator.dock.photo.setLayer(layer)
    assert operator.pose_session.is_open(str(photo))


def entries(operator) -> list:
    """The entries of the menu, as it is opened."""
    operator.dock.station_menu.aboutToShow.emit()
    return [a for a in operator.dock.station_menu.actions() if not a.isSeparator()]


def settled(operator) -> None:
    session = operator.pose_session
    wait_until(
        lambda: not (session._solve_timer.isActive() or session.computing), 60, session.failure
    )


@pytest.fixture
def both(operator, files, truth):
    """The first photo with its points, the second one open, with two."""
    north, east, dem = files
    operator.take(north, dem)
    show(operator, north)
    give_points(operator, truth[0], PLACES)
    operator.pose_of(len(PLACES))
    show(operator, east)
    give_points(operator, truth[1], ASIDE)
    return operator


def test_photos_of_a_station_are_solved_together(both, files, truth):
    north, east, _ = files
    session, dock = both.pose_session, both.dock
    assert dock.station.text() == "Station…"
    assert session.missing == 2
    assert session.draft.record is None
    alone = session.draft_of(str(north)).record.camera
    other, zooms = entries(both)
    assert other.text() == f"north.jpg ({len(PLACES)} points)"
    assert not other.isChecked()
    assert not zooms.isChecked()
    other.trigger()
    assert dock.station.text() == "Station: 2 photos"
    assert session.missing == 0
    both.pose_of(len(ASIDE))
    posed, first = session.draft.record, session.draft_of(str(north)).record
    assert posed.camera.yaw == pytest.approx(truth[1].yaw, abs=0.2)
    assert posed.camera.pitch == pytest.approx(truth[1].pitch, abs=0.2)
    assert place_of(posed.camera) == place_of(first.camera)
    assert posed.camera.f == pytest.approx(first.camera.f)
    assert (first.image, posed.image) == ("north.jpg", "east.jpg")
    assert first.camera != alone  # one Compute for all
    show(both, north)
    assert dock.station.text() == "Station: 2 photos"
    assert entries(both)[0].isChecked()
    session.edit_point(0, use=False)  # the other photo follows
    both.pose_of(len(PLACES) - 1)
    settled(both)
    followed = session.draft_of(str(east)).record.camera
    assert place_of(followed) == place_of(session.draft.record.camera)
    assert followed != posed.camera


def test_a_photo_leaves_the_station(both, files):
    session = both.pose_session
    entries(both)[0].trigger()
    both.pose_of(len(ASIDE))
    entries(both)[0].trigger()
    assert both.dock.station.text() == "Station…"
    assert session.missing == 2
    assert "Points still needed: 2" in both.dock.hint.text()
    assert session.draft_of(str(files[0])).station == ""


def test_the_position_tells_what_points_do_not(operator, files, truth):
    north, east, dem = files
    operator.take(north, dem)
    show(operator, north)
    give_points(operator, truth[0], PLACES[:2])
    show(operator, east)
    give_points(operator, truth[1], ASIDE)
    entries(operator)[0].trigger()
    assert operator.pose_session.missing == 2  # neither has four
    operator.pose_session.change(position=POSITION)
    assert operator.pose_session.missing == 0
    operator.pose_of(2)
    assert operator.pose_session.draft.record.camera.yaw == pytest.approx(truth[1].yaw, abs=0.7)
    first = operator.pose_session.draft_of(str(north))
    assert first.position == POSITION  # of the station
    assert first.record.camera.yaw == pytest.approx(truth[0].yaw, abs=0.7)


@pytest.mark.parametrize("zooms", [True, False])
def test_each_photo_may_have_its_own_focal_length(operator, files, truth, zooms):
    north, east, dem = files
    near = replace(truth[0], f=truth[0].f * 1.5)
    operator.take(north, dem)
    show(operator, north)
    give_points(operator, truth[0], PLACES)
    show(operator, east)
    inside = [(60, 700), (-90, 1700), (250, 2100), (380, 1900)]
    give_points(operator, near, inside)
    join, zoom = entries(operator)
    if zooms:
        zoom.trigger()
    join.trigger()
    operator.pose_of(len(inside))
    settled(operator)
    record = operator.pose_session.draft.record
    first = operator.pose_session.draft_of(str(north))
    assert first.zooms is zooms
    assert (record.camera.f == pytest.approx(near.f, rel=0.02)) is zooms
    assert (record.camera.f == pytest.approx(first.record.camera.f)) is not zooms


def test_photos_in_another_crs_join(both, files, truth):
    session = both.pose_session
    session.change_crs(21781)
    entries(both)[0].trigger()
    both.pose_of(len(ASIDE))
    settled(both)
    first = session.draft_of(str(files[0]))
    assert first.epsg == first.record.epsg == 21781
    assert session.draft.record.camera.yaw == pytest.approx(truth[1].yaw, abs=0.3)


def test_a_station_that_cannot_be_solved_is_said(both):
    session = both.pose_session
    entries(both)[0].trigger()
    both.pose_of(len(ASIDE))
    session.edit_point(0, x=session.draft.points[0].x + 400_000)
    wait_until(lambda: session.failure, 60, "the reason")
    assert "east" in session.failure


def test_what_is_missing_is_said_in_the_menu(operator, files):
    operator.take(files[0], files[2])
    none, zooms = entries(operator)
    assert not none.isEnabled()
    zooms.trigger()
    assert operator.pose_session.draft.zooms


def test_the_principal_point_is_found_where_it_is_free(operator, files, truth):
    camera = replace(truth[0], cx=truth[0].cx + 24, cy=truth[0].cy - 12)
    operator.take(files[0], files[2])
    dock, session = operator.dock, operator.pose_session
    assert dock.principal.text() == "Principal point: centre"
    session.change(position=(camera.x, camera.y), position_sigma=0.5)
    give_points(operator, camera, [*PLACES, (-150, 500), (500, 1500), (-500, 1300), (150, 2700)])
    held = operator.pose_of(11).camera
    assert (held.cx, held.cy) == ((WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    dock.principal.setValue(3.0)
    assert session.draft.principal_point_sigma == pytest.approx(0.03)
    wait_until(lambda: session.draft.record.camera.cx != held.cx, 60, "the new pose")
    found = session.draft.record
    assert len(found.covariance) == 10
    assert abs(found.camera.cx - camera.cx) < abs(held.cx - camera.cx)
    assert found.rms_px < 1
    stored = session.draft.to_json()
    for name in ("principal_point_sigma", "station", "zooms"):
        del stored[name]  # of a project of an earlier version
    before = type(session.draft).from_json("cam.jpg", stored)
    assert (before.principal_point_sigma, before.station, before.zooms) == (0, "", False)
