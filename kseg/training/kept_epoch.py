"""The epoch whose weights a run keeps: one order of epochs, for saving, early stopping, progress and results alike."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

SCORE, LOSS = "val_iou", "val_loss"

Rule = Literal["validation IoU", "validation loss", "last epoch"]
"""What decides. The validation IoU, unless the validation split cannot give one: where it shows no object, predicting
nothing is perfect and anything else 0, so the loss decides; where it holds void alone, every epoch scores the same, and
the last one has trained longest."""

BY_SCORE: Rule = "validation IoU"

BY_LOSS: Rule = "validation loss"
"""Of a task without a score of its own after every epoch, too."""


def rule_for(shown: set[int], num_classes: int) -> Rule:
    """The rule of a run whose validation split shows the classes with these ids."""
    if not shown:
        return "last epoch"
    return BY_LOSS if num_classes == 2 and 1 not in shown else BY_SCORE


def rank(entry: Mapping[str, Any], rule: Rule = BY_SCORE) -> tuple[float, float]:
    """What epochs are compared by: the kept epoch has the greatest rank, and of equal ranks the first.

        validation IoU    the greatest IoU; of equal ones, the lowest loss
        validation loss   the lowest loss
        last epoch        the last

    An IoU or a loss that is not a number is worse than any that is.

    >>> rank({"epoch": 2, "val_iou": 0.5, "val_loss": 0.1}) > rank({"epoch": 1, "val_iou": 0.5, "val_loss": 0.2})
    True
    """
    if rule == "last epoch":
        return entry["epoch"], 0.0
    loss = _or_worst(entry.get(LOSS), sign=-1)
    return (_or_worst(entry.get(SCORE)), loss) if rule == BY_SCORE else (loss, 0.0)


def best_entry(entries: Iterable[dict[str, Any]], rule: Rule = BY_SCORE) -> dict[str, Any] | None:
    """The entry of the kept epoch; None before the first epoch."""
    return max(entries, key=lambda entry: rank(entry, rule), default=None)


def _or_worst(value: float | None, sign: int = 1) -> float:
    return -math.inf if value is None or math.isnan(value) else sign * value
