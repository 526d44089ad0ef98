"""Reading and writing of images and masks: photos, webcam images, georeferenced rasters.

GDAL (through rasterio) reads all formats but the pixels of JPEG: OpenCV decodes these, since
GDAL's decoder rounds differently and published IoUs were measured on OpenCV's pixels.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera.turning import turned_back
from .containers import JPEG, PNG, Container, holds_all_rows, inspect, is_damage, is_lossy
from .errors import ImageError, write_errors
from .files import open_file, write_bytes
from .mask_image import (
    MaskImage,
    apply_opacity,
    find_objects,
    lossy_labels,
    turn,
    without_loss,
)
from .raster_files import (
    check_announced_size,
    files_size,
    heard_warnings,
    is_placed,
    opened_memory,
    opened_raster,
    placement,
)

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_LARGEST_JPEG = 1_000_000_000  # bytes
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
        Coordinate reference system of x and y as WKT, None where unknown.
    warnings
        What a person should know of its georeference; each begins with a verb.
    orientation
        EXIF orientation 1 to 8 by which the stored pixels were turned.

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
    warnings: tuple[str, ...] = ()
    orientation: int = 1

    @property
    def qgis_transform(self) -> tuple[float, ...]:
        """(a, b, c, d, e, f) from columns and rows of pixel corners to coordinates in QGIS.

        QGIS shows photos as they are stored, x to the right and y negative downwards.
        """
        if self.transform is not None:
            return self.transform
        height, width = self.pixels.shape[:2]
        corners = [
            turned_back(col - 0.5, row - 0.5, (width, height), self.orientation)
            for col, row in ((0, 0), (width, 0), (0, height))
        ]
        origin, right, down = (np.array(corners) + 0.5) * (1, -1)
        (a, d), (b, e) = (right - origin) / width, (down - origin) / height
        return tuple(map(float, (a, b, origin[0], d, e, origin[1])))


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
        and 255. Nodata and NaN become 0. The EXIF orientation of JPEG, PNG, WebP and TIFF is
        applied unless georeferenced.

    Raises
    ------
    ImageError
        A file that is missing, empty, cut short, too large, no image, or of a format that only
        names other files; bands that it does not have.

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
    with _opened(path) as file:
        chosen = _choose_bands(file.source, bands, path)
        values = file.read(chosen, least_bytes=3)
        if values.dtype != np.uint8:
            valid = np.moveaxis(file.source.read_masks(chosen), 0, -1) > 0
            values = _stretch(values, valid, path)
        orientation = file.orientation
        values = turn(values, orientation)
        transform, crs_wkt, doubts = placement(file.source)
    if values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)
    return Image(np.ascontiguousarray(values), path, transform, crs_wkt, doubts, orientation)


read_picture = read_image  # its name in scripts written for 0.1


def read_mask_values(path: Path | str, *, colours: bool = False) -> NDArray[Any]:
    """Read the integer values of a mask file.

    Parameters
    ----------
    path
        Any raster file with an integer type.
    colours
        False: values as stored; palette indices stay, 1-bit files give 0 and 1.
        True: values as displayed; palettes become RGB, 1-bit files 0 and 255. Greys of a lossy
        compression are black or white, whichever is nearer.

    Returns
    -------
    array
        (H, W) for one band, (H, W, C) in file order (RGB) for several, without alpha, of the
        file's type.

    Raises
    ------
    ImageError
        A file that is missing, empty, truncated, no image, or not of an integer type; values as
        stored of lossy compression.
    """
    path = Path(path)
    with _opened(path) as file:
        bands = _colour_bands(file.source)
        values = file.read(bands, as_shown=colours)
        if values.dtype.kind not in "iu":
            raise ImageError(f"The mask {path} has type {values.dtype}: save it as whole numbers.")
        if file.is_lossy and not colours:
            raise ImageError(lossy_labels(path))
        if colours:
            file.clear_unknown(values, bands)
            opacity = file.read_opacity()
            values = values if opacity is None else apply_opacity(values, opacity)
            exact = without_loss(values, path) if file.is_lossy else values
            if exact is not values:  # greys, of which only edges are left
                values = np.where(exact > 127, np.uint8(255), np.uint8(0))
        values = turn(values, file.orientation)
    return values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values


def read_mask_image(path: Path | str) -> MaskImage:
    """Read the objects of a mask file, by the one rule of `core.mask_image`.

    Raises
    ------
    ImageError
        A file that is missing, empty, cut short, no image, or in doubt what it holds.
    """
    path = Path(path)
    with _opened(path) as file:
        bands = _colour_bands(file.source)
        palette = _palette(file.source, bands)
        values = file.read(bands[:3] if len(bands) >= 3 else bands[:1], as_shown=palette is None)
        if values.dtype.kind not in "iu":
            raise ImageError(f"The mask {path} has type {values.dtype}: save it as whole numbers.")
        if palette is None:
            file.clear_unknown(values, bands)
        opacity = file.read_opacity()
        return find_objects(
            turn(values[:, :, 0] if values.shape[2] == 1 else values, file.orientation),
            path,
            palette=palette,
            opacity=None if opacity is None else turn(opacity, file.orientation),
            is_lossy=file.is_lossy,
        )


def read_binary_mask(path: Path | str, photo: Path | str) -> NDArray[np.bool_]:
    """Read a mask file as (H, W) bool, in the orientation of its photo: all objects in it.

    Raises
    ------
    ImageError
        If the file cannot be read, is in doubt, or is of another size than the photo.
    """
    return np.asarray(align_mask(read_mask_image(path).whole, photo, path))


def align_mask(mask: NDArray[Any], photo: Path | str, mask_path: Path | str) -> NDArray[Any]:
    """Turn a mask into the orientation in which its photo is displayed.

    Masks drawn by tools that ignore EXIF fit the photo as stored; they are recognised by their
    size and turned. Where both sizes agree (upside-down or square photos) the mask stays.

    Return the (H, W) or (H, W, C) mask with the height and width of ``read_image(photo).pixels``;
    its path is for the message.

    Raises
    ------
    ImageError
        If the photo cannot be opened, or the sizes differ.
    """
    return turn(mask, mask_turn(mask.shape, photo, mask_path))


def mask_turn(shape: Sequence[int], photo: Path | str, mask_path: Path | str) -> int:
    """Return the EXIF orientation, 1 to 8, by which `align_mask` turns masks of (H, W, ...).

    For many masks of one photo, which is opened once, and before any is drawn.

    Raises
    ------
    ImageError
        If the photo cannot be opened, or the sizes differ.
    """
    with _opened(Path(photo)) as file:
        stored = (file.source.height, file.source.width)
        orientation = file.orientation
    shown = stored[::-1] if orientation >= 5 else stored
    height, width = shape[:2]
    if (height, width) == shown:
        return 1
    if (height, width) == stored:
        return orientation
    raise ImageError(
        f"The mask {mask_path} has {width} x {height} pixels (width x height), its "
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


def decode_image(content: bytes, name: object, flags: int) -> NDArray[Any]:
    """Decode a JPEG or PNG that is packed in another file, as OpenCV does.

    Parameters
    ----------
    content
        All of it.
    name
        For messages.
    flags
        Of OpenCV.

    Raises
    ------
    ImageError
        If it is cut short, damaged, or too large.
    """
    file = io.BytesIO(content)
    container = inspect(file)
    if container.size is not None:
        check_announced_size(name, *container.size, 3, len(content))
    is_sound = container.is_whole and (
        holds_all_rows(file)
        if container.kind == PNG
        else container.kind != JPEG or not _lacks_pixels(content)
    )
    decoded = _decode(content, flags) if is_sound else None
    if decoded is None:
        raise ImageError(f"{name} is damaged: pack or copy it again.")
    return decoded


def _decode(content: bytes, flags: int) -> NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    except cv2.error:
        return None


def _lacks_pixels(jpeg: bytes) -> bool:
    """Return whether libjpeg would invent pixels that are missing."""
    from rasterio.errors import RasterioError

    try:
        with heard_warnings() as heard, opened_memory(jpeg, "JPEG") as source:
            _read_coarsely(source)
    except RasterioError:
        return True
    return any(map(is_damage, heard))


def _read_coarsely(source: DatasetReader) -> None:
    """Have libjpeg go through a whole file, for its warnings, as fast as may be.

    Not at the last of GDAL's overviews: that may be the thumbnail in the file's EXIF.
    """
    overviews = source.overviews(1)
    factor = overviews[-2] if len(overviews) > 1 else 1
    source.read(1, out_shape=(-(-source.height // factor), -(-source.width // factor)))


def _cut_short(path: Path) -> str:
    return f"The image {path} is cut short or damaged: copy or download it again."


@dataclass(frozen=True)
class _File:
    """A raster file that is open, with what its structure tells."""

    path: Path
    source: DatasetReader
    container: Container
    heard: list[str]  # warnings of GDAL and its libraries so far

    def require_undamaged(self) -> None:
        """Raise an ImageError if a library has warned of missing pixels."""
        if any(map(is_damage, self.heard)):
            raise ImageError(_cut_short(self.path))

    @property
    def orientation(self) -> int:
        """EXIF orientation 1 to 8; 1 for georeferenced images, whose transform counts."""
        return 1 if is_placed(self.source.transform[:6]) else self.container.orientation

    @property
    def is_lossy(self) -> bool:
        """Whether values are inexact."""
        return is_lossy(self.source.driver, self.source.tags(ns="IMAGE_STRUCTURE"))

    def read(
        self, bands: list[int], *, as_shown: bool = True, least_bytes: int = 1
    ) -> NDArray[Any]:
        """Read (H, W, C) values in stored orientation; apply colour tables if ``as_shown``.

        ``least_bytes`` are those that a pixel takes in the end.
        """
        source = self.source
        dtype = np.dtype(source.dtypes[bands[0] - 1])
        needed = max(least_bytes, len(bands) * dtype.itemsize)
        check_announced_size(self.path, source.width, source.height, needed, files_size(source))
        if self.container.kind == JPEG:
            return self._decode_jpeg(bands)
        if self.container.kind == PNG:
            with self.path.open("rb") as file:
                if not holds_all_rows(file):
                    raise ImageError(_cut_short(self.path))
        values = np.empty((source.height, source.width, len(bands)), dtype)
        source.read(bands, out=np.moveaxis(values, -1, 0))
        return _as_shown(source, bands, values) if as_shown else values

    def _decode_jpeg(self, bands: list[int]) -> NDArray[np.uint8]:
        _read_coarsely(self.source)
        self.require_undamaged()
        flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
        values = _decode(self.path.read_bytes(), flags)
        if values is None:
            raise ImageError(
                f"Cannot decode the JPEG {self.path}: save it again as 8-bit JPEG or PNG."
            )
        values = values[:, :, None] if values.ndim == 2 else cv2.cvtColor(values, cv2.COLOR_BGR2RGB)
        every = bands == list(self.source.indexes)
        return values if every else values[:, :, [band - 1 for band in bands]]

    def read_opacity(self) -> NDArray[np.uint8] | None:
        """Read the alpha band, (H, W) uint8; None without one."""
        from rasterio.enums import ColorInterp

        if self.container.kind == JPEG or ColorInterp.alpha not in self.source.colorinterp:
            return None
        alpha = self.source.read(self.source.colorinterp.index(ColorInterp.alpha) + 1)
        return np.asarray(alpha >> 8 if alpha.dtype == np.uint16 else alpha, np.uint8)

    def clear_unknown(self, values: NDArray[Any], bands: list[int]) -> None:
        """Set to 0 what has no data or is masked, in place."""
        from rasterio.enums import MaskFlags

        flags = self.source.mask_flag_enums[bands[0] - 1]
        if MaskFlags.all_valid not in flags and MaskFlags.alpha not in flags:
            values[self.source.dataset_mask() == 0] = 0


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    """Open with GDAL; turn errors in the block into an `ImageError`."""
    from rasterio._err import CPLE_BaseError  # slow to load
    from rasterio.errors import RasterioError

    container = _inspect(path)
    try:
        with heard_warnings() as heard, opened_raster(path) as source:
            if source.count == 0:
                raise ImageError(f"The file {path} holds no bands: save one layer of it as TIFF.")
            file = _File(path, source, container, heard)
            yield file
        file.require_undamaged()
    except (RasterioError, CPLE_BaseError) as error:
        raise ImageError(
            f"Cannot read {path} as an image: it is damaged, cut short, or of a kind that is not "
            "read, such as one that only names other files. Open it in an image viewer, or save it "
            "as PNG or TIFF."
        ) from error
    except MemoryError as error:
        raise ImageError(f"The image {path} is too large for memory: cut it first.") from error


def _inspect(path: Path) -> Container:
    try:
        size = path.stat().st_size
        with open_file(path) as file:
            if size > _LARGEST_JPEG and file.read(2) == b"\xff\xd8":
                raise ImageError(f"The photo {path} has {size} bytes: save it smaller.")
            container = inspect(file)
    except OSError as error:
        raise ImageError(
            f"Cannot read {path}: {error.strerror}. Check the name and whether it may be read."
        ) from error
    if not size:
        raise ImageError(f"The file {path} is empty (0 bytes): copy or download it again.")
    if not container.is_whole:
        raise ImageError(_cut_short(path))
    return container


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


def _as_shown(source: DatasetReader, bands: list[int], values: NDArray[Any]) -> NDArray[Any]:
    """Return what (H, W, C) values show: colours of a palette, 1 to 7 bits as 8, white as white."""
    palette = _palette(source, bands)
    if palette is not None:
        table = np.vstack([palette[:, :3], np.zeros((1, 3), np.uint8)])  # black beyond
        return table[np.minimum(values[:, :, 0].astype(np.intp), len(palette))]
    structure = source.tags(bands[0], ns="IMAGE_STRUCTURE")
    bits = int(structure.get("NBITS", 8))
    if values.dtype == np.uint8 and bits < 8:
        values = (values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)
    if "YES" in (structure.get("MINISWHITE"), source.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE")):
        values = np.iinfo(values.dtype).max - values if values.dtype.kind == "u" else values
    return values


def _palette(source: DatasetReader, bands: list[int]) -> NDArray[np.uint8] | None:
    """Return the (N, 4) RGBA colours of a palette file, no data as transparent; else None."""
    from rasterio.enums import ColorInterp

    if source.driver == "JPEG":  # GDAL fails on malformed EXIF
        return None
    if len(bands) != 1 or source.colorinterp[bands[0] - 1] is not ColorInterp.palette:
        return None
    colours = source.colormap(bands[0])
    table = np.zeros((max(colours) + 1, 4), np.uint8)
    for index, colour in colours.items():
        table[index] = colour
    nodata = source.nodatavals[bands[0] - 1]
    if nodata is not None and 0 <= nodata < len(table):
        table[int(nodata), 3] = 0
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


def read_orientation(path: Path | str) -> int:
    """Return the EXIF orientation 1 to 8 by which a photo is turned; see `read_image`."""
    with _opened(Path(path)) as file:
        return file.orientation
