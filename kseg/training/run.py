"""A training run from configuration to results; calling it again with the same configuration resumes it."""

import contextlib
import sys
import time
from pathlib import Path

import keras

from kseg.datasets import Dataset
from kseg.datasets.membership import Membership
from kseg.encoders import encoder_layers
from kseg.training.begin import followed_directory, record_beginning, run_directory
from kseg.training.config import TrainConfig
from kseg.training.description import describe
from kseg.training.distribution import is_chief, scope, strategy_for
from kseg.training.finish import finish
from kseg.training.fitting import compile_stage, fit, resumed
from kseg.training.inputs import open_inputs
from kseg.training.network import training_network
from kseg.training.optimizers import build_optimizer
from kseg.training.out_of_memory import measuring_errors, training_errors
from kseg.training.plan import make_plan
from kseg.training.precision import precision
from kseg.training.workdir import WorkDir


def train(
    config: TrainConfig,
    path: Path | None = None,
    *,
    command: list[str] | None = None,
    dataset: Dataset | None = None,
    quiet: bool = False,
) -> WorkDir:
    """Train, keep the weights of the best epoch (`kseg.training.kept_epoch`), measure them on the test split.

    Args:
      config: fields left at None are filled in from the model's preset and the data set.
      path: the run directory; default `runs/` and a name made of the configuration.
      command: the command to record for repeating the run (default: this process's).
      dataset: the data set of `config.data`, where it is open already.
      quiet: print nothing while all goes well.
    Returns:
      The run directory, complete except for the report: model.keras, results.json and all other files of a run.
    Raises:
      UsageError, Failure: see their sentences; a KeyboardInterrupt leaves a run that can be resumed.
    """
    # 1. Plan: every setting filled in, the images of every split, the losses. Errors in them are raised here.
    plan = make_plan(config, path, dataset=dataset, command=command, quiet=quiet)
    config, dataset = plan.config, plan.dataset
    started = time.perf_counter()
    keras.utils.set_random_seed(config.training.seed)
    strategy = strategy_for(config.training.distribute)
    chief = is_chief(config.training.distribute)  # of several machines one writes
    directory = run_directory(plan) if chief else followed_directory(plan)
    cleanup = WorkDir(plan.path).kept_once_begun() if chief else contextlib.nullcontext()
    with precision(config.training.precision), cleanup, training_errors(config):
        # 2. Network, with the weights it starts from. Weights that do not fit must not leave a directory behind.
        with scope(strategy):
            network, transplant = training_network(config, dataset)

        # 3. Directory: a new one or that of the same run, locked against other processes until the end
        with directory as workdir:
            membership = Membership.of(dataset, plan.splits)
            if chief:
                workdir.keep_splits(membership, drawn=dataset.draws_splits)
            if workdir.is_complete:
                print(f"{workdir.path} is complete; remove it to train again", file=sys.stderr)
                return workdir
            if chief:
                record_beginning(workdir, plan)

            # 4. Batches: images through the whole network, or cached features through its trainable part
            with scope(strategy):
                inputs = open_inputs(config, dataset, plan.splits, network, strategy)

                # 5. The first loss, the scores and the optimizer
                encoder = [layer.name for layer in encoder_layers(network)]
                optimizer = build_optimizer(config.training, steps_per_epoch=inputs.steps_per_epoch, encoder=encoder)
                compile_stage(plan, plan.stages[0], inputs, optimizer)
                inputs.trained.optimizer.build(inputs.trained.trainable_variables)
            if not quiet:
                print(describe(plan, workdir, network, inputs, membership, transplant), file=sys.stderr)

            # 6. Epochs, from the last checkpoint on; every epoch ends in a validation and a new checkpoint
            earlier = resumed(workdir, network, inputs)
            if chief:
                workdir.go_on()
            entries = fit(plan, workdir, network, inputs, earlier, writes=chief)

            # 7. Results: the best weights as a model for users, and its scores
            if chief:
                seconds = time.perf_counter() - started + sum(entry["seconds"] for entry in earlier)
                with measuring_errors():
                    finish(plan, workdir, network, inputs, entries, seconds=seconds, transplant=transplant)
            return workdir
