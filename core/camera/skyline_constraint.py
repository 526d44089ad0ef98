"""Ground that a photo shows somewhere on a line, as the terrain's skyline on the photo's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .adjustment import projection_jacobian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SkylineConstraint:
    """Ground that is to be drawn onto a line of the photo, wherever along it.

    Attributes
    ----------
    places
        (M, 3) x, y, z.
    pixels
        (M, 2) points of the line, near where the places are drawn.
    normals
        (M, 2) unit vectors across the line there.
    sigmas
        (M,) standard deviations of the distance from the line, pixels.
    """

    points: Floats
    pixels: Floats
    normals: Floats
    sigmas: Floats

    def normalized_residuals(self, camera: Camera) -> Floats:
        """(M,) distances from the line, in sigmas; NaN where a place is not drawn."""
        off = camera.project(self.points) - self.pixels
        return np.asarray(np.sum(off * self.normals, axis=1) / self.sigmas)

    def jacobian(self, camera: Camera, free: int) -> Floats:
        """(M, P) derivatives of misfits by the parameters."""
        steep = projection_jacobian(camera, self.points, free)
        return np.asarray(np.einsum("mip,mi->mp", steep, self.normals / self.sigmas[:, None]))
