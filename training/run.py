"""``python -m training CONFIG.yaml``: run a configuration."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

import cv2

from core.errors import TrainingError

from .config import read_config
from .experiment import Experiment, latest_experiment, next_experiment
from .processes import join_processes, keep_freed_memory
from .trainer import Trainer

EXPERIMENTS = Path("experiments")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    parser.add_argument("config", type=Path, help="YAML file, for instance one of training/configs")
    parser.add_argument(
        "--set",
        action="append",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="change a value, e.g. run.batch=8",
    )
    parser.add_argument(
        "--out", type=Path, help="folder of the run (default: experiments/NAME/NNN)"
    )
    parser.add_argument("--exp-name", help="put behind the number of the default folder")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the last checkpoint, in --out or in the latest folder of that name",
    )
    parser.add_argument(
        "--no-check", action="store_true", help="do not read all data before the first step"
    )
    parser.set_defaults(run=run, stopped="a training goes on with --resume")


def run(args: argparse.Namespace) -> None:
    """Train by the options of the command line."""
    changes = [change for group in args.set for change in group]
    config, data = read_config(args.config, changes)
    cv2.setNumThreads(0)
    keep_freed_memory()
    with join_processes(config.run) as processes, ExitStack() as stack:
        experiment = _experiment(args, config.name)
        processes.wait()  # before the first process makes the folder that the others look for
        if processes.first:
            stack.enter_context(experiment.locked())
            experiment.create(data)
        processes.wait()
        trainer = Trainer(config, experiment, processes, resume=args.resume)
        if not args.no_check and processes.first:
            print("Reading all data once (--no-check leaves it out) ...", file=sys.stderr)
            trainer.check_data()
        trainer.run()


def _experiment(args: argparse.Namespace, name: str) -> Experiment:
    if args.resume:
        return Experiment(args.out) if args.out else latest_experiment(EXPERIMENTS, name)
    if args.out is None:
        return next_experiment(EXPERIMENTS, name, args.exp_name)
    if (args.out / "checkpoints").is_dir():
        raise TrainingError(
            f"{args.out} holds a run already: add --resume to go on, or name another folder."
        )
    return Experiment(args.out)
