"""Masks to start from, out of features, mask layers and mask images."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

from avalanche_iseg_qgis.compat import memory_polygons
from avalanche_iseg_qgis.core.errors import ImageError, PromptError
from avalanche_iseg_qgis.layers.grid import Grid
from avalanche_iseg_qgis.masks import exporting, importing

LV95 = QgsCoordinateReferenceSystem("EPSG:2056")
WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
NONE = QgsCoordinateReferenceSystem()
# 0.5 m pixels, turned by 30 degrees
ROTATED = (0.433, 0.25, 2_780_000.3, 0.25, -0.433, 1_180_000.7)
PHOTO = Grid(90, 60)
ORTHO = Grid(90, 60, ROTATED, LV95)


@pytest.fixture
def mask() -> np.ndarray:
    """Two parts, a hole, single pixels, the image's edge."""
    rows, cols = np.mgrid[:60, :90]
    bits = (rows - 30) ** 2 + (cols - 40) ** 2 < 20**2
    bits[25:33, 35:44] = False
    bits[:7, :5] = bits[50, 80] = bits[51, 81] = True
    bits[55:, 70:] = rng().random((5, 20)) < 0.5
    return bits


def rng():
    return np.random.default_rng(5)


def full(start, grid=PHOTO) -> np.ndarray:
    bits = np.zeros((grid.height, grid.width), bool)
    height, width = start.bits.shape
    bits[start.row : start.row + height, start.col : start.col + width] = start.bits
    return bits


def outline(bits: np.ndarray, grid: Grid) -> QgsGeometry:
    """The pixels' edges, as GDALPolygonize traces them for core too; in layer coordinates."""
    raster = memory(bits.astype(np.uint8))
    _vectors, layer = memory_polygons()
    gdal.Polygonize(raster.GetRasterBand(1), raster.GetRasterBand(1), layer, -1)
    parts = [QgsGeometry.fromWkt(feature.geometry().ExportToWkt()) for feature in layer]
    whole = QgsGeometry.collectGeometry(parts)
    whole.transform(grid.corner_transform)
    return whole


def memory(values: np.ndarray, kind=gdal.GDT_Byte) -> gdal.Dataset:
    raster = gdal.GetDriverByName("MEM").Create("", *values.shape[1::-1], 1, kind)
    raster.GetRasterBand(1).WriteArray(values)
    raster.SetGeoTransform((0, 1, 0, 0, 0, 1.0000000001))  # an identity counts as none
    return raster


def vector_layer(crs: str, *geometries: QgsGeometry) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"MultiPolygon?crs={crs}", "outlines", "memory")
    for geometry in geometries:
        feature = QgsFeature()
        feature.setGeometry(geometry)
        layer.dataProvider().addFeature(feature)
    return layer


def write(path, values, driver="PNG", kind=gdal.GDT_Byte, transform=None, nodata=None, table=None):
    """A raster file of (H, W) or (C, H, W)."""
    bands = np.atleast_3d(values.T).transpose(2, 1, 0) if values.ndim == 2 else values
    raster = gdal.GetDriverByName("MEM").Create("", *bands.shape[:0:-1], len(bands), kind)
    for number, band in enumerate(bands, 1):
        raster.GetRasterBand(number).WriteArray(band)
    if transform:
        a, b, c, d, e, f = transform
        raster.SetGeoTransform((c, a, b, f, d, e))
        crs = osr.SpatialReference()
        crs.ImportFromEPSG(2056)
        raster.SetProjection(crs.ExportToWkt())
    if nodata is not None:
        raster.GetRasterBand(1).SetNoDataValue(nodata)
    if table:
        colours = gdal.ColorTable()
        for index, colour in enumerate(table):
            colours.SetColorEntry(index, colour)
        raster.GetRasterBand(1).SetColorTable(colours)
    assert gdal.GetDriverByName(driver).CreateCopy(str(path), raster)
    return str(path)


