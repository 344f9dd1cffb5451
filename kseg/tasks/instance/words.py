"""What the scores of a network that finds objects say, in sentences."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kseg.wording import counted

LAG = 0.15
"""AP that small objects lie behind all by, or masks behind boxes, to be mentioned."""


def remarks(scores: Mapping[str, Any]) -> list[str]:
    """A few sentences, each derived from a number of `InstanceEvaluation.scores`."""
    said, (low, high) = [], scores["AP_interval"].values()
    objects, missed, false = (scores[name] for name in ("objects", "missed", "false"))
    if not np.isnan(low):
        said.append(f"Other images of the same kind would give a mask AP from {low:.3f} to {high:.3f} (95 %).")
    if objects:
        said.append(
            f"Of {counted(objects, 'object')} {missed} {'is' if missed == 1 else 'are'} missed and "
            f"{counted(false, 'detection')} {'is' if false == 1 else 'are'} none, at a score and an IoU of 0.5."
        )
    overall, small, boxes = scores["AP"], scores["APs"], scores["box_AP"]
    if overall - small > LAG:
        said.append(f"Small objects, under 32×32 pixels, are found worst (AP {small:.3f}): train at a larger size.")
    if boxes - overall > LAG:
        said.append(
            f"Boxes (AP {boxes:.3f}) are better than masks: a mask head with more convolutions, or "
            "another loss of masks, may help."
        )
    known = {name: value for name, value in scores["AP_class"].items() if not np.isnan(value)}
    if len(known) > 1:
        weakest = min(known, key=known.__getitem__)
        said.append(f"The weakest class is {weakest} (AP {known[weakest]:.3f}).")
    return said
