"""What a mask file holds: masks, soft masks, label images, and what is in doubt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from dataset_fixtures import write, write_bands, write_palette

from core.errors import ImageError
from core.image import read_binary_mask, read_mask_image, read_mask_values
from core.mask_image import find_objects

ROWS, COLS = np.mgrid[:120, :160]
DISK = np.hypot(ROWS - 60, COLS - 80) < 35
BLACK, WHITE = (0, 0, 0, 255), (255, 255, 255, 255)


def labels(values, dtype=np.uint8, side: int = 9) -> np.ndarray:
    """Squares that do not touch, one for each value."""
    across = 160 // (side + 3)
    image = np.zeros((120, 160), dtype)
    for place, value in enumerate(values):
        row, col = divmod(place, across)
        image[(side + 3) * row :, (side + 3) * col :][:side, :side] = value
    return image


def polygon() -> np.ndarray:
    """A mask with smoothed edges, as image editors draw it."""
    corners = np.array([[20, 15], [120, 30], [140, 100], [40, 90]])
    return cv2.fillPoly(np.zeros((120, 160), np.uint8), [corners], 255, cv2.LINE_AA)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
@pytest.mark.parametrize(
    "values", [(7, 255), (1, 2, 3, 255), (1, 200), (254, 255), (85, 170, 255), (7,), range(1, 90)]
)
def test_greys_in_areas_are_labels(values, dtype):
    image = labels(values, dtype)
    found = find_objects(image, "m.png")
    assert found.numbers == tuple(values)
    assert found.shades is None
    for number in found.numbers:
        assert np.array_equal(found.mask(number), image == number)


@pytest.mark.parametrize("values", [(7, 65535), (300, 40000), range(1, 301)])
def test_labels_of_sixteen_bits(values):
    assert find_objects(labels(values, np.uint16, 4), "m.png").numbers == tuple(values)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 17, 51, 85, 127, 255, 256, 300])
def test_label_images_of_the_plugin(count):
    """Object k of n has k * floor(255 / n), or k in 16 bits."""
    step = max(1, 255 // count)
    values = [k * step for k in range(1, count + 1)]
    image = labels(values, np.uint8 if count < 256 else np.uint16, 4)
    found = find_objects(image, "m.png")
    assert found.numbers == ((1,) if count == 1 else tuple(values))


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_one_value_is_one_object(white):
    found = find_objects(np.where(DISK, white, 0).astype(np.uint16), "m.png")
    assert found.numbers == (1,)
    assert np.array_equal(found.mask(1), DISK)


@pytest.mark.parametrize(
    "soft",
    [
        polygon(),
        polygon().astype(np.uint16),
        polygon().astype(np.uint16) * 257,
        cv2.GaussianBlur(DISK.astype(np.uint8) * 255, (0, 0), 3),
        (polygon() // 64 * 85).astype(np.uint8),  # two bits
        np.rint(255 / (1 + np.exp((np.hypot(ROWS - 60, COLS - 80) - 35) / 2))).astype(np.uint8),
    ],
    ids=["drawn", "16 bit of 255", "16 bit", "blurred", "2 bit", "predicted"],
)
def test_greys_in_seams_and_ramps_are_shades(soft):
    found = find_objects(soft, "m.png")
    white = 65535 if soft.max() > 255 else 255
    assert found.numbers == (1,)
    assert np.array_equal(found.mask(1), soft > white // 2)
    assert found.shades.max() == 1
    assert np.allclose(found.area(1), soft / white)


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_mask_that_was_saved_as_jpeg(tmp_path, quality):
    for drawn in (DISK.astype(np.uint8) * 255, polygon()):
        path = tmp_path / "m.jpg"
        cv2.imwrite(str(path), drawn, [cv2.IMWRITE_JPEG_QUALITY, quality])
        found = read_mask_image(path)
        assert found.numbers in ((1,), (255,))
        assert (found.whole != (drawn > 127)).sum() < 40


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_soft_masks_that_were_saved_as_jpeg(tmp_path, quality):
    for soft in (
        cv2.resize(polygon(), (1600, 1200)),
        cv2.GaussianBlur(DISK.astype(np.uint8) * 255, (0, 0), 3),
    ):
        path = tmp_path / "m.jpg"
        cv2.imwrite(str(path), soft, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert (read_mask_image(path).whole != (soft > 127)).mean() < 0.001


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("side", [9, 30])
@pytest.mark.parametrize(
    "values", [(7, 255), (1, 2, 3, 255), (3,), (1, 2, 3), (40, 80, 120), (100, 200), (85, 170, 255)]
)
def test_label_images_lose_their_numbers_in_a_jpeg(tmp_path, quality, side, values):
    path = tmp_path / "m.jpg"
    image = labels(values, np.uint8, side)
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    with pytest.raises(ImageError, match=r"Is .*m\.jpg a .*label image\?"):
        read_mask_image(path)


@pytest.mark.parametrize("values", [(7, 255), (1, 2), (85, 170, 255)])
@pytest.mark.parametrize(
    "kind",
    [
        ("a.webp", {"driver": "WEBP", "quality": 75}),
        ("a.jp2", {"driver": "JP2OpenJPEG", "quality": 5, "reversible": "NO"}),
        ("a.tif", {"compress": "JPEG", "jpeg_quality": 75}),
        ("a.tif", {"compress": "WEBP", "webp_level": 75}),
    ],
    ids=["WebP", "JPEG 2000", "JPEG in TIFF", "WebP in TIFF"],
)
def test_label_images_lose_their_numbers_by_other_lossy_compression(tmp_path, values, kind):
    name, options = kind
    bands = np.stack([labels(values, np.uint8, 30)] * 3)
    with pytest.raises(ImageError, match=r"label image\?|seams"):
        read_mask_image(write_bands(tmp_path / name, bands, **options))


def test_compression_without_losses_keeps_labels(tmp_path):
    for name, options in (
        ("a.webp", {"driver": "WEBP", "lossless": "YES"}),
        ("a.jp2", {"driver": "JP2OpenJPEG", "quality": 100, "reversible": "YES"}),
        ("a.tif", {"compress": "WEBP", "webp_lossless": "YES"}),
        ("a.tif", {"compress": "LZW"}),
    ):
        bands = np.stack([labels((7, 255), np.uint8, 30)] * 3)
        assert read_mask_image(write_bands(tmp_path / name, bands, **options)).numbers == (7, 255)


@pytest.mark.parametrize(("name", "options"), [("m.jpg", {"driver": "JPEG"}),
                                               ("m.tif", {"compress": "JPEG"})])  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3])
def test_data_sets_see_no_noise_of_compression(tmp_path, name, options, channels):
    bands = np.stack([(DISK * 255).astype(np.uint8)] * channels)
    path = write_bands(tmp_path / name, bands, **options)
    values = np.atleast_3d(read_mask_values(path, colours=True))
    assert values.shape[2] == channels
    assert ((values[:, :, -1] > 0) ^ DISK).sum() < 12
    with pytest.raises(ImageError, match="with losses"):  # as numbers of objects
        read_mask_values(path)
    bands[:, 5:40, 5:40] = 7
    with pytest.raises(ImageError, match="with losses"):
        read_mask_values(write_bands(tmp_path / name, bands, **options), colours=True)


def test_a_small_label_beside_a_large_mask_in_a_jpeg_is_not_lost(tmp_path):
    rng = np.random.default_rng(0)
    blurred = cv2.GaussianBlur(rng.random((600, 800)).astype(np.float32), (0, 0), 9)
    mask = (blurred > 0.505).astype(np.uint8) * 255
    path = tmp_path / "m.jpg"
    cv2.imwrite(str(path), mask)
    assert np.array_equal(read_mask_image(path).whole, mask > 0)
    for number in (7, 100):
        mask[200:230, 300:330] = number
        cv2.imwrite(str(path), mask)
        with pytest.raises(ImageError, match=r"with losses.*which changes values"):
            read_mask_image(path)


@pytest.mark.parametrize(
    "image",
    [
        labels((128, 255)),  # ignored, in some data sets
        cv2.resize(labels((50, 120, 200, 255)), (131, 97), interpolation=cv2.INTER_AREA),
        polygon() // 3,  # nothing is bright
        np.clip(50 - np.hypot(ROWS - 60, COLS - 80), 0, 255).astype(np.uint8),
    ],
    ids=["128", "resampled labels", "dark", "gentle ramp"],
)
def test_in_doubt_the_file_is_asked_about(image):
    with pytest.raises(ImageError, match=r"Is m\.png a mask or a label image.*Save a mask as 255"):
        find_objects(image, "m.png")


def test_photographs_are_refused():
    rng = np.random.default_rng(0)
    photo = cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3)).astype(np.uint8), (0, 0), 1)
    with pytest.raises(ImageError, match=r"m\.png has \d+ colours.*photograph"):
        find_objects(photo, "m.png")
    with pytest.raises(ImageError, match=r"m\.png holds \d+ different values.*photograph"):
        find_objects(photo[:, :, 0], "m.png")


def test_each_colour_is_an_object():
    image = np.zeros((120, 160, 3), np.uint8)
    image[:30, :30], image[50:80, :30], image[50:80, 60:90] = (
        (255, 0, 0),
        (0, 255, 0),
        (224, 224, 192),
    )
    found = find_objects(image, "m.png")
    assert found.numbers == (1, 2)  # not the colour by which VOC marks what belongs to nothing
    assert found.mask(1)[:30, :30].all()
    assert found.mask(1).sum() == found.mask(2).sum() == 900
    assert found.whole.sum() == 1800
    smoothed = np.dstack([polygon(), 0 * polygon(), 0 * polygon()])
    with pytest.raises(ImageError, match="colours in thin seams"):
        find_objects(smoothed, "m.png")


# --- as people see it, from files -----------------------------------------------------------------


@pytest.mark.parametrize("driver", ["PNG", "GTiff", "BMP", "GIF"])
@pytest.mark.parametrize("bits", [1, 8])
@pytest.mark.parametrize("white_first", [True, False])
def test_a_palette_may_begin_with_white(tmp_path, driver, bits, white_first):
    colours = {0: WHITE, 1: BLACK} if white_first else {0: BLACK, 1: WHITE}
    indices = (DISK ^ white_first).astype(np.uint8)
    options = {"NBITS": bits} if bits < 8 and driver in ("PNG", "GTiff") else {}
    path = write_bands(tmp_path / "m.x", indices[None], driver=driver, colours=colours, **options)
    assert np.array_equal(read_mask_image(path).whole, DISK)
    assert read_mask_image(path).numbers == (1,)


def test_indices_of_a_coloured_palette_are_the_numbers(tmp_path):
    colours = {0: (0, 0, 0), 1: (0, 0, 128), 2: (128, 0, 0), 9: (0, 128, 0)}
    path = write_palette(tmp_path / "m.png", labels((1, 2, 9)), colours)
    found = read_mask_image(path)
    assert found.numbers == (1, 2, 9)
    assert np.array_equal(found.labels, labels((1, 2, 9)))
    assert np.array_equal(read_mask_values(path), labels((1, 2, 9)))  # of data sets: as stored


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_white_may_be_stored_as_0(tmp_path, bits):
    dtype, white = (np.uint16, 65535) if bits == 16 else (np.uint8, 2**bits - 1)
    stored = np.where(DISK, 0, white).astype(dtype)
    path = write_bands(
        tmp_path / "m.tif", stored[None], photometric="MINISWHITE", **({"NBITS": bits})
    )
    assert np.array_equal(read_mask_image(path).whole, DISK)
    shown = read_mask_values(path, colours=True)
    shown = shown if shown.ndim == 2 else shown[:, :, 0]
    assert np.array_equal(shown > 0, DISK)


@pytest.mark.parametrize("colour", [0, 90, 255])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("soft", [True, False])
def test_an_object_may_be_drawn_by_transparency_alone(tmp_path, colour, channels, soft):
    alpha = polygon() if soft else (DISK * 255).astype(np.uint8)
    bands = np.stack([*[np.full_like(alpha, colour)] * channels, alpha])
    path = write_bands(tmp_path / "m.png", bands, driver="PNG")
    assert np.array_equal(read_mask_image(path).whole, alpha > 127)
    shown = np.atleast_3d(read_mask_values(path, colours=True))
    assert np.array_equal(shown.any(axis=2) if not soft else shown.max(axis=2) > 0, alpha > 0)


@pytest.mark.parametrize("opacity", [40, 100, 200, 255])
def test_an_overlay_may_be_half_transparent_as_a_whole(tmp_path, opacity):
    numbers = labels((1, 2))
    bands = np.stack([(numbers == 1) * 255, (numbers == 2) * 255, 0 * numbers])
    bands = np.concatenate([bands, (numbers[None] > 0) * opacity]).astype(np.uint8)
    found = read_mask_image(write_bands(tmp_path / "m.png", bands, driver="PNG"))
    assert [int(found.mask(number).sum()) for number in found.numbers] == [81, 81]


def test_areas_fainter_than_others_are_asked_about(tmp_path):
    numbers = labels((1, 2))
    bands = np.stack([(numbers == 1) * 255, (numbers == 2) * 255, 0 * numbers])
    opacity = np.choose(numbers, [0, 255, 100])
    bands = np.concatenate([bands, opacity[None]]).astype(np.uint8)
    path = write_bands(tmp_path / "m.png", bands, driver="PNG")
    with pytest.raises(ImageError, match=r"m\.png has areas that are more transparent"):
        read_mask_image(path)


def test_colours_on_white_paper_are_asked_about(tmp_path):
    bands = np.full((3, 120, 160), 255, np.uint8)
    bands[1:, DISK] = 0
    with pytest.raises(ImageError, match="is the white the background"):
        read_mask_image(write_bands(tmp_path / "m.png", bands, driver="PNG"))
    bands[:, :20] = 0  # white is one of the labels
    found = read_mask_image(write_bands(tmp_path / "b.png", bands, driver="PNG"))
    assert len(found.numbers) == 2


def test_what_is_transparent_or_unknown_is_no_object(tmp_path):
    white = (DISK * 255).astype(np.uint8)
    seen = COLS < 80
    alpha = (seen * 255).astype(np.uint8)
    path = write_bands(tmp_path / "a.png", np.stack([white, white, white, alpha]), driver="PNG")
    assert np.array_equal(read_mask_image(path).whole, DISK & seen)
    path = write_bands(tmp_path / "n.tif", white[None], nodata=255)
    assert read_mask_image(path).numbers == ()
    path = write_bands(tmp_path / "l.tif", labels((0, 7, 9))[None], nodata=0)
    assert read_mask_image(path).numbers == (7, 9)
    path = write_bands(
        tmp_path / "opaque.png", np.stack([0 * white, 0 * white + 255]), driver="PNG"
    )
    assert read_mask_image(path).numbers == ()


def test_masks_to_start_from_are_cut_at_half(tmp_path):
    photo = write(tmp_path / "photo.png", np.zeros((120, 160, 3), np.uint8))
    path = write(tmp_path / "m.png", polygon())
    assert np.array_equal(read_binary_mask(path, photo), polygon() > 127)
    path = write(tmp_path / "l.png", labels((7, 255)))
    assert np.array_equal(read_binary_mask(path, photo), labels((7, 255)) > 0)
