"""The value `ImageOrigin`: what is known of the file that an image comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ImageOrigin:
    """File, time, camera and SHA-256 of an image.

    Attributes
    ----------
    image_name
        File name, or the layer's name if it has no file.
    path
        The file, or the layer's source.
    observed_at
        Time at which the image was taken, UTC; None if neither EXIF nor the name contains it.
    camera
        Make and model as in EXIF.
    sha256
        SHA-256 of the file; None without a file, or for a very large one.
    version
        Of the file that this was read from, see `file_version`; empty if it was not read yet.
    """

    image_name: str
    path: str
    observed_at: datetime | None = None
    camera: str | None = None
    sha256: str | None = None
    version: str = ""
