"""What is painted, and where: colours of the canvas as it is on the screen."""

from __future__ import annotations

import numpy as np
import pytest
from canvases import LV95, NO_CRS, PHOTO, ROTATED, WGS84, look_at, pixel, screen, settle
from qgis.core import Qgis, QgsApplication, QgsCoordinateReferenceSystem, QgsGeometry
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtTest import QTest

from avalanche_iseg_qgis.canvas.mask_item import MaskItem, MaskMode, MaskStyle
from avalanche_iseg_qgis.canvas.outline_item import OutlineItem
from avalanche_iseg_qgis.canvas.prompt_item import PromptItem
from avalanche_iseg_qgis.core.prompts import Box, Click
from avalanche_iseg_qgis.layers.grid import Grid

WIDE = Grid(3000, 2000, (400.0, 0.0, 2000000.0, 0.0, -400.0, 1600000.0), LV95)
POLAR = QgsCoordinateReferenceSystem("EPSG:3413")
RED = MaskStyle(opacity=1.0, colour=QColor(255, 0, 0))


@pytest.fixture
def canvas(iface):
    canvas = iface.mapCanvas()
    canvas.setCanvasColor(QColor(255, 255, 255))
    look_at(canvas, PHOTO)
    return canvas


@pytest.fixture
def mask(canvas):
    item = MaskItem(canvas)
    item.mask_style = RED
    yield item
    item.close()


@pytest.fixture
def prompts(canvas):
    item = PromptItem(canvas)
    yield item
    item.close()


@pytest.fixture
def outline(canvas):
    item = OutlineItem(canvas)
    item.colour = QColor(255, 0, 0)
    yield item
    item.close()


def grab(canvas) -> np.ndarray:
    """(H, W, 3) uint8: what is on the screen."""
    QTest.qWait(20)
    size = canvas.viewport().size()  # a screen may have more pixels
    image = canvas.viewport().grab().toImage().scaled(size)
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    lines = data.reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


def colour(canvas, grid, row, col) -> tuple[int, ...]:
    place = pixel(canvas, grid, row, col)
    return tuple(int(band) for band in grab(canvas)[place.y(), place.x()])


def blob() -> np.ndarray:
    """Levels: a frame with a hole, and less likely a border of 20 pixels round it."""
    levels = np.full((240, 340), 60, np.uint8)
    levels[20:-20, 20:-20] = 180
    levels[100:140, 150:190] = 0
    return levels


@pytest.mark.parametrize(
    ("grid", "crs", "rotation"),
    [
        (PHOTO, NO_CRS, 0),
        (PHOTO, WGS84, 25),
        (ROTATED, LV95, 0),
        (ROTATED, WGS84, 0),
        (ROTATED, WGS84, 75),
        (WIDE, WGS84, 0),
        (WIDE, POLAR, 20),
    ],
)
@pytest.mark.parametrize("zoom", [1, 0.05])
def test_mask_lies_where_it_belongs(canvas, mask, grid, crs, rotation, zoom):
    look_at(canvas, grid, crs, rotation)
    canvas.zoomByFactor(zoom)
    settle(canvas)
    size = min(grid.width, grid.height) // 2
    row, col = grid.height // 2 - size // 2, grid.width // 2 - size // 3
    period = int(size * zoom / 3) + 2
    diagonal = np.add.outer(np.arange(size), 2 * np.arange(size))
    levels = np.where(diagonal % (2 * period) < period, 180, 20)
    mask.show(levels.astype(np.uint8), row, col, grid)
    seen = np.all(grab(canvas) == (255, 0, 0), axis=-1)
    wrong, checked = 0, 0
    for y, x in np.random.default_rng(0).integers((0, 0), seen.shape, (6000, 2)):
        at = mask._placement._to_pixel(mask._placement.projection, x + 0.5, y + 0.5)
        there = screen(canvas, grid, *at)  # by QGIS's own way, so the way back is right too
        assert (there.x(), there.y()) == pytest.approx((x + 0.5, y + 0.5), abs=0.05)
        r, c = round(at[0]) - row, round(at[1]) - col
        inside = 0 <= r < size and 0 <= c < size
        wanted = inside and levels[r, c] > 100
        checked += wanted
        wrong += bool(seen[y, x]) != wanted
    assert checked > 60
    assert wrong <= 0.02 * checked  # at the very edges of the stripes


def test_threshold_and_opacity(canvas, mask):
    mask.show(blob(), 100, 300, PHOTO)
    centre, hole, border = (150, 400), (220, 470), (105, 400)
    assert colour(canvas, PHOTO, *centre) == (255, 0, 0)
    assert colour(canvas, PHOTO, *hole) == (255, 255, 255)
    assert colour(canvas, PHOTO, *border) == (255, 255, 255)
    mask.mask_style = MaskStyle(0.29, 0.5, QColor(0, 0, 255))
    assert colour(canvas, PHOTO, *border) == pytest.approx((127, 127, 255), abs=2)
    mask.mask_style = MaskStyle(0.3, 1.0, QColor(0, 0, 255))  # level 60 is p = 0.3, not above
    assert colour(canvas, PHOTO, *border) == (255, 255, 255)
    mask.mask_style = MaskStyle(0.9, 1.0)
    assert colour(canvas, PHOTO, *centre) == (255, 255, 255)
    mask.mask_style = MaskStyle(0.0, 1.0, QColor(0, 0, 255))
    assert colour(canvas, PHOTO, *hole) == (255, 255, 255)


