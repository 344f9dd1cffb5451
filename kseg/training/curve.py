"""What the course of the validation score says: whether a run was cut short."""

import math
from collections.abc import Sequence
from typing import Any

from kseg.tasks import EpochScore
from kseg.training.kept_epoch import OF_DEFAULT

LATE = 3
"""The end of a curve is the last third of its epochs."""

RISE = 0.01
"""How far the last third has to exceed the best score before it. A flat end varies by less."""


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
