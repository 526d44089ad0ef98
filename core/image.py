"""Reading and writing of images and masks: photos, webcam images, georeferenced rasters.

GDAL (through rasterio) reads all formats but the pixels of JPEG: OpenCV decodes these, since
GDAL's decoder rounds differently and published IoUs were measured on OpenCV's pixels.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import ImageError, write_errors
from .files import write_bytes

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_JPEG, _PNG, _WEBP = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"
_EXIF_MARKS = {_JPEG: b"Exif\0\0", _PNG: b"eXIf", _WEBP: b"EXIF"}
_ORIENTATION_TAG = 0x0112
_PERCENTILES = (2.0, 98.0)
_PERCENTILE_SAMPLES = 1_000_000


@dataclass(frozen=True, eq=False)
class Image:
    """Image with its path and georeference.

    Attributes
    ----------
    pixels
        (H, W, 3) uint8, RGB, in the orientation of display.
    path
        Its file.
    transform
        (a, b, c, d, e, f) in affine order: ``x = a * col + b * row + c``,
        ``y = d * col + e * row + f``, with (col, row) = (0, 0) at the upper left corner of the
        first pixel. None where the file is not georeferenced.
    crs_wkt
        Coordinate reference system as WKT, None where unknown.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from core.image import Image
    >>> photo = Image(np.zeros((2, 3, 3), np.uint8), Path("a.jpg"), transform=None, crs_wkt=None)
    >>> photo.pixels.shape
    (2, 3, 3)
    """

    pixels: NDArray[np.uint8]
    path: Path
    transform: tuple[float, ...] | None
    crs_wkt: str | None


def read_image(path: Path | str, bands: Sequence[int] | None = None) -> Image:
    """Read a whole raster file as 8-bit RGB.

    Parameters
    ----------
    path
        JPEG, PNG, BMP, TIFF, or any other format of GDAL.
    bands
        One or three band numbers, counted from 1. Default: the first three that are not alpha, or
        the first where there are fewer.

    Returns
    -------
    Image
        8-bit values stay (colour tables are applied, a single band is repeated). Other types are
        stretched linearly: the 2nd and 98th percentile of all valid values of all bands become 0
        and 255. Nodata and NaN become 0. The EXIF orientation of JPEG, PNG and WebP is applied
        unless georeferenced.

    Raises
    ------
    ImageError
        A file that is missing, empty, truncated or no image; bands that it does not have.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from core.image import read_image, write_png
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_png(Path(folder, "a.png"), np.full((2, 3), 7, np.uint8))
    ...     image = read_image(Path(folder, "a.png"))
    >>> image.pixels.shape, image.crs_wkt
    ((2, 3, 3), None)
    """
    path = Path(path)
    with _opened(path) as (source, content):
        chosen = _choose_bands(source, bands, path)
        values = _read_bands(source, content, chosen, path)
        if values.dtype != np.uint8:
            values = _stretch(values, np.moveaxis(source.read_masks(chosen), 0, -1) > 0, path)
        values = _orient(values, _orientation(source, content))
        transform = None if source.transform.is_identity else tuple(source.transform)[:6]
        crs_wkt = source.crs.to_wkt() if source.crs else None
    if values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)
    return Image(np.ascontiguousarray(values), path, transform, crs_wkt)


read_picture = read_image  # its name in scripts written for 0.1


def read_mask_values(path: Path | str, *, colours: bool = False) -> NDArray[Any]:
    """Read the integer values of a mask file.

    Parameters
    ----------
    path
        Any raster file with an integer type.
    colours
        False: values as stored; palette indices stay, 1-bit files give 0 and 1.
        True: values as displayed; palettes become RGB, 1-bit files 0 and 255.

    Returns
    -------
    array
        (H, W) for one band, (H, W, C) in file order (RGB) for several, without alpha, of the
        file's type.

    Raises
    ------
    ImageError
        A file that is missing, empty, truncated, no image, or not of an integer type.
    """
    path = Path(path)
    with _opened(path) as (source, content):
        values = _read_bands(source, content, _colour_bands(source), path, as_shown=colours)
        if values.dtype.kind not in "iu":
            raise ImageError(f"The mask {path} has type {values.dtype}: save it as whole numbers.")
        values = _orient(values, _orientation(source, content))
    return values[:, :, 0] if values.shape[2] == 1 else values


def read_binary_mask(path: Path | str, photo: Path | str) -> NDArray[np.bool_]:
    """Read a mask file as (H, W) bool, in the orientation of its photo: values other than 0.

    Raises
    ------
    ImageError
        If the file cannot be read, or is of another size than the photo.
    """
    values = align_mask(read_mask_values(path), photo, path)
    return np.asarray(np.atleast_3d(values).any(axis=2))


def align_mask(mask: NDArray[Any], photo: Path | str, mask_path: Path | str) -> NDArray[Any]:
    """Turn a mask into the orientation in which its photo is displayed.

    Masks drawn by tools that ignore EXIF fit the photo as stored; they are recognised by their
    size and turned. Where both sizes agree (upside-down or square photos) the mask stays.

    Return the (H, W) or (H, W, C) mask with the height and width of ``read_image(photo).pixels``;
    its path is for the message.

    Raises
    ------
    ImageError
        If the sizes differ.
    """
    with _opened(Path(photo)) as (source, content):
        stored = (source.height, source.width)
        orientation = _orientation(source, content)
    shown = stored[::-1] if orientation >= 5 else stored
    if mask.shape[:2] == shown:
        return mask
    if mask.shape[:2] == stored:
        return _orient(mask, orientation)
    raise ImageError(
        f"The mask {mask_path} has {mask.shape[1]} x {mask.shape[0]} pixels (width x height), its "
        f"image {photo} has {shown[1]} x {shown[0]}: give both the same size."
    )


def write_png(path: Path | str, array: NDArray[Any]) -> None:
    """Write (H, W) or (H, W, 3) RGB, uint8 or uint16, as a PNG, atomically.

    Raises
    ------
    ImageError
        An unsuitable array, or a file that cannot be written.
    """
    path = Path(path)
    grey = array.ndim == 2
    if array.dtype not in (np.uint8, np.uint16) or not (grey or array.shape[2:] == (3,)):
        raise ImageError(
            f"Cannot write {path}: a PNG needs (H, W) or (H, W, 3) uint8 or uint16, "
            f"got {array.shape} {array.dtype}."
        )
    if array.size == 0:
        raise ImageError(f"Cannot write {path}: the array {array.shape} has no pixels.")
    _, encoded = cv2.imencode(".png", array if grey else np.ascontiguousarray(array[:, :, ::-1]))
    with write_errors(path, ImageError):
        write_bytes(path, encoded.tobytes())


def _content(path: Path) -> bytes:
    """Read the whole of JPEG, PNG and WebP, for their end and EXIF; else the first bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(16)
            if content.startswith(tuple(_EXIF_MARKS)) and not _is_foreign_riff(content):
                content += file.read()
    except OSError as error:
        raise ImageError(
            f"Cannot read {path}: {error.strerror}. Check the name and whether it may be read."
        ) from error
    if not content:
        raise ImageError(f"The file {path} is empty (0 bytes): copy or download it again.")
    if not _is_complete(content):
        raise ImageError(f"The image {path} is cut short: copy or download it again.")
    return content


