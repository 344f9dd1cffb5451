"""A training run from configuration to results; calling it again with the same configuration resumes it."""

import contextlib
import re
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import keras

from kseg.atomic import write_json
from kseg.datasets import Dataset, Record, open_dataset
from kseg.datasets.class_statistics import class_statistics
from kseg.datasets.membership import Membership
from kseg.datasets.presence import absences, classes_without_pixels
from kseg.errors import UsageError
from kseg.inference.evaluate import another_split
from kseg.models import MODELS
from kseg.pipeline import own_errors
from kseg.tasks import Task
from kseg.training.auto import Choice, choose
from kseg.training.callbacks import (
    BestWeights,
    History,
    KeepTrainedWeights,
    Progress,
    StopOnNonFiniteLoss,
    StopWhenStale,
)
from kseg.training.callbacks.overlays import TensorBoardOverlays, TensorBoardScalars, open_events
from kseg.training.changes import new_run_command, with_whole_paths
from kseg.training.checkpoint import load_checkpoint
from kseg.training.compilation import extent
from kseg.training.config import TrainConfig, ignored_options, resolve
from kseg.training.description import describe
from kseg.training.distribution import is_chief, scope, strategy_for
from kseg.training.environment import describe_environment
from kseg.training.finish import finish, measured_split
from kseg.training.inputs import Inputs, open_inputs
from kseg.training.kept_epoch import Rule
from kseg.training.layer_rates import check_layer_rates, layer_rates
from kseg.training.network import task_of, training_network
from kseg.training.optimizers import build_optimizer
from kseg.training.out_of_memory import memory_errors, training_remedy
from kseg.training.precision import precision
from kseg.training.presets import DEFAULT_MODEL
from kseg.training.split_classes import remarks_on_splits
from kseg.training.stages import LossStage, loss_stages
from kseg.training.trained import Objective
from kseg.training.workdir import WorkDir
from kseg.wording import counted