# --- outlines ------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [PHOTO, ORTHO], ids=["photo", "rotated"])
def test_the_exact_outline_of_a_mask_gives_the_mask_back(mask, grid):
    start = importing.from_geometry(outline(mask, grid), grid.crs, grid)
    assert np.array_equal(full(start), mask)


def test_an_outline_in_another_crs_lies_where_it_should(mask):
    geometry = outline(mask, ORTHO)
    to_degrees = QgsCoordinateTransform(LV95, WGS84, QgsProject.instance())
    geometry.transform(to_degrees)
    assert np.array_equal(full(importing.from_geometry(geometry, WGS84, ORTHO)), mask)


def test_what_lies_outside_is_cut_off():
    square = QgsGeometry.fromWkt("Polygon((-1e9 10, 20 10, 20 -1e9, -1e9 -1e9, -1e9 10))")
    expected = np.zeros((60, 90), bool)
    expected[:, :20] = True
    assert np.array_equal(full(importing.from_geometry(square, NONE, PHOTO)), expected)


@pytest.mark.parametrize(
    "wkt",
    [
        "Polygon((200 -5, 210 -5, 210 -15, 200 -5))",
        "Polygon((5.1 -5.1, 5.3 -5.1, 5.3 -5.3, 5.1 -5.1))",  # between pixel centres
    ],
)
def test_an_outline_without_pixels_is_refused(wkt):
    with pytest.raises(PromptError, match="choose one that lies in the image"):
        importing.from_geometry(QgsGeometry.fromWkt(wkt), NONE, PHOTO)


def test_curves_and_heights_are_understood():
    wkt = "CurvePolygonZ(CircularStringZ(20 -30 1, 40 -10 2, 60 -30 3, 40 -50 4, 20 -30 5))"
    start = importing.from_geometry(QgsGeometry.fromWkt(wkt), NONE, PHOTO)
    assert start.bits.sum() == pytest.approx(np.pi * 20**2, rel=0.01)


def test_photos_and_maps_do_not_mix(mask):
    with pytest.raises(PromptError, match="image is a photo"):
        importing.from_geometry(outline(mask, PHOTO), LV95, PHOTO)
    with pytest.raises(PromptError, match="Set Layer CRS"):
        importing.from_geometry(outline(mask, ORTHO), NONE, ORTHO)


def test_several_features_unite_where_they_overlap():
    boxes = [QgsGeometry.fromRect(QgsRectangle(x, -30, x + 20, -10)) for x in (10, 25)]
    for box in boxes:
        box.convertToMultiType()
    layer = vector_layer("", *boxes)
    fids = [feature.id() for feature in layer.getFeatures()]
    expected = np.zeros((60, 90), bool)
    expected[10:30, 10:45] = True
    assert np.array_equal(full(importing.from_features(layer, fids, PHOTO)), expected)
    expected[:, 30:] = False
    assert np.array_equal(full(importing.from_features(layer, fids[:1], PHOTO)), expected)


def test_no_feature_no_polygon_no_geometry(mask):
    layer = vector_layer("", QgsGeometry())
    with pytest.raises(PromptError, match="select a polygon"):
        importing.from_features(layer, [], PHOTO)
    with pytest.raises(PromptError, match="choose a polygon"):
        importing.from_features(layer, [1], PHOTO)
    with pytest.raises(PromptError, match="choose a polygon"):
        importing.from_geometry(QgsGeometry.fromWkt("LineString(0 0, 9 -9, 0 -9)"), NONE, PHOTO)


def test_a_layer_of_undefined_cartesian_coordinates_goes_with_a_photo(mask, tmp_path):
    path = str(tmp_path / "pixels.gpkg")
    crs = osr.SpatialReference('LOCAL_CS["Undefined Cartesian SRS"]')
    source = ogr.GetDriverByName("GPKG").CreateDataSource(path)
    table = source.CreateLayer("pixels", crs, ogr.wkbMultiPolygon)
    feature = ogr.Feature(table.GetLayerDefn())
    feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(outline(mask, PHOTO).asWkb())))
    table.CreateFeature(feature)
    feature = table = source = None
    layer = QgsVectorLayer(path, "pixels", "ogr")
    assert np.array_equal(full(importing.from_features(layer, [1], PHOTO)), mask)


