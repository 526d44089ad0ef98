"""What validation clicks on, and what it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from data_fixtures import image_set, photo, write
from run_fixtures import LIGHT, configuration, pack
from torch import Tensor, nn

from core.datasets import ImageSample
from core.errors import ConfigError, DatasetError
from core.model import ClickModel, ModelConfig
from core.model.network import Level, Logits
from training.build import build
from training.config import Config
from training.data.shards import ShardWriter
from training.initial_weights import make_model
from training.sources import Mixture, open_sources
from training.validation import measure_noc, open_cases


class Answering(ClickModel):
    """A network without training whose answer can be worked out: what is red, or what is clicked.

    Its one weight says how much redness counts; the disks of positive clicks count one.
    """

    def __init__(self, redness: float) -> None:
        super().__init__(
            ModelConfig(use_rgb_conv=False, use_disks=True, norm_radius=5, with_prev_mask=True)
        )
        self.redness = nn.Parameter(torch.tensor(redness))

    def encode(self, rgb: Tensor, maps: Tensor, level: Level) -> tuple[Tensor, ...]:
        return rgb * self.norm_std + self.norm_mean, maps

    def decode(self, features: tuple[Tensor, ...], level: Level) -> Logits:
        rgb, maps = features
        red = (rgb[:, :1] - rgb[:, 1:2] > 0.5).float() * self.redness
        return Logits(8 * (torch.maximum(red, maps[:, 1:2]) - 0.5), None)


def config(*, sources=(), **validation) -> Config:
    data = configuration(Path("data"), LIGHT, validation=validation)
    data["validation_sources"] = list(sources)
    return build(Config, data)


def mixture(settings: Config) -> Mixture:
    return open_sources(settings.validation_sources, settings.samples.crop, validation=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return pack(tmp_path_factory.mktemp("data") / "pack", count=8)


def red_case(radius=20, shape=(80, 100)):
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    mask = (np.hypot(rows - 40, cols - 50) < radius).astype(np.int8)
    image = np.full((*shape, 3), 90, np.uint8)
    image[mask == 1] = (250, 20, 20)
    return image, mask


# ------------------------------------------------------------------- which objects


def test_no_objects_are_asked_for_by_default():
    assert open_cases(config(), None) == []


def test_objects_come_from_each_source_in_turn_and_are_always_the_same(folder):
    sources = [{"dataset": "shards", "path": str(folder)}, {"dataset": "painted"}]
    settings = config(sources=sources, objects=6)
    first, again = (open_cases(settings, mixture(settings)) for _ in range(2))
    assert len(first) == 6
    assert [image.shape for image, _ in first[::2]] == [(90, 96, 3)] * 3
    assert [image.shape for image, _ in first[1::2]] == [(90, 90, 3)] * 3
    for (image, mask), (same_image, same_mask) in zip(first, again, strict=True):
        np.testing.assert_array_equal(image, same_image)
        np.testing.assert_array_equal(mask, same_mask)
        assert mask.dtype == np.int8
        assert (mask == 1).sum() >= 300
    assert len({image.tobytes() for image, _ in first}) > 3


def test_objects_of_a_data_set_are_evenly_spread(tmp_path):
    root = image_set(tmp_path / "in", [f"p{number}" for number in range(9)])
    cases = open_cases(config(noc=[f"images={root}"], objects=3), None)
    expected = [photo(seed=seed) for seed in (0, 4, 8)]
    assert len(cases) == 3
    for (image, mask), original in zip(cases, expected, strict=True):
        np.testing.assert_array_equal(image, original)
        assert (mask == 1).sum() == 800
    assert len(open_cases(config(noc=[f"images={root}"], objects=99), None)) == 9
    both = config(noc=[f"images={root}", f"images={root}"], objects=2)
    assert len(open_cases(both, None)) == 4


def test_what_gives_no_objects_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"needs 'validation_sources' or 'validation\.noc'"):
        open_cases(config(objects=3), None)
    with pytest.raises(ConfigError, match=r"validation\.noc needs NAME=PATH, got 'images'"):
        open_cases(config(objects=3, noc=["images"]), None)
    with pytest.raises(DatasetError, match="There is no folder"):
        open_cases(config(objects=3, noc=[f"images={tmp_path / 'absent'}"]), None)
    with pytest.raises(DatasetError, match="There is no data set 'nothing'"):
        open_cases(config(objects=3, noc=[f"nothing={tmp_path}"]), None)
    small = tmp_path / "small"
    write(small / "images/a.png", photo(20, 20))
    write(small / "masks/a.png", np.diag(np.full(20, 255, np.uint8)))
    settings = config(sources=[{"dataset": "images", "path": str(small)}], objects=1)
    with pytest.raises(ConfigError, match="has an object of 300 pixels or more"):
        open_cases(settings, mixture(settings))


def test_a_data_set_without_objects_is_named(tmp_path):
    common = {"set": "bare", "mask_kind": "instances", "source": "", "licence": ""}
    with ShardWriter(tmp_path / "bare", 10**6, common) as writer:
        writer.add("a", ImageSample("a", photo(), np.zeros((0, 60, 80), np.int32), ()), 92)
    with pytest.raises(ConfigError, match="holds no object to click"):
        open_cases(config(objects=1, noc=[f"shards={tmp_path / 'bare'}"]), None)


@pytest.mark.parametrize("target", [0.75, 0.95, 0.825, 1.0])
def test_only_targets_that_are_counted_can_be_asked_for(target):
    with pytest.raises(ConfigError, match=r"expected one of 0\.8, 0\.85, 0\.9"):
        config(target=target)


# ------------------------------------------------------------------- what is counted


def test_a_network_that_knows_needs_one_click_each():
    model = Answering(1.0).train()
    summary = measure_noc(model, [red_case(), red_case(28)], config(clicks=5, target=0.9))
    assert summary.noc == {80: 1, 85: 1, 90: 1}
    assert summary.iou_at[1] > 0.95
    assert summary.harm == 0


def test_a_network_that_knows_nothing_takes_all_clicks():
    summary = measure_noc(Answering(0.0), [red_case()], config(clicks=4, target=0.85))
    assert summary.noc == {80: 4, 85: 4, 90: None}
    assert summary.failures[85].never_reached == 1
    assert 0 < summary.iou_at[1] < 0.2  # the disk of the click alone


def test_ignored_pixels_do_not_count():
    image, mask = red_case()
    mask[:, 50:] = -1  # half of what the network answers
    summary = measure_noc(Answering(1.0), [(image, mask)], config(clicks=3))
    assert summary.noc[85] == 1


def test_a_real_network_is_measured_as_it_is_and_repeatably():
    settings = config(clicks=2)
    model = make_model(settings)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first, again = (measure_noc(model, [red_case()], settings) for _ in range(2))
    assert first.iou_at == again.iou_at
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
