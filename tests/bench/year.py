"""A synthetic year of one camera posed from its first photo, in figures.

``python -m tests.bench.year YEAR [WORKERS]`` for a folder that ``avalanche-iseg synthetic YEAR
--winter 120 --year`` made; without one, such a year is made first (minutes).
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from core.camera import CameraRecord
from core.camera.camera import rotation_from_angles
from core.series import NameRule, list_photos
from core.series.poses import PosedPhoto, pose_series
from core.series.views import examine_views
from training.synthetic import make_winter, write_winter


def main() -> None:
    """Print the figures of one year."""
    with tempfile.TemporaryDirectory() as folder:
        year = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder, "year")
        if len(sys.argv) < 2:
            write_winter(make_winter(3, 120, 800, 500, year=True), year)
        pose_year(year, Path(folder, "work"), int(sys.argv[2]) if len(sys.argv) > 2 else 1)


def pose_year(year: Path, work: Path, workers: int) -> None:
    """Pose all photos, and compare poses and views with the truth."""
    with (year / "photos.csv").open(encoding="utf-8", newline="") as file:
        truth = {row["photo"]: row for row in csv.DictReader(file)}
    record = CameraRecord.read(year / "camera.json")
    photos = list_photos([year / "photos"], NameRule(zone="UTC")).photos
    began = time.perf_counter()
    posed = [PosedPhoto(year / record.image, record.camera)]
    network = pose_series(posed, photos, work, workers=workers)
    found = examine_views(network, work, workers=workers)
    print(f"{time.perf_counter() - began:.0f} s, {len(network.every_link())} registrations agree")
    errors, ratios, counts, views = [], [], Counter[tuple[str, str]](), 0
    for pose in found.photos:
        row = truth[pose.photo.path.name]
        counts[row["weather"], pose.state] += 1
        if pose.camera is not None:
            true = rotation_from_angles(*(float(row[f"{a}_deg"]) for a in ("yaw", "pitch", "roll")))
            turn = pose.camera.rotation_matrix() @ true.T
            errors.append(np.degrees(np.arccos(min(1.0, (np.trace(turn) - 1) / 2))))
            ratios.append(errors[-1] / max(pose.sigma_deg, 1e-6))
            views += int(row["view"]) == pose.view
    print(
        f"{len(errors)} of {len(photos)} posed; error {np.median(errors):.4f} deg in the median, "
        f"{np.percentile(errors, 95):.4f} of 95 %, {max(errors):.4f} at most; beyond 0.05 deg: "
        f"{sum(error > 0.05 for error in errors)}"
    )
    print(f"errors in sigmas, median and 95 %: {np.percentile(ratios, [50, 95]).round(2)}")
    print(f"in the right view: {views} of {len(errors)}; {len(found.views)} views")
    for view in found.views:
        print(f"  {view.number}: {view.first:%Y-%m-%d}, {view.photos} photos, {view.turn_deg:.2f}")
    for (weather, state), count in sorted(counts.items()):
        print(f"  {weather}: {count} {state}")


if __name__ == "__main__":
    main()
