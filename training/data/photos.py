"""Photo and camera of an image, parsed from its file name.

The family's names are ``cam2_20220306_1530-id242_46``: place, time, camera, and the number of the
avalanche for which the photo was copied or cropped.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from core.errors import DatasetError

from .folder import flat_stem

_TIME = r"\d{8}[_-]?\d{4,6}"
PHOTO = re.compile(rf"(.*?{_TIME}(?:-id\d+)?|.+?)(?:(?<!_)_(?:0|[1-9]\d{{0,5}}))*", re.DOTALL)
"""The photo in a copy's name. Numbers that start with 0 count frames, longer ones are dates."""

CAMERA = re.compile(rf"(?:(.+?)[_-])?{_TIME}(?:-(id\d+))?.*", re.DOTALL)
"""Place and number of the camera; images that share either are kept together."""


def photo_key(name: str, pattern: re.Pattern[str] = PHOTO) -> str:
    """Return the name of the photo that an image, a copy or a crop comes from.

    The pattern is to match the whole name as `flat_stem` gives it; its first group is the photo.
    """
    stem = flat_stem(name)
    match = pattern.fullmatch(stem)
    return (match[1] if match else None) or stem


def camera_keys(name: str, pattern: re.Pattern[str]) -> list[str]:
    """Return the keys of the camera that took an image.

    The pattern is to match the file name without suffix; each of its groups that takes part gives
    a key.

    Raises
    ------
    DatasetError
        A name that tells no camera, in no folder of its own.
    """
    folder, _, file = name.replace("\\", "/").rpartition("/")
    match = pattern.fullmatch(flat_stem(file))
    groups = match.groups() if match else ()
    keys = [f"{place}:{value}" for place, value in enumerate(groups, 1) if value]
    if not keys and folder in ("", "images"):
        raise DatasetError(
            f"The name {name} tells no camera: give --camera-pattern with the camera in brackets, "
            r"such as '(.+)_\d+', or one folder for each camera."
        )
    return keys or [f"folder:{folder}"]


def linked_groups(keys: Sequence[Iterable[str]]) -> list[list[int]]:
    """Group items that share a key, directly or through others.

    Returns indices into ``keys``, each in one group, in order of their first items.
    """
    owners: dict[str, int] = {}
    links = [(item, owners.setdefault(key, item)) for item, own in enumerate(keys) for key in own]
    graph = coo_array(
        (np.ones(len(links)), np.reshape(links, (-1, 2)).T), shape=(len(keys), len(keys))
    )
    groups: dict[int, list[int]] = defaultdict(list)
    for item, label in enumerate(connected_components(graph, directed=False)[1].tolist()):
        groups[label].append(item)
    return list(groups.values())
