"""From probabilities to classes."""

import numpy as np

from kseg.datasets.images import Streamed, probability_strips


def predicted_classes(probabilities: np.ndarray, *, threshold: float = 0.5) -> np.ndarray:
    """uint8 (H, W) of (H, W, C): foreground where p ≥ threshold (C = 1 or 2), else the class of the largest p."""
    if probabilities.shape[-1] <= 2:
        return (foreground_probability(probabilities) >= threshold).astype(np.uint8)
    return np.argmax(probabilities, axis=-1).astype(np.uint8)


def predicted_labels(
    probabilities: np.ndarray | Streamed, size: tuple[int, ...] | None = None, *, threshold: float = 0.5
) -> np.ndarray:
    """uint8 (H, W): `predicted_classes` of the probabilities resized to `size`, which are never held as a whole."""
    labels = np.empty(size or probabilities.shape[:2], np.uint8)
    for where, strip in probability_strips(probabilities, labels.shape):
        labels[where] = predicted_classes(strip, threshold=threshold)
    return labels


def foreground_probability(probabilities: np.ndarray) -> np.ndarray:
    """float32 (H, W), the last channel of one or two."""
    return probabilities[..., -1]
