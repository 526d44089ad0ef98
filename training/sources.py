"""Image sources: data sets, avalanches painted on the fly, and mixtures of them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from core.datasets import Dataset, ImageSample, open_dataset
from core.datasets.shards import ShardsDataset
from core.errors import ConfigError

from .config import SourceSettings, expand
from .synthetic.painted import painted_sample

Size = tuple[int, int]
_CANVAS = 1.4  # painted images are larger than the crop: a window enlarges a part of them
_ON_SLOPE = 0.5  # of painted samples lie on a painted slope, the rest on photos made snowy


class ImageSource(Protocol):
    """A sequence of images with objects, each a function of its index and the generator."""

    def __len__(self) -> int:
        """Count the images; 1 where they are without number."""

    def read(self, index: int, rng: np.random.Generator) -> ImageSample:
        """Read or make one image."""

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """Data sets read from disk."""

    @property
    def names(self) -> frozenset[tuple[Path, str]]:
        """Folder and name of every image that may be read."""


class DatasetSource:
    """The images of a data set, or of some sets of packed images.

    Parameters
    ----------
    validation
        Whether the images held out are meant, or the others.
    """

    def __init__(self, settings: SourceSettings, *, validation: bool) -> None:
        self._dataset = _open_once(settings.dataset, expand(settings.path), settings.split)
        self._images = self._dataset.images()
        names = self._images.names
        self._indices = [
            index
            for index, name in enumerate(names)
            if self._is_wanted(name, settings.sets)
            and (_position(name) < settings.hold_out) == (validation and settings.hold_out > 0)
        ]
        if not self._indices:
            raise ConfigError(
                f"No image of {settings.path} is left to draw from: check 'sets' "
                f"{list(settings.sets)} and 'hold_out' {settings.hold_out}."
            )

    def _is_wanted(self, name: str, sets: Sequence[str]) -> bool:
        if not sets:
            return True
        if not isinstance(self._dataset, ShardsDataset):
            raise ConfigError(f"Only packed images know sets; {self._dataset.root} is not packed.")
        return self._dataset.entries[name].set in sets

    def __len__(self) -> int:
        """Count the images."""
        return len(self._indices)

    def read(self, index: int, rng: np.random.Generator) -> ImageSample:  # noqa: ARG002
        """Read one image."""
        return self._images[self._indices[index]]

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The one data set."""
        return (self._dataset,)

    @property
    def names(self) -> frozenset[tuple[Path, str]]:
        """See `ImageSource`."""
        names = self._images.names
        return frozenset((self._dataset.root.resolve(), names[index]) for index in self._indices)


class PaintedSource:
    """Avalanches painted on slopes, and on photos where a data set of them is given."""

    def __init__(self, size: Size, backgrounds: DatasetSource | None) -> None:
        self._size = size
        self._backgrounds = backgrounds

    def __len__(self) -> int:
        """Without number: 1."""
        return 1

    def read(self, index: int, rng: np.random.Generator) -> ImageSample:  # noqa: ARG002
        """Paint one image."""
        if self._backgrounds is None or rng.random() < _ON_SLOPE:
            return painted_sample(rng, self._size)
        place = int(rng.integers(len(self._backgrounds)))
        return painted_sample(rng, self._size, self._backgrounds.read(place, rng).image)

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The data set of backgrounds, if there is one."""
        return self._backgrounds.datasets if self._backgrounds else ()

    @property
    def names(self) -> frozenset[tuple[Path, str]]:
        """See `ImageSource`; the backgrounds."""
        return self._backgrounds.names if self._backgrounds else frozenset()


class Mixture:
    """Several sources, drawn from by their shares."""

    def __init__(self, sources: Sequence[ImageSource], shares: Sequence[float]) -> None:
        self.sources = tuple(sources)
        total = np.asarray(shares, np.float64)
        if not sources or (total < 0).any() or total.sum() <= 0:
            raise ConfigError("The sources need shares that are not negative, and not all zero.")
        self._bounds = np.cumsum(total / total.sum())

    def __len__(self) -> int:
        """Count the images of all sources."""
        return sum(map(len, self.sources))

    def draw(self, rng: np.random.Generator) -> ImageSample:
        """Draw a source, and one of its images."""
        place = min(
            int(np.searchsorted(self._bounds, rng.random(), "right")), len(self.sources) - 1
        )
        source = self.sources[place]
        return source.read(int(rng.integers(len(source))), rng)

    def read(self, index: int, rng: np.random.Generator) -> ImageSample:
        """Read the image ``index`` of all sources in a row."""
        for source in self.sources:
            if index < len(source):
                return source.read(index, rng)
            index -= len(source)
        raise IndexError(index)

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """See `ImageSource`."""
        return tuple(dataset for source in self.sources for dataset in source.datasets)

    @property
    def names(self) -> frozenset[tuple[Path, str]]:
        """See `ImageSource`."""
        return frozenset().union(*(source.names for source in self.sources))


def open_sources(settings: Sequence[SourceSettings], size: Size, *, validation: bool) -> Mixture:
    """Open all sources; ``size`` is that of the crops."""
    sources = [_open(item, size, validation=validation) for item in settings]
    return Mixture(sources, [item.share for item in settings])


@functools.cache
def _open_once(name: str, root: Path, split: str | None) -> Dataset:
    """Open a data set, which indexes its files, once for all sources that share it."""
    return open_dataset(name, root, split)


def _open(settings: SourceSettings, size: Size, *, validation: bool) -> ImageSource:
    if settings.dataset != "painted":
        return DatasetSource(settings, validation=validation)
    canvas = round(_CANVAS * size[0]), round(_CANVAS * size[1])
    if not settings.path:
        return PaintedSource(canvas, None)
    photos = SourceSettings("shards", settings.path, sets=settings.sets, hold_out=settings.hold_out)
    return PaintedSource(canvas, DatasetSource(photos, validation=validation))


def _position(name: str) -> float:
    """Return a number in 0..1 that depends on the image's name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
