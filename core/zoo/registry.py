"""Registry of the models with name, origin and checksum."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import ModelNotFoundError

_SEED_REPOSITORY = (
    "https://raw.githubusercontent.com/aval-e/InteractiveAvalancheSegmentation/"
    "5e3f3659c2269401f1d49b42e5c2dd1977f09f97"  # pragma: allowlist secret
)
_RITM_RELEASE = (
    "https://github.com/SamsungLabs/ritm_interactive_segmentation/releases/download/v1.0"
)

_RITM_LICENCE = "MIT, (c) 2021 Samsung Electronics Co., Ltd."
_SEED_LICENCE = "MIT, as the repository states; it keeps the copyright line of RITM"

_RITM_PAPER = (
    "Sofiiuk, Petrov and Konushin (2021): Reviving Iterative Training with Mask Guidance for "
    "Interactive Segmentation. arXiv:2102.06583"
)
_SEED_PAPER = (
    "Hafner et al. (2024): Interactive snow avalanche segmentation from webcam imagery: results, "
    "potential, and limitations. The Cryosphere 18, 3807-3823, doi:10.5194/tc-18-3807-2024"
)
_UIBK_DATA = "UIBK avalanche data set: researchdata.uibk.ac.at, record h07f4-qzd17"


@dataclass(frozen=True)
class ZooModel:
    """One published model file.

    Attributes
    ----------
    name, title
        Name on command lines, and title for display.
    url
        Where to download it; None for a file that comes with this software.
    file_name
        Name of the file in the cache, the same as at its source.
    git_blob, sha256, size
        Git blob id (40 hex digits), SHA-256 (64 hex digits) and length in bytes of the content;
        None where not published.
    trained_on, licence, citation, note
        Provenance, as text.
    """

    name: str
    title: str
    url: str | None
    file_name: str
    trained_on: str
    licence: str
    citation: str
    note: str = ""
    git_blob: str | None = None
    sha256: str | None = None
    size: int | None = None


def _ritm(name: str, title: str, git_blob: str, trained_on: str) -> ZooModel:
    """Build the entry of one of RITM's models, from the copy with a known git blob id."""
    return ZooModel(
        name=name,
        title=title,
        url=f"{_SEED_REPOSITORY}/weights/{name}.pth",
        file_name=f"{name}.pth",
        git_blob=git_blob,
        trained_on=trained_on,
        licence=_RITM_LICENCE,
        citation=_RITM_PAPER,
    )


def _avalanche(
    name: str, file_name: str, git_blob: str, trained_on: str, citation: str, note: str = ""
) -> ZooModel:
    """Build the entry of an avalanche model of Hafner et al. (2024)."""
    return ZooModel(
        name=name,
        title=f"Avalanches, trained on {trained_on}",
        url=f"{_SEED_REPOSITORY}/checkpoints/{file_name}",
        file_name=file_name,
        git_blob=git_blob,
        trained_on=trained_on,
        licence=_SEED_LICENCE,
        citation=citation,
        note=note,
    )


_ALL = (
    ZooModel(
        name="default",
        title="Light avalanche model that comes with this software",
        url=None,
        file_name="default.safetensors",
        # pragma: allowlist nextline secret
        sha256="5d39718d463dd4736d62bb5c198ecdfc0710d878babe550e5930c7c307b9b7fb",
        size=7564552,
        trained_on="photos and regions of 18 public sets, painted and synthetic avalanches",
        licence="MIT, as this software; some training photos are for research only, see the card",
        citation="this software; its encoder starts from google-coral/test_data (Apache-2.0)",
        note="Card: resources/models/default.md",
    ),
    _ritm(
        "sbd_h18_itermask",
        "RITM HRNet-18, iterative training with masks, SBD",
        "affba1b47461b3ae0d2a905c8c2d0ba628c1dc90",  # pragma: allowlist secret
        "SBD",
    ),
    _ritm(
        "coco_lvis_h18_baseline",
        "RITM HRNet-18 without iterative training, COCO+LVIS",
        "35124d030931747dc1e421f523c53ec75f6f4a50",  # pragma: allowlist secret
        "COCO + LVIS",
    ),
    _ritm(
        "coco_lvis_h18s_itermask",
        "RITM HRNet-18-small, iterative training with masks, COCO+LVIS",
        "4ce03fbea3bb2ea9656d3395762c3c2044524002",  # pragma: allowlist secret
        "COCO + LVIS",
    ),
    _ritm(
        "coco_lvis_h18_itermask",
        "RITM HRNet-18, iterative training with masks, COCO+LVIS",
        "644200a8cac6cd2d9cae887221291ea5864d9d33",  # pragma: allowlist secret
        "COCO + LVIS",
    ),
    ZooModel(
        name="coco_lvis_h32_itermask",
        title="RITM HRNet-32, iterative training with masks, COCO+LVIS",
        url=f"{_RITM_RELEASE}/coco_lvis_h32_itermask.pth",
        file_name="coco_lvis_h32_itermask.pth",
        trained_on="COCO + LVIS",
        licence=_RITM_LICENCE,
        citation=_RITM_PAPER,
        note="119 MB; no checksum is published, the content is checked when it is loaded",
    ),
    _avalanche(
        "slf",
        "082_epo090.pth",
        "78575c45a4306f701dcc0a3966dbcfc6fb5851f1",  # pragma: allowlist secret
        "SLF webcam photos",
        _SEED_PAPER,
        "the README of its repository calls it 082_epo095",
    ),
    _avalanche(
        "uibk",
        "116_epo090.pth",
        "fcd482a95ff1d992f829938a80782b8e374e1277",  # pragma: allowlist secret
        "UIBK photographs",
        f"{_SEED_PAPER}; {_UIBK_DATA}",
    ),
    _avalanche(
        "slf_uibk",
        "115_epo095.pth",
        "9507871d965949df19f0afa56c303a5abecc312c",  # pragma: allowlist secret
        "SLF webcam photos and UIBK photographs",
        f"{_SEED_PAPER}; {_UIBK_DATA}",
    ),
)

MODELS: Mapping[str, ZooModel] = MappingProxyType({model.name: model for model in _ALL})
"""All models by name, in the order of listings."""


def find_model(name: str) -> ZooModel:
    """Find a model by name; case does not matter, and "SLF+UIBK" is ``slf_uibk``.

    Raises
    ------
    ModelNotFoundError
        No name of the zoo; the message lists the names and similar ones.
    """
    key = re.sub(r"[\s+-]+", "_", name.strip().lower())
    if key in MODELS:
        return MODELS[key]
    close = difflib.get_close_matches(key, MODELS, n=3)
    guess = f" Did you mean {' or '.join(close)}?" if close else ""
    raise ModelNotFoundError(
        f"There is no model and no file called {name!r}.{guess} Give the path of a model file, or "
        f"one of: {', '.join(MODELS)}."
    )
