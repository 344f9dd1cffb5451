"""What the course of the validation IoU says: whether a run was cut short."""

import math
from collections.abc import Sequence
from typing import Any

SCORE = "val_iou"

LATE = 3
"""The last third of the epochs is what a curve ends with."""

RISE = 0.01
"""IoU that the last third has to add to all epochs before it: less is within the ups and downs of a flat end."""


def still_rising(entries: Sequence[dict[str, Any]]) -> bool:
    """Whether more epochs promise a better validation IoU.

    The best epoch is among the last, as many as a tenth of all, and its IoU is `RISE` above the best of the first two
    thirds. A rate that falls to 0 over the run flattens the end, so a curve that rises there was cut well short.
    One epoch says nothing.
    """
    scores = [(-math.inf if value is None or math.isnan(value) else value) for value in _values(entries)]
    if len(scores) < 2:
        return False
    late = max(1, len(scores) // LATE)
    best = max(range(len(scores)), key=scores.__getitem__)
    return best >= len(scores) - max(1, len(scores) // 10) and scores[best] >= max(scores[:-late]) + RISE


def _values(entries: Sequence[dict[str, Any]]) -> list[float | None]:
    return [entry.get(SCORE) for entry in entries]