# --- mask layers ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [gdal.GDT_Byte, gdal.GDT_Float32])
def test_a_mask_layer_on_the_same_pixels(mask, tmp_path, kind):
    values = np.where(mask, 0.25, 0) if kind == gdal.GDT_Float32 else np.where(mask, 3, 0)
    path = write(tmp_path / "mask.tif", values, "GTiff", kind, transform=ROTATED)
    layer = QgsRasterLayer(path, "mask")
    assert np.array_equal(full(importing.from_raster_layer(layer, ORTHO)), mask)


def test_nodata_is_no_object(mask, tmp_path):
    values = np.where(mask, 1, 255)
    values[0, 50] = 0
    layer = QgsRasterLayer(write(tmp_path / "mask.tif", values, "GTiff", nodata=255), "mask")
    assert np.array_equal(full(importing.from_raster_layer(layer, PHOTO)), mask)
    values = np.where(mask, 1, np.nan)
    path = write(tmp_path / "nan.tif", values, "GTiff", gdal.GDT_Float32)
    assert np.array_equal(full(importing.from_raster_layer(QgsRasterLayer(path), PHOTO)), mask)


def test_a_mask_layer_on_other_pixels_is_warped(tmp_path):
    grid = Grid(200, 160, (1, 0, 2_780_000, 0, -1, 1_180_000), LV95)
    fine = np.zeros((400, 400), np.uint8)
    fine[40:200, 100:240] = 7
    finer = (0.5, 0, 2_780_000, 0, -0.5, 1_180_000)
    layer = QgsRasterLayer(write(tmp_path / "fine.tif", fine, "GTiff", transform=finer), "mask")
    expected = np.zeros((160, 200), bool)
    expected[20:100, 50:120] = True
    assert np.array_equal(full(importing.from_raster_layer(layer, grid), grid), expected)


def test_a_warped_mask_lies_where_its_outline_lies(tmp_path):
    rows, cols = np.mgrid[:60, :90]
    blob = (rows - 30) ** 2 + (cols - 40) ** 2 < 20**2
    path = write(tmp_path / "blob.tif", np.where(blob, 255, 0), "GTiff", transform=ROTATED)
    grid = Grid(400, 400, (0.2, 0, 2_779_995, 0, -0.2, 1_180_030), LV95)
    warped = full(importing.from_raster_layer(QgsRasterLayer(path), grid), grid)
    drawn = full(importing.from_geometry(outline(blob, ORTHO), LV95, grid), grid)
    assert (warped != drawn).sum() < 0.01 * drawn.sum()


def test_mask_layers_that_do_not_fit(mask, tmp_path):
    layer = QgsRasterLayer(write(tmp_path / "small.png", mask[:50].astype(np.uint8)), "small")
    with pytest.raises(ImageError, match="90 x 50 pixels, the image 90 x 60"):
        importing.from_raster_layer(layer, PHOTO)
    far = (0.5, 0, 2_600_000, 0, -0.5, 1_200_000)
    path = write(tmp_path / "far.tif", mask.astype(np.uint8), "GTiff", transform=far)
    with pytest.raises(PromptError, match="lies in the image"):
        importing.from_raster_layer(QgsRasterLayer(path), ORTHO)


def fail(*_, **__):
    raise RuntimeError("by an exception")


@pytest.mark.parametrize("warp", [lambda *_, **__: None, fail])
def test_a_mask_layer_that_gdal_cannot_warp(mask, tmp_path, monkeypatch, warp):
    path = write(tmp_path / "blob.tif", mask.astype(np.uint8), "GTiff", transform=ROTATED)
    grid = Grid(400, 400, (0.2, 0, 2_779_995, 0, -0.2, 1_180_030), LV95)
    monkeypatch.setattr(gdal, "Warp", warp)
    with pytest.raises(ImageError, match="cannot be warped to the image"):
        importing.from_raster_layer(QgsRasterLayer(path), grid)


