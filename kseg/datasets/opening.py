"""Makes the options of a data set by its name, and opens the data set."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kseg.conventions import DEFAULT_TASK
from kseg.datasets.base import DATASETS, Dataset
from kseg.datasets.category import category_id
from kseg.datasets.options import DataOptions
from kseg.errors import Failure, UsageError

DEFAULT_DATASET = "synthetic"
"""Needs neither files nor a download."""

OWN_FILES = "folder"
"""What --data-dir alone means: a folder of the user's images and masks."""


def data_options(dataset: str = DEFAULT_DATASET, data_dir: Path | str | None = None, **options: Any) -> DataOptions:
    """The options of a data set, as its own `Dataset.Options`.

    >>> data_options("lfw", hair=False).variant_names
    ('no_hair',)

    Args:
      dataset: its name in `DATASETS`.
      data_dir: where its files lie (None: $KSEG_DATA/NAME or data/NAME).
      options: of every data set (`limit`, `category`) and of this one.
    Raises:
      UsageError: there is no such data set, or it has no such option.
    """
    kind = DATASETS[dataset].Options
    known = option_names(kind)
    if unknown := [name for name in options if name not in known]:
        own = own_options(kind)
        has = f"its own options are {', '.join(own)}" if own else "it has no options of its own"
        raise UsageError(f"{dataset} has no option {', '.join(unknown)}; {has}{_elsewhere(unknown)}")
    return kind(dataset, None if data_dir is None else Path(data_dir), **options)


def open_dataset(options: DataOptions, task: str | None = None, *, with_problems: bool = False) -> Dataset:
    """The data set that `options` name, checked for its files but without reading a pixel; binary with `category`.

    Args:
      task: the task of its truth (None: its default task).
      with_problems: whether a data set with problems is returned too, as `kseg data check` needs.
    Raises:
      Failure: for its first problem, unless `with_problems`.
      UsageError: the options are of another data set than they name, or its files do not exist.
    """
    kind = DATASETS[options.dataset]
    if not isinstance(options, kind.Options):
        raise UsageError(
            f"{type(options).__name__} are not the options of {options.dataset}; make them with "
            f"kseg.datasets.data_options({options.dataset!r}, …)"
        )
    dataset = kind(options)
    if dataset.problems and not with_problems:
        more = len(dataset.problems) - 1
        others = f" ({more} more: `kseg data check` names {'it' if more == 1 else 'them'})" if more else ""
        raise Failure(f"{dataset.problems[0]}{others}")
    if options.classes_of is not None:
        dataset.check_answers(options.classes_of)
    dataset = dataset if task is None else dataset.for_task(task)
    if options.category is None:
        return dataset
    return dataset.only([category_id(dataset.classes, options.category, dataset.name)])


def check_data_dir(options: DataOptions) -> None:
    """Raises UsageError where a folder is given for a data set that reads no files, since it would be ignored."""
    if options.data_dir is not None and not DATASETS[options.dataset].reads_files:
        raise UsageError(
            f"--data-dir {options.data_dir} was given for --dataset {options.dataset}, which is drawn and reads no "
            "files; pass --dataset folder for your own images and masks, or the name of the data set in that folder"
        )


def check_classes_of(options: DataOptions, task: str) -> None:
    """Raises UsageError where `classes_of` is given for a task that has its own classes."""
    if options.classes_of not in (None, task) and task != DEFAULT_TASK:
        raise UsageError(
            f"--classes-of {options.classes_of} is for networks of the task {DEFAULT_TASK!r}; this one is for the task "
            f"{task!r}, which has its own classes: leave it out"
        )


def option_names(kind: type[DataOptions]) -> tuple[str, ...]:
    """The fields of a data set's options, those of every data set first."""
    return tuple(field.name for field in dataclasses.fields(kind))


def own_options(kind: type[DataOptions]) -> tuple[str, ...]:
    """The fields that a data set adds to those of every data set."""
    return tuple(name for name in option_names(kind) if name not in option_names(DataOptions))


def owners(option: str) -> tuple[str, ...]:
    """The data sets that have an option of their own by this name; () for an option of all data sets or of none."""
    return tuple(name for name, kind in DATASETS.items() if option in own_options(kind.Options))


def without_foreign(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of a stored group of data options without those of other data sets, and the keys left out.

    Until data sets had options of their own, every file held the options of all of them.
    """
    known = option_names(DATASETS[str(values.get("dataset", DEFAULT_DATASET))].Options)
    foreign = [key for key in values if key not in known and owners(key)]
    return {key: value for key, value in values.items() if key not in foreign}, foreign


def left_out(foreign: Sequence[str], values: Mapping[str, Any], *, where: str) -> str:
    """The note on options of other data sets in the file `where`."""
    options = "; ".join(f"{key}, which is of {', '.join(owners(key))}" for key in foreign)
    dataset = values.get("dataset", DEFAULT_DATASET)
    return f"{where} sets {options}: {'these mean' if len(foreign) > 1 else 'it means'} nothing for {dataset}; left out"


def drawn_with(options: DataOptions) -> dict[str, Any]:
    """The options of a synthetic data set that differ from the defaults and reproduce it; {} for other data sets."""
    if DATASETS[options.dataset].reads_files:
        return {}
    unset = {**vars(data_options(options.dataset)), "limit": options.limit}
    return {
        name: value
        for name, value in vars(options).items()
        if value not in (unset[name], options.usual.get(name, unset[name]))
    }


def retargeted(options: DataOptions, dataset: str) -> DataOptions:
    """The options of another data set, with the values that both share."""
    known = option_names(DATASETS[dataset].Options)
    return data_options(
        **{name: value for name, value in vars(options).items() if name in known} | {"dataset": dataset}
    )


def _elsewhere(options: list[str]) -> str:
    elsewhere = [f"{option} is of {', '.join(owners(option))}" for option in options if owners(option)]
    return f" ({'; '.join(elsewhere)})" if elsewhere else ""
