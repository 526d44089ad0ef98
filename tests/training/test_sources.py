"""Where images come from: sets, images held out, shares, painted avalanches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_fixtures import image_set
from run_fixtures import blobs, pack

from core.errors import ConfigError, DatasetError
from training.config import SourceSettings
from training.data.shards import ShardWriter
from training.sources import DatasetSource, Mixture, PaintedSource, open_sources
from training.synthetic.painted import PAINTED

SIZE = (64, 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return pack(tmp_path_factory.mktemp("data") / "pack", count=60)


@pytest.fixture(scope="module")
def two_sets(tmp_path_factory) -> Path:
    """A pack whose manifest knows the sets "odd" and "even"."""
    root = pack(tmp_path_factory.mktemp("data") / "pack", count=6, name="duo")
    manifest = root / "manifest.csv"
    head, *rows = manifest.read_text().splitlines()
    rows = [
        row.replace(",duo,", ",odd," if number % 2 else ",even,", 1)
        for number, row in enumerate(rows)
    ]
    manifest.write_text("\n".join([head, *rows]) + "\n")
    return root


def source(path, *, validation=False, **settings) -> DatasetSource:
    return DatasetSource(SourceSettings("shards", str(path), **settings), validation=validation)


def names(source) -> set[str]:
    return {name for _, name in source.names}


def rng(seed=0):
    return np.random.default_rng(seed)


# ------------------------------------------------------------------- one data set


def test_all_images_are_read_by_index(folder):
    opened = source(folder)
    assert len(opened) == 60
    found = [opened.read(index, rng()).name for index in range(60)]
    assert set(found) == names(opened)
    assert len(set(found)) == 60


def test_sets_are_chosen_by_the_manifest(two_sets):
    odd, even = source(two_sets, sets=("odd",)), source(two_sets, sets=("even",))
    assert names(odd) | names(even) == names(source(two_sets))
    assert len(odd) == len(even) == 3
    assert len(source(two_sets, sets=("odd", "even"))) == 6
    assert {odd.read(index, rng()).name for index in range(3)} == names(odd)


def test_images_held_out_are_for_validation_alone(folder):
    training = source(folder, hold_out=0.3)
    held = source(folder, hold_out=0.3, validation=True)
    assert names(training).isdisjoint(names(held))
    assert names(training) | names(held) == names(source(folder))
    assert 8 <= len(held) <= 28
    assert {held.read(index, rng()).name for index in range(len(held))} == names(held)


def test_without_hold_out_validation_takes_all(folder):
    assert len(source(folder, validation=True)) == 60


def test_the_choice_is_the_images_own(folder, tmp_path):
    """An image stays on its side when others come or go."""
    common = {"set": "blobs", "mask_kind": "instances", "source": "", "licence": ""}
    with ShardWriter(tmp_path / "fewer", 10**6, common) as writer:
        for number in range(0, 60, 3):
            writer.add(f"p{number:02d}", blobs(number), 92)
    held = names(source(folder, hold_out=0.4, validation=True))
    fewer = names(source(tmp_path / "fewer", hold_out=0.4, validation=True))
    assert fewer
    assert fewer == held & names(source(tmp_path / "fewer"))


def test_more_held_out_contains_less_held_out(folder):
    little, much = (names(source(folder, hold_out=share, validation=True)) for share in (0.2, 0.5))
    assert little < much


def test_nothing_left_to_draw_from_is_said(folder):
    with pytest.raises(ConfigError, match=r"No image of .*check 'sets' \['none'\]"):
        source(folder, sets=("none",))
    with pytest.raises(ConfigError, match="'hold_out' 1"):
        source(folder, hold_out=1.0)


def test_only_packs_know_sets(tmp_path):
    root = image_set(tmp_path / "in", ["a"])
    with pytest.raises(ConfigError, match="Only packed images know sets"):
        DatasetSource(SourceSettings("images", str(root), sets=("a",)), validation=False)


def test_other_data_sets_are_read_too(tmp_path):
    root = image_set(tmp_path / "in", ["a", "b"])
    opened = DatasetSource(SourceSettings("images", str(root)), validation=False)
    assert len(opened) == 2
    assert opened.read(1, rng()).objects


def test_absent_folders_and_broken_packs_are_named(folder, tmp_path):
    with pytest.raises(DatasetError, match="There is no folder"):
        source(tmp_path / "absent")
    (tmp_path / "manifest.csv").write_text((folder / "manifest.csv").read_text())
    with pytest.raises(DatasetError, match="No shard of"):
        source(tmp_path)


def test_a_data_set_is_opened_once_for_all_that_share_it(folder):
    first, second = source(folder, hold_out=0.5), source(folder, hold_out=0.5, validation=True)
    assert first.datasets[0] is second.datasets[0]


# ------------------------------------------------------------------- mixtures


def test_configured_sources_are_mixed(folder, two_sets):
    settings = [
        SourceSettings("shards", str(folder), share=3),
        SourceSettings("shards", str(two_sets), sets=("odd",), share=1),
        SourceSettings("shards", str(two_sets), sets=("even",), share=0),
    ]
    mixture = open_sources(settings, SIZE, validation=False)
    assert len(mixture) == 60 + 3 + 3
    _, odd, even = map(names, mixture.sources)
    stream = rng()
    drawn = [mixture.draw(stream).name for _ in range(80)]
    assert odd < set(drawn)
    assert even.isdisjoint(drawn)
    assert 10 <= sum(name in odd for name in drawn) <= 30
    assert len(mixture.datasets) == 3


def test_a_share_of_nothing_is_never_drawn():
    class Numbered:
        """A source that tells which one it is."""

        datasets = ()

        def __init__(self, number, length):
            self.number, self.length = number, length
            self.names = frozenset({(Path("x"), str(number))})

        def __len__(self):
            return self.length

        def read(self, index, rng):
            assert 0 <= index < self.length
            return (self.number, index)

    mixture = Mixture([Numbered(0, 5), Numbered(1, 2), Numbered(2, 4)], [3.0, 0.0, 1.0])
    stream = rng()
    drawn = [mixture.draw(stream) for _ in range(2000)]
    share = np.bincount([number for number, _ in drawn], minlength=3) / len(drawn)
    assert share[1] == 0
    assert share[0] == pytest.approx(0.75, abs=0.04)
    assert set(drawn) == {(0, i) for i in range(5)} | {(2, i) for i in range(4)}
    assert [mixture.read(i, stream) for i in (0, 4, 5, 6, 7, 10)] == [
        *((0, 0), (0, 4), (1, 0), (1, 1), (2, 0), (2, 3)),
    ]
    with pytest.raises(IndexError):
        mixture.read(11, stream)
    assert {name for _, name in mixture.names} == {"0", "1", "2"}


@pytest.mark.parametrize("shares", [[], [0.0, 0.0], [1.0, -1.0]])
def test_shares_that_say_nothing_are_refused(folder, shares):
    with pytest.raises(ConfigError, match="shares"):
        Mixture([source(folder)] * len(shares), shares)


# ------------------------------------------------------------------- painted


def test_painted_slopes_need_no_data():
    (painted,) = open_sources([SourceSettings("painted")], SIZE, validation=False).sources
    assert isinstance(painted, PaintedSource)
    assert len(painted) == 1
    assert painted.datasets == ()
    assert painted.names == frozenset()
    image = painted.read(0, rng(1))
    assert image.name == PAINTED
    assert image.image.shape == (90, 90, 3)  # larger than the crop
    assert image.objects
    again, other = painted.read(0, rng(1)), painted.read(0, rng(2))
    np.testing.assert_array_equal(image.image, again.image)
    np.testing.assert_array_equal(image.layers, again.layers)
    assert (image.image != other.image).any()


def test_half_of_painted_images_are_on_photos(folder):
    settings = SourceSettings("painted", str(folder), hold_out=0.3)
    (training,), (held,) = (
        open_sources([settings], SIZE, validation=flag).sources for flag in (False, True)
    )
    assert names(training).isdisjoint(names(held))
    assert names(training) | names(held) == names(source(folder))
    assert training.datasets == source(folder).datasets
    shapes = [training.read(0, rng(seed)).image.shape for seed in range(24)]
    on_photos = sum(shape == (90, 96, 3) for shape in shapes)
    assert 5 <= on_photos <= 19
    assert shapes.count((90, 90, 3)) == 24 - on_photos
