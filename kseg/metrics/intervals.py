"""Bootstrap intervals of scores over images, and the worst images.

With fewer than two scored images the bounds of an interval are nan, since one image does not show the variation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kseg.errors import UsageError
from kseg.metrics.whole import whole


@dataclass(frozen=True)
class Interval:
    """A score with its bootstrap interval."""

    value: float
    low: float
    """nan, like `high`, where fewer than two images have a score"""
    high: float
    confidence: float

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.value:.4f}"
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


def bootstrap_mean(values, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
    """Interval of the mean of per-image values, e.g. of `iou_image` or of the paired difference of two models.

    Args:
      values: float (N,), one per image; nan (no score) is left out of the mean of every resample. A resample with ±inf
        (a surface distance without a surface) has the mean ±inf.
      confidence: share of the resamples inside the interval.
      resamples: number of times that N images are drawn with replacement.
      seed: of the draws; equal seeds give equal intervals.
    Returns: the mean and its bounds, which are nan with fewer than two values that are not nan.
    Percentile method. Source: Efron 1979. Errors: UsageError if all values are nan, and for both inf and −inf, which
    have no mean.

    >>> print(bootstrap_mean([0.71, 0.80, 0.84, 0.64, 0.77]))
    0.7520 [0.6920, 0.8100]
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise UsageError(f"expected one value per image (N,), received the shape {values.shape}")
    counted = ~np.isnan(values)
    if not counted.any():
        raise UsageError("no image has a score, so there is nothing to resample; pass at least one score")
    infinite = values[np.isinf(values)]
    if len(set(infinite.tolist())) > 1:
        raise UsageError("the scores hold both inf and -inf, which have no mean; give missing ones one finite value")
    draws = _draws(len(values), resamples, seed)
    totals, numbers = draws @ np.where(np.isfinite(values), values, 0.0), draws @ counted.astype(np.float64)
    means = totals[numbers > 0] / numbers[numbers > 0]
    if infinite.size:  # separately, since 0 · inf for an image that was not drawn is nan
        means[(draws @ np.isinf(values).astype(np.float64))[numbers > 0] > 0] = infinite[0]
    return _interval(float(values[counted].mean()), means, confidence, images=int(np.count_nonzero(counted)))


