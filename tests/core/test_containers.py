"""Files looked at by their structure: what EXIF says, what is missing, what they announce."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from dataset_fixtures import exif, jpeg_with_exif, photo, png_with_exif, write
from PIL import Image

from core.containers import inspect, is_whole, with_orientation
from core.errors import ImageError
from core.image import decode_image, read_image, read_mask_image

NOISE = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)


def encoded(kind: str, array=NOISE, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def of_type(kind: int, value: bytes, order: str, start: int = 8) -> bytes:
    """EXIF whose orientation has another type than usual, or lies elsewhere."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", start)
    entry = struct.pack(order + "HHI", 0x112, kind, 1) + value
    return head + bytes(start - 8) + struct.pack(order + "H", 1) + entry + bytes(4)


# --- orientation --------------------------------------------------------------------------------

APP1 = segment(0xE1, b"Exif\0\0" + exif(6))
JPEGS = {
    "mark in a comment": segment(0xFE, b"Exif\0\0II*\0 by hand") + APP1,
    "mark in a comment alone": segment(0xFE, b"Exif\0\0" + exif(6)),
    "in another segment": segment(0xE2, b"Exif\0\0" + exif(6)),
    "behind XMP": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0Exif\0\0" + exif(3)) + APP1,
    "first of two": APP1 + segment(0xE1, b"Exif\0\0" + exif(8)),
    "fill bytes": b"\xff\xff" + APP1,
    "no mark": segment(0xE1, b"Exif\0x" + exif(6)),
    "long": segment(0xE1, b"Exif\0\0" + of_type(4, struct.pack("<I", 6), "<")),
    "byte, big endian": segment(0xE1, b"Exif\0\0" + of_type(1, b"\6\0\0\0", ">")),
    "directory elsewhere": segment(0xE1, b"Exif\0\0" + of_type(3, b"\6\0\0\0", "<", 60)),
    "out of range": segment(0xE1, b"Exif\0\0" + exif(9)),
    "cut off": segment(0xE1, b"Exif\0\0" + exif(6)[:14]),
}


@pytest.mark.parametrize("name", JPEGS)
def test_jpegs_are_turned_as_opencv_turns_them(tmp_path, name):
    content = cv2.imencode(".jpg", photo())[1].tobytes()
    path = tmp_path / "a.jpg"
    path.write_bytes(content[:2] + JPEGS[name] + content[2:])
    assert np.array_equal(read_image(path).pixels, cv2.imread(str(path))[:, :, ::-1])


