"""Scores of a binary prediction at every threshold, from one small histogram.

The probabilities of foreground are counted in B bins of equal width, separately for background and foreground truth. B
is a power of two, so the edges k/B are exact in float32, and the counts at the thresholds k/B are exact. A whole data
set fits in 2 × B numbers that merge by addition.
"""

import numpy as np

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.metrics.confusion import class_ids, confusion_matrix
from kseg.metrics.scores import f_beta, iou_class
from kseg.metrics.whole import whole

BINS = 256


def probability_histogram(truth, probability, *, bins: int = BINS, void: int | None = VOID) -> np.ndarray:
    """Pixels by truth and by probability of foreground.

        h[t, k] = |{valid pixels: truth = t and k/B ≤ p < (k+1)/B}|,   p = 1 in the last bin

    Args:
      truth: integers, 0 background, 1 foreground, `void` ignored; (H, W) or any shape.
      probability: float, the same shape (a last axis of length 1 may be missing in either), within [0, 1].
      bins: B, a power of two up to 4096.
    Returns:
      int64 (2, B).
    Errors: UsageError for probabilities that are nan or outside [0, 1] at valid pixels, for truth in floats and for
      other labels.

    >>> probability_histogram([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], bins=4).tolist()  # rows are truth
    [[1, 0, 1, 0], [0, 1, 0, 1]]
    """
    bins = whole(bins, "the number of bins")
    if not 2 <= bins <= 4096 or bins & (bins - 1):
        raise UsageError(f"the number of bins is a power of two from 2 to 4096, received {bins}")
    truth, probability = class_ids(truth, "truth"), np.asarray(probability)
    if probability.dtype.kind != "f":
        raise UsageError(f"probabilities are floats within [0, 1], received {probability.dtype}")
    if probability.ndim == truth.ndim + 1 and probability.shape[-1] == 1:
        probability = probability[..., 0]
    if truth.ndim == probability.ndim + 1 and truth.shape[-1] == 1:
        truth = truth[..., 0]
    if truth.shape != probability.shape:
        raise UsageError(f"truth {truth.shape} and probability {probability.shape} have different shapes")
    if void is not None:
        valid = truth != void
        truth, probability = truth[valid], probability[valid]
    if not np.all((probability >= 0) & (probability <= 1)):  # also true of nan
        wrong = probability[~((probability >= 0) & (probability <= 1))]
        raise UsageError(f"{wrong.size} probabilities are outside [0, 1], such as {wrong[0]}; apply the sigmoid first")
    fine = np.minimum(probability.astype(np.float32, copy=False) * bins, bins - 1).astype(np.int64)
    if truth.size and not (truth.min() >= 0 and truth.max() <= 1):
        confusion_matrix(truth, np.zeros_like(truth), 2, void=None)  # raises an error that names the labels
    return np.bincount(fine.ravel() + bins * truth.ravel().astype(np.int64), minlength=2 * bins).reshape(2, bins)


def threshold_sweep(histogram) -> tuple[np.ndarray, np.ndarray]:
    """The confusion matrix at every threshold t = k/B, k = 1 … B − 1, with foreground where p ≥ t.

    Args:
      histogram: int64 (2, B) of `probability_histogram`.
    Returns:
      thresholds float64 (B−1,) and matrices int64 (B−1, 2, 2).

    >>> histogram = probability_histogram([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], bins=4)
    >>> thresholds, matrices = threshold_sweep(histogram)
    >>> thresholds.tolist(), matrices[0].tolist()  # foreground where p ≥ 0.25
    ([0.25, 0.5, 0.75], [[1, 1], [0, 2]])
    """
    histogram = _checked(histogram)
    bins = histogram.shape[1]
    at_least = np.cumsum(histogram[:, ::-1], axis=1)[:, ::-1]  # [t, k]: pixels of truth t with p ≥ k/B
    positive = at_least[:, 1:]
    negative = histogram.sum(axis=1, keepdims=True) - positive
    return np.arange(1, bins) / bins, np.stack([negative, positive], axis=-1).transpose(1, 0, 2)


def best_threshold(histogram) -> tuple[float, float]:
    """The threshold with the highest IoU of the foreground, and this IoU; among equals the one nearest to 0.5.

    Choose the threshold on validation and report on test: on the same images the score would be too high. Without
    foreground in the truth the IoU at every threshold is 0 or empty, and the result is 0.5 and nan.

    >>> histogram = probability_histogram([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], bins=8)
    >>> best_threshold(histogram)  # 2 of 3 pixels
    (0.375, 0.6666666666666666)
    """
    thresholds, matrices = threshold_sweep(histogram)
    if not _checked(histogram)[1].sum():
        return 0.5, float("nan")
    iou = iou_class(matrices)[:, 1]
    best = np.flatnonzero(iou == np.nanmax(iou))
    chosen = best[np.argmin(np.abs(thresholds[best] - 0.5))]
    return float(thresholds[chosen]), float(iou[chosen])


def precision_recall_curve(histogram) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and recall of the foreground at the thresholds 0, 1/B … (B−1)/B: three float64 (B,).

    Recall falls along the curve. Where nothing is predicted, precision is 1 by convention; without foreground in the
    truth, recall is nan.

    >>> histogram = probability_histogram([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], bins=4)
    >>> [values.round(2).tolist() for values in precision_recall_curve(histogram)]
    [[0.0, 0.25, 0.5, 0.75], [0.5, 0.67, 0.5, 1.0], [1.0, 1.0, 0.5, 0.5]]
    """
    histogram = _checked(histogram)
    false_positive, true_positive = np.cumsum(histogram[:, ::-1], axis=1)[:, ::-1]
    predicted, present = false_positive + true_positive, histogram[1].sum()
    precision = np.divide(true_positive, predicted, out=np.ones(len(predicted)), where=predicted > 0)
    recall = true_positive / present if present else np.full(len(predicted), np.nan)
    return np.arange(histogram.shape[1]) / histogram.shape[1], precision, recall


def average_precision(histogram) -> float:
    """Σ_k (R_k − R_{k+1}) P_k over the curve's thresholds: the step-wise area under it; nan without foreground.

    It equals the area over all distinct probabilities if no bin holds two of them, and is within one bin otherwise.

    >>> histogram = probability_histogram([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], bins=8)
    >>> round(average_precision(histogram), 4)  # ½·1 + ½·2/3
    0.8333
    """
    _, precision, recall = precision_recall_curve(histogram)
    return float(np.sum((recall - np.append(recall[1:], 0.0)) * precision))


def f_beta_curve(histogram, *, beta: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds k/B, k = 1 … B − 1, and the foreground's F-β at each: two float64 (B−1,).

    nan at thresholds where neither truth nor prediction hold foreground. β as in `kseg.metrics.scores.f_beta`.

    >>> histogram = probability_histogram([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], bins=4)
    >>> [values.round(2).tolist() for values in f_beta_curve(histogram)]
    [[0.25, 0.5, 0.75], [0.8, 0.5, 0.67]]
    """
    thresholds, matrices = threshold_sweep(histogram)
    return thresholds, f_beta(matrices, beta=beta)[:, 1]


def _checked(histogram) -> np.ndarray:
    histogram = np.asarray(histogram)
    if histogram.ndim != 2 or histogram.shape[0] != 2 or histogram.dtype.kind not in "iu":
        raise UsageError(
            f"expected the integer histogram (2, B) of probability_histogram, "
            f"received {histogram.dtype} {histogram.shape}"
        )
    return histogram
