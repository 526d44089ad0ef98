"""Constraint of the adjustment: points of the terrain's skyline lie on that of the photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .jacobian import projection_jacobian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .camera import Camera

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SkylineConstraint:
    """Points of the map that project onto a line of the photo, at any place along it.

    Attributes
    ----------
    points
        (M, 3) x, y, z.
    pixels
        (M, 2) of the line, near the points' projections.
    normals
        (M, 2) unit vectors across the line.
    sigmas
        (M,) standard deviations of the distance from the line, pixels.
    """

    points: Floats
    pixels: Floats
    normals: Floats
    sigmas: Floats

    def normalized_residuals(self, camera: Camera) -> Floats:
        """Return distances from the line in sigmas, (M,); NaN where a point cannot be projected."""
        offset = camera.project(self.points) - self.pixels
        return np.asarray(np.sum(offset * self.normals, axis=1) / self.sigmas)

    def jacobian(self, camera: Camera, chosen: NDArray[np.intp]) -> Floats:
        """Return the derivatives (M, P) of the residuals by the chosen parameters (P,)."""
        jacobian = projection_jacobian(camera, self.points, chosen)
        return np.asarray(np.einsum("mip,mi->mp", jacobian, self.normals / self.sigmas[:, None]))
