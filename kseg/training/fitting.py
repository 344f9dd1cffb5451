"""The epochs of a run: Keras' `fit` for every loss in turn, with the callbacks that save, show and stop."""

import sys
from collections.abc import Sequence
from typing import Any

import keras

from kseg.errors import UsageError
from kseg.pipeline import own_errors
from kseg.tasks import Outputs
from kseg.training.callbacks import (
    BestWeights,
    History,
    KeepTrainedWeights,
    Progress,
    StopOnNonFiniteLoss,
    StopWhenStale,
    WholeScores,
)
from kseg.training.callbacks.overlays import TensorBoardOverlays, TensorBoardScalars, open_events
from kseg.training.changes import new_run_command
from kseg.training.checkpoint import load_checkpoint
from kseg.training.compilation import extent
from kseg.training.config import TrainConfig
from kseg.training.distribution import scope
from kseg.training.inputs import SHOWN, Inputs
from kseg.training.plan import Plan
from kseg.training.stages import LossStage
from kseg.training.trained import Objective
from kseg.training.workdir import WorkDir

Entries = Sequence[dict[str, Any]]
"""The entries of `metrics.jsonl`, one an epoch."""


def compile_stage(plan: Plan, stage: LossStage, inputs: Inputs, optimizer: Any) -> None:
    """Compile for one loss. An optimizer that has trained before keeps its state and its place in the schedule."""
    by_xla = extent(plan.config, inputs.steps_per_epoch)
    of_loss = by_xla == "scores" and not stage.loss.slow_under_xla
    scores = plan.task.metrics(len(plan.dataset.classes))
    loss = stage.loss.bound(inputs.trained)
    objective = Objective(loss, scores, loss_by_xla=of_loss, scores_by_xla=by_xla == "scores")
    inputs.trained.prepare(objective, optimizer=optimizer, jit_compile=by_xla == "step")


def resumed(workdir: WorkDir, network: keras.Model, inputs: Inputs) -> Entries:
    """The entries of the epochs done so far, whose state is restored from the last checkpoint; [] without one."""
    if not workdir.last.exists():
        return []
    entries = load_checkpoint(workdir.last, network, inputs.trained)["entries"]
    print(f"resuming after epoch {entries[-1]['epoch']}", file=sys.stderr)
    return entries


def fit(
    plan: Plan, workdir: WorkDir, network: keras.Model, inputs: Inputs, earlier: Entries, *, writes: bool = True
) -> Entries:
    """Train every loss for its epochs, except those done `earlier`; returns the entries of all epochs.

    `writes`: whether this process writes the run's files.
    """
    # 1. history and callbacks, which span all stages
    check_updates(plan.config, inputs)
    history = History(workdir, network, list(earlier), writes=writes, rule=plan.kept_by, score=plan.task.score)
    patience = plan.config.training.patience
    assert patience is not None  # resolved
    stale = StopWhenStale(history, patience, first=plan.stages[-1].first)
    callbacks = callbacks_of(plan, workdir, inputs, history, stale)
    # 2. the stages that are not done, each with its loss
    for number, stage in enumerate(plan.stages, start=1):
        done = len(history.entries)
        if done >= stage.end or stale.is_stale():
            continue
        if len(plan.stages) > 1:
            history.stage = number
            if not plan.quiet:
                print(f"epochs {done + 1} to {stage.end}: {stage.spec}", file=sys.stderr)
        if stage is not plan.stages[0]:
            with scope(inputs.strategy):
                compile_stage(plan, stage, inputs, inputs.trained.optimizer)
        staged = inputs.for_loss(stage.loss.reads)
        with own_errors(*staged.sources):
            inputs.trained.fit(
                staged.training_batches(start_epoch=done),
                **staged.validation(),
                initial_epoch=done,
                epochs=stage.end,
                steps_per_epoch=inputs.steps_per_epoch,
                callbacks=callbacks,
                shuffle=False,  # the batches come in the run's own order
                verbose=0,
            )
    return history.entries


def callbacks_of(
    plan: Plan, workdir: WorkDir, inputs: Inputs, history: History, stale: StopWhenStale
) -> list[keras.callbacks.Callback]:
    """The callbacks of a run, in the order in which they have to act."""
    options = plan.config.training
    assert options.epochs is not None  # resolved
    callbacks: list[keras.callbacks.Callback] = []
    whole = WholeScores(plan.task, plan.dataset, inputs, shown=SHOWN) if plan.task.measured_whole else None
    if whole is not None:
        callbacks.append(whole)
    callbacks += [
        StopOnNonFiniteLoss(lambda: calmer(plan.config, workdir, plan.command)),
        history,
        BestWeights(history),
        stale,
    ]
    if not plan.quiet:
        callbacks.append(Progress(history, epochs=options.epochs, steps=inputs.steps_per_epoch))
    if options.ema is not None:
        callbacks += [keras.callbacks.SwapEMAWeights(), KeepTrainedWeights()]
    if options.tensorboard and options.keep == "everything" and history.writes:
        callbacks += tensorboard_callbacks(plan, workdir, inputs, history, whole.first if whole is not None else ())
    return callbacks


def tensorboard_callbacks(
    plan: Plan, workdir: WorkDir, inputs: Inputs, history: History, validated: Sequence[Outputs]
) -> list[keras.callbacks.Callback]:
    """The callbacks that write scalars and overlays. TensorFlow writes them, so other backends have none."""
    if keras.backend.backend() != "tensorflow":
        print(
            "no TensorBoard events: they need the TensorFlow backend (metrics.jsonl has the numbers)", file=sys.stderr
        )
        return []
    writer = open_events(workdir.tensorboard)
    return [
        TensorBoardScalars(history, writer),
        TensorBoardOverlays(
            workdir.tensorboard, writer, plan.task, plan.dataset, *inputs.shown_examples(), validated=validated
        ),
    ]


def check_updates(config: TrainConfig, inputs: Inputs) -> None:
    """Refuse a run that ends before its first update."""
    options = config.training
    assert options.epochs is not None  # resolved
    steps = options.epochs * inputs.steps_per_epoch
    if options.accumulate > steps:
        raise UsageError(
            f"--accumulate is {options.accumulate} and the whole run has {steps} steps, so no weight would ever "
            "change; accumulate fewer"
        )


def calmer(config: TrainConfig, workdir: WorkDir, command: Sequence[str] | None) -> str:
    """The remedy for a loss that is no number: a lower rate, from the start or from the run's best weights on."""
    rate = config.training.learning_rate
    assert rate is not None  # resolved
    if not workdir.last.exists():
        return "repeat the command with a lower --learning-rate or with --clip-norm 1"
    flags = {"--learning-rate": f"{rate / 10:g}"}
    weights = str(config.model.weights)  # resolved
    return "go on from its best weights: " + new_run_command(
        workdir.path, command, flags=flags, encoder_weights=weights
    )
