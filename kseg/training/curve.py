"""Whether the validation score was still rising at the end of a run."""

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

    The best epoch is in the last tenth, and its score is `RISE` above the best of the first two thirds. A learning rate
    that falls to 0 over the run flattens the end, so a curve that rises there was cut well short. False for one epoch.
    """
    scores = [(-math.inf if value is None or math.isnan(value) else value) for value in _values(entries, score)]
    if len(scores) < 2:
        return False
    late = max(1, len(scores) // LATE)
    best = max(range(len(scores)), key=scores.__getitem__)
    return best >= len(scores) - max(1, len(scores) // 10) and scores[best] >= max(scores[:-late]) + RISE


def _values(entries: Sequence[dict[str, Any]], score: EpochScore) -> list[float | None]:
    return [entry.get(score.key) for entry in entries]