LONGEST_NAME = 60
"""Letters of a loss in the name of a run."""


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
      command: what to record as the command that repeats the run (default: this process's).
      dataset: what `config.data` names, where it is open already.
      quiet: print nothing while all goes well.
    Returns:
      The run directory, complete: model.keras, results.json and everything else DESIGN 3 names, but for the report.
    Raises:
      UsageError, Failure: see their sentences; a KeyboardInterrupt leaves a run that can be resumed.
    """
    config = with_whole_paths(config)
    dataset = dataset or open_dataset(config.data)
    settled = partial(resolve, image_size=dataset.training_size, num_classes=len(dataset.classes))
    choice = choose(config, dataset, path, settle=settled, path_of=default_path)
    if choice is not None and not quiet:
        print(choice, file=sys.stderr)
    config = settled(config if choice is None else choice.config)
    MODELS[str(config.model.model)]  # an unknown name is refused before anything is made
    loss_stages(config)  # so is an unknown loss
    splits = {
        split: dataset.records(split) for split in dict.fromkeys(("train", "validation", measured_split(dataset)))
    }
    dataset.label_counts(
        splits[measured_split(dataset)]
    )  # truth that cannot be read must not be found after hours of training
    weights = class_weights(config, dataset, splits["train"])
    stages = loss_stages(config, weights)
    remarks, kept_by = remarks_on_splits(dataset, splits)
    if dataset.reading and not quiet:
        remarks = []  # `describe` says them of a folder, with what else was recognised
    for remark in [*remarks, *([] if quiet else ignored_options(config))]:
        print(f"kseg: {remark}", file=sys.stderr)
    path = path or default_path(config)
    kept = WorkDir(path).kept_once_begun() if is_chief(config.training.distribute) else contextlib.nullcontext()
    with precision(config.training.precision), kept, contextlib.ExitStack() as claim:
        return _train(config, choice, dataset, stages, weights, splits, kept_by, path, command, quiet, claim)


def _train(
    config: TrainConfig,
    choice: Choice | None,
    dataset: Dataset,
    stages: Sequence[LossStage],
    weights: tuple[float, ...] | None,
    splits: Mapping[str, Sequence[Record]],
    kept_by: Rule,
    path: Path,
    command: list[str] | None,
    quiet: bool,
    claim: contextlib.ExitStack,
) -> WorkDir:
    """`train` of a resolved configuration, once everything that can be refused beforehand is."""
    started = time.perf_counter()
    keras.utils.set_random_seed(config.training.seed)
    batch, size = config.training.batch_size, config.training_size
    assert batch is not None  # resolved
    enough_memory = partial(
        memory_errors, f"in training with batches of {batch} images of {size[0]}×{size[1]}", training_remedy(batch)
    )
    strategy = strategy_for(config.training.distribute)
    with scope(strategy), enough_memory():
        # Before the directory is made: a weights file that does not fit must not leave a run behind.
        network, report = training_network(config, dataset)
        check_layer_rates(layer_rates(config.training.layer_rates or ()), network)
        chief = is_chief(config.training.distribute)
        workdir = WorkDir.open(path, config, anew=True, command=command) if chief else WorkDir(path)
        if chief:
            claim.enter_context(workdir.claimed())
            changed = workdir.adopt(config, command=command)
            if changed:
                print(f"kseg: {changed}", file=sys.stderr)
        if workdir.results.exists():
            print(f"{workdir.path} is complete; remove it to train again", file=sys.stderr)
            return workdir
        membership = Membership.of(dataset, splits)
        if chief:
            workdir.keep_splits(membership, drawn=dataset.draws_splits)
            environment = describe_environment(
                command=command, weights=str(config.model.weights), init=config.model.init
            )
            if choice is not None:
                environment["auto"] = choice.to_json()
            if weights is not None:
                environment["class_weights"] = dict(zip(dataset.classes, weights, strict=True))
            write_json(workdir.environment, environment)
        inputs = open_inputs(config, dataset, splits, network, strategy)
        check_updates(config, inputs)
        optimizer = build_optimizer(config.training, steps_per_epoch=inputs.steps_per_epoch)
        compile_stage(config, stages[0], inputs, optimizer, len(dataset.classes))
        inputs.trained.optimizer.build(inputs.trained.trainable_variables)
    if not quiet:
        missing = missing_classes(dataset, splits)
        print(describe(config, dataset, weights, splits, network, inputs, workdir, missing, report), file=sys.stderr)
        for line in remarks_on_files(dataset, membership):
            print(f"  {line}", file=sys.stderr)
    began = time.perf_counter()
    with enough_memory():
        entries = fit(config, workdir, network, inputs, dataset, stages, kept_by=kept_by, command=command, quiet=quiet)
    if chief:
        now = time.perf_counter()
        # Of epochs before a resume their own seconds are known, and not how long the process took to start.
        resumed = max(0.0, sum(entry["seconds"] for entry in entries) - (now - began))
        seconds = now - started + resumed
        with memory_errors("in measuring the test images", "free some and repeat the command, which goes on from here"):
            finish(config, workdir, network, inputs, dataset, entries, kept_by=kept_by, seconds=seconds, report=report)
    return workdir


def compile_stage(config: TrainConfig, stage: LossStage, inputs: Inputs, optimizer: Any, num_classes: int) -> None:
    """Compile for one loss; an optimizer that has trained before keeps its state and its place in the schedule."""
    by_xla = extent(config, inputs.steps_per_epoch)
    of_loss = by_xla == "scores" and not stage.loss.slow_under_xla
    scores = task_of(config).metrics(num_classes)
    objective = Objective(stage.loss, scores, loss_by_xla=of_loss, scores_by_xla=by_xla == "scores")
    inputs.trained.prepare(objective, optimizer=optimizer, jit_compile=by_xla == "step")


def fit(
    config: TrainConfig,
    workdir: WorkDir,
    network: keras.Model,
    inputs: Inputs,
    dataset: Dataset,
    stages: Sequence[LossStage],
    *,
    kept_by: Rule,
    command: Sequence[str] | None = None,
    quiet: bool = False,
) -> list[dict[str, Any]]:
    """Keras' `fit` for every loss in turn, from the last checkpoint on, if there is one; the entries of all epochs."""
    options = config.training
    assert options.epochs is not None and options.patience is not None  # resolved
    entries: list[dict[str, Any]] = []
    if workdir.last.exists():
        entries = load_checkpoint(workdir.last, network, inputs.trained)["entries"]
        print(f"resuming after epoch {entries[-1]['epoch']}", file=sys.stderr)

    history = History(workdir, network, entries, writes=is_chief(config.training.distribute), rule=kept_by)
    stale = StopWhenStale(history, options.patience, first=stages[-1].first)
    callbacks: list[keras.callbacks.Callback] = [
        StopOnNonFiniteLoss(lambda: calmer(config, workdir, command)),
        history,
        BestWeights(history),
        stale,
    ]
    if not quiet:
        callbacks.append(Progress(history, epochs=options.epochs, steps=inputs.steps_per_epoch))
    if options.ema is not None:
        callbacks += [keras.callbacks.SwapEMAWeights(), KeepTrainedWeights()]
    if options.tensorboard and options.keep == "everything" and history.writes:
        callbacks += tensorboard_callbacks(task_of(config), workdir, history, inputs, dataset)
    for stage in stages:
        done = len(history.entries)
        if done >= stage.end or stale.is_stale():
            continue
        if len(stages) > 1 and not quiet:
            print(f"epochs {done + 1} to {stage.end}: {stage.spec}", file=sys.stderr)
        if stage is not stages[0]:
            with scope(inputs.strategy):
                compile_stage(config, stage, inputs, inputs.trained.optimizer, len(dataset.classes))
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


def check_updates(config: TrainConfig, inputs: Inputs) -> None:
    """Refuse a run that ends before its first update."""
    options = config.training
    assert options.epochs is not None  # resolved
    steps = options.epochs * inputs.steps_per_epoch
    if options.accumulate > steps:
        raise UsageError(
            f"--accumulate is {options.accumulate} and the whole run has {steps} steps, so that no weight would ever "
            "change; accumulate fewer"
        )


def calmer(config: TrainConfig, workdir: WorkDir, command: Sequence[str] | None) -> str:
    """What to do about a loss that is no number: another rate from the start, or from the run's best weights on."""
    rate = config.training.learning_rate
    assert rate is not None  # resolved
    if not workdir.last.exists():
        return "repeat the command with a lower --learning-rate or with --clip-norm 1"
    flags = {"--learning-rate": f"{rate / 10:g}"}
    weights = str(config.model.weights)  # resolved
    return "go on from its best weights: " + new_run_command(
        workdir.path, command, flags=flags, encoder_weights=weights
    )


def tensorboard_callbacks(
    task: Task, workdir: WorkDir, history: History, inputs: Inputs, dataset: Dataset
) -> list[keras.callbacks.Callback]:
    """Scalars and overlays; none on another backend, where TensorFlow, which writes them, may not be installed."""
    if keras.backend.backend() != "tensorflow":
        print(
            "no TensorBoard events: they need the TensorFlow backend (metrics.jsonl has the numbers)", file=sys.stderr
        )
        return []
    writer = open_events(workdir.tensorboard)
    shown, images, labels = inputs.shown_examples()
    return [
        TensorBoardScalars(history, writer),
        TensorBoardOverlays(workdir.tensorboard, writer, task, dataset, shown, images, labels),
    ]


def class_weights(config: TrainConfig, dataset: Dataset, records: Sequence[Record]) -> tuple[float, ...] | None:
    """The weights that `--class-weights` asks for, from the label maps of the training images at their own size."""
    if config.loss.class_weights == "none":
        return None
    return class_statistics(dataset, records).weights(config.loss.class_weights)


def default_path(config: TrainConfig) -> Path:
    """`runs/MODEL-LOSS-DATASET-hair`: the same flags lead to the same run, so repeating a command resumes it."""
    data = config.data
    assert config.loss.loss is not None  # resolved
    encoder = config.model.given.get("encoder")
    parts = [config.model.model or DEFAULT_MODEL, *([encoder] if encoder else [])]
    parts += [name_of_loss(config.loss.loss), data.dataset]
    parts += data.variant_names
    parts += [name_of_loss(data.category.lower())] if data.category else []
    parts += [config.loss.class_weights] if config.loss.class_weights != "none" else []
    return Path("runs") / "-".join(parts)


def name_of_loss(spec: str) -> str:
    """A loss as part of a file name: `bce_0.5_iou`; a long one ends in a digest of the whole."""
    name = re.sub(r"[^0-9A-Za-z.]+", "_", spec).strip("_.")
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}_{sha256(spec.encode()).hexdigest()[:8]}"


