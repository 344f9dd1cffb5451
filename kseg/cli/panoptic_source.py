"""Objects and classes of pixels for `kseg panoptic`: from two runs that fit each other, or from a panoptic run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kseg.cli.run_data import RunData
from kseg.conventions import TaskName
from kseg.datasets import DataOptions, Dataset, Record, open_dataset
from kseg.errors import UsageError

if TYPE_CHECKING:
    from kseg.inference import ModelCard, Predictor
    from kseg.inference.fusing import Halves
    from kseg.structures import Panoptic

SEMANTIC: TaskName = "semantic"
INSTANCE: TaskName = "instance"
PANOPTIC: TaskName = "panoptic"

MAY_DIFFER = {"classes_of", "limit", "data_dir"}
"""Options in which the data of two runs may differ."""


@dataclass(frozen=True)
class Source:
    """A data set for the panoptic task, and the networks that predict its images."""

    dataset: Dataset
    things: tuple[int, ...]
    """class ids of which there are objects"""
    networks: "Sequence[tuple[Path, ModelCard, Predictor]]"
    """that of classes and that of objects, or the panoptic one alone"""

    def truth(self, record: Record) -> "Panoptic":
        """The segments of a record."""
        from kseg.structures import Panoptic

        truth = self.dataset.truth(record)
        assert isinstance(truth, Panoptic)
        return truth

    def halves(self, records: Sequence[Record], *, confidence: float = 0.0) -> "Iterator[Halves]":
        """The halves to fuse, for the image of each record."""
        from kseg.inference import class_order
        from kseg.inference.fusing import Pair

        def images() -> Iterator[np.ndarray]:
            return (self.dataset.image(record) for record in records)

        (path, card, first), *others = self.networks
        order = class_order(card.classes, self.dataset.classes)
        if not others:
            yield from _of_panoptic(first, order, images)
            return
        (_, of_objects, second) = others[0]
        names = self.dataset.for_task(INSTANCE).classes
        model_order = class_order(of_objects.classes, names)
        class_of = np.zeros(len(names), np.int64)
        for class_id, model_id in enumerate(model_order[1:], start=1):  # 0 is background
            class_of[model_id] = self.dataset.classes.index(names[class_id])
        yield from Pair(first, second, order, class_of).halves(images, confidence=confidence)


def source_of(model: Path, instance: Path | None, data: DataOptions, batch_size: int) -> Source:
    """The networks, loaded, and the data set.

    Raises: UsageError, a sentence each, for runs of other tasks, of other classes, of other data.
    """
    from kseg.inference import Predictor, load_model
    from kseg.inference.evaluate import check_fits
    from kseg.inference.predict import fed_size
    from kseg.tasks import TASKS
    from kseg.tasks.panoptic.kinds import Kinds

    # 1. data, before the models: a wrong folder is reported at once
    _check_options(data)
    if instance is not None:
        _check_same_data(model, instance)
    dataset = open_dataset(replace(data, classes_of=None), PANOPTIC)
    things = tuple(Kinds.told(len(dataset.classes), dataset.things).things.tolist())

    # 2. models
    wanted = (SEMANTIC, INSTANCE) if instance is not None else (PANOPTIC,)
    paths = [path for path in (model, instance) if path is not None]
    loaded = [(path, *load_model(path)) for path in paths]
    _check_tasks([(path, card.task) for path, _, card in loaded], wanted)
    networks = []
    for path, network, card in loaded:
        seen = open_dataset(replace(data, classes_of=PANOPTIC)).for_task(card.task)
        _check_classes(path, card, seen)
        check_fits(network, seen, TASKS[card.task])
        predictor = Predictor(network, fed_size(card, None, None), batch_size, task=TASKS[card.task])
        networks.append((path, card, predictor))
    dataset.use_range(networks[0][1].value_range)
    return Source(dataset, things, networks)


def _check_options(data: DataOptions) -> None:
    for flag, value, fits in (
        ("--category", data.category, data.category is None),
        ("--classes-of", data.classes_of, data.classes_of in (None, PANOPTIC)),
    ):
        if not fits:
            raise UsageError(f"{flag} {value} chooses other classes than those of segments; leave it out")


def _check_same_data(semantic: Path, instance: Path) -> None:
    one, other = RunData.of(semantic).options, RunData.of(instance).options
    if one is None or other is None:
        return  # the data of a model outside of a run are unknown
    if one.dataset != other.dataset:
        raise UsageError(
            f"{semantic} was trained on {one.dataset} and {instance} on {other.dataset}; fuse runs of one data set"
        )
    for field in fields(one):
        value, other_value = getattr(one, field.name), getattr(other, field.name)
        if field.name not in MAY_DIFFER and value != other_value:
            flag = f"--{field.name.replace('_', '-')}"
            raise UsageError(
                f"{semantic} was trained with {flag} {_shown(value)} and {instance} with {flag} {_shown(other_value)}; "
                "train both on the same pictures"
            )


def _shown(value: object) -> str:
    return "unset" if value is None else " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _check_tasks(given: Sequence[tuple[Path, str]], wanted: Sequence[str]) -> None:
    tasks = [task for _, task in given]
    if tasks == list(wanted):
        return
    if tasks == list(reversed(wanted)):
        raise UsageError(
            f"{given[0][0]} finds objects and {given[1][0]} tells classes of pixels; name them the other way around"
        )
    path, task, meant = next((*one, meant) for one, meant in zip(given, wanted, strict=True) if one[1] != meant)
    if meant == PANOPTIC:
        raise UsageError(
            f"{path} answers the task {task!r}; give a panoptic run, or a run that tells the class of each pixel and "
            "one that finds objects"
        )
    what = "tells the class of each pixel" if meant == SEMANTIC else "finds objects"
    raise UsageError(f"{path} answers the task {task!r}; give a run that {what} in its place")


def _check_classes(path: Path, card: "ModelCard", dataset: Dataset) -> None:
    from kseg.inference import class_order

    try:
        class_order(card.classes, dataset.classes)
    except UsageError as error:
        remedy = " (--classes-of panoptic)" if card.task == SEMANTIC else ""
        raise UsageError(
            f"{path} tells apart {', '.join(card.classes)}, and {dataset.name} has {', '.join(dataset.classes)} for "
            f"segments; train it on these{remedy}"
        ) from error


def _of_panoptic(predictor: "Predictor", order: Sequence[int], images) -> "Iterator[Halves]":
    from kseg.inference.fusing import Halves
    from kseg.tasks.panoptic.decoding import fusion_of, objects_of, stuff_of

    outputs = predictor.outputs(images(), original_size=False)
    for image, one in zip(images(), outputs, strict=True):
        in_order, size = predictor.task.reordered(one, order), image.shape[:2]
        yield Halves(objects_of(in_order, size), stuff_of(in_order, size), fusion_of(in_order))
