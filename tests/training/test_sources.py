"""Where pictures come from, and which are kept aside."""

from __future__ import annotations

import numpy as np
import pytest
from run_fixtures import pack

from core.datasets import PictureSample
from core.errors import ConfigError, DatasetError
from training.config import SourceSettings
from training.sources import DatasetSource, Mixture, open_sources
from training.synthetic.painted import PAINTED

SIZE = (64, 64)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("data") / "pack", count=40)


def names(data, *, validation, **settings):
    source = SourceSettings("shards", str(data), **settings)
    return {name for _, name in open_sources([source], SIZE, validation=validation).names}


def test_held_out_pictures_are_in_validation_only(data):
    training = names(data, validation=False, hold_out=0.25)
    validation = names(data, validation=True, hold_out=0.25)
    assert not training & validation
    assert len(training | validation) == 40
    assert 4 <= len(validation) <= 16
    # A picture stays where it is, whatever else is held out.
    assert validation <= names(data, validation=True, hold_out=0.5)
    assert names(data, validation=True) == names(data, validation=False)


def test_what_is_drawn_is_what_is_named(data):
    mixture = open_sources(
        [SourceSettings("shards", str(data), hold_out=0.25)], SIZE, validation=False
    )
    rng = np.random.default_rng(0)
    drawn = {mixture.draw(rng).name for _ in range(300)}
    assert drawn == {name for _, name in mixture.names}
    assert drawn == {mixture.read(index, rng).name for index in range(len(mixture))}


def test_painted_backgrounds_are_held_out_too(data):
    settings = SourceSettings("painted", str(data), hold_out=0.25)
    training = open_sources([settings], SIZE, validation=False)
    validation = open_sources([settings], SIZE, validation=True)
    assert len(training) == 1
    assert not training.names & validation.names
    assert training.draw(np.random.default_rng(0)).name == PAINTED
    assert open_sources([SourceSettings("painted")], SIZE, validation=False).names == frozenset()


class Constant:
    def __init__(self, name):
        self.name = name

    def __len__(self):
        return 3

    def read(self, index, rng):
        return PictureSample(f"{self.name}{index}", np.zeros((1, 1, 3)), np.zeros((1, 1, 1)), ())


def test_shares_are_kept():
    mixture = Mixture([Constant("a"), Constant("b"), Constant("c")], [3, 1, 0])
    rng = np.random.default_rng(0)
    drawn = [mixture.draw(rng).name for _ in range(4000)]
    share = sum(name[0] == "a" for name in drawn) / 4000
    assert share == pytest.approx(0.75, abs=0.03)
    assert {name[0] for name in drawn} == {"a", "b"}
    assert {name[1] for name in drawn} == {"0", "1", "2"}
    assert [mixture.read(index, rng).name for index in (0, 3, 8)] == ["a0", "b0", "c2"]


@pytest.mark.parametrize("shares", [[], [0.0], [-1.0]])
def test_shares_that_are_none(shares):
    with pytest.raises(ConfigError, match="shares"):
        Mixture([Constant("a")] * len(shares), shares)


def test_sets_are_chosen_by_name(data, tmp_path):
    assert len(names(data, validation=False, sets=("blobs",))) == 40
    with pytest.raises(ConfigError, match="No picture of .* is left"):
        names(data, validation=False, sets=("other",))
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises((ConfigError, DatasetError)):
        DatasetSource(SourceSettings("slf", str(tmp_path), sets=("a",)), validation=False)


def test_a_pack_is_opened_once(data):
    settings = [SourceSettings("shards", str(data)), SourceSettings("painted", str(data))]
    first, second = open_sources(settings, SIZE, validation=False).datasets
    assert first is second
