"""The lines that tell a person what a run is about to do."""

from collections.abc import Mapping, Sequence

import keras

from kseg.datasets import Dataset, Record
from kseg.datasets.membership import Membership
from kseg.datasets.presence import absences, classes_without_pixels
from kseg.encoders import TransplantReport
from kseg.training.config import TrainConfig
from kseg.training.inputs import Inputs
from kseg.training.network import count_trainable
from kseg.training.plan import Plan
from kseg.training.workdir import WorkDir
from kseg.wording import counted, listed

MOST_CLASSES = 21
"""Classes that the first line names, enough for VOC; the others are counted."""


def describe(
    plan: Plan,
    workdir: WorkDir,
    network: keras.Model,
    inputs: Inputs,
    membership: Membership,
    transplant: TransplantReport | None,
) -> str:
    """What is about to happen, in a few lines; `transplant` reports on the weights that the network starts from."""
    # 1. lines of every run
    config, dataset, splits = plan.config, plan.dataset, plan.splits
    options = config.training
    assert options.batch_size is not None and options.epochs is not None  # resolved
    counts = ", ".join(f"{len(records)} {split}" for split, records in splits.items())
    classes = listed(dataset.classes, MOST_CLASSES)
    whole = " (all training images)" if len(splits["train"]) < options.batch_size else ""
    lines = [
        f"{config.model.model} · {config.loss.loss} · {dataset.name} ({classes}) → {workdir.path}",
        f"  images    {counts}, {describe_size(config)}",
        *(f"  reading   {sentence}" for sentence in dataset.reading),
        *(f"  missing   {sentence}" for sentence in missing_classes(dataset, splits)),
        f"  weights   {count_trainable(network):,} of {network.count_params():,} trained",
        f"  training  {options.optimizer} {options.learning_rate:g} {options.schedule}, "
        f"batch {options.batch_size}{whole}, at most {counted(options.epochs, 'epoch')} of "
        f"{counted(inputs.steps_per_epoch, 'step')}, {options.precision}",
    ]
    # 2. lines of some runs
    if inputs.positives is not None:
        lines.append(
            f"  batches   each with at least {inputs.positives.per_batch} of the {len(inputs.positives.indices)} "
            f"training images that show {dataset.classes[1]}"
        )
    if plan.class_weights is not None:
        shown = ", ".join(
            f"{name} {weight:.3g}" for name, weight in zip(dataset.classes, plan.class_weights, strict=True)
        )
        lines.append(f"  classes   weighed by {config.loss.class_weights}: {shown}")
    if inputs.note:
        lines.append(f"  features  {inputs.note}")
    if transplant is not None:
        lines.append(f"  start     {transplant}")
    return "\n".join([*lines, *(f"  {line}" for line in remarks_on_files(dataset, membership))])


def describe_size(config: TrainConfig) -> str:
    """The size of images in training: resized, or crops."""
    image, seen = config.model.image_size, config.training_size
    if image is None:
        return (
            f"trained in random crops of {seen[0]}×{seen[1]} of images that are not resized, with void around smaller "
            "ones; validated and measured as wholes"
        )
    if seen == image:
        return f"trained at {image[0]}×{image[1]}"
    larger = any(have < want for have, want in zip(image, seen, strict=True))
    margin = " with void around them" if larger else ""
    return (
        f"resized to {image[0]}×{image[1]}, trained in random crops of {seen[0]}×{seen[1]}{margin}, validated as wholes"
    )


def missing_classes(dataset: Dataset, splits: Mapping[str, Sequence[Record]]) -> list[str]:
    """Which split of a folder lacks which class, and which classes no mask shows, a sentence each.

    The masks of other data sets are not read: they are known to show the classes that they name.
    """
    if not dataset.reading:
        return []
    pixels = {split: dataset.label_counts(records).sum(axis=0) for split, records in splits.items()}
    problems, remarks = absences(dataset.classes, pixels)
    if dataset.options.category is None and dataset.options.limit is None:
        problems = classes_without_pixels(dataset, sum(pixels.values())) + problems
    return problems + remarks


def remarks_on_files(dataset: Dataset, membership: Membership) -> list[str]:
    """Lines on how the files were recognized, and on pictures that are in more than one split."""
    lines = [f"files     {line}" for line in dataset.layout]
    if twice := membership.in_two_splits():
        first, other = twice[0]
        are = "pictures are" if len(twice) > 1 else "picture is"
        lines.append(
            f"leak      {len(twice)} {are} in more than one split under several names ({first} is {other}), which "
            "flatters the scores; `kseg data check` names them"
        )
    return lines
