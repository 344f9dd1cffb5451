"""What the course of the validation score says: whether a run was cut short."""

import math
from collections.abc import Sequence
from typing import Any

from kseg.tasks import EpochScore
from kseg.training.kept_epoch import OF_DEFAULT

LATE = 3
"""The last third of the epochs is what a curve ends with."""

RISE = 0.01
"""What the last third has to add to the best score before it: less is within the ups and downs of a flat end."""


def still_rising(entries: Sequence[dict[str, Any]], score: EpochScore = OF_DEFAULT) -> bool:
    """Whether more epochs promise a better score of the validation images.

    The best epoch is among the last, as many as a tenth of all, and its score is `RISE` above the best of the first two
    thirds. A rate that falls to 0 over the run flattens the end, so a curve that rises there was cut well short.
    One epoch says nothing.
    """
    scores = [(-math.inf if value is None or math.isnan(value) else value) for value in _values(entries, score)]
    if len(scores) < 2:
        return False
    late = max(1, len(scores) // LATE)
    best = max(range(len(scores)), key=scores.__getitem__)
    return best >= len(scores) - max(1, len(scores) // 10) and scores[best] >= max(scores[:-late]) + RISE


def _values(entries: Sequence[dict[str, Any]], score: EpochScore) -> list[float | None]:
    return [entry.get(score.key) for entry in entries]
