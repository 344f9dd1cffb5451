"""Wrong pixels: a picture of them, and their share of an image."""

import numpy as np

from kseg.conventions import VOID
from kseg.tasks.mistakes import FALSE_NEGATIVE, FALSE_POSITIVE, MIXED_UP, painted, pale


def show_errors(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray, *, background: bool = True) -> np.ndarray:
    """The image in pale gray, wrong pixels in the color of their error; void pixels cannot be wrong.

    Without `background` as class 0, every error is one class taken for another.
    """
    shown = pale(image)
    wrong = (truth != prediction) & (truth != VOID)
    too_much, missed = (wrong & (labels == 0) & background for labels in (truth, prediction))
    for pixels, color in (
        (too_much, FALSE_POSITIVE),
        (missed, FALSE_NEGATIVE),
        (wrong & ~too_much & ~missed, MIXED_UP),
    ):
        painted(shown, pixels, color)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def error_shares(matrix: np.ndarray, background: bool) -> dict[str, float]:
    """Shares of the valid pixels: background taken for a class, a class for background, one class for another."""
    total, among_classes = matrix.sum(), matrix[int(background) :, int(background) :]
    mixed_up = {"another class": float((among_classes.sum() - np.trace(among_classes)) / total)}
    if not background:
        return mixed_up
    errors = {"too much": float(matrix[0, 1:].sum() / total), "missed": float(matrix[1:, 0].sum() / total)}
    return errors | mixed_up if len(matrix) > 2 else errors