# --- mask images ---------------------------------------------------------------------------


@pytest.mark.parametrize(("driver", "suffix"), [("PNG", "png"), ("BMP", "bmp"), ("GTiff", "tif")])
@pytest.mark.parametrize("value", [1, 255])
def test_a_mask_image(mask, tmp_path, driver, suffix, value):
    path = write(tmp_path / f"mask.{suffix}", np.where(mask, value, 0), driver)
    found = importing.from_file(path, PHOTO)
    assert list(found) == [1]
    assert np.array_equal(full(found[1]), mask)


def test_a_mask_image_with_alpha_and_one_with_soft_edges(mask, tmp_path):
    grey = np.where(mask, 255, 0)
    path = write(tmp_path / "rgba.png", np.stack([grey, grey, grey, np.full_like(grey, 255)]))
    assert np.array_equal(full(importing.from_file(path, PHOTO)[1]), mask)
    grey[~mask & (rng().random(mask.shape) < 0.1)] = 100
    grey[mask & (rng().random(mask.shape) < 0.1)] = 130
    assert np.array_equal(
        full(importing.from_file(write(tmp_path / "s.png", grey), PHOTO)[1]), mask
    )
    noise = np.where(mask, 128, 0) + rng().integers(0, 127, mask.shape)
    with pytest.raises(ImageError, match="as a photograph does"):
        importing.from_file(write(tmp_path / "n.png", noise), PHOTO)