def bootstrap_score(
    matrices,
    score: Callable[[np.ndarray], np.ndarray],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Interval of a score of the whole split, e.g. `iou_dataset`, over resampled images.

    Args:
      matrices: int64 (N, C, C), one confusion matrix per image.
      score: (R, C, C) to (R,), a function of `kseg.metrics.scores`, or `lambda m: iou_class(m)[..., 1]`.
      confidence, resamples, seed: as for `bootstrap_mean`.
    Returns: the score and its bounds, which are nan where fewer than two images have a pixel.
    Images are resampled, not pixels: pixels of one image are not independent.

    >>> from kseg.metrics.scores import iou_dataset
    >>> print(bootstrap_score([[[50, 10], [5, 35]], [[60, 5], [5, 30]], [[70, 0], [9, 21]]], iou_dataset))
    0.7167 [0.7000, 0.7500]
    """
    matrices = np.asarray(matrices)
    if matrices.ndim != 3 or not len(matrices):
        raise UsageError(f"expected one matrix per image (N, C, C), received the shape {matrices.shape}")
    draws = _draws(len(matrices), resamples, seed)
    sums = draws @ matrices.reshape(len(matrices), -1).astype(np.float64)  # whole numbers: exact up to 2⁵³
    scores = np.asarray(score(sums.reshape(-1, *matrices.shape[1:])))
    if scores.shape != (len(draws),):
        raise UsageError(
            f"an interval needs one number, but the score of {len(draws)} matrices has the shape {scores.shape}; "
            "choose one entry, such as `lambda m: iou_class(m)[..., 1]`"
        )
    images = int(np.count_nonzero(matrices.any(axis=(1, 2))))
    return _interval(float(score(matrices.sum(axis=0))), scores[~np.isnan(scores)], confidence, images=images)


def bootstrap_images(
    images: int,
    score: Callable[[np.ndarray], np.ndarray],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    chunk: int = 256,
) -> Interval:
    """Interval of a score that is no function of sums per image, such as AP, which ranks detections of all images.

    Args:
      images: N.
      score: float64 (R, N), how often each image was drawn, to (R,); nan where no drawn image has a score.
      confidence, resamples, seed: as for `bootstrap_mean`.
      chunk: draws per call of `score`.
    Returns: the score of all images once, and its bounds, which are nan with fewer than two images.

    >>> values = np.array([0.71, 0.80, 0.84, 0.64, 0.77])
    >>> print(bootstrap_images(5, lambda draws: draws @ values / draws.sum(axis=-1)))
    0.7520 [0.6920, 0.8100]
    """
    if whole(images, "the number of images", least=0) == 0:
        raise UsageError("no image has been counted, so there is nothing to resample; add images first")
    draws = _draws(images, resamples, seed)
    scores = np.concatenate([score(draws[start : start + chunk]) for start in range(0, len(draws), chunk)])
    value = float(score(np.ones((1, images)))[0])
    return _interval(value, scores[~np.isnan(scores)], confidence, images=images)


def worst_images(values, k: int, *, larger_is_worse: bool = False) -> np.ndarray:
    """Indices of the k images with the lowest scores, worst first, without images of nan (no score).

    `larger_is_worse`: the highest scores instead, as for distances between outlines.

    >>> worst_images([0.71, 0.80, 0.84, 0.64, 0.77], 2).tolist()
    [3, 0]
    """
    values = np.asarray(values, np.float64)
    k = whole(k, "the number of worst images")
    order = np.argsort(-values if larger_is_worse else values, kind="stable")
    return order[: min(k, int(np.count_nonzero(~np.isnan(values))))]


def worst_mean(values, *, fraction: float = 0.05, larger_is_worse: bool = False) -> float:
    """Mean over the worst `fraction` of the images with a score, rounded down to at least one image.

    It shows the lower tail, which a mean over all images hides. `larger_is_worse` as in `worst_images`.
    Source: Wang et al. 2023, "Revisiting Evaluation Metrics for Semantic Segmentation" (mIoU^{I_q̄}, for one q).

    >>> round(worst_mean([0.71, 0.80, 0.84, 0.64, 0.77], fraction=0.4), 3)  # of the lowest two
    0.675
    """
    if not 0 < fraction <= 1:
        raise UsageError(f"the fraction of images is above 0 and at most 1, received {fraction}")
    values = np.asarray(values, np.float64)
    scored = int(np.count_nonzero(~np.isnan(values)))
    if not scored:
        return float("nan")
    number = max(1, math.floor(fraction * scored + 1e-9))  # 0.29 · 100 is 28.999999999999996
    return float(values[worst_images(values, number, larger_is_worse=larger_is_worse)].mean())


def _draws(images: int, resamples: int, seed: int) -> np.ndarray:
    """float64 (resamples, images): how often each image was drawn."""
    resamples = whole(resamples, "the number of resamples")
    return np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), size=resamples).astype(float)


def _interval(value: float, resampled: np.ndarray, confidence: float, *, images: int) -> Interval:
    if not 0 < confidence < 1:
        raise UsageError(f"the confidence is between 0 and 1, received {confidence}")
    if images < 2 or not resampled.size:
        return Interval(value, float("nan"), float("nan"), confidence)
    low, high = _quantiles(resampled, (1 - confidence) / 2, (1 + confidence) / 2)
    return Interval(value, float(low), float(high), confidence)


def _quantiles(values: np.ndarray, low: float, high: float) -> tuple[float, float]:
    if np.isfinite(values).all():
        return tuple(np.quantile(values, [low, high]))
    # Interpolation between a number and infinity is undefined, so the bounds are ranks.
    ranked, last = np.sort(values), len(values) - 1
    return ranked[math.floor(low * last)], ranked[math.ceil(high * last)]
