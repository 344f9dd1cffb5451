"""The plan of a run: settings, data and losses. Whatever is wrong with them is refused before anything is made."""

import dataclasses
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from kseg.conventions import DEFAULT_TASK
from kseg.datasets import Dataset, Record, open_dataset
from kseg.datasets.class_statistics import class_statistics
from kseg.datasets.opening import check_classes_of
from kseg.errors import UsageError
from kseg.inference.evaluate import measured_split
from kseg.tasks import Task
from kseg.training.auto import Choice, choose
from kseg.training.changes import with_whole_paths
from kseg.training.config import TrainConfig, ignored_options, resolve
from kseg.training.kept_epoch import Rule
from kseg.training.network import task_of
from kseg.training.presets import DEFAULT_MODEL, preset
from kseg.training.split_classes import remarks_on_splits
from kseg.training.stages import LossStage, loss_schedule, loss_stages

LONGEST_NAME = 60
"""Most letters of a loss in the name of a run directory."""


@dataclass(frozen=True)
class Plan:
    """Everything that the steps of a run share."""

    config: TrainConfig
    """resolved"""
    choice: Choice | None
    """what `--preset auto` chose"""
    dataset: Dataset
    splits: Mapping[str, Sequence[Record]]
    """records of train, validation and, where there is one, test"""
    measured: str
    """the split that the end of the run measures"""
    kept_by: Rule
    """the rule by which the kept epoch is chosen"""
    task: Task
    stages: Sequence[LossStage]
    class_weights: tuple[float, ...] | None
    path: Path
    """the run directory"""
    command: list[str] | None
    """the command that repeats the run; None: this process's"""
    quiet: bool
    """whether to print nothing while all goes well"""


def make_plan(
    config: TrainConfig,
    path: Path | None = None,
    *,
    dataset: Dataset | None = None,
    command: list[str] | None = None,
    quiet: bool = False,
) -> Plan:
    """Settings, data and losses of a run; the arguments are those of `kseg.training.run.train`.

    Prints the choice of `--preset auto`, and remarks on what is odd but no error.
    Raises: UsageError, Failure.
    """
    # 1. settings: as given, as chosen by `--preset auto`, or else the model's own
    config = with_whole_paths(config)
    config = config if dataset else with_preset_data(config)
    dataset = dataset or open_dataset(config.data)
    settled = partial(resolve, image_size=dataset.training_size, num_classes=len(dataset.classes))
    choice = choose(config, dataset, path, settle=settled, path_of=default_path)
    if choice is not None and not quiet:
        print(choice, file=sys.stderr)
    config = config if choice is None else choice.config
    # An unknown network, one for another task than the data's, and an unknown loss are refused before files are read.
    answered = task_of(settled(config)).name
    check_classes_of(config.data, answered)
    dataset = dataset.for_task(answered)
    config = resolve(config, image_size=dataset.training_size, num_classes=len(dataset.classes))
    check_probabilities(config)
    schedule = loss_schedule(config)

    # 2. data; truth that cannot be read must be noticed before hours of training
    measured = measured_split(dataset)
    splits = {split: dataset.records(split) for split in dict.fromkeys(("train", "validation", measured))}
    dataset.label_counts(splits[measured])
    task = task_of(config)
    remarks, kept_by = remarks_on_splits(dataset, splits, task.score)

    # 3. losses
    weights = class_weights(config, dataset, splits["train"])
    stages = loss_stages(config, schedule, weights)

    # 4. remarks; `describe` prints those on a folder when the run begins
    if quiet or not dataset.reading:
        print_remarks(remarks)
    if not quiet:
        print_remarks(ignored_options(config))
    return Plan(
        config=config,
        choice=choice,
        dataset=dataset,
        splits=splits,
        measured=measured,
        kept_by=kept_by,
        task=task,
        stages=stages,
        class_weights=weights,
        path=path or default_path(config),
        command=command,
        quiet=quiet,
    )


def with_preset_data(config: TrainConfig) -> TrainConfig:
    """The configuration with open options of its data set filled in: the model's preset, or else the usual value."""
    of_model = preset(config.model.model or DEFAULT_MODEL, config.data.dataset, config.model.given.get("encoder"))
    values = {**config.data.usual, **of_model}
    missing = {name: value for name, value in values.items() if getattr(config.data, name, 0) is None}
    return dataclasses.replace(config, data=dataclasses.replace(config.data, **missing)) if missing else config


def check_probabilities(config: TrainConfig) -> None:
    """Raises: UsageError where `--test-crf` or `--test-probabilities` is given for a task without probabilities."""
    task = task_of(config).name
    for given, words in (
        (config.training.test_crf, "--test-crf refines"),
        (config.training.test_probabilities, "--test-probabilities keeps"),
    ):
        if given and task != DEFAULT_TASK:
            raise UsageError(
                f"{words} the probabilities of a pixel's classes; {config.model.model} answers the task {task!r}: "
                "leave it out"
            )


def print_remarks(remarks: Sequence[str]) -> None:
    for remark in remarks:
        print(f"kseg: {remark}", file=sys.stderr)


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
    parts += data.variant_names if data.classes_of is None else [f"{data.classes_of}_classes"]
    parts += [name_of_loss(data.category.lower())] if data.category else []
    parts += [config.loss.class_weights] if config.loss.class_weights != "none" else []
    parts += ["scales", *(f"{scale:g}" for scale in sorted(config.model.scales))] if config.model.scales else []
    parts += ["loss_stride", str(config.loss.loss_stride)] if config.loss.loss_stride != 1 else []
    return Path("runs") / "-".join(parts)


def name_of_loss(spec: str) -> str:
    """A loss as part of a file name: `bce_0.5_iou`; a long one ends in a digest of the whole."""
    name = re.sub(r"[^0-9A-Za-z.]+", "_", spec).strip("_.")
    return name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}_{sha256(spec.encode()).hexdigest()[:8]}"
