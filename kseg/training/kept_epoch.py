"""The epoch whose weights a run keeps: one order of epochs, for saving, early stopping, progress and results alike."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from kseg.conventions import DEFAULT_TASK
from kseg.tasks import TASKS, EpochScore

LOSS = "val_loss"

STAGE = "stage"
"""Key of an entry: which of several losses was minimized, from 1."""

OF_DEFAULT = TASKS[DEFAULT_TASK].score

Rule = str
"""What decides: `by_score`, `BY_LOSS` or `LAST`. The task's score on the validation images, such as "validation IoU",
decides unless the validation split cannot give one. Where the split shows no object, an empty prediction is perfect and
any other scores 0, so the loss decides. Where it is all void, every epoch scores the same, and the last one is kept."""

BY_LOSS: Rule = "validation loss"
LAST: Rule = "last epoch"


def by_score(score: EpochScore) -> Rule:
    """The rule by which the score decides."""
    return f"validation {score.title}"


def rule_for(shown: set[int], num_classes: int, score: EpochScore = OF_DEFAULT) -> Rule:
    """The rule of a run whose validation split shows the classes with these ids."""
    if not shown:
        return LAST
    return BY_LOSS if num_classes == 2 and 1 not in shown else by_score(score)


def rank(
    entry: Mapping[str, Any], rule: Rule | None = None, score: EpochScore = OF_DEFAULT
) -> tuple[float, float, float]:
    """The rank of an epoch: the kept epoch has the greatest rank, and is the first among equals.

        by the score      the greatest score; among equals the lowest loss (also without a rule)
        validation loss   the lowest loss
                          Where one loss follows another, their values have no common scale: the last loss decides.
        last epoch        the last

    A score or a loss that is not a number is worse than any number.

    >>> entries = {"epoch": 1, "val_iou": 0.5, "val_loss": 0.2}, {"epoch": 2, "val_iou": 0.5, "val_loss": 0.1}
    >>> rank(entries[1]) > rank(entries[0])
    True
    """
    if rule == LAST:
        return entry["epoch"], 0.0, 0.0
    loss = (entry.get(STAGE, 0), _or_worst(entry.get(LOSS), sign=-1))
    return (*loss, 0.0) if rule == BY_LOSS else (_or_worst(entry.get(score.key)), *loss)


def best_entry(
    entries: Iterable[dict[str, Any]], rule: Rule | None = None, score: EpochScore = OF_DEFAULT
) -> dict[str, Any] | None:
    """The entry of the kept epoch; None before the first epoch."""
    return max(entries, key=lambda entry: rank(entry, rule, score), default=None)


def _or_worst(value: float | None, sign: int = 1) -> float:
    return -math.inf if value is None or math.isnan(value) else sign * value