def test_a_look_computes_nothing_anew(canvas, mask):
    mask.show(blob(), 100, 300, PHOTO)
    grab(canvas)
    before = mask._screen
    for threshold in (0.1, 0.5, 0.95):
        mask.mask_style = MaskStyle(threshold)
        grab(canvas)
    assert mask._screen is before


def test_outline_mode(canvas, mask):
    mask.show(blob(), 100, 300, PHOTO)
    mask.mask_style = MaskStyle(mode=MaskMode.OUTLINE, colour=QColor(255, 0, 0), opacity=0.3)
    image = grab(canvas)
    red = np.all(image == (255, 0, 0), axis=-1)
    rows, cols = np.nonzero(red)
    first, last = screen(canvas, PHOTO, 119.5, 319.5), screen(canvas, PHOTO, 319.5, 619.5)
    assert (rows.min(), cols.min()) == pytest.approx((first.y(), first.x()), abs=1.5)
    assert (rows.max(), cols.max()) == pytest.approx((last.y(), last.x()), abs=1.5)
    assert colour(canvas, PHOTO, 150, 400) == (255, 255, 255)
    hole = pixel(canvas, PHOTO, 199.5, 470)
    assert red[hole.y() - 2 : hole.y() + 3, hole.x()].any()
    canvas.setCenter(PHOTO.to_layer(260, 400))
    canvas.zoomByFactor(0.02)
    settle(canvas)
    assert (grab(canvas) == 255).all()  # inside: no line round the screen


def test_probabilities(canvas, mask):
    mask.show(blob(), 100, 300, PHOTO)
    mask.mask_style = MaskStyle(mode=MaskMode.PROBABILITY, opacity=1.0)
    high, low = colour(canvas, PHOTO, 150, 400), colour(canvas, PHOTO, 105, 400)
    assert sum(high) > sum(low)
    assert colour(canvas, PHOTO, 220, 470) == (255, 255, 255)


def test_mask_goes(canvas, mask):
    mask.show(blob(), 100, 300, PHOTO)
    mask.setVisible(False)
    assert (grab(canvas) == 255).all()
    mask.setVisible(True)
    assert not (grab(canvas) == 255).all()
    mask.clear()
    assert (grab(canvas) == 255).all()
    mask.show(np.zeros((0, 0), np.uint8), 0, 0, PHOTO)
    assert (grab(canvas) == 255).all()


def test_paint_never_raises(canvas, mask):
    said = []
    log = QgsApplication.messageLog().messageReceived[str, str, Qgis.MessageLevel]
    log.connect(lambda text, tag, level: said.append((text, tag)))
    mask.show(blob(), 100, 300, PHOTO)
    mask._levels = mask._screen = None
    mask.update()
    assert (grab(canvas) == 255).all()
    assert "MaskItem was not drawn" in said[0][0]
    log.disconnect()


def test_far_away(canvas, mask, prompts):
    """In a project whose CRS does not reach the image, nothing is drawn and nothing breaks."""
    gnomonic = QgsCoordinateReferenceSystem.fromProj("+proj=gnom +lat_0=-46 +lon_0=-172")
    canvas.setDestinationCrs(gnomonic)
    mask.show(blob(), 100, 300, ROTATED)
    prompts.show([Click(10, 10)], Box(20, 40, 30, 60), ROTATED)
    settle(canvas)
    assert (grab(canvas) == 255).all()
    assert prompts.hit(pixel(canvas, PHOTO, 0, 0)) is None


def test_prompts_are_drawn(canvas, prompts):
    prompts.show([Click(100, 200), Click(300, 500, False)], Box(350, 550, 100, 700), PHOTO)
    prompts.radius = 12
    for (row, col), wanted in {(100, 200): (20, 150, 60), (300, 500): (215, 30, 40)}.items():
        place = pixel(canvas, PHOTO, row, col)
        image = grab(canvas)
        assert tuple(image[place.y() - 5, place.x() + 5]) == wanted
        assert tuple(image[place.y(), place.x() + 5]) > wanted  # an arm of the sign
    corner = pixel(canvas, PHOTO, 350, 100)
    assert tuple(image[corner.y() + 1, corner.x() + 1]) == (255, 225, 50)
    prompts.clear()
    assert (grab(canvas) == 255).all()


@pytest.mark.parametrize(("grid", "crs"), [(PHOTO, NO_CRS), (ROTATED, LV95), (ROTATED, WGS84)])
def test_outline_is_where_its_geometry_is(canvas, outline, grid, crs):
    look_at(canvas, grid, crs)
    corners = [(100, 200), (100, 600), (400, 600), (400, 200)]
    ring = [grid.to_layer(*corner) for corner in corners]
    outline.show(QgsGeometry.fromPolygonXY([ring]), grid.crs)
    for _ in range(2):
        for at in [(100, 400), (250, 600), (400, 300)]:
            place = pixel(canvas, grid, *at)
            near = grab(canvas)[place.y() - 2 : place.y() + 3, place.x() - 2 : place.x() + 3]
            assert (near.astype(int) @ (1, -1, -1)).max() > 150
        assert colour(canvas, grid, 250, 400) == (255, 255, 255)
        canvas.zoomByFactor(1.7)
        settle(canvas)
    outline.clear()
    assert (grab(canvas) == 255).all()
