"""Reading images and masks of every kind, and writing PNG."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_fixtures import (
    VOC_COLOURS,
    blob,
    exif,
    jpeg_with_exif,
    photo,
    png_with_palette,
    rotated_photo,
    write,
    write_bands,
    write_palette,
)
from rasterio.transform import from_origin

from core.errors import ImageError
from core.image import align_mask, read_image, read_mask_values, write_png


def opencv_rgb(path):
    return cv2.imread(str(path))[:, :, ::-1]


# ------------------------------------------------------------------------------ plain photographs


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_eight_bit_pixels_are_those_of_opencv(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", photo(37, 53))
    image = read_image(path)
    assert np.array_equal(image.pixels, opencv_rgb(path))
    assert image.pixels.dtype == np.uint8
    assert image.pixels.flags.c_contiguous
    assert image.path == path
    assert image.transform is None
    assert image.crs_wkt is None


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif"])
def test_grey_is_repeated(tmp_path, suffix):
    path = write(tmp_path / f"grey{suffix}", photo()[:, :, 0])
    pixels = read_image(str(path)).pixels
    assert pixels.shape == (12, 16, 3)
    assert (pixels == pixels[:, :, :1]).all()
    assert np.array_equal(pixels, opencv_rgb(path))


@pytest.mark.parametrize(
    "pattern", ["grabcut/data_GT", "berkeley/images", "davis/img", "coco_mval/img"]
)
def test_pixels_of_the_evaluation_sets_are_those_of_opencv(shared, pattern):
    for path in sorted((shared / pattern).iterdir())[::10]:
        assert np.array_equal(read_image(path).pixels, opencv_rgb(path)), path.name


def test_names_beyond_ascii(tmp_path):
    path = write(tmp_path / "Lawine Höhe ć 雪.jpg", photo())
    assert read_image(path).pixels.shape == (12, 16, 3)
    assert read_mask_values(path, colours=True).shape == (12, 16, 3)


def test_suffix_does_not_matter(tmp_path):
    path = write(tmp_path / "a.jpg", photo())
    renamed = path.rename(tmp_path / "a.dat")
    assert read_image(renamed).pixels.shape == (12, 16, 3)


def test_alpha_is_dropped_without_blending(tmp_path):
    rgba = np.dstack([photo(), np.zeros((12, 16), np.uint8)])
    path = tmp_path / "rgba.png"
    cv2.imwrite(str(path), rgba[:, :, [2, 1, 0, 3]])
    assert np.array_equal(read_image(path).pixels, photo())


def test_palette_becomes_colour(tmp_path):
    path = write_palette(tmp_path / "p.png", np.array([[0, 1, 2], [3, 255, 0]], np.uint8))
    pixels = read_image(path).pixels
    assert pixels[0, 1].tolist() == list(VOC_COLOURS[1])
    assert pixels[1, 1].tolist() == list(VOC_COLOURS[255])


def test_palette_index_without_colour_is_black(tmp_path):
    path = tmp_path / "p.png"
    path.write_bytes(png_with_palette(np.array([[0, 1, 200]], np.uint8), [(9, 9, 9), (1, 2, 3)]))
    assert read_image(path).pixels.tolist() == [[[9, 9, 9], [1, 2, 3], [0, 0, 0]]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit_images_are_black_and_white(tmp_path, suffix):
    path = tmp_path / f"bits{suffix}"
    driver = "PNG" if suffix == ".png" else "GTiff"
    write_bands(path, blob()[None].astype(np.uint8), driver=driver, NBITS=1)
    assert np.array_equal(read_image(path).pixels[:, :, 1], blob() * 255)


# ------------------------------------------------------------------------------ EXIF orientation


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_as_opencv_applies_it(tmp_path, orientation, suffix):
    path = rotated_photo(tmp_path / f"o{suffix}", orientation)
    assert np.array_equal(read_image(path).pixels, opencv_rgb(path))
    assert (read_image(path).pixels.shape[0] == 16) == (orientation >= 5)


def test_orientation_six_turns_clockwise(tmp_path):
    stored = np.zeros((2, 3, 3), np.uint8)
    stored[0, 0] = 255  # upper left goes to the upper right
    shown = read_image(rotated_photo(tmp_path / "o.png", 6, stored)).pixels
    assert shown.shape == (3, 2, 3)
    assert shown[0, 1, 0] == 255
    assert shown.sum() == 3 * 255


def test_orientation_in_big_endian(tmp_path):
    path = rotated_photo(tmp_path / "o.jpg", 8, order=">")
    assert read_image(path).pixels.shape == (16, 12, 3)


@pytest.mark.parametrize(
    "payload", [exif(0), exif(99), exif(6)[:20], b"nonsense", b"II*\0\xff\xff\xff\xff"]
)
def test_malformed_orientation_is_none(tmp_path, payload):
    content = write(tmp_path / "a.jpg", photo()).read_bytes()
    path = tmp_path / "o.jpg"
    # The zeros keep the parser from reading on into the image's own segments.
    path.write_bytes(jpeg_with_exif(content, payload + bytes(40)))
    assert read_image(path).pixels.shape == (12, 16, 3)


def test_orientation_of_a_georeferenced_photo_is_left(tmp_path):
    path = rotated_photo(tmp_path / "o.jpg", 6)
    (tmp_path / "o.jgw").write_text("2\n0\n0\n-2\n1001\n1999\n")
    image = read_image(path)
    assert image.pixels.shape == (12, 16, 3)
    assert image.transform == (2, 0, 1000, 0, -2, 2000)


# ------------------------------------------------------------------------------ rasters


def test_georeference(tmp_path):
    bands = np.moveaxis(photo(), -1, 0)
    place = from_origin(600000, 200000, 0.5, 0.5)
    path = write_bands(tmp_path / "geo.tif", bands, crs="EPSG:2056", transform=place)
    image = read_image(path)
    assert np.array_equal(image.pixels, photo())
    assert image.transform == (0.5, 0, 600000, 0, -0.5, 200000)
    assert "CH1903+" in image.crs_wkt


def test_bands_default_to_the_first_three(tmp_path):
    bands = np.stack([np.full((4, 5), 10 * i, np.uint8) for i in range(1, 6)])
    path = write_bands(tmp_path / "five.tif", bands)
    assert read_image(path).pixels[0, 0].tolist() == [10, 20, 30]
    assert read_image(path, bands=[5, 3, 1]).pixels[0, 0].tolist() == [50, 30, 10]
    assert read_image(path, bands=(4,)).pixels[0, 0].tolist() == [40, 40, 40]


def test_bands_of_a_jpeg(tmp_path):
    path = write(tmp_path / "a.jpg", photo())
    assert np.array_equal(read_image(path, [3, 2, 1]).pixels, opencv_rgb(path)[:, :, ::-1])


def test_two_bands_show_the_first(tmp_path):
    bands = np.stack([np.full((4, 5), 7, np.uint8), np.full((4, 5), 9, np.uint8)])
    assert (read_image(write_bands(tmp_path / "two.tif", bands)).pixels == 7).all()


def test_grey_with_alpha(tmp_path):
    bands = np.stack([np.full((4, 5), 10, np.uint8), np.full((4, 5), 0, np.uint8)])
    path = write_bands(tmp_path / "alpha.tif", bands, photometric="MINISBLACK", ALPHA="YES")
    assert (read_image(path).pixels == 10).all()
    assert read_mask_values(path).shape == (4, 5)


@pytest.mark.parametrize("bands", [[], [1, 2], [0], [4], [1, 2, 9], [-1]])
def test_unsuitable_bands(tmp_path, bands):
    path = write(tmp_path / "a.png", photo())
    with pytest.raises(ImageError, match=r"a\.png: choose one or three of 1 to 3"):
        read_image(path, bands)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64])
def test_other_types_are_stretched_between_percentiles(tmp_path, dtype):
    ramp = np.arange(10_000, dtype=dtype).reshape(1, 100, 100)
    path = write_bands(tmp_path / "ramp.tif", ramp)
    pixels = read_image(path).pixels[:, :, 0].ravel()
    low, high = np.percentile(ramp, (2, 98))
    expected = np.rint(np.clip((np.arange(10_000) - low) / (high - low), 0, 1) * 255)
    assert np.array_equal(pixels, expected)
    assert (pixels[:200] == 0).all()
    assert (pixels[-200:] == 255).all()


def test_all_bands_are_stretched_alike(tmp_path):
    ramp = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    path = write_bands(tmp_path / "rgb.tif", np.stack([ramp, ramp // 2, ramp // 4]))
    red, green, blue = np.moveaxis(read_image(path).pixels.astype(int), -1, 0)
    middle = slice(40, 50)
    assert np.allclose(red[middle], 2 * green[middle], atol=8)
    assert np.allclose(green[middle], 2 * blue[middle], atol=8)


def test_sixteen_bit_png(tmp_path):
    path = write(tmp_path / "deep.png", np.arange(5000, dtype=np.uint16).reshape(50, 100))
    pixels = read_image(path).pixels
    assert pixels.min() == 0
    assert pixels.max() == 255


def test_nodata_and_nan_become_black_and_do_not_count(tmp_path):
    values = np.linspace(100, 200, 10_000, dtype=np.float32).reshape(1, 100, 100)
    values[0, 50, :] = -9999
    values[0, 60, :50] = np.nan
    values[0, 61, :50] = np.inf
    pixels = read_image(write_bands(tmp_path / "n.tif", values, nodata=-9999)).pixels[:, :, 0]
    assert (pixels[50] == 0).all()
    assert (pixels[60:62, :50] == 0).all()
    assert 120 < pixels[49, 0] < 128  # -9999 would have made it white


def test_nodata_of_one_band_concerns_that_band(tmp_path):
    ramp = np.arange(1, 10_001, dtype=np.uint16).reshape(100, 100)
    holed = ramp.copy()
    holed[90, 90] = 0
    path = write_bands(tmp_path / "n.tif", np.stack([ramp, holed, ramp]), nodata=0)
    pixel = read_image(path).pixels[90, 90]
    assert pixel[1] == 0
    assert pixel[0] == pixel[2] > 200


def test_eight_bit_nodata_stays(tmp_path):
    bands = np.full((1, 4, 5), 200, np.uint8)
    path = write_bands(tmp_path / "n.tif", bands, nodata=200)
    assert (read_image(path).pixels == 200).all()


@pytest.mark.parametrize("value", [0.0, 5.0, np.nan])
def test_constant_or_empty_raster_is_black(tmp_path, value):
    path = write_bands(tmp_path / "c.tif", np.full((1, 4, 5), value, np.float32))
    assert (read_image(path).pixels == 0).all()


def test_complex_values_are_refused(tmp_path):
    path = write_bands(tmp_path / "c.tif", np.ones((1, 4, 5), np.complex64))
    with pytest.raises(ImageError, match=r"c\.tif has type complex64"):
        read_image(path)


# ------------------------------------------------------------------------------ faulty files


@pytest.mark.parametrize("read", [read_image, read_mask_values])
def test_missing_file(tmp_path, read):
    with pytest.raises(ImageError, match=r"gone\.jpg: No such file.*Check the name"):
        read(tmp_path / "gone.jpg")


def test_folder(tmp_path):
    with pytest.raises(ImageError, match="Cannot read"):
        read_image(tmp_path)


@pytest.mark.parametrize("read", [read_image, read_mask_values])
def test_empty_file(tmp_path, read):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ImageError, match=r"a\.jpg is empty \(0 bytes\)"):
        read(tmp_path / "a.jpg")


@pytest.mark.parametrize("content", [b"x", b"hello world" * 50, b"\x89PNG\r\n\x1a\nIEND", b"RIFFs"])
def test_no_image(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.png as an image.*save it as PNG"):
        read_image(tmp_path / "a.png")


def test_broken_jpeg_with_end_mark(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    with pytest.raises(ImageError, match=r"a\.jpg"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_file_cut_short(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    path = write(tmp_path / f"cut{suffix}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ImageError, match="cut short"):
        read_image(path)


def test_thumbnail_does_not_hide_a_cut(tmp_path):
    thumbnail = write(tmp_path / "t.jpg", photo(8, 8)).read_bytes()
    content = write(tmp_path / "a.jpg", photo(60, 80)).read_bytes()
    whole = jpeg_with_exif(content, exif(1) + thumbnail)
    path = tmp_path / "b.jpg"
    path.write_bytes(whole + b"appended video \xff\xda and more")
    assert read_image(path).pixels.shape == (60, 80, 3)
    path.write_bytes(whole[:-40])
    with pytest.raises(ImageError, match="cut short"):
        read_image(path)


# ------------------------------------------------------------------------------ masks


def test_mask_keeps_palette_indices_or_shows_colours(tmp_path):
    path = write_palette(tmp_path / "p.png", np.array([[0, 1, 255]], np.uint8))
    assert read_mask_values(path).tolist() == [[0, 1, 255]]
    assert read_mask_values(path, colours=True).tolist() == [
        [list(VOC_COLOURS[i]) for i in (0, 1, 255)]
    ]


def test_mask_keeps_sixteen_bits(tmp_path):
    values = np.array([[0, 1, 300, 65535]], np.uint16)
    mask = read_mask_values(write(tmp_path / "m.png", values))
    assert mask.dtype == np.uint16
    assert np.array_equal(mask, values)


def test_mask_of_one_bit(tmp_path):
    path = write_bands(tmp_path / "m.png", blob()[None].astype(np.uint8), driver="PNG", NBITS=1)
    assert np.unique(read_mask_values(path)).tolist() == [0, 1]
    assert np.unique(read_mask_values(path, colours=True)).tolist() == [0, 255]


def test_mask_channels_are_rgb_without_alpha(tmp_path):
    bgra = np.zeros((2, 3, 4), np.uint8)
    bgra[0, 0] = (1, 2, 3, 255)
    cv2.imwrite(str(tmp_path / "m.png"), bgra)
    mask = read_mask_values(tmp_path / "m.png")
    assert mask.shape == (2, 3, 3)
    assert mask[0, 0].tolist() == [3, 2, 1]


def test_mask_must_hold_whole_numbers(tmp_path):
    path = write_bands(tmp_path / "m.tif", np.ones((1, 4, 5), np.float32))
    with pytest.raises(ImageError, match=r"m\.tif has type float32"):
        read_mask_values(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_mask_drawn_on_the_stored_photo_is_turned(tmp_path, orientation):
    stored = np.random.default_rng(1).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    path = rotated_photo(tmp_path / "o.png", orientation, stored)
    aligned = align_mask(stored, path, "m.png")
    shown = read_image(path).pixels
    assert aligned.shape == shown.shape
    if orientation >= 5:  # otherwise both sizes agree, and the mask is taken as shown
        assert np.array_equal(aligned, shown)
    else:
        assert np.array_equal(aligned, stored)


def test_mask_drawn_on_the_photo_as_shown_is_kept(tmp_path):
    path = rotated_photo(tmp_path / "o.jpg", 6)
    mask = blob(16, 12)
    assert np.array_equal(align_mask(mask, path, "m.png"), mask)


def test_mask_of_another_size(tmp_path):
    path = rotated_photo(tmp_path / "o.jpg", 6)
    with pytest.raises(ImageError, match=r"m\.png has 5 x 4 .*o\.jpg has 12 x 16"):
        align_mask(np.zeros((4, 5)), path, "m.png")


# ------------------------------------------------------------------------------ writing


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3)])
def test_png_comes_back_as_written(tmp_path, dtype, shape):
    top = np.iinfo(dtype).max
    array = np.random.default_rng(2).integers(0, top, shape, dtype=dtype, endpoint=True)
    path = tmp_path / "Höhe.png"
    write_png(path, array)
    assert np.array_equal(read_mask_values(path), array)
    assert [p.name for p in tmp_path.iterdir()] == ["Höhe.png"]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 4), bool),
        np.zeros((3, 4), np.int32),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_unsuitable_arrays_are_not_written(tmp_path, array):
    with pytest.raises(ImageError, match=r"Cannot write .*a\.png"):
        write_png(tmp_path / "a.png", array)
    assert not list(tmp_path.iterdir())


def test_folder_that_does_not_exist(tmp_path):
    with pytest.raises(ImageError, match="No such file or directory"):
        write_png(tmp_path / "none" / "a.png", np.zeros((3, 4), np.uint8))


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_png(path, np.full((3, 4), 9, np.uint8))
    monkeypatch.setattr("core.files.Path.write_bytes", lambda *_: Path(tmp_path).read_bytes())
    with pytest.raises(ImageError, match=r"a\.png could not be written: Is a directory"):
        write_png(path, np.zeros((3, 4), np.uint8))
    assert (read_mask_values(path) == 9).all()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_full_disk(tmp_path, monkeypatch):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.png").symlink_to("/dev/full")
    monkeypatch.setattr("core.files.tempfile.mkdtemp", lambda **_: tmp_path / "new")
    with pytest.raises(ImageError, match="No space left on device"):
        write_png(tmp_path / "a.png", np.zeros((3, 4), np.uint8))
    assert not list(tmp_path.iterdir())


def test_import_leaves_out_heavy_modules():
    code = (
        "import sys, core.image; sys.exit(bool({'rasterio', 'scipy', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
