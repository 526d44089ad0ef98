"""Table of the uncertainty of vertices of outlines on the map."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING

from ...errors import write_errors

if TYPE_CHECKING:
    from pathlib import Path

    from ...projection.uncertainty import BoundaryUncertainty

COLUMNS = ("uuid", "x", "y", "sigma_m", "major_m", "minor_m", "azimuth_deg", "edge")


def write_vertices(path: Path, outlines: dict[str, BoundaryUncertainty]) -> None:
    """Write a CSV with a line for each vertex, of outlines in the camera's CRS by their uuid."""
    with write_errors(path), path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for name, found in outlines.items():
            figures = (found.sigma_m, found.major_m, found.minor_m, found.azimuth_deg)
            for (x, y), edge, *known in zip(found.points, found.edge, *figures, strict=True):
                row = ["" if math.isnan(value) else f"{value:.2f}" for value in known]
                table.writerow([name, f"{x:.2f}", f"{y:.2f}", *row, int(edge)])