def _is_foreign_riff(head: bytes) -> bool:
    return head.startswith(_WEBP) and head[8:12] != b"WEBP"


def _is_complete(content: bytes) -> bool:
    """Return whether JPEG and PNG have their end marker; decoders invent what is missing."""
    if content.startswith(_PNG):
        return b"IEND" in content
    if not content.startswith(_JPEG):
        return True
    position = 2  # skip the header segments: a thumbnail there has its own end marker
    while content[position : position + 1] == b"\xff" and content[position + 1 :][:1] != b"\xda":
        fill = content[position + 1 : position + 2] == b"\xff"
        length = int.from_bytes(content[position + 2 : position + 4], "big")
        position += 1 if fill else 2 + length
    return content.find(b"\xff\xd9", position) >= 0


@contextmanager
def _opened(path: Path) -> Iterator[tuple[DatasetReader, bytes]]:
    """Open with GDAL, and read the `_content`; turn errors in the block into an `ImageError`."""
    import rasterio  # slow to load
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    content = _content(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as source:
                if source.count == 0:
                    raise ImageError(
                        f"The file {path} holds no bands: save one layer of it as TIFF."
                    )
                yield source, content
    except (RasterioError, CPLE_BaseError) as error:
        raise ImageError(
            f"Cannot read {path} as an image: it is damaged, cut short, or of a kind that GDAL "
            "does not know. Open it in an image viewer, or save it as PNG or TIFF."
        ) from error
    except MemoryError as error:
        raise ImageError(f"The image {path} is too large for memory: cut it first.") from error


def _colour_bands(source: DatasetReader) -> list[int]:
    from rasterio.enums import ColorInterp

    if source.driver == "JPEG":  # no alpha; GDAL fails on malformed EXIF
        return list(source.indexes)
    kinds = enumerate(source.colorinterp, 1)
    return [band for band, kind in kinds if kind is not ColorInterp.alpha] or [1]


def _choose_bands(source: DatasetReader, bands: Sequence[int] | None, path: Path) -> list[int]:
    if bands is None:
        colour = _colour_bands(source)
        return colour[:3] if len(colour) >= 3 else colour[:1]
    if len(bands) not in (1, 3) or not all(1 <= band <= source.count for band in bands):
        raise ImageError(
            f"Cannot take bands {list(bands)} of {path}: choose one or three of 1 to "
            f"{source.count}."
        )
    return list(bands)


def _read_bands(
    source: DatasetReader, content: bytes, bands: list[int], path: Path, *, as_shown: bool = True
) -> NDArray[Any]:
    """Read (H, W, C) values in stored orientation; apply colour tables if ``as_shown``."""
    if content.startswith(_JPEG):
        decoded = _decode_jpeg(content, path)
        every = bands == list(source.indexes)
        return decoded if every else decoded[:, :, [band - 1 for band in bands]]
    values: NDArray[Any] = np.moveaxis(source.read(bands), 0, -1)
    if not as_shown:
        return values
    table = _colour_table(source, bands)
    bits = int(source.tags(bands[0], ns="IMAGE_STRUCTURE").get("NBITS", 8))
    if table is not None:
        values = table[np.minimum(values[:, :, 0].astype(np.intp), len(table) - 1)]
    elif values.dtype == np.uint8 and bits < 8:
        values = (values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    return values


def _decode_jpeg(content: bytes, path: Path) -> NDArray[np.uint8]:
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if decoded is None:
        raise ImageError(f"Cannot decode the JPEG {path}: save it again as 8-bit JPEG or PNG.")
    values: NDArray[np.uint8] = decoded
    return values[:, :, None] if values.ndim == 2 else cv2.cvtColor(values, cv2.COLOR_BGR2RGB)


def _colour_table(source: DatasetReader, bands: list[int]) -> NDArray[np.uint8] | None:
    """Return (N + 1, 3) colours of a palette file, the last one black; None without palette."""
    from rasterio.enums import ColorInterp

    if len(bands) != 1 or source.colorinterp[bands[0] - 1] is not ColorInterp.palette:
        return None
    colours = source.colormap(bands[0])
    table = np.zeros((max(colours) + 2, 3), np.uint8)
    for index, colour in colours.items():
        table[index] = colour[:3]
    return table


def _stretch(values: NDArray[Any], valid: NDArray[np.bool_], path: Path) -> NDArray[np.uint8]:
    if values.dtype.kind not in "iuf":
        raise ImageError(f"The image {path} has type {values.dtype}: save it as real numbers.")
    valid = valid & np.isfinite(values)
    sample = values[valid]
    if sample.size == 0:
        return np.zeros(values.shape, np.uint8)
    sample = sample[:: max(1, sample.size // _PERCENTILE_SAMPLES)]
    low, high = (float(value) for value in np.percentile(sample, _PERCENTILES))
    span = high - low if high > low else 1.0
    stretched = np.zeros(values.shape, np.uint8)
    for band in range(values.shape[2]):  # one at a time: less memory, and faster
        scaled = np.where(valid[:, :, band], values[:, :, band], low).astype(np.float64)
        scaled -= low
        scaled *= 255.0 / span
        stretched[:, :, band] = np.rint(np.clip(scaled, 0, 255, out=scaled), out=scaled)
    return stretched


def _orientation(source: DatasetReader, content: bytes) -> int:
    """Return the EXIF orientation 1 to 8; 1 for georeferenced images, whose transform counts."""
    if not source.transform.is_identity:
        return 1
    for signature, mark in _EXIF_MARKS.items():
        if content.startswith(signature):
            found = content.find(mark)
            return _tiff_orientation(content, found) if found >= 0 else 1
    return 1


def _tiff_orientation(content: bytes, mark: int) -> int:
    """Read the orientation from the TIFF header behind the EXIF mark; 1 if malformed."""
    starts = [content.find(order, mark, mark + 20) for order in (b"II*\0", b"MM\0*")]
    start = max(starts)
    order = "<" if starts[0] >= 0 else ">"
    if start < 0:
        return 1
    try:
        (offset,) = struct.unpack_from(order + "I", content, start + 4)
        (count,) = struct.unpack_from(order + "H", content, start + offset)
        for entry in range(start + offset + 2, start + offset + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", content, entry)
            if tag == _ORIENTATION_TAG:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _orient(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W, ...) by EXIF orientation 1 to 8."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    return values