@pytest.mark.parametrize("count", [2, 3, 4, 7, 50, 300])
@pytest.mark.parametrize("spread", [True, False], ids=["spread", "unscaled"])
def test_label_images(tmp_path, count, spread):
    order = np.r_[0, 1 + rng().permutation(count)]  # neighbours seldom have the next number
    labels = order[np.arange(60 * 90).reshape(60, 90) // 10 % (count + 1)]
    step = max(1, 255 // count) if spread else 1
    kind = gdal.GDT_Byte if count < 256 else gdal.GDT_UInt16
    found = importing.from_file(write(tmp_path / "labels.png", labels * step, kind=kind), PHOTO)
    assert list(found) == list(range(1, count + 1))
    for number, start in found.items():
        assert np.array_equal(full(start), labels == number)


def squares(count: int, side: int = 6) -> list[np.ndarray]:
    """Objects that do not touch."""
    masks = []
    for number in range(count):
        mask = np.zeros((180, 180), bool)
        row, col = divmod(number, 180 // (side + 2))
        mask[(side + 2) * row : (side + 2) * row + side, (side + 2) * col :][:, :side] = True
        masks.append(mask)
    return masks


@pytest.mark.parametrize("count", [1, 2, 3, 5, 17, 51, 85, 127, 255, 256, 300])
def test_exported_label_images_are_read_again(tmp_path, count):
    masks = squares(count)
    path = str(tmp_path / "labels.png")
    exporting.write_labels(path, masks)
    found = importing.from_file(path, Grid(180, 180))
    assert list(found) == list(range(1, count + 1))
    for mask, start in zip(masks, found.values()):  # noqa: B905
        assert np.array_equal(full(start, Grid(180, 180)), mask)


@pytest.mark.parametrize("kind", [gdal.GDT_Byte, gdal.GDT_UInt16])
@pytest.mark.parametrize("values", [(7, 255), (1, 2, 255), (1, 200), (200, 201, 255)])
def test_255_is_a_label_among_labels(tmp_path, values, kind):
    labels = np.zeros((180, 180), int)
    for value, mask in zip(values, squares(len(values))):  # noqa: B905
        labels[mask] = value
    found = importing.from_file(write(tmp_path / "l.png", labels, kind=kind), Grid(180, 180))
    assert [int(labels[full(s, Grid(180, 180))].max()) for s in found.values()] == list(values)


def test_what_is_in_doubt_is_asked(tmp_path):
    labels = np.zeros((180, 180), int)
    first, second = squares(2, 20)
    labels[first], labels[second] = 128, 255
    with pytest.raises(ImageError, match=r"l\.png a mask or a label image"):
        importing.from_file(write(tmp_path / "l.png", labels), Grid(180, 180))
    rows, cols = np.mgrid[:180, :180]
    ramp = np.clip(120 - np.hypot(rows - 90, cols - 90), 0, 255)
    with pytest.raises(ImageError, match="a mask or a label image"):
        importing.from_file(write(tmp_path / "ramp.png", ramp), Grid(180, 180))


@pytest.mark.parametrize("white_first", [True, False])
@pytest.mark.parametrize("bits", ["1", "8"])
def test_a_palette_may_begin_with_white(mask, tmp_path, white_first, bits):
    table = [(255, 255, 255), (0, 0, 0)] if white_first else [(0, 0, 0), (255, 255, 255)]
    source = gdal.Open(write(tmp_path / "8.tif", mask ^ white_first, "GTiff", table=table))
    path, options = str(tmp_path / "mask.tif"), [f"NBITS={bits}"]
    assert gdal.GetDriverByName("GTiff").CreateCopy(path, source, options=options)
    assert np.array_equal(full(importing.from_file(path, PHOTO)[1]), mask)


def test_white_may_be_stored_as_0(mask, tmp_path):
    source = gdal.Open(write(tmp_path / "8.tif", np.where(mask, 0, 255), "GTiff"))
    path, options = str(tmp_path / "mask.tif"), ["PHOTOMETRIC=MINISWHITE"]
    assert gdal.GetDriverByName("GTiff").CreateCopy(path, source, options=options)
    assert np.array_equal(full(importing.from_file(path, PHOTO)[1]), mask)


@pytest.mark.parametrize("colour", [0, 255, 90])
@pytest.mark.parametrize("bands", [1, 3])
def test_an_object_may_be_drawn_by_transparency_alone(mask, tmp_path, colour, bands):
    grey, alpha = np.full(mask.shape, colour), np.where(mask, 255, 0)
    path = write(tmp_path / "alpha.png", np.stack([*[grey] * bands, alpha]))
    assert np.array_equal(full(importing.from_file(path, PHOTO)[1]), mask)


def test_what_is_transparent_is_no_object(mask, tmp_path):
    grey, alpha = np.where(mask, 255, 0), np.full(mask.shape, 255)
    alpha[:, 45:] = 0
    path = write(tmp_path / "alpha.png", np.stack([grey, grey, grey, alpha]))
    expected = mask & (alpha > 0)
    assert np.array_equal(full(importing.from_file(path, PHOTO)[1]), expected)
    path = write(tmp_path / "nodata.tif", np.where(mask, 255, 0), "GTiff", nodata=255)
    with pytest.raises(PromptError, match="empty"):
        importing.from_file(path, PHOTO)


def test_coloured_masks_and_palettes(tmp_path):
    labels = np.arange(60 * 90).reshape(60, 90) // 900
    table = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (224, 224, 192)]
    for path in (
        write(tmp_path / "rgb.png", np.array(table)[labels].transpose(2, 0, 1)),
        write(tmp_path / "palette.png", labels, table=table),
    ):
        found = importing.from_file(path, PHOTO)
        assert list(found) == [1, 2, 3, 4]
        for number, start in found.items():
            assert np.array_equal(full(start), labels == number)
    path = write(tmp_path / "two.png", labels > 2, table=[(0, 0, 0), (255, 255, 255)])
    assert np.array_equal(full(importing.from_file(path, PHOTO)[1]), labels > 2)


@pytest.mark.parametrize("kind", [gdal.GDT_Int16, gdal.GDT_UInt32, gdal.GDT_Int32])
def test_whole_numbers_of_any_type(tmp_path, kind):
    labels = np.zeros((60, 90), np.int32)
    labels[5:25, 5:25], labels[35:55, 35:55] = 7, 255
    for number, (values, nodata) in enumerate([(labels, None), (labels, 0)]):
        path = write(tmp_path / f"{number}.tif", values, "GTiff", kind, nodata=nodata)
        found = importing.from_file(path, PHOTO)
        assert [int(full(start).sum()) for start in found.values()] == [400, 400]
    if kind != gdal.GDT_UInt32:
        labels[labels == 7] = -3
        path = write(tmp_path / "negative.tif", labels, "GTiff", kind)
        with pytest.raises(ImageError, match="8 or 16 bits"):
            importing.from_file(path, PHOTO)


def test_mask_images_that_do_not_fit(mask, tmp_path):
    turned = write(tmp_path / "turned.png", mask.T.astype(np.uint8))
    with pytest.raises(ImageError, match="turned"):
        importing.from_file(turned, PHOTO)
    with pytest.raises(ImageError, match="Choose the mask of this image"):
        importing.from_file(write(tmp_path / "other.png", mask[1:].astype(np.uint8)), PHOTO)
    with pytest.raises(ImageError, match="check that it exists"):
        importing.from_file(str(tmp_path / "none.png"), PHOTO)
    with pytest.raises(PromptError, match="empty"):
        importing.from_file(write(tmp_path / "empty.png", np.zeros((60, 90), np.uint8)), PHOTO)
    path = write(tmp_path / "float.tif", mask.astype(float), "GTiff", gdal.GDT_Float32)
    with pytest.raises(ImageError, match="8 or 16 bits"):
        importing.from_file(path, PHOTO)
    path = write(tmp_path / "photo.png", rng().integers(0, 256, (3, 60, 90)))
    with pytest.raises(ImageError, match="colours, so it is no mask"):
        importing.from_file(path, PHOTO)


def test_a_damaged_mask_image(tmp_path):
    path = tmp_path / "cut.png"
    write(path, rng().integers(0, 2, (60, 90)) * 255)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(ImageError, match="again"):
        importing.from_file(str(path), PHOTO)


def cut_png(content: bytes) -> bytes:
    """The first half of a PNG's rows, well-formed but for their number."""
    size = int.from_bytes(content[33:37], "big")
    rows = zlib.decompress(content[41 : 41 + size])
    chunk = b"IDAT" + zlib.compress(rows[: len(rows) // 2])
    length, checksum = (len(chunk) - 4).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
    return content[:33] + length + chunk + checksum + content[-12:]


def test_label_images_lose_their_numbers_in_a_jpeg(tmp_path):
    path = tmp_path / "labels.jpg"
    labels = np.zeros((60, 90), np.uint8)
    labels[5:25, 5:25], labels[35:55, 35:55] = 7, 255
    write(path, labels, "JPEG")
    with pytest.raises(ImageError, match="which changes values"):
        importing.from_file(str(path), PHOTO)


def test_masks_with_an_end_but_without_a_middle(mask, tmp_path):
    path = tmp_path / "half.png"
    write(path, np.where(mask, 255, 0))
    content = path.read_bytes()
    for cut in (content[: len(content) // 2] + content[-12:], cut_png(content)):
        path.write_bytes(cut)
        with pytest.raises(ImageError, match="again"):
            importing.from_file(str(path), PHOTO)
    path = tmp_path / "half.jpg"
    write(path, rng().integers(0, 2, (60, 90)) * 255, "JPEG")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    with pytest.raises(ImageError, match="again"):
        importing.from_file(str(path), PHOTO)


def test_a_mask_that_only_names_another_file_is_none(mask, tmp_path):
    source = write(tmp_path / "mask.tif", mask, "GTiff")
    gdal.GetDriverByName("VRT").CreateCopy(str(tmp_path / "mask.png"), gdal.Open(source))
    with pytest.raises(ImageError, match="check that it exists and is an image"):
        importing.from_file(str(tmp_path / "mask.png"), PHOTO)
