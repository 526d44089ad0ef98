"""``python -m training`` as a user meets it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from run_fixtures import (
    LIGHT,
    ROOT,
    configuration,
    environment,
    pack,
    rewrite,
    save,
    scalars,
    train,
)

from core.model.checkpoint import load_checkpoint
from training.__main__ import main


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("data") / "pack")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data):
    """Folder in which a run with validation, images and a label has ended, and what it said."""
    folder = tmp_path_factory.mktemp("finished")
    held = [{"dataset": "shards", "path": str(data), "hold_out": 0.3}]
    values = configuration(
        data,
        LIGHT,
        train=held,
        validation_sources=held,
        validation={"samples": 4, "objects": 2, "clicks": 2},
        run={"epoch_size": 8, "keep_from": [0], "keep_every": [2], "log_steps": 2},
        about={"licence": "MIT"},
    )
    config = save(folder / "run.yaml", values)
    done = train(config, "--exp-name", "try", "--set", "run.picture_steps=2", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


RUN = "experiments/tiny/000_try"


def test_folders_and_files_are_those_of_the_family(finished):
    folder = finished[0] / RUN
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {
        "last_checkpoint.pt",
        "last.safetensors",
        "best.safetensors",
        "002.safetensors",
    }
    images = {path.relative_to(folder).as_posix() for path in folder.glob("vis/train/*.png")}
    assert images == {
        "vis/train/000002_instance_segmentation.png",
        "vis/train/000004_instance_segmentation.png",
    }
    assert "picture_steps: 2" in (folder / "config.yaml").read_text()
    assert load_checkpoint(folder / "checkpoints" / "last.safetensors").metadata["licence"] == "MIT"


def test_scalars_have_the_published_names(finished):
    found = scalars(finished[0] / RUN)
    assert found.keys() >= {
        "TrainLosses/instance_loss",
        "TrainLosses/overall",
        "TrainLosses/instance_loss_k",
        "TrainLosses/instance_loss_m",
        "TrainStates/learning_rate",
        "TrainMetrics/AdaptiveIoU",
        "TrainMetrics/AdaptiveIoU_ema_iou",
        "TrainMetrics/AdaptiveIoU_iou_thresh",
        "ValLosses/instance_loss",
        "ValLosses/overall",
        "ValMetrics/AdaptiveIoU",
        "ValMetrics/NoC@85",
        "ValMetrics/IoU@1",
    }
    assert [step for step, _ in found["TrainLosses/overall"]] == [2, 4]
    assert [step for step, _ in found["ValMetrics/NoC@85"]] == [2, 4]


def test_the_log_tells_the_course(finished):
    text = (finished[0] / RUN / "logs" / "train.log").read_text()
    for part in (
        "images, 2 epochs of 2 steps of 4 samples",
        "step 4: loss",
        "NoC@85",
        "samples/s",
    ):
        assert part in text
    assert "epoch 2/2" in finished[1].stderr  # the progress bar


def test_the_latest_run_is_resumed_by_name(finished, data):
    folder, _ = finished
    again = train(folder / "run.yaml", "--resume", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "from step 4" in (folder / RUN / "logs" / "train.log").read_text()
    assert [path.name for path in (folder / "experiments" / "tiny").iterdir()] == ["000_try"]


def test_a_folder_in_use_is_not_written_over(finished, capsys):
    folder = finished[0]
    assert main([str(folder / "run.yaml"), "--out", str(folder / RUN)]) == 2
    assert "holds a run already: add --resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.yaml"], "Cannot read the configuration absent.yaml"),
        (["CONFIG", "--set", "run.bacth=8"], "Unknown: bacth"),
        (["CONFIG", "--set", "run.batch=0"], "batch is 0"),
        (["CONFIG", "--set", "run.batch=500"], "holds no batch of 500"),
        (["CONFIG", "--set", "run.accumulate=3"], "cannot be shared evenly"),
        (["CONFIG", "--set", "train.0.path=/absent"], "There is no folder /absent"),
        (["CONFIG", "--set", "train.0.dataset=other"], "There is no data set 'other'"),
        (["CONFIG", "--set", "samples.recipe=sdb"], "expected cocolvis, sbd, avalanche, windows"),
        (["CONFIG", "--resume", "--out", "none"], "There is no checkpoint"),
        (["CONFIG", "--out", "CONFIG/run"], "Cannot write to"),
    ],
)
def test_mistakes_are_said_plainly(data, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "CONFIG", configuration(data, LIGHT))
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_broken_pairs_are_named_before_the_first_step(data, tmp_path, capsys):
    broken = shutil.copytree(data, tmp_path / "pack")
    rewrite(broken, lambda name, content: content[:30] if name.endswith("p04.jpg") else content)
    config = save(tmp_path / "run.yaml", configuration(broken, LIGHT))
    assert main([str(config), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "The training data are not sound" in said
    assert said.count("blobs__p04.jpg") == 1
    assert not (tmp_path / "run" / "checkpoints" / "last_checkpoint.pt").exists()


def test_tools_are_reached_by_their_names(data, capsys):
    assert main(["data", "check", f"shards={data}"]) == 0
    assert "is sound" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["synthetic", "--help"])
    assert ended.value.code == 0
    assert "scene" in capsys.readouterr().out


@pytest.mark.parametrize("tool", ["data", "synthetic"])
def test_tools_do_without_torch(tool):
    code = (
        "import sys\nfrom training.__main__ import main\n"
        f"try:\n    main(['{tool}', '--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0
