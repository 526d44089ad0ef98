"""Outlines of objects from the JSON files of COCO and Scalabel, each entry for itself.

An entry that is malformed is named and left out; the others stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.coco_json import ImageFinder, decode_segmentation, double_ids, image_size
from core.errors import DatasetError, ImageError
from core.files import is_file
from core.image import mask_turn, read_image
from core.json_files import is_true, read_json
from core.mask_image import turn

from .faults import noted
from .scalabel import Found, file_name, scalabel_frames


@dataclass(frozen=True)
class OutlinedImage:
    """An image and the outlines of its objects.

    Attributes
    ----------
    name
        As the JSON file gives it.
    image
        The file, which may turn out to be missing.
    size
        (height, width) in which the outlines are drawn; None for the image's own as shown.
    outlines
        (name for messages, segmentation as `decode_segmentation` takes it).
    """

    name: str
    image: Path
    size: tuple[int, int] | None
    outlines: list[tuple[str, Any]] = field(default_factory=list)

    def masks(self, source: Path, faults: list[str]) -> list[NDArray[np.int8]]:
        """Draw the outlines: (H, W) int8 of 1 and 0 for each sound object, the image as shown.

        What is wrong is added to ``faults``, one sentence for each object or for the image, which
        names the JSON file ``source``.
        """
        if not is_file(self.image):
            faults.append(f"There is no file {self.image}, which {source} lists.")
            return []
        if not self.outlines:
            return []
        try:
            height, width = self.size or read_image(self.image).pixels.shape[:2]
            orientation = mask_turn((height, width), self.image, source)
        except ImageError as error:
            faults.append(str(error))
            return []
        masks: list[NDArray[np.int8]] = []
        for label, segmentation in self.outlines:
            with noted(faults, f"The outline of {label} of {self.name} in {source}"):
                mask = decode_segmentation(segmentation, (height, width))
                if not mask.any():
                    raise ValueError("it covers no pixel of the image")
                masks.append(turn(mask.astype(np.int8), orientation))
        return masks


def read_annotations(path: Path, folder: Path | None, faults: list[str]) -> list[OutlinedImage]:
    """Read a JSON file of COCO (a mapping with 'images') or Scalabel (frames).

    The images are in ``folder``; None for beside the file or in ``images`` beside it. Entries that
    cannot be used are named in ``faults``.

    Raises
    ------
    DatasetError
        A file that cannot be read or is of neither form.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"Cannot read {path} as JSON: {error}.") from error
    finder = ImageFinder(path.parent, [folder] if folder else ())
    images: dict[str, OutlinedImage] = {}
    if isinstance(content, dict) and isinstance(content.get("images"), list):
        found = _coco(content, path, faults)
    else:
        found = scalabel_frames(content, path, faults)
    for given, size, outlines in found:
        try:
            name, image = finder.find(given)
        except ValueError as error:
            faults.append(f"{path}: {error}.")
            continue
        if name in images:
            faults.append(f"{path} lists the image {name} twice: its objects are put together.")
            images[name].outlines.extend(outlines)
        else:
            images[name] = OutlinedImage(name, image, size, outlines)
    return list(images.values())


def _coco(content: dict[str, Any], path: Path, faults: list[str]) -> Iterator[Found]:
    """(name, size, outlines) of every image of COCO's form; crowd regions are named too."""
    entries: dict[Any, Found] = {}
    for number, entry in enumerate(content["images"]):
        with noted(faults, f"Entry {number} of 'images' in {path}"):
            if entry["id"] in entries:
                raise ValueError(f"the id {entry['id']!r} occurs twice")
            size = image_size(entry) if "height" in entry else None
            entries[entry["id"]] = (file_name(entry["file_name"]), size, [])
    with noted(faults, f"A list of ids in {path}"):
        faults += [f"{path}: {text}" for text in double_ids(content)]
    annotations = content.get("annotations") or []
    if not isinstance(annotations, list):
        raise DatasetError(f"{path} is not in COCO's form: 'annotations' is no list.")
    for number, entry in enumerate(annotations):
        with noted(faults, f"Entry {number} of 'annotations' in {path}"):
            if is_true(entry.get("iscrowd")):
                raise ValueError("a crowd region is no object")
            if entry["image_id"] not in entries:
                raise ValueError(f"no image has the id {entry['image_id']!r}")
            label = f"annotation {entry.get('id', number)}"
            entries[entry["image_id"]][2].append((label, entry["segmentation"]))
    return iter(entries.values())
