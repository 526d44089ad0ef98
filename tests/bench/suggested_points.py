"""Suggested control points on synthetic photos whose poses are known, in figures.

``python -m tests.bench.suggested_points YEAR [DEGREES [COUNT]]`` for a folder that
``avalanche-iseg synthetic YEAR --winter 120 --year`` made: rough poses are off by up to so many
degrees, 50 m and 5 % of the focal length.
"""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from core.camera import Camera, CameraRecord
from core.errors import IsegError
from core.image import read_image
from core.projection.rendered_view import sunlit_layer
from core.projection.suggested_points import RoughPose, suggest_points
from core.terrain.sources import open_dem
from core.terrain.sunlight import sun_position

PLACE = 9.0, 46.8
"""Longitude and latitude at which the sun of synthetic years stands."""

WRONG = 0.5
"""Degrees by which a pose that is trusted is wrong."""


def main() -> None:
    """Print the figures of one year."""
    year = Path(sys.argv[1])
    degrees = float(sys.argv[2]) if len(sys.argv) > 2 else 3.0
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 12
    measure(year, degrees, count)


def measure(year: Path, degrees: float, count: int) -> None:
    """Suggest points in clear and hazy photos, from poses that are off, and compare."""
    with (year / "photos.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["weather"] in ("clear", "haze")]
    record = CameraRecord.read(year / "camera.json")
    dem = open_dem(year / "dem.tif", record.epsg)
    rng = np.random.default_rng(0)
    errors, turns, refused, wrong = [], [], 0, 0
    for row in [rows[i] for i in np.linspace(0, len(rows) - 1, count).astype(int)]:
        angles = {name: float(row[f"{name}_deg"]) for name in ("yaw", "pitch", "roll")}
        true = replace(record.camera, **angles)
        start = perturb(true, degrees, rng)
        sun = sun_position(datetime.fromisoformat(row["taken_at"]), *PLACE)
        try:
            found = suggest_points(
                read_image(year / "photos" / row["photo"]).pixels,
                replace(record, camera=start),
                dem,
                lambda viewshed, sun=sun: sunlit_layer(viewshed.terrain, sun),
                RoughPose(25, degrees, 0.05),
            )
        except IsegError as error:
            print(f"{row['photo']} {row['weather']}: {error}", flush=True)
            refused += 1
            continue
        used = [point for point in found.points if point.use]
        if not found.trusted:
            print(f"{row['photo']} {row['weather']}: {found.reason}", flush=True)
            refused += 1
            continue
        places = np.array([(p.x, p.y, p.z) for p in used])
        missed = np.hypot(*(true.project(places) - [(p.u, p.v) for p in used]).T)
        turn = found.camera.rotation_matrix() @ true.rotation_matrix().T
        turns.append(np.degrees(np.arccos(min(1.0, (np.trace(turn) - 1) / 2))))
        errors.append(np.median(missed))
        wrong += turns[-1] > WRONG
        print(
            f"{row['photo']} {row['weather']}: {len(used)} points, off by {errors[-1]:.1f} px "
            f"(90 % {np.percentile(missed, 90):.1f}, sigma {used[0].sigma:.1f}); pose off by "
            f"{turns[-1]:.2f} deg and {np.linalg.norm(found.camera.position - true.position):.0f} "
            "m",
            flush=True,
        )
    print(f"{len(turns)} of {count} posed, {refused} refused, {wrong} off by more than {WRONG} deg")
    if turns:
        print(f"pose off by {np.median(turns):.2f} deg, points by {np.median(errors):.1f} px")


def perturb(true: Camera, degrees: float, rng: np.random.Generator) -> Camera:
    """Return a rough pose."""
    yaw, pitch, roll = rng.uniform(-1, 1, 3) * degrees * (1, 0.6, 0.3)
    east, north, up = rng.uniform(-1, 1, 3) * (35, 35, 10)
    return replace(
        true,
        yaw=true.yaw + yaw,
        pitch=true.pitch + pitch,
        roll=true.roll + roll,
        x=true.x + east,
        y=true.y + north,
        z=true.z + up,
        f=true.f * (1 + rng.uniform(-0.05, 0.05)),
    )


if __name__ == "__main__":
    main()