def missing_classes(dataset: Dataset, splits: Mapping[str, Sequence[Record]]) -> list[str]:
    """Which split of a folder lacks which class, and which classes no mask shows, a sentence each.

    Other data sets are known to show what they name, and their masks are not read for it.
    """
    if not dataset.reading:
        return []
    pixels = {split: dataset.label_counts(records).sum(axis=0) for split, records in splits.items()}
    problems, remarks = absences(dataset.classes, pixels)
    if dataset.options.category is None and dataset.options.limit is None:
        problems = classes_without_pixels(dataset, sum(pixels.values())) + problems
    return problems + remarks


def remarks_on_files(dataset: Dataset, membership: Membership) -> list[str]:
    """What was recognised of the files, and pictures that are in more than one split."""
    lines = [f"files     {line}" for line in dataset.layout]
    if twice := membership.in_two_splits():
        first, other = twice[0]
        are = "pictures are" if len(twice) > 1 else "picture is"
        lines.append(
            f"leak      {len(twice)} {are} in more than one split under several names ({first} is {other}), which "
            "flatters the scores; `kseg data check` names them"
        )
    return lines


def summary(workdir: WorkDir) -> str:
    """What a person wants to know at the end: the figure, the files, what to try next."""
    results = workdir.read_results()
    scores = results["evaluation"]["scores"]
    path = workdir.path
    iou, mean, accuracy = (
        "undefined" if scores[name] is None else f"{scores[name]:.4f}"  # of images that are void throughout
        for name in ("iou_dataset", "iou_image", "accuracy")
    )
    scored = (
        f"{results['split']} IoU {iou}   mean per image {mean}   pixel accuracy {accuracy}   "
        f"({counted(scores['images'], 'image')}, best epoch {results['best_epoch']})"
    )
    if not workdir.model.exists():
        return f"\n{scored}\n  results {workdir.results}"
    return "\n".join(
        [
            "",
            scored,
            f"  model   {workdir.model}",
            f"  report  {workdir.report}",
            "next:",
            f"  kseg predict {path} IMAGES --out predictions        masks and overlays of your own images",
            f"  kseg evaluate {path} --split {another_split(results['split'])}",
            f"  kseg export {path} --format saved_model|onnx|litert",
            "  kseg train --dataset folder --data-dir DIR        images/ and masks/ of your own",
        ]
    )
