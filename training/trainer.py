"""Training loop of a run: epochs, checkpoints, validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from core.errors import ConfigError, DatasetError, TrainingError
from core.json_files import MALFORMED
from core.model import ClickModel
from core.model.native import write
from core.model.network import build_model

from .batches import TRAIN, VALIDATION, SampleSet, load, rank_batches
from .config import Config
from .experiment import ENTRIES, Experiment, load_snapshot, save_snapshot
from .initial_weights import make_model
from .losses import AdaptiveIoU, FocalStatistics
from .optimisation import Average, make_optimiser, rate_at, set_rate
from .processes import Processes, share_layers
from .recipes import build_recipe
from .report import RunLog
from .sources import Mixture, open_sources
from .stopping import StopRequest
from .training_step import Outcome, TrainingStep
from .validation import Case, measure_noc, open_cases

_FAULTS_SHOWN = 20


@dataclass
class Progress:
    """Progress of a run, and its best NoC so far (fewest mean clicks)."""

    step: int = 0
    best: float = float("inf")
    train_iou: AdaptiveIoU = field(default_factory=AdaptiveIoU)
    focal: FocalStatistics = field(default_factory=FocalStatistics)


class Trainer:
    """A run of a configuration in this process.

    Parameters
    ----------
    resume
        Go on from the experiment's last checkpoint.
    """

    def __init__(
        self, config: Config, experiment: Experiment, processes: Processes, *, resume: bool
    ) -> None:
        self._config = config
        self._experiment = experiment
        self._processes = processes
        if config.run.threads:
            torch.set_num_threads(config.run.threads)
        self._data = open_sources(config.train, config.samples.crop, validation=False)
        self._held_out: Mixture | None = None
        if config.validation_sources:
            self._held_out = open_sources(
                config.validation_sources, config.samples.crop, validation=True
            )
            _require_apart(self._data, self._held_out)
        run = config.run
        self._samples = SampleSet(
            self._data,
            build_recipe(config.samples),
            seed=run.seed,
            stream=TRAIN,
            epoch_size=run.epoch_size,
        )
        self._steps_per_epoch = self._samples.epoch_size // run.batch
        if not self._steps_per_epoch:
            raise TrainingError(
                f"An epoch of {self._samples.epoch_size} samples holds no batch of {run.batch}: "
                "lower run.batch."
            )
        self._model = self._make_model()
        self._optimiser = make_optimiser(self._model, config.optimiser)
        share_layers(self._model, processes, batch_norm=run.sync_batch_norm)
        self._average = Average(self._model, run.ema) if run.ema else None
        self._stepper = TrainingStep(config, self._model, self._optimiser, processes)
        self._progress = Progress()
        self._stop = StopRequest()
        if resume:
            self._restore()

    def _make_model(self) -> ClickModel:
        model = make_model(self._config).to(self._processes.device)
        if self._config.run.precision == "float64":
            model = model.double()
        return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def check_data(self) -> None:
        """Read every file of the data once.

        Raises
        ------
        DatasetError
            Naming what is broken.
        """
        datasets = self._data.datasets + (self._held_out.datasets if self._held_out else ())
        faults = [fault for dataset in dict.fromkeys(datasets) for fault in dataset.check()]
        if faults:
            more = len(faults) - _FAULTS_SHOWN
            shown = [*faults[:_FAULTS_SHOWN], *([f"... and {more} more"] if more > 0 else [])]
            raise DatasetError("\n".join(["The training data are not sound:", *shown]))

    @property
    def steps(self) -> tuple[int, int]:
        """Steps that are done, and those of the whole run."""
        return self._progress.step, self._steps_per_epoch * self._config.run.epochs

    def run(self, on_step: Callable[[int, int], None] = lambda *_: None) -> None:
        """Train to the end of the last epoch; ``on_step`` is told `steps` after each."""
        self._on_step = on_step
        run = self._config.run
        first_epoch, first_step = divmod(self._progress.step, self._steps_per_epoch)
        with (
            StopRequest() as self._stop,
            RunLog(self._experiment, self._progress.step, speaks=self._processes.first) as report,
        ):
            self._introduce(report)
            cases = open_cases(self._config, self._held_out) if self._processes.first else []
            for epoch in range(first_epoch, run.epochs):
                self._train_epoch(epoch, first_step, report)
                first_step = 0
                self._end_epoch(epoch, cases, report)

    def _introduce(self, report: RunLog) -> None:
        parameters = sum(p.numel() for p in self._model.parameters())
        report.log(
            f"{self._config.name}: {parameters / 1e6:.2f} M parameters, {len(self._data)} images,"
            f" {self._config.run.epochs} epochs of {self._steps_per_epoch} steps of "
            f"{self._config.run.batch} samples, on {self._processes.world} x "
            f"{self._processes.device}, from step {self._progress.step}"
        )

    def _train_epoch(self, epoch: int, first_step: int, report: RunLog) -> None:
        config, processes = self._config, self._processes
        if first_step == 0:
            self._progress.train_iou.start_epoch()
        keys = rank_batches(
            epoch,
            self._samples.epoch_size,
            config.run.batch,
            first_step=first_step,
            parts=config.run.accumulate,
            rank=processes.rank,
            world=processes.world,
        )
        began, waited = time.perf_counter(), 0.0
        batches = load(self._samples, keys, config.run.workers)
        with report.progress(epoch, config.run.epochs, self._steps_per_epoch, first_step) as bar:
            for _ in range(len(keys)):
                asked = time.perf_counter()
                batch = next(batches)
                waited += time.perf_counter() - asked
                rate = rate_at(
                    self._progress.step,
                    self._steps_per_epoch,
                    config.optimiser.rate,
                    config.run,
                    config.schedule,
                )
                set_rate(self._optimiser, rate)
                outcome = self._stepper.step(batch, self._progress.step)
                self._progress.step += 1
                self._on_step(*self.steps)
                if self._average:
                    self._average.update(self._model, self._progress.step)
                self._tell(outcome, rate, report)
                bar.update()
                bar.set_postfix(loss=f"{outcome.losses['overall']:.3f}", refresh=False)
                self._save_if_due()
        seconds = time.perf_counter() - began
        count = len(keys) * config.run.batch
        report.log(
            f"epoch {epoch + 1}: {count / seconds:.2f} samples/s, {waited / seconds:.1%} of the "
            f"time waiting for data, adaptive IoU {self._progress.train_iou.epoch_value:.3f}"
        )

    def _save_if_due(self) -> None:
        """Save between the steps of an epoch; behind its last one, `_end_epoch` does.

        Raises
        ------
        KeyboardInterrupt
            If the run was asked to stop.
        """
        step = self._progress.step
        if step % self._steps_per_epoch == 0:
            return
        if self._stop.made or step % self._config.run.checkpoint_steps == 0:
            self._save()
        if self._stop.made:
            if self._processes.first:
                self._export("last")
            raise KeyboardInterrupt

    def _tell(self, outcome: Outcome, rate: float, report: RunLog) -> None:
        progress, run = self._progress, self._config.run
        labels = outcome.shown.batch.masks.to(outcome.shown.logits.device).float()
        progress.train_iou.update(outcome.shown.logits, labels)
        progress.focal.update(outcome.shown.logits, labels, self._config.loss.gamma)
        report.add(
            {
                **{f"TrainLosses/{name}": value for name, value in outcome.losses.items()},
                "TrainLosses/instance_loss_k": progress.focal.k,
                "TrainLosses/instance_loss_m": progress.focal.m,
                "TrainStates/learning_rate": rate,
                "TrainStates/gradient_norm": outcome.gradient_norm,
                "TrainMetrics/AdaptiveIoU_ema_iou": progress.train_iou.moving_average,
                "TrainMetrics/AdaptiveIoU_iou_thresh": progress.train_iou.threshold,
            }
        )
        if progress.step % run.log_steps == 0:
            means = report.flush(progress.step)
            report.log(
                f"step {progress.step}: loss {means['TrainLosses/overall']:.4f}, rate {rate:.3g}, "
                f"IoU {progress.train_iou.moving_average:.3f}"
            )
        if run.picture_steps and progress.step % run.picture_steps == 0:
            report.log_images(outcome.shown, progress.step, "train/instance_segmentation")

    def _end_epoch(self, epoch: int, cases: list[Case], report: RunLog) -> None:
        validation, run = self._config.validation, self._config.run
        last = epoch + 1 == run.epochs
        if self._processes.first:
            report.scalars(
                {"TrainMetrics/AdaptiveIoU": self._progress.train_iou.epoch_value},
                self._progress.step,
            )
            if last or (epoch + 1) % validation.every == 0:
                self._validate(epoch, cases, report)
            if _is_kept(epoch, run.keep_from, run.keep_every):
                self._export(f"{epoch + 1:03d}")
            self._export("last")
        self._save()
        self._processes.wait()
        if self._stop.made and not last:
            raise KeyboardInterrupt

    def _validate(self, epoch: int, cases: list[Case], report: RunLog) -> None:
        model = self._evaluated()
        metrics: dict[str, float] = self._validation_losses(model)
        if cases:
            summary = measure_noc(model, cases, self._config)
            percent = round(100 * self._config.validation.target)
            clicks = summary.noc[percent]
            metrics |= {
                f"ValMetrics/{name}": value
                for name, value in {
                    f"NoC@{percent}": clicks,
                    "IoU@1": summary.iou_at.get(1),
                    "IoU@3": summary.iou_at.get(3),
                    "IoU@5": summary.iou_at.get(5),
                    "lowering_share": summary.harm,
                }.items()
                if value is not None
            }
            if clicks is not None and clicks < self._progress.best:
                self._progress.best = clicks
                self._export("best", metrics)
        report.scalars(metrics, self._progress.step)
        if metrics:
            told = ", ".join(f"{name.split('/')[1]} {value:.4f}" for name, value in metrics.items())
            report.log(f"epoch {epoch + 1}: {told}")

    def _validation_losses(self, model: ClickModel) -> dict[str, float]:
        count, batch = self._config.validation.samples, self._config.run.batch
        if not count or self._held_out is None:
            return {}
        samples = SampleSet(
            self._held_out,
            build_recipe(self._config.samples, validation=True),
            seed=0,
            stream=VALIDATION,
            epoch_size=count,
        )
        single = Processes(self._processes.device)
        stepper = TrainingStep(self._config, model, self._optimiser, single)
        ious, sums, parts = AdaptiveIoU(), dict[str, float](), 0
        keys = rank_batches(0, count, min(batch, count))
        for number, part in enumerate(load(samples, keys, self._config.run.workers)):
            losses, shown = stepper.evaluate(part, number)
            ious.update(shown.logits, part.masks.to(shown.logits.device).float())
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value)
            parts += 1
        means = {f"ValLosses/{name}": value / parts for name, value in sums.items()}
        return {**means, "ValMetrics/AdaptiveIoU": ious.epoch_value}

    def _evaluated(self) -> ClickModel:
        """Return the network to measure and to export: the averaged weights, if there are any."""
        values = self._average.values if self._average else self._model.state_dict()
        model = build_model(self._model.config).to(self._processes.device)
        model.load_state_dict(values)
        return model.eval()

    def _export(self, name: str, metrics: Mapping[str, float] | None = None) -> None:
        """Write a model file that the predictor reads."""
        about = {
            **self._config.about,
            "knows_boxes": self._config.samples.box > 0,
            "run": {"name": self._config.name, "step": self._progress.step},
            **({"validation": dict(metrics)} if metrics else {}),
        }
        path = self._experiment.checkpoints / f"{name}.safetensors"
        try:
            write(path, self._evaluated(), about)
        except OSError as error:
            raise TrainingError(
                f"Cannot write the model {path} ({error}). Free some space and resume."
            ) from error

    def _save(self) -> None:
        if not self._processes.first:
            return
        progress = self._progress
        save_snapshot(
            self._experiment.last,
            {
                "model": self._model.state_dict(),
                "average": self._average.values if self._average else None,
                "optimiser": self._optimiser.state_dict(),
                "scaler": self._stepper.scaler.state_dict(),
                "step": progress.step,
                "best": progress.best,
                "train_iou": vars(progress.train_iou),
                "focal": vars(progress.focal),
                "steps_per_epoch": self._steps_per_epoch,
            },
        )

    def _restore(self) -> None:
        state = load_snapshot(self._experiment.last, ENTRIES)
        if state["steps_per_epoch"] != self._steps_per_epoch:
            raise TrainingError(
                f"The run had {state['steps_per_epoch']} steps per epoch, now it would have "
                f"{self._steps_per_epoch}: resume with the data and batch that it began with."
            )
        try:
            self._model.load_state_dict(state["model"])
            self._optimiser.load_state_dict(state["optimiser"])
            self._stepper.scaler.load_state_dict(state["scaler"])
            if self._average and state["average"] is not None:
                for name, value in self._average.values.items():
                    value.copy_(state["average"][name])
            self._progress = Progress(
                int(state["step"]),
                float(state["best"]),
                AdaptiveIoU(**state["train_iou"]),
                FocalStatistics(**state["focal"]),
            )
        except (RuntimeError, *MALFORMED) as error:
            raise TrainingError(
                f"The checkpoint {self._experiment.last} is of another network or optimiser, or "
                f"damaged: resume with the configuration in its folder. ({error})"
            ) from error


def _require_apart(training: Mixture, validation: Mixture) -> None:
    shared = training.names & validation.names
    if shared:
        raise ConfigError(
            f"{len(shared)} images are in training and in validation, for instance "
            f"{min(shared)[1]}: set the same hold_out in both, or choose other data."
        )


def _is_kept(epoch: int, starts: tuple[int, ...], intervals: tuple[int, ...]) -> bool:
    """Return whether the model after an epoch, counted from 0, is kept."""
    interval = 0
    for start, every in zip(starts, intervals, strict=True):
        if epoch >= start:
            interval = every
    return bool(interval) and (epoch + 1) % interval == 0