@pytest.mark.parametrize("where", ["text before", "late", "prefix"])
def test_pngs_are_turned_as_opencv_turns_them(tmp_path, where):
    content = cv2.imencode(".png", photo())[1].tobytes()
    header, rest, end = content[:33], content[33:-12], content[-12:]
    turned = chunk(b"eXIf", exif(6))
    path = tmp_path / "a.png"
    path.write_bytes(
        {
            "text before": header + chunk(b"tEXt", b"Note\0eXIf II*\0") + turned + rest + end,
            "late": header + rest + turned + end,
            "prefix": header + chunk(b"eXIf", b"Exif\0\0" + exif(6)) + rest + end,
        }[where]
    )
    assert np.array_equal(read_image(path).pixels, cv2.imread(str(path))[:, :, ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_webp_and_tiff_are_turned(tmp_path, orientation):
    tags = Image.Exif()
    tags[0x112] = orientation
    expected = read_image(
        write_bytes(tmp_path / "a.png", png_with_exif(encoded("png", photo()), exif(orientation)))
    ).pixels
    path = write_bytes(tmp_path / "a.webp", encoded("webp", photo(), lossless=True, exif=tags))
    assert np.array_equal(read_image(path).pixels, expected)
    assert np.array_equal(read_image(path).pixels, cv2.imread(str(path))[:, :, ::-1])
    path = write_bytes(tmp_path / "a.tif", encoded("tiff", photo(), tiffinfo={0x112: orientation}))
    image = read_image(path)
    assert np.array_equal(image.pixels, expected)
    assert image.orientation == orientation


def test_a_png_can_be_made_to_be_turned(tmp_path):
    path = write_bytes(tmp_path / "a.png", with_orientation(encoded("png", photo()), 6))
    assert cv2.imread(str(path)).shape == read_image(path).pixels.shape == (16, 12, 3)


def write_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


# --- cut short --------------------------------------------------------------------------------


def halves() -> dict[str, bytes]:
    """Files whose second half is missing, some with an end all the same."""
    jpeg, png, webp = encoded("jpeg"), encoded("png"), encoded("webp")
    progressive = encoded("jpeg", progressive=True)
    restarts = encoded("jpeg", restart_marker_rows=1)
    at_restart = restarts.index(b"\xff\xd3", len(restarts) // 2)
    scans = [i for i in range(len(progressive)) if progressive[i : i + 2] == b"\xff\xda"]
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in NOISE[:100]))
    thumbnail = encoded("jpeg", photo(40, 60))
    webp_cut = bytearray(webp[: len(webp) // 2])
    webp_cut[4:8] = struct.pack("<I", len(webp_cut) - 8)
    end = b"\xff\xd9"
    return {
        "jpeg": jpeg[: len(jpeg) // 2],
        "jpeg with an end": jpeg[: len(jpeg) // 2] + end,
        "jpeg with an end and more": jpeg[: len(jpeg) // 2] + end + jpeg,
        "restart marks": restarts[: len(restarts) // 2] + end,
        "at a restart mark": restarts[:at_restart] + end,
        "in a scan": progressive[: len(progressive) // 2] + end,
        "between scans": progressive[: scans[len(scans) // 2]] + end,
        "before the last scan": progressive[: scans[-1]] + end,
        "thumbnail with an end": jpeg_with_exif(jpeg[: len(jpeg) // 2], exif(1) + thumbnail),
        "thumbnail, and an end": jpeg_with_exif(jpeg[: len(jpeg) // 2], exif(1) + thumbnail) + end,
        "png": png[: len(png) // 2],
        "png with an end": png[: len(png) // 2] + png[-12:],
        "png of few rows": png[:33] + chunk(b"IDAT", rows) + png[-12:],
        "png of half its chunks": png[:33] + chunk(b"IDAT", png[41 : len(png) // 2]) + png[-12:],
        "webp": webp[: len(webp) // 2],
        "webp of another size": bytes(webp_cut),
        "tiff": encoded("tiff")[: NOISE.size // 2],
        "tiff, deflated": encoded("tiff", compression="tiff_adobe_deflate")[: NOISE.size // 2],
        "gif": encoded("gif")[: NOISE.size // 6],
        "bmp": encoded("bmp")[: NOISE.size // 2],
        "jpeg 2000": encoded("jpeg2000")[: NOISE.size // 3],
    }


HALVES = halves()


@pytest.mark.parametrize("name", HALVES)
def test_half_a_file_is_refused(tmp_path, name):
    path = write_bytes(tmp_path / "half", HALVES[name])
    for read in (read_image, read_mask_image):
        with pytest.raises(ImageError, match=r"half.*cut short"):
            read(path)
    if name.startswith(("jpeg with", "restart", "at a", "in a", "between", "before", "png")):
        with pytest.raises(ImageError, match=r"a\.x is damaged"):
            decode_image(HALVES[name], "a.x", cv2.IMREAD_COLOR)


def test_what_is_whole_is_read(tmp_path):
    jpeg = encoded("jpeg")
    png = write(tmp_path / "rgb.png", NOISE).read_bytes()
    whole = {
        "plain": jpeg,
        "progressive": encoded("jpeg", progressive=True),
        "restart marks": encoded("jpeg", restart_marker_rows=1),
        "grey, progressive": encoded("jpeg", NOISE[:, :, 0], progressive=True),
        "a few bytes too many": jpeg[:-2] + b"abcde\xff\xd9",
        "a second image behind": jpeg + encoded("jpeg", photo()),
        "half a film behind": jpeg + jpeg[: len(jpeg) // 2],
        "thumbnail": jpeg_with_exif(jpeg, exif(1) + encoded("jpeg", photo())),
        "png": png,
        "grey png": encoded("png", NOISE[:, :, 0]),
        "palette": encoded("png", NOISE[:, :, 0] // 128),
    }
    for name, content in whole.items():
        path = write_bytes(tmp_path / "whole", content)
        assert read_image(path).pixels.shape == (200, 300, 3), name
        assert is_whole(path), name
        assert decode_image(content, name, cv2.IMREAD_COLOR).shape == (200, 300, 3), name


@pytest.mark.parametrize(("kind", "bits"), [(0, 1), (0, 2), (0, 16), (2, 8), (3, 4), (6, 8)])
@pytest.mark.parametrize("interlaced", [0, 1])
def test_rows_of_pngs_of_all_kinds_are_counted(kind, bits, interlaced, tmp_path):
    """Against libpng: a PNG with all bytes that it needs is read, one with a byte less is not."""
    width, height = 13, 11
    steps = [(1, 0, 0, 1)] if not interlaced else None
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[kind]
    sizes = []
    if steps:
        sizes.append((width, height))
    else:
        for x, y, dx, dy in [
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
            (0, 1, 1, 2),
        ]:  # fmt: skip
            sizes.append((len(range(x, width, dx)), len(range(y, height, dy))))
    rows = b"".join(
        bytes(1 + (across * channels * bits + 7) // 8)
        for across, down in sizes
        for _ in range(down)
    )
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(48)) if kind == 3 else b""
    for data, expected in ((rows, True), (rows[:-1], False)):
        path = write_bytes(
            tmp_path / "a.png",
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", header)
            + palette
            + chunk(b"IDAT", zlib.compress(data))
            + chunk(b"IEND", b""),
        )
        assert is_whole(path) == expected


def test_the_announced_size_is_known_without_decoding():
    assert inspect(io.BytesIO(encoded("jpeg"))).size == (300, 200)
    assert inspect(io.BytesIO(encoded("png"))).size == (300, 200)
