"""Images with a place on a map whose CRS nobody has written down."""

from __future__ import annotations

import pytest
import scenery
from driving import Driver
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from waiting import wait_until

LV95 = QgsCoordinateReferenceSystem("EPSG:2056")
PLACE = (2722000.0, 0.5, 0, 1125000.0, 0, -0.5)
TURNED = (2722000.0, 0.4, 0.3, 1125000.0, 0.3, -0.4)
NEAR_THE_ORIGIN = (0.0, 0.25, 0, 0.0, 0, -0.25)
KINDS = {
    "world file": ("a.jpg", "JPEG", PLACE, True),
    "world file of a turned image": ("a.png", "PNG", TURNED, True),
    "numbers in the TIFF": ("a.tif", "GTiff", PLACE, False),
    "near the origin": ("a.tif", "GTiff", NEAR_THE_ORIGIN, False),
}


def made(folder, kind):
    """(layer without CRS, its transform)."""
    name, driver, transform, beside = KINDS[kind]
    path = scenery.write(
        folder / name, scenery.pixels(), driver=driver, transform=None if beside else transform
    )
    if beside:
        x, a, b, y, d, e = transform
        corner = (x + (a + b) / 2, y + (d + e) / 2)
        numbers = (a, d, b, e, *corner)
        suffix = {".jpg": ".jgw", ".png": ".pgw"}[path.suffix]
        path.with_suffix(suffix).write_text("\n".join(map(str, numbers)))
    for file in folder.glob("*.aux.xml"):
        file.unlink()
    layer = QgsRasterLayer(str(path), "image")
    layer.setCrs(QgsCoordinateReferenceSystem())
    return layer, transform


def driven(iface, plugin, folder, kind):
    QgsProject.instance().setCrs(LV95)
    layer, transform = made(folder, kind)
    driver = Driver(iface, plugin, layer, transform)
    driver.said = []
    driver.space.message.connect(driver.said.append)
    driver.space.add_click(*scenery.CENTRE, True)
    driver.settle()
    return driver


def vector_layers():
    layers = QgsProject.instance().mapLayers().values()
    return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]


def features():
    return [feature for layer in vector_layers() for feature in layer.getFeatures()]


@pytest.mark.parametrize("kind", KINDS)
def test_kept_in_hand_until_the_crs_is_known(iface, plugin, tmp_path, kind):
    driver = driven(iface, plugin, tmp_path, kind)
    prompts, mask = driver.space.prompts, driver.mask()
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: driver.said, what="the message")
    assert "Set Layer CRS" in driver.said[-1]
    assert driver.space.prompts is prompts
    assert vector_layers() == []  # no table was made for it
    assert driver.space.draft.state.name == "EDITING"

    driver.layer.setCrs(LV95)
    assert driver.space.prompts is prompts
    assert (driver.mask() == mask).all()
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: features(), what="the feature")
    (layer,), (feature,) = vector_layers(), features()
    assert (layer.name(), layer.crs().authid()) == ("avalanches", "EPSG:2056")
    x, a, b, y, d, e = driver.transform
    row, col = scenery.CENTRE
    middle = feature.geometry().boundingBox().center()
    assert abs(middle.x() - (x + a * col + b * row)) < 25
    assert abs(middle.y() - (y + d * col + e * row)) < 25
    assert feature["area_m2"] == pytest.approx(mask.sum() * abs(a * e - b * d), rel=0.05)


def test_outline_and_clicks_follow_the_crs(iface, plugin, tmp_path):
    driver = driven(iface, plugin, tmp_path, "numbers in the TIFF")
    QgsProject.instance().setCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    driver.layer.setCrs(LV95)
    assert driver.space.grid.crs == LV95
    driver.show_all()
    driver.click(*scenery.OUTSIDE, Qt.MouseButton.RightButton)
    click = driver.space.prompts.clicks[-1]
    assert (click.row, click.col) == pytest.approx(scenery.OUTSIDE, abs=3)


@pytest.mark.parametrize("authid", ["", "EPSG:2056"])
def test_whatever_layer_is_chosen(iface, plugin, tmp_path, authid):
    driver = driven(iface, plugin, tmp_path, "world file")
    crs = f"crs={authid}&" if authid else ""
    target = QgsVectorLayer(f"MultiPolygon?{crs}field=image_name:string", "mine", "memory")
    target.setCrs(QgsCoordinateReferenceSystem(authid))
    QgsProject.instance().addMapLayer(target)
    driver.studio.dock.target.setLayer(target)
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: driver.said, what="the message")
    assert "Set Layer CRS" in driver.said[-1]
    assert not driver.space.prompts.empty
    assert features() == []


def test_photos_and_rasters_are_filed_as_before(iface, plugin, tmp_path):
    driver = Driver(iface, plugin, scenery.photo(tmp_path))
    driver.click(*scenery.CENTRE)
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: features(), what="the feature")
    assert [layer.name() for layer in vector_layers()] == ["avalanches_pixels"]
    row, col = scenery.CENTRE
    middle = features()[0].geometry().boundingBox().center()
    assert abs(middle.x() - col) < 40
    assert abs(middle.y() + row) < 40


def test_a_feature_filed_in_pixels_earlier_can_be_corrected(iface, plugin, tmp_path):
    """Made by a version that filed them in map units beside those of photos: they stay there."""
    from avalanche_iseg_qgis.features import target, writer
    from avalanche_iseg_qgis.features.record import object_attributes
    from avalanche_iseg_qgis.session.qt_session import grid_of

    driver = driven(iface, plugin, tmp_path, "world file")
    layer = target.create_layer(str(tmp_path / "old.gpkg"), QgsCoordinateReferenceSystem())
    QgsProject.instance().addMapLayer(layer)
    image, space = driver.space.image, driver.space
    saver = driver.studio.feature_saver
    outlined = image.draft.outline_for(space.shape)
    assert grid_of(image).lacks_crs
    geometry = saver._photo_geometry(image, outlined, layer)
    attributes = object_attributes(
        origin=image.origin, loaded=None, prompts=space.prompts, threshold=0.5, seconds=1
    )
    writer.add(layer, geometry, attributes, "as before")
    before = features()[0].geometry().boundingBox().center()
    space.may_discard = lambda: True
    space.discard()
    driver.studio.avalanche_list.refresh()
    driver.studio.avalanches_dock.table.setCurrentCell(0, 0)
    driver.studio.avalanches_dock._emit(driver.studio.avalanches_dock.continue_requested)
    space.add_click(scenery.CENTRE[0] + 20, scenery.CENTRE[1], True)
    driver.settle()
    driver.key(Qt.Key.Key_Return)
    wait_until(lambda: space.prompts.empty, what="the correction")
    (feature,) = features()
    assert feature["n_clicks"] == 2
    assert feature.geometry().boundingBox().center().distance(before) < 30
