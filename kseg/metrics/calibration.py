"""Calibration: reliability diagram and calibration error (is a probability of 0.8 right in 80 % of the cases?)."""

from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram of the foreground's probability in M bins of equal width."""

    confidence: np.ndarray
    """float64 (M,): mean probability in the bin, nan if the bin is empty"""
    frequency: np.ndarray
    """float64 (M,): share of the bin's pixels that are foreground, nan if the bin is empty"""
    pixels: np.ndarray
    """int64 (M,)"""


def reliability(histogram, *, bins: int = 16) -> Reliability:
    """The reliability diagram from `kseg.metrics.thresholds.probability_histogram`.

    Args:
      histogram: int64 (2, B), rows = truth.
      bins: M, a divisor of B.
    The center of its fine bin stands for a pixel's probability, so `confidence` is accurate to 1/(2B).
    Source: Niculescu-Mizil & Caruana 2005.

    >>> reliability([[3, 0, 1, 0], [1, 0, 1, 2]], bins=2).frequency.tolist()  # 1 of 4 and 3 of 4 are foreground
    [0.25, 0.75]
    """
    histogram = np.asarray(histogram)
    if histogram.ndim != 2 or histogram.shape[0] != 2 or bins < 1 or histogram.shape[1] % bins:
        raise UsageError(f"cannot divide a histogram of shape {histogram.shape} into {bins} bins; take a divisor of B")
    fine = histogram.shape[1]
    middle = (np.arange(fine) + 0.5) / fine
    by_bin = histogram.reshape(2, bins, -1)
    pixels = by_bin.sum(axis=(0, 2))
    weighted = (by_bin.sum(axis=0) * middle.reshape(bins, -1)).sum(axis=1)

    def mean(total):
        return np.divide(total, pixels, out=np.full(bins, np.nan), where=pixels > 0)

    return Reliability(mean(weighted), mean(by_bin[1].sum(axis=1)), pixels)


def expected_calibration_error(histogram, *, bins: int = 16) -> float:
    """ECE = Σ_b n_b / n · |frequency_b − confidence_b| over the bins that hold pixels; nan without pixels.

    Args:
      histogram: int64 (2, B) of `probability_histogram`.
      bins: M, a divisor of B.
    Source: Naeini et al. 2015, for the probability of the foreground. Deviations: papers on multi-class networks (Guo
    et al. 2017) bin the probability of the predicted class; here it is the foreground's, for binary masks.

    >>> round(float(expected_calibration_error([[3, 0, 1, 0], [1, 0, 1, 2]], bins=2)), 4)
    0.0625
    """
    diagram = reliability(histogram, bins=bins)
    pixels = diagram.pixels.sum()
    gap = np.abs(diagram.frequency - diagram.confidence)
    return float(np.nansum(diagram.pixels * gap) / pixels) if pixels else float("nan")
