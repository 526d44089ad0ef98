"""What is known of the file that an image comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ImageOrigin:
    """File, time, camera and SHA-256 of an image.

    Attributes
    ----------
    image_name
        File name, or the layer's name where there is no file.
    path
        The file, or the layer's source.
    observed_at
        When the image was taken, in UTC; None where neither EXIF nor the name says.
    camera
        Make and model as in EXIF.
    sha256
        Of the file; None where there is none, or a very large one.
    """

    image_name: str
    path: str
    observed_at: datetime | None = None
    camera: str | None = None
    sha256: str | None = None
