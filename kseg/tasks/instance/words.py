"""Findings from the scores of a network that finds objects, in sentences."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kseg.wording import counted

LAG = 0.15
"""Difference in AP, of small objects from all or of masks from boxes, that is worth a sentence."""


def remarks(scores: Mapping[str, Any]) -> list[str]:
    """A few sentences, each derived from a number of `InstanceEvaluation.scores`."""
    sentences, (low, high) = [], scores["AP_interval"].values()
    objects, missed, false = (scores[name] for name in ("objects", "missed", "false"))
    if not np.isnan(low):
        sentences.append(f"Other images of the same kind would give a mask AP from {low:.3f} to {high:.3f} (95 %).")
    if objects:
        sentences.append(
            f"At a score and an IoU of 0.5, {missed} of {counted(objects, 'object')} {'is' if missed == 1 else 'are'} "
            f"missed and {counted(false, 'detection')} {'matches' if false == 1 else 'match'} no object."
        )
    overall, small, boxes = scores["AP"], scores["APs"], scores["box_AP"]
    if overall - small > LAG:
        sentences.append(
            f"Small objects, under 32×32 pixels, are found worst (AP {small:.3f}): train at a larger size."
        )
    if boxes - overall > LAG:
        sentences.append(
            f"Boxes (AP {boxes:.3f}) are better than masks: a mask head with more convolutions, or "
            "another loss of masks, may help."
        )
    known = {name: value for name, value in scores["AP_class"].items() if not np.isnan(value)}
    if len(known) > 1:
        weakest = min(known, key=known.__getitem__)
        sentences.append(f"The weakest class is {weakest} (AP {known[weakest]:.3f}).")
    return sentences
