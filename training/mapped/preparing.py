"""The folder of a fine-tuning: its plan, and the data set that is learnt from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.datasets.mapped import FORMAT, INDEX, VERSION
from core.errors import TrainingError, write_errors
from core.files import write_bytes, write_text
from core.json_files import MALFORMED, read_json

from .dealing import ImageDay
from .images import OutlinedObject, cut_images

PLAN = "plan.json"
_QUALITY = 95  # of JPEG


def keep_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Write what is to be done, so that another call can only go on with the same.

    Raises
    ------
    TrainingError
        If the folder holds something else, or cannot be written.
    """
    path = folder / PLAN
    try:
        if path.is_file():
            known = read_json(path)
        elif folder.is_dir() and any(folder.iterdir()):
            raise TrainingError(f"The folder {folder} is not empty: name a new one with --out.")
        else:
            known = None
    except (OSError, *MALFORMED) as error:
        raise TrainingError(f"Cannot read {path}: {error}. Name a new folder.") from error
    if known is not None and known != dict(plan):
        differing = ", ".join(sorted(k for k in {*known, *plan} if known.get(k) != plan.get(k)))
        raise TrainingError(
            f"{folder} holds another fine-tuning ({differing} differ): go on with the options that "
            "it began with, or name a new folder with --out."
        )
    with write_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(plan, indent=1, ensure_ascii=False) + "\n")


def write_dataset(
    folder: Path, sides: Mapping[str, Sequence[ImageDay]], tell: Callable[[float], None]
) -> None:
    """Write the data set ``mapped``, unless it is there; its index comes last.

    Parameters
    ----------
    tell
        Called with the share that is done.
    """
    if (folder / INDEX).is_file():
        return
    total = sum(len(day.images) for days in sides.values() for day in days)
    entries: list[dict[str, Any]] = []
    done = 0
    with write_errors(folder):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for side, days in sides.items():
            for day in days:
                for image in day.images:
                    for pixels, objects in cut_images(image):
                        name = f"images/{len(entries):05d}.jpg"
                        bgr = np.ascontiguousarray(pixels[:, :, ::-1])
                        quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
                        write_bytes(folder / name, cv2.imencode(".jpg", bgr, quality)[1].tobytes())
                        entries.append(
                            {
                                "image": name,
                                "side": side,
                                "from": image.path.name,
                                "camera": image.camera,
                                "day": day.name,
                                "objects": [_entry(item) for item in objects],
                            }
                        )
                    done += 1
                    tell(done / total)
        content = {"format": FORMAT, "version": VERSION, "images": entries}
        write_text(folder / INDEX, json.dumps(content, ensure_ascii=False))


def _entry(item: OutlinedObject) -> dict[str, Any]:
    return {
        "uuid": item.uuid,
        "avalanche": item.avalanche,
        "parts": [[np.round(ring, 2).tolist() for ring in part] for part in item.parts],
        "clicks": np.round(item.clicks, 2).tolist(),
    }
