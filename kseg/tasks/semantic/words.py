"""Findings from the scores of a semantic network, in sentences."""

from collections.abc import Mapping
from typing import Any

import numpy as np

WORTH_A_THRESHOLD = 0.005
"""Gain in IoU by another threshold that is worth a sentence."""
OFF = 0.05
"""Calibration error from which probabilities should not be trusted."""


def remarks(split: str, per_image: np.ndarray, scores: Mapping[str, Any]) -> list[str]:
    """A few sentences, each derived from a number.

    Args:
      split: the split that was measured.
      per_image: IoU of each image.
      scores: `SemanticEvaluation.scores`.
    """
    sentences = []
    iou = per_image[~np.isnan(per_image)]
    if len(iou):
        sentences.append(
            f"Half of the {len(iou)} {split} images have an IoU above {np.median(iou):.3f}; "
            f"the worst has {iou.min():.3f}."
        )
    known = {name: value for name, value in scores["iou_class"].items() if not np.isnan(value)}
    if len(scores["iou_class"]) > 2 and known:
        weakest = min(known, key=known.__getitem__)
        sentences.append(f"The weakest class is {weakest} (IoU {known[weakest]:.3f}).")
    if "best_threshold" in scores:
        gain = scores["iou_at_best_threshold"] - scores["iou_dataset"]
        if gain > WORTH_A_THRESHOLD:
            sentences.append(
                f"A threshold of {scores['best_threshold']:.2f} instead of 0.5 would give IoU "
                f"{scores['iou_at_best_threshold']:.3f}; choose it on the validation split."
            )
        if scores["calibration_error"] > OFF:
            sentences.append(
                f"Probabilities are off by {scores['calibration_error']:.3f} on average: use the mask, not the numbers."
            )
    return sentences
