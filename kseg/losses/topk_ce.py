"""Top-k cross-entropy, online hard example mining (Wu et al. 2016, Shrivastava et al. 2016)."""

import math

from keras import ops

from kseg.conventions import VOID
from kseg.errors import UsageError
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import cross_entropy_map
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Pooling, flat_pixels, flat_result, safe_divide


def topk_cross_entropy(
    y_true, y_pred, *, from_logits=True, void=VOID, pooling: Pooling = "image", fraction: float = 0.25,
    threshold=None, pixel_weight=None,
):  # fmt: skip
    """Mean cross-entropy of the hardest pixels.

        k = ⌈f·n⌉        L = mean of the k largest ℓ        with τ: and of every other pixel with ℓ > −log τ

    with ℓ the cross-entropy of a valid pixel and n their number, per image or over the batch.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      fraction: f in (0, 1]; 1 is cross-entropy.
      threshold: None, or τ in (0, 1): pixels whose true class has less probability are kept whatever f says (OHEM).
      pixel_weight: (N, H, W), scales ℓ before the choice.
    Returns:
      float32 (N,), or () when pooled over the batch; nats per kept pixel.
    Empty truth: nothing special. No valid pixel: 0. The choice itself carries no gradient.
    Source: Wu et al. 2016 (bootstrapped cross-entropy). Deviations: k is a share of the valid pixels.
    """
    if not 0.0 < fraction <= 1.0:
        raise UsageError(f"topk_ce got fraction={fraction}; it is a share of the pixels in (0, 1]")
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    values, valid = flat_pixels(pixels, pooling, cross_entropy_map(pixels) * pixels.weight, pixels.valid)
    hardest = -ops.sort(ops.where(valid > 0.0, -values, 1.0), axis=-1)  # void last, at −1
    number = ops.sum(valid, axis=-1, keepdims=True)
    rank = ops.cumsum(ops.ones_like(values), axis=-1)
    kept = rank <= ops.ceil(fraction * number)
    if threshold is not None:
        kept = kept | (hardest > -math.log(threshold))
    kept = ops.cast(kept & (rank <= number), "float32")
    return flat_result(safe_divide(ops.sum(kept * hardest, axis=-1), ops.sum(kept, axis=-1)), pooling)


@registered("topk_ce")
class TopKCrossEntropy(SegmentationLoss):
    """`topk_cross_entropy` as a Keras loss."""

    function = staticmethod(topk_cross_entropy)
    options = ("pooling", "fraction", "threshold")
