"""Which weights are slow, how rates change, averaged weights."""

from __future__ import annotations

import pytest
import torch
from run_fixtures import HRNET, LIGHT
from torch import nn

from core.model.config import CONFIGS, build_config
from core.model.network import build_model
from training.config import OptimiserSettings, RunSettings, ScheduleSettings
from training.optimisation import Average, make_optimiser, rate_at, set_rate


def rates(params, **settings):
    """Rate of every weight, by name."""
    params = dict(params)
    model = build_model(build_config(CONFIGS[params.pop("architecture")], params))
    optimiser = make_optimiser(model, OptimiserSettings(**settings))
    set_rate(optimiser, 1.0)
    by_id = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    return {name: by_id[id(p)] for name, p in model.named_parameters()}


def parts(found, rate):
    """First two words of the names that learn at a rate."""
    return {".".join(name.split(".")[:2]) for name, value in found.items() if value == rate}


OCR = {"feature_extractor.conv3x3_ocr", "feature_extractor.ocr_distri_head"}
HEADS = {"feature_extractor.aux_head", "feature_extractor.cls_head"}
MAPS = {"maps_transform.0", "maps_transform.2", "maps_transform.3"}


def test_published_multipliers_slow_the_heads_too():
    found = rates(HRNET, multipliers="published")
    assert parts(found, 1.0) == OCR | MAPS
    assert parts(found, 0.1) >= HEADS | {"feature_extractor.conv1", "feature_extractor.stage4"}


def test_corrected_multipliers_do_not():
    found = rates(HRNET, multipliers="corrected")
    assert parts(found, 1.0) == OCR | HEADS | MAPS
    assert len(parts(found, 0.1)) > 5


def test_without_multipliers_all_are_alike():
    assert set(rates(HRNET, multipliers="none").values()) == {1.0}


def test_encoder_of_the_light_network_is_slow():
    found = rates(LIGHT, backbone_multiplier=0.2)
    assert {name for name, rate in found.items() if rate == 0.2} == {
        name for name in found if name.startswith("encoder.")
    }


def test_backbone_of_deeplab_is_slow():
    params = {"architecture": "deeplab", "backbone": "resnet34", "deeplab_ch": 16}
    assert parts(rates(params, multipliers="published"), 0.1) == {"feature_extractor.backbone"}


def test_weight_decay_is_decoupled():
    model = nn.Conv2d(1, 1, 1)
    assert isinstance(make_optimiser(model, OptimiserSettings()), torch.optim.Adam)  # type: ignore[arg-type]
    decaying = make_optimiser(model, OptimiserSettings(weight_decay=0.1))  # type: ignore[arg-type]
    assert isinstance(decaying, torch.optim.AdamW)


def test_rates_warm_up_and_fall_smoothly():
    run = RunSettings(epochs=2, batch=1)
    smooth = ScheduleSettings("cosine", smooth=True, warmup=4)
    found = [rate_at(step, 5, 1.0, run, smooth) for step in range(10)]
    assert found[0] == pytest.approx(0.25)
    assert found[3] == pytest.approx(0.7939, abs=1e-4)
    assert found[3:] == sorted(found[3:], reverse=True)
    assert 0 < found[9] < 0.03
    stepwise = [rate_at(step, 5, 1.0, run, ScheduleSettings("cosine")) for step in range(10)]
    assert stepwise == pytest.approx([1.0] * 5 + [0.5] * 5)


def test_average_follows_weights_and_copies_statistics():
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1))
    average = Average(model, 0.9)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        average.values["0.weight"].fill_(0.0)
        model[1].running_mean.fill_(7.0)
    average.update(model, 1000)
    assert average.values["0.weight"].item() == pytest.approx(0.1)
    assert average.values["1.running_mean"].item() == 7.0
    average.update(model, 1)  # early: weights count for more
    assert average.values["0.weight"].item() == pytest.approx(1 - 0.9 * 2 / 11)
