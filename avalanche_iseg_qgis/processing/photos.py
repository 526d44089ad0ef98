"""Photos and their cameras, as files."""

from __future__ import annotations

import os
from pathlib import Path

from osgeo import gdal

from ..core.camera import CameraRecord
from ..core.camera.resizing import resized
from ..core.camera.turning import as_stored
from ..core.containers import orientation_of
from ..core.errors import CameraError, ImageError
from ..core.files import is_file
from ..i18n import tr


def photo_size(path: str) -> tuple[int, int]:
    """Return (width, height) of a photo as it is stored; `ImageError` if it cannot be read."""
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        data = gdal.OpenEx(path, gdal.OF_RASTER) if is_file(path) else None
    except RuntimeError:  # where GDAL's exceptions are on, as from GDAL 4
        data = None
    finally:
        gdal.PopErrorHandler()
    if data is None:
        raise ImageError(
            tr("The photo {} cannot be read: choose an image file that exists.").format(path)
        )
    return data.RasterXSize, data.RasterYSize


def read_camera(path: str, photo: str = "") -> CameraRecord:
    """Read a camera file, for pixels of its photos as stored: as QGIS shows them.

    Parameters
    ----------
    photo
        A photo of the camera, of any size; "" for the one that it was posed in.

    Raises
    ------
    CameraError, ImageError
        If one of them cannot be read, or they do not belong together.
    """
    record = CameraRecord.read(path)
    if photo:
        size = photo_size(photo)
        return resized(as_stored(record, orientation_of(photo), size), *size)
    size = (record.camera.width, record.camera.height)
    stored = size[::-1] if record.orientation > 4 else size
    return as_stored(record, record.orientation, stored)


def reference_photo(record: CameraRecord, camera: str, chosen: str) -> str:
    """Return the photo that a camera was posed in: the chosen one, or the one that it names.

    Raises
    ------
    CameraError
        If there is none.
    """
    if chosen:
        return chosen
    named = Path(camera).parent / record.image
    if record.image and is_file(named):
        return str(named)
    raise CameraError(
        tr(
            "The camera {} does not say in which photo it was posed, or that is not there: choose "
            "the reference photo."
        ).format(camera)
    )


def relative_path(path: str, folder: str) -> str:
    """Return a path as seen from a folder, so that both can be moved together."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path
