"""How sure a score is, and where it is worst: bootstrap intervals over images, worst images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError


@dataclass(frozen=True)
class Interval:
    """A score with its bootstrap interval."""

    value: float
    low: float
    high: float
    confidence: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap_mean(values, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
    """Interval of the mean of per-image values, e.g. of `iou_image` or of the paired difference of two models.

    Args:
      values: float (N,), one per image; nan (no score) is left out of the mean of every resample.
      confidence: share of the resamples inside the interval.
      resamples: number of times N images are drawn with replacement.
      seed: of the draws; the same seed gives the same interval.
    Percentile method. Source: Efron 1979. Errors: no value that is a number.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise UsageError(f"expected one value per image (N,), received the shape {values.shape}")
    counted = ~np.isnan(values)
    if not counted.any():
        raise UsageError("no image has a score: nothing to resample")
    draws = _draws(len(values), resamples, seed)
    totals, numbers = draws @ np.where(counted, values, 0.0), draws @ counted.astype(np.float64)
    means = totals[numbers > 0] / numbers[numbers > 0]
    return _interval(float(values[counted].mean()), means, confidence)


def bootstrap_score(
    matrices,
    score: Callable[[np.ndarray], np.ndarray],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of a score of the whole split, e.g. `iou_dataset`, when other images had been drawn.

    Args:
      matrices: int64 (N, C, C), one confusion matrix per image.
      score: (R, C, C) to (R,), a function of `kseg.metrics.scores`.
      confidence, resamples, seed: as for `bootstrap_mean`.
    Images are resampled, not pixels: pixels of one image are not independent.
    """
    matrices = np.asarray(matrices)
    if matrices.ndim != 3 or not len(matrices):
        raise UsageError(f"expected one matrix per image (N, C, C), received the shape {matrices.shape}")
    draws = _draws(len(matrices), resamples, seed)
    sums = draws @ matrices.reshape(len(matrices), -1).astype(np.float64)  # whole numbers: exact up to 2⁵³
    scores = np.asarray(score(sums.reshape(resamples, *matrices.shape[1:])))
    return _interval(float(score(matrices.sum(axis=0))), scores[~np.isnan(scores)], confidence)


def worst_images(values, k: int) -> np.ndarray:
    """Indices of the k images of lowest score, worst first; nan (no score) is never among them."""
    values = np.asarray(values, np.float64)
    if k < 1:
        raise UsageError(f"the number of worst images is at least 1, received {k}")
    order = np.argsort(values, kind="stable")
    return order[: min(k, int(np.count_nonzero(~np.isnan(values))))]


def worst_mean(values, *, fraction: float = 0.05) -> float:
    """Mean over the worst `fraction` of the images that have a score, at least one image.

    The lower tail that a mean over all images hides. Source: Wang et al. 2023, "Revisiting Evaluation Metrics for
    Semantic Segmentation" (mIoU^{I_q̄}, for one q).
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"the fraction of images is above 0 and at most 1, received {fraction}")
    values = np.asarray(values, np.float64)
    scored = int(np.count_nonzero(~np.isnan(values)))
    if not scored:
        return float("nan")
    return float(values[worst_images(values, max(1, int(fraction * scored)))].mean())


def _draws(images: int, resamples: int, seed: int) -> np.ndarray:
    """float64 (resamples, images): how often each image was drawn."""
    if resamples < 1:
        raise UsageError(f"the number of resamples is at least 1, received {resamples}")
    return np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=resamples).astype(float)


def _interval(value: float, resampled: np.ndarray, confidence: float) -> Interval:
    if not 0 < confidence < 1:
        raise UsageError(f"the confidence is between 0 and 1, received {confidence}")
    if not resampled.size:
        return Interval(value, float("nan"), float("nan"), confidence)
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, float(low), float(high), confidence)
