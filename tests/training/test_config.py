"""Configurations: what is read, what is refused, and those that come with the program."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from run_fixtures import LIGHT, ROOT, configuration, pack, save

from core.errors import ConfigError
from core.model.config import CONFIGS, build_config
from core.model.network import build_model
from training.batches import TRAIN, SampleSet, load, rank_batches
from training.config import expand, read_config, write_config
from training.initial_weights import make_model
from training.optimisation import make_optimiser, rate_at
from training.processes import Processes
from training.recipes import build_recipe
from training.sources import open_sources
from training.training_step import TrainingStep

SHIPPED = sorted((ROOT / "training" / "configs").glob("*.yaml"))


@pytest.fixture
def file(tmp_path):
    return save(tmp_path / "run.yaml", configuration(Path("data"), LIGHT))


def test_changes_reach_nested_keys_lists_and_numbers(file):
    changes = [
        "run.batch=8",
        "train.0.share=2",
        "optimiser.rate=5e-4",  # YAML takes this for text
        "schedule.milestones=[1, 2]",
        "samples.crop=[96, 64]",
        "samples.points.max_points=7",
        "start.checkpoint=slf",
        "model.channels=8",
    ]
    config, data = read_config(file, changes)
    assert config.run.batch == 8
    assert config.train[0].share == 2.0
    assert config.optimiser.rate == 5e-4
    assert config.schedule.milestones == (1, 2)
    assert config.samples.crop == (96, 64)
    assert config.samples.points.max_points == 7
    assert config.start.checkpoint == "slf"
    assert config.model["channels"] == 8
    assert data["run"]["batch"] == 8


def test_what_was_read_is_written_and_read_again(file, tmp_path):
    config, data = read_config(file, ["run.batch=8", "optimiser.rate=1e-3"])
    write_config(tmp_path / "copy.yaml", data)
    assert read_config(tmp_path / "copy.yaml")[0] == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("run.bacth=8", r"Unknown: bacth in run; known: .*batch"),
        ("rnu.batch=8", "Unknown: rnu in the file"),
        ("run.batch=8.5", r"run.batch is 8.5, expected int"),
        ("run.batch=true", r"run.batch is True, expected int"),
        ("run.batch=0", r"batch is 0, expected 1 or more"),
        ("run.ema=1.5", r"ema is 1.5, expected 0 to 1"),
        ("run.precision=half", r"run.precision is 'half', expected float32, bfloat16"),
        ("run.keep_from=[0]", "keep_from and run.keep_every belong together"),
        ("optimiser.rate=fast", r"optimiser.rate is 'fast', expected float"),
        ("optimiser.rate=.nan", r"optimiser.rate is nan, expected float"),
        ("optimiser.betas=[0.9]", r"optimiser.betas is \[0.9\], expected tuple\[float, float\]"),
        ("samples.crop=64", r"samples.crop is 64, expected tuple\[int, int\]"),
        ("samples.crop=[8, 64]", "expected 32 pixels or more"),
        ("samples.first_click=0.9", "exceed 1 together"),
        ("samples.points=3", "samples.points must hold named values"),
        ("train=3", "train is 3, expected"),
        ("train.0.path=3", r"train\[0\].path is 3, expected str"),
        ("train.3.path=x", "no such place"),
        ("run.batch.x=3", "no such place"),
        ("run=null", "run must hold named values"),
        ("run.batch", "needs key=value"),
        ("run.batch=[", "no such place"),
    ],
)
def test_faults_are_named(file, change, message):
    with pytest.raises(ConfigError, match=message):
        read_config(file, [change])


def test_missing_values_are_named(tmp_path):
    config = configuration(Path("data"), LIGHT)
    del config["run"]["epochs"], config["run"]["batch"]
    with pytest.raises(ConfigError, match="Missing in run: epochs, batch"):
        read_config(save(tmp_path / "run.yaml", config))


@pytest.mark.parametrize("content", [b"- 1\n- 2\n", b"a: [", b"\xff\xfe\x00"])
def test_files_that_are_no_configuration(tmp_path, content):
    path = tmp_path / "run.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.yaml"):
        read_config(path)
    with pytest.raises(ConfigError, match="absent"):
        read_config(tmp_path / "absent.yaml")


def test_paths_name_variables_that_are_not_set(monkeypatch):
    monkeypatch.setenv("SOME_FOLDER", "/data")
    assert expand("${SOME_FOLDER}/x") == Path("/data/x")
    with pytest.raises(ConfigError, match="NO_SUCH_FOLDER"):
        expand("${NO_SUCH_FOLDER}/x")


# ------------------------------------------------------------------- those that are shipped


def network(params):
    params = dict(params)
    return build_model(build_config(CONFIGS[params.pop("architecture")], params))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_describe_a_network(path):
    config, _ = read_config(path)
    assert config.name == path.stem
    if "architecture" in config.model:
        with torch.device("meta"):
            network(config.model)


PUBLISHED = {
    # crop, batch, epochs, epoch size, milestones, clicks, least area, background, channels
    "ritm_cocolvis_h18s": ((320, 480), 32, 230, 30000, (200, 220), 3, 1000, 0.05, 4_220_000),
    "ritm_cocolvis_h18": ((320, 480), 28, 230, 30000, (200, 220), 3, 1000, 0.05, 10_030_000),
    "ritm_cocolvis_h32": ((320, 480), 32, 230, 30000, (200, 220), 3, 1000, 0.05, 30_950_000),
    "ritm_sbd_h18": ((320, 480), 28, 220, 0, (200, 215), 3, 80, 0.01, 10_030_000),
    "avalanche_h18": ((600, 600), 4, 100, 0, (), 10, 0, 0.01, 10_030_000),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers(name):
    config, _ = read_config(ROOT / "training" / "configs" / f"{name}.yaml")
    crop, batch, epochs, size, milestones, clicks, area, background, parameters = PUBLISHED[name]
    run, samples = config.run, config.samples
    assert (samples.crop, run.batch, run.epochs, run.epoch_size) == (crop, batch, epochs, size)
    assert (config.schedule.milestones, run.max_next_clicks) == (milestones, clicks)
    assert (samples.min_object_area, samples.keep_background) == (area, background)
    assert config.optimiser.multipliers == "published"
    assert (config.optimiser.rate, config.optimiser.betas) == (5e-4, (0.9, 0.999))
    assert (config.optimiser.eps, config.optimiser.weight_decay) == (1e-8, 0)
    assert (config.loss.alpha, config.loss.gamma, config.loss.auxiliary_bce) == (0.5, 2.0, 0.4)
    points = samples.points
    assert (points.max_points, points.gamma, points.merge_probability) == (24, 0.8, 0.15)
    with torch.device("meta"):
        count = sum(p.numel() for p in network(config.model).parameters())
    assert count == pytest.approx(parameters, rel=0.01)


def test_published_rates():
    def rates(name, epochs):
        config, _ = read_config(ROOT / "training" / "configs" / f"{name}.yaml")
        return [rate_at(e * 10, 10, 5e-4, config.run, config.schedule) for e in epochs]

    cosine = rates("avalanche_h18", (0, 1, 50, 90, 99))
    assert cosine == pytest.approx([5e-4, 4.99877e-4, 2.5e-4, 1.2236e-5, 1.2336e-7], rel=1e-4)
    steps = rates("ritm_cocolvis_h18", (0, 199, 200, 219, 220, 229))
    assert steps == pytest.approx([5e-4, 5e-4, 5e-5, 5e-5, 5e-6, 5e-6])


@pytest.mark.parametrize("name", ["ritm_cocolvis_h18s", "ritm_sbd_h18", "avalanche_h18"])
def test_published_recipes_take_a_step(tmp_path, name):
    data = pack(tmp_path / "pack")
    source = f"[{{dataset: shards, path: {data}}}]"
    changes = [
        *("start={}", f"train={source}", "validation_sources=[]"),
        *("model.width=4", "model.ocr_width=8", "model.small=true", "samples.crop=[64, 96]"),
        *("samples.min_object_area=50", "run.batch=2", "run.device=cpu", "run.epoch_size=2"),
    ]
    config, _ = read_config(ROOT / "training" / "configs" / f"{name}.yaml", changes)
    mixture = open_sources(config.train, config.samples.crop, validation=False)
    recipe = build_recipe(config.samples)
    samples = SampleSet(mixture, recipe, seed=0, stream=TRAIN, epoch_size=2)
    model = make_model(config)
    stepper = TrainingStep(
        config, model, make_optimiser(model, config.optimiser), Processes(torch.device("cpu"))
    )
    for batch in load(samples, rank_batches(0, 2, 2), 0):
        outcome = stepper.step(batch, 0)
    assert 0 < outcome.losses["overall"] < 5
    assert outcome.losses.keys() == {"instance_loss", "instance_aux_loss", "overall"}
