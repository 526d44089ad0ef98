"""Samples by key: the same whoever makes them, and in whatever order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from run_fixtures import pack

from core.datasets import ImageSample
from core.errors import DatasetError
from training.batches import TRAIN, VALIDATION, SampleSet, load, rank_batches
from training.config import SampleSettings, SourceSettings
from training.recipes import build_recipe
from training.sources import Mixture, open_sources

SETTINGS = SampleSettings("windows", (64, 64), box=0.1, given_mask=0.3, first_click=0.3, snow=0.3)


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    data = str(pack(tmp_path_factory.mktemp("data") / "pack"))
    settings = [SourceSettings("shards", data), SourceSettings("painted", data, share=0.5)]
    return open_sources(settings, SETTINGS.crop, validation=False)


def samples(mixture, seed=0, stream=TRAIN, epoch_size=24):
    return SampleSet(
        mixture, build_recipe(SETTINGS), seed=seed, stream=stream, epoch_size=epoch_size
    )


def equal(first, second):
    columns = ("images", "masks", "points", "guidance")
    return all(torch.equal(getattr(first, c), getattr(second, c)) for c in columns)


def test_batches_have_the_promised_form(mixture):
    (batch,) = load(samples(mixture), rank_batches(0, 8, 8), 0)
    assert (batch.images.shape, batch.images.dtype) == ((8, 3, 64, 64), torch.uint8)
    assert (batch.masks.shape, batch.masks.dtype) == ((8, 1, 64, 64), torch.int8)
    assert (batch.points.shape, batch.points.dtype) == ((8, 48, 3), torch.float32)
    assert (batch.guidance.shape, batch.guidance.dtype) == ((8, 1, 64, 64), torch.float32)
    assert set(batch.masks.unique().tolist()) <= {-1, 0, 1}
    assert batch.keys == tuple((0, place) for place in range(8))


def test_workers_and_place_of_resuming_change_nothing(mixture):
    whole = list(load(samples(mixture), rank_batches(1, 24, 4), 0))
    assert len(whole) == 6
    made = list(load(samples(mixture), rank_batches(1, 24, 4, first_step=2), 2))
    assert len(made) == 4
    assert all(map(equal, whole[2:], made))


@pytest.mark.parametrize("parts", [1, 2])
def test_processes_share_each_part_of_a_batch(parts):
    whole = list(rank_batches(0, 17, 8, parts=parts))
    assert whole == [[(0, place) for place in range(start, start + 8)] for start in (0, 8)]
    ranks = [list(rank_batches(0, 17, 8, parts=parts, rank=rank, world=2)) for rank in (0, 1)]
    share = 4 // parts
    for step, batch in enumerate(whole):
        for part in range(parts):
            place = slice(part * share, (part + 1) * share)
            joined = ranks[0][step][place] + ranks[1][step][place]
            assert joined == batch[part * 2 * share : (part + 1) * 2 * share]


def test_seeds_epochs_and_streams_differ(mixture):
    def first(epoch=0, **settings):
        return next(load(samples(mixture, **settings), rank_batches(epoch, 4, 4), 0))

    base = first()
    assert equal(base, first())
    for other in (first(seed=1), first(stream=VALIDATION), first(epoch=1)):
        assert not equal(base, other)


def test_an_epoch_of_all_images_has_each_once():
    class Numbered:
        def __len__(self):
            return 7

        def read(self, index, rng):
            return ImageSample(str(index), np.zeros((1, 1, 3)), np.zeros((1, 1, 1)), ())

    def name(image, rng):
        return image.name

    def fresh():
        return SampleSet(Mixture([Numbered()], [1]), name, seed=0, stream=TRAIN, epoch_size=0)

    all_once = fresh()
    assert all_once.epoch_size == 7
    orders = [[all_once[epoch, place][1] for place in range(7)] for epoch in (0, 1)]
    assert [sorted(order) for order in orders] == [[str(i) for i in range(7)]] * 2
    assert orders[0] != orders[1]
    # Whoever makes a sample first, and in whatever order.
    for epoch, place in ((1, 6), (0, 3), (1, 0)):
        assert fresh()[epoch, place][1] == all_once[epoch, place][1] == orders[epoch][place]


def test_images_without_objects_give_way_but_not_for_ever(mixture):
    tries = []

    def recipe(image, rng):
        tries.append(image.name)
        if len(tries) < 3:
            raise DatasetError("nothing to draw")
        return image.name

    chosen = SampleSet(mixture, recipe, seed=0, stream=TRAIN, epoch_size=4)
    assert chosen[0, 0] == ((0, 0), tries[-1])
    assert len(tries) == 3

    def never(image, rng):
        raise DatasetError("nothing to draw")

    with pytest.raises(DatasetError, match=r"20 images in a row .* nothing to draw"):
        SampleSet(mixture, never, seed=0, stream=TRAIN, epoch_size=4)[0, 0]


def test_parts_of_a_batch(mixture):
    (batch,) = load(samples(mixture), rank_batches(0, 8, 8), 0)
    parts = list(batch.parts(2))
    assert [len(part.images) for part in parts] == [4, 4]
    assert parts[1].keys == batch.keys[4:]
    assert torch.equal(parts[1].masks, batch.masks[4:])
