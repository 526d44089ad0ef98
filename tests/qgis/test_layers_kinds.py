"""Pixels of every kind of raster: the same as core's own reading of the file."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import rasters
from osgeo import gdal
from qgis.core import QgsMultiBandColorRenderer, QgsRasterLayer
from rasters import LV95, UPRIGHT, texture, write

from avalanche_iseg_qgis.core.errors import ImageError
from avalanche_iseg_qgis.layers.pixel_window import PixelWindow
from avalanche_iseg_qgis.layers.provider_source import ProviderSource
from avalanche_iseg_qgis.layers.source import open_source


def opened(path):
    layer = QgsRasterLayer(str(path), "image")
    assert layer.isValid()
    return open_source(layer)


def whole(source) -> PixelWindow:
    return PixelWindow(0, 0, source.grid.height, source.grid.width)


def read_whole(layer):
    source = open_source(layer)
    return source.read(whole(source))


def eight_bit(bands=3, **size):
    return texture(bands=bands, **size).astype(np.uint8)


def _kinds(folder):
    """name -> (path, largest difference allowed)."""
    placed = {"transform": UPRIGHT, "epsg": LV95}
    deep = (texture(bands=1, top=9000) + 300).astype(np.uint16)
    floats = texture(bands=1, top=40).astype(np.float32)
    floats[:40, :70] = -9999
    floats[100:120, 100:140] = np.nan
    rgba = eight_bit(4)
    rgba[..., 3] = 255
    rgba[:50, :50] = 0
    palette = np.random.default_rng(1).integers(0, 256, (200, 3))
    indices = (texture(bands=1) * 0.7).astype(np.uint8)
    bits = (texture(bands=1) > 128).astype(np.uint8)
    tif = lambda name: folder / f"{name}.tif"  # noqa: E731
    kinds = {
        "rgb": (write(tif("rgb"), eight_bit(), **placed), 0),
        "png": (write(folder / "p.png", eight_bit(), driver="PNG"), 0),
        "grey": (write(tif("grey"), eight_bit(1), **placed), 0),
        "grey with alpha": (write(tif("ga"), eight_bit(2), alpha=True, **placed), 0),
        "rgba": (write(tif("rgba"), rgba, alpha=True, **placed), 0),
        "six bands": (write(tif("six"), eight_bit(6), **placed), 0),
        "one bit": (write(tif("bits"), bits, options=["NBITS=1"], **placed), 0),
        "palette": (write(tif("palette"), indices, palette=palette, **placed), 0),
        "16 bit": (write(tif("deep"), deep, **placed), 0),
        "16 bit rgb": (
            write(tif("deep3"), (texture(top=4000) - 500).astype(np.int16), **placed),
            0,
        ),
        "float with nodata": (write(tif("float"), floats, nodata=-9999, **placed), 0),
        "jpeg": (write(folder / "j.jpg", eight_bit(), driver="JPEG"), 3),
        "grey jpeg": (write(folder / "g.jpg", eight_bit(1), driver="JPEG"), 3),
        "jpeg in tiff": (
            write(
                tif("jit"),
                eight_bit(),
                options=["COMPRESS=JPEG", "PHOTOMETRIC=YCBCR", "TILED=YES"],
                **placed,
            ),
            12,  # two builds of libjpeg
        ),
        "cog": (write(tif("cog"), eight_bit(height=1200, width=1500), driver="COG", **placed), 0),
    }
    vrt = folder / "v.vrt"
    gdal.BuildVRT(str(vrt), [str(kinds["rgb"][0])]).FlushCache()
    kinds["vrt"] = (vrt, 0)
    return kinds


@pytest.fixture(scope="module")
def kinds(tmp_path_factory, interpreter):
    made = _kinds(tmp_path_factory.mktemp("kinds"))
    expected = rasters.by_core(interpreter, [path for path, _ in made.values()])
    return {
        name: (path, most, pixels)
        for (name, (path, most)), pixels in zip(made.items(), expected)  # noqa: B905
    }


NAMES = [
    *("rgb", "png", "grey", "grey with alpha", "rgba", "six bands", "one bit", "palette"),
    *("16 bit", "16 bit rgb", "float with nodata", "jpeg", "grey jpeg", "jpeg in tiff", "cog"),
    "vrt",
]


@pytest.mark.parametrize("name", NAMES)
def test_as_core_reads_it(kinds, name):
    path, most, expected = kinds[name]
    source = opened(path)
    found = source.read(whole(source))
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= most
    assert not source.needs_pixel_size
    assert source.path == str(path)
    part = source.read(PixelWindow(37, 61, 120, 150))
    assert np.array_equal(part, found[37:157, 61:211])


PROVIDED = [name for name in NAMES if name != "one bit"]  # GDAL's own business


@pytest.mark.parametrize("name", PROVIDED)
def test_through_the_provider(kinds, name):
    path, most, expected = kinds[name]
    source = ProviderSource(QgsRasterLayer(str(path), "image"))
    found = source.read(whole(source))
    assert np.abs(found.astype(int) - expected).max() <= max(most, 1)


def test_stretch_does_not_depend_on_the_window(tmp_path):
    values = np.linspace(0, 60000, 2_250_000).reshape(1500, 1500, 1).astype(np.uint16)
    path = write(tmp_path / "deep.tif", values)
    part = PixelWindow(1200, 700, 256, 256)
    first = opened(path)
    alone = first.read(part)
    second = opened(path)
    expected = second.read(whole(second))[1200:1456, 700:956]
    assert np.array_equal(alone, expected)


def test_bands_that_the_style_shows(tmp_path):
    values = eight_bit(4)
    layer = QgsRasterLayer(str(write(tmp_path / "four.tif", values)), "image")
    layer.setRenderer(QgsMultiBandColorRenderer(layer.dataProvider(), 4, 3, 2))
    source = open_source(layer)
    assert np.array_equal(source.read(whole(source)), values[..., [3, 2, 1]])


def test_exif_orientation_is_ignored_as_qgis_does(tmp_path):
    path = write(tmp_path / "t.jpg", eight_bit(), driver="JPEG")
    content = path.read_bytes()
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    segment = b"Exif\0\0" + tiff
    mark = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    path.write_bytes(content[:2] + mark + content[2:])
    layer = QgsRasterLayer(str(path), "image")
    grid = open_source(layer).grid
    assert (grid.width, grid.height) == (layer.width(), layer.height()) == (400, 300)


def test_windows_of_a_large_sparse_raster(tmp_path):
    path = str(tmp_path / "large.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(
        path, 20_000, 20_000, 3, gdal.GDT_Byte, ["SPARSE_OK=TRUE", "TILED=YES"]
    )
    block = eight_bit(height=300, width=300)
    for band in range(3):
        dataset.GetRasterBand(band + 1).WriteArray(
            np.ascontiguousarray(block[..., band]), 15_000, 12_000
        )
    dataset = None
    pixels = opened(path).read(PixelWindow(11_900, 14_900, 500, 500))
    assert np.array_equal(pixels[100:400, 100:400], block)
    assert not pixels[:100].any()


def test_from_several_threads(tmp_path):
    values = eight_bit(height=1200, width=1200)
    path = write(tmp_path / "t.jpg", values, driver="JPEG")
    for source in (opened(path), ProviderSource(QgsRasterLayer(str(path), "image"))):
        expected = source.read(whole(source))
        found = []

        def read(source=source, found=found):
            found.append(source.read(whole(source)))

        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        assert all(np.array_equal(pixels, expected) for pixels in found)


@pytest.mark.parametrize(("suffix", "driver"), [("jpg", "JPEG"), ("tif", "GTiff"), ("png", "PNG")])
def test_cut_short(tmp_path, suffix, driver):
    values = np.random.default_rng(0).integers(0, 256, (400, 500, 3), np.uint8)
    path = write(tmp_path / f"cut.{suffix}", values, driver=driver)
    layer = QgsRasterLayer(str(path), "image")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for opened_when in (layer, QgsRasterLayer(str(path), "image")):
        with pytest.raises(ImageError, match=r"damaged, cut short|QGIS cannot read"):
            read_whole(opened_when)


@pytest.mark.parametrize(
    ("suffix", "driver", "dtype"),
    [
        ("bil", "EHdr", np.float32),
        ("img", "ENVI", np.uint8),
        ("map", "PCRaster", np.float32),
        ("pix", "PCIDSK", np.uint8),
        ("gpkg", "GPKG", np.uint8),
        ("xyz", "XYZ", np.float32),
    ],
)
def test_cut_short_where_gdal_notices_nothing(tmp_path, suffix, driver, dtype):
    values = np.random.default_rng(0).integers(1, 255, (120, 150, 1)).astype(dtype)
    place = (2_600_000, 2, 0, 1_200_000, 0, -2)
    path = tmp_path / f"cut.{suffix}"
    write(path, values, driver=driver, transform=place, epsg=2056)
    layer = QgsRasterLayer(str(path), "image")
    assert read_whole(layer).any()
    content = path.read_bytes()
    for length in (len(content) - 30, int(0.97 * len(content))):
        path.write_bytes(content[:length])
        for opened_when in (layer, QgsRasterLayer(str(path), "image")):
            with pytest.raises(ImageError, match=r"damaged, cut short|QGIS cannot read"):
                read_whole(opened_when)


def test_no_image_at_all(tmp_path):
    path = tmp_path / "not.tif"
    path.write_text("no image")
    with pytest.raises(ImageError, match="put its file back"):
        open_source(QgsRasterLayer(str(path), "image"))


def test_vanished_file(tmp_path):
    path = write(tmp_path / "gone.tif", eight_bit())
    layer = QgsRasterLayer(str(path), "image")
    source = open_source(layer)
    path.unlink()  # no handle keeps it
    with pytest.raises(ImageError, match=r"gone\.tif is not there any more"):
        source.read(whole(source))
    with pytest.raises(ImageError, match="is not there any more"):
        open_source(layer)


def test_complex_numbers_are_refused(tmp_path):
    path = write(tmp_path / "c.tif", texture(bands=1).astype(np.complex64))
    source = opened(path)
    with pytest.raises(ImageError, match="real numbers"):
        source.read(whole(source))
