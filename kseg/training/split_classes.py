"""The classes that the splits of a run show: a missing class is reported, or refused, before a network is trained."""

from collections.abc import Mapping, Sequence

import numpy as np

from kseg.conventions import DEFAULT_TASK, VOID
from kseg.datasets import Dataset, Record
from kseg.datasets.presence import classes_that_count
from kseg.errors import UsageError
from kseg.tasks import EpochScore
from kseg.training.kept_epoch import OF_DEFAULT, Rule, by_score, rule_for
from kseg.wording import counted, listed


def classes_shown(dataset: Dataset, records: Sequence[Record]) -> set[int]:
    """The ids, without void, that label at least one pixel of these images; of objects and segments their classes, and
    background.

    Crowds do not count. Reading stops once every class was seen: after two or three label maps of most binary splits.
    """
    wanted, shown = set(range(len(dataset.classes))), set()
    for record in records:
        shown |= _shown_by(dataset, record)
        if wanted <= shown:
            break
    return shown & wanted


def _shown_by(dataset: Dataset, record: Record) -> set[int]:
    if dataset.task == DEFAULT_TASK:
        return set(np.unique(dataset.labels(record)).tolist()) - {VOID}
    return ({0} if dataset.has_background else set()) | classes_that_count(dataset.truth(record))


def remarks_on_splits(
    dataset: Dataset, splits: Mapping[str, Sequence[Record]], score: EpochScore = OF_DEFAULT
) -> tuple[list[str], Rule]:
    """A line for every split that lacks a class, and the rule by which the kept epoch is chosen.

    A line names the missing classes and the consequence. The rule is `score` where the validation split allows it.
    Raises:
      UsageError: the training images show a single class (or background alone), which leaves nothing to learn.
    """
    remarks, rule = [], by_score(score)
    for split, records in splits.items():
        shown = classes_shown(dataset, records)
        missing = [name for number, name in enumerate(dataset.classes) if number not in shown]
        if split == "train" and len(shown) < 2:
            raise UsageError(_nothing_to_learn(dataset, shown, len(records)))
        # Without an object the split is like one of two classes that shows background alone.
        count = 2 if dataset.task == "instance" and shown == {0} else len(dataset.classes)
        if split == "validation":
            rule = rule_for(shown, count, score)
        consequence = _consequence(split, shown, count, score, several=len(missing) > 1)
        if consequence is not None and missing:
            aside = "" if dataset.task == DEFAULT_TASK else "crowds aside, "
            images = counted(len(records), f"{split} image")
            remarks.append(f"{aside}no pixel of the {images} is {listed(missing)}: {consequence}")
    return remarks, rule


def _nothing_to_learn(dataset: Dataset, shown: set[int], count: int) -> str:
    what = dataset.classes[next(iter(shown))] if shown else "void"
    if dataset.task == "instance":
        return (
            f"the {counted(count, 'training image')} of {dataset.name} show no object, or crowds alone, so there is "
            "nothing to learn; look at them with `kseg data preview`, or choose other splits or classes"
        )
    return (
        f"every pixel of the {counted(count, 'training image')} of {dataset.name} is {what}, so there is nothing to "
        "learn; look at the masks with `kseg data preview`, or choose other splits or classes"
    )


def _consequence(split: str, shown: set[int], num_classes: int, score: EpochScore, *, several: bool) -> str | None:
    """The consequence of a missing class for the run; None without one."""
    binary = num_classes == 2
    if split == "train":
        return f"the network cannot learn to find {'them' if several else 'it'}"
    if binary and 1 in shown:
        return None  # a split without background: the foreground's IoU is as defined as ever
    if split == "test":
        return (
            f"{'their' if several else 'its'} test scores are undefined" if shown else "every test score is undefined"
        )
    if not shown:
        return "nothing can be validated, so that the last epoch is kept and --patience stops nothing"
    if binary:
        return f"the {by_score(score)} is 0 or undefined, so that the epoch with the lowest validation loss is kept"
    return f"{'they count' if several else 'it counts'} in no validation score"
