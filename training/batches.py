"""Batches: every sample is a function of seed, epoch and place, so that any process can make it.

Nothing random is carried from sample to sample. So a run that resumes in the middle of an epoch
goes on with the very samples that it would have had, and several processes together see the same
batches as one.
"""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from core.errors import DatasetError

from .recipes import Recipe
from .sample import TrainingSample
from .sources import Mixture

TRAIN, VALIDATION = 0, 1
_TRIES = 20

Key = tuple[int, int]
"""Epoch and place in it: names a sample."""


@dataclass(frozen=True)
class Batch:
    """Samples stacked: ``images`` (B, 3, H, W) uint8, ``masks`` (B, 1, H, W) int8.

    ``points`` is (B, 2P, 3) float32, ``guidance`` (B, 1, H, W) float32, ``keys`` names each sample.
    """

    images: Tensor
    masks: Tensor
    points: Tensor
    guidance: Tensor
    keys: tuple[Key, ...]

    def parts(self, count: int) -> Iterator[Batch]:
        """Split into ``count`` batches of about the same size."""
        columns = (self.images, self.masks, self.points, self.guidance)
        pieces = zip(*(torch.tensor_split(column, count) for column in columns), strict=True)
        start = 0
        for images, masks, points, guidance in pieces:
            stop = start + len(images)
            yield Batch(images, masks, points, guidance, self.keys[start:stop])
            start = stop


class SampleSet(Dataset[tuple[Key, TrainingSample]]):
    """Samples by key.

    Parameters
    ----------
    epoch_size
        Samples per epoch, drawn at random; 0 goes through every image once, in random order.
    stream
        `TRAIN` or `VALIDATION`: keeps their random numbers apart.
    """

    def __init__(
        self, mixture: Mixture, recipe: Recipe, *, seed: int, stream: int, epoch_size: int
    ) -> None:
        self._mixture = mixture
        self._recipe = recipe
        self._seed = [seed, stream]
        self._all = epoch_size == 0
        self.epoch_size = epoch_size or len(mixture)
        self._order: tuple[int, NDArray[np.int64]] | None = None  # epoch, order of its images

    def __getitem__(self, key: Key) -> tuple[Key, TrainingSample]:
        """Make the sample; images that give none are replaced by others drawn at random."""
        epoch, place = key
        rng = np.random.default_rng([*self._seed, epoch, place])
        fault = None
        for attempt in range(_TRIES):
            if self._all and attempt == 0:
                image = self._mixture.read(int(self._order_of(epoch)[place]), rng)
            else:
                image = self._mixture.draw(rng)
            try:
                return key, self._recipe(image, rng)
            except DatasetError as error:
                fault = error
        raise DatasetError(f"{_TRIES} images in a row gave no sample. The last: {fault}")

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        """Order of all images, kept for the samples to come; every process makes its own."""
        if self._order is None or self._order[0] != epoch:
            rng = np.random.default_rng([*self._seed, epoch])
            self._order = epoch, rng.permutation(len(self._mixture))
        return self._order[1]


def rank_batches(
    epoch: int,
    epoch_size: int,
    batch: int,
    *,
    first_step: int = 0,
    parts: int = 1,
    rank: int = 0,
    world: int = 1,
) -> list[list[Key]]:
    """Return the keys of the batches of one process: its share of each part of each batch.

    Parameters
    ----------
    batch
        Samples of all processes, a multiple of ``parts`` times ``world``.
    first_step
        Batches of the epoch to leave out.
    parts
        In which batches are computed, so that every part has the samples of a single process.
    """
    share = batch // (parts * world)
    places = np.arange(batch).reshape(parts, world, share)[:, rank].ravel().tolist()
    return [
        [(epoch, start + place) for place in places]
        for start in range(first_step * batch, epoch_size - batch + 1, batch)
    ]


def load(samples: SampleSet, keys: Sequence[list[Key]], workers: int) -> Iterator[Batch]:
    """Batches in order, made by ``workers`` processes beside this one (0: in it)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on more workers than cores: the user's choice
        loader: DataLoader[Batch] = DataLoader(
            samples,  # type: ignore[arg-type]  # what it holds is not what comes out
            batch_sampler=keys,
            num_workers=workers,
            collate_fn=_stack,
            worker_init_fn=_be_single if workers else None,
            prefetch_factor=4 if workers else None,
        )
        return iter(loader)


def _be_single(worker: int) -> None:  # noqa: ARG001
    """Keep a loader process to one thread: the others belong to the training."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _stack(samples: Sequence[tuple[Key, TrainingSample]]) -> Batch:
    keys = tuple(key for key, _ in samples)
    made = [sample for _, sample in samples]
    images = np.stack([sample.image for sample in made]).transpose(0, 3, 1, 2)
    return Batch(
        torch.from_numpy(np.ascontiguousarray(images)),
        torch.from_numpy(np.stack([sample.mask for sample in made])[:, None]),
        torch.from_numpy(np.stack([sample.points for sample in made])),
        torch.from_numpy(np.stack([sample.guidance for sample in made])[:, None]),
        keys,
    )
