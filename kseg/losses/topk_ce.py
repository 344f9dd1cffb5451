"""Top-k cross-entropy, online hard example mining (Wu et al. 2016, Shrivastava et al. 2016)."""

import math

from keras import ops

from kseg.conventions import VOID
from kseg.losses.base import SegmentationLoss, registered
from kseg.losses.ce import cross_entropy_map
from kseg.losses.options import ShareAbove0, Threshold
from kseg.losses.order import kth_largest
from kseg.losses.pixels import read_pixels
from kseg.losses.regions import Pooling, pixel_sum, pixel_total, safe_divide


def topk_cross_entropy(
    y_true, y_pred, *, from_logits=False, void=VOID, pooling: Pooling = "image", fraction: ShareAbove0 = 0.25,
    threshold: Threshold = None, pixel_weight=None,
):  # fmt: skip
    """Mean cross-entropy of the hardest pixels.

        k = ⌈f·n⌉        L = mean of the k largest ℓ        with τ: and of all further pixels with ℓ > −log τ

    with ℓ the cross-entropy of a valid pixel and n their number, per image or over the batch.

    Args:
      y_true: label map (N, H, W), or soft labels; y_pred: (N, H, W, C).
      fraction: f in (0, 1]; 1 is cross-entropy.
      threshold: None, or τ in (0, 1): pixels whose true class has a lower probability are kept for any f (OHEM).
      pixel_weight: (N, H, W), scales ℓ before the choice.
    Returns:
      float32 (N,), or () when pooled over the batch; nats per kept pixel.
    Empty truth: 0 for an empty prediction, z for a full one of logit z. No valid pixel: 0. The choice has no gradient;
      equal losses at its border share the remaining places.
    Pitfalls: Mislabeled pixels are among the hardest. Few pixels carry the gradient, so training is unstable: on LFW
      one run of two failed with `bce` beside it (study of losses).
    Source: Wu et al. 2016 (bootstrapped cross-entropy). Deviations: k is a share of the valid pixels.

    >>> y_true = [[[1, 1], [0, 255]]]  # one image of 2×2 pixels, the last one void
    >>> y_pred = [[[[0.9], [0.6]], [[0.2], [0.5]]]]
    >>> float(topk_cross_entropy(y_true, y_pred)[0])  # −log 0.6, the hardest of three
    0.510...
    """
    pixels = read_pixels(y_true, y_pred, from_logits=from_logits, void=void, pixel_weight=pixel_weight)
    values, valid = cross_entropy_map(pixels) * pixels.weight, pixels.valid
    k = ops.ceil(fraction * pixel_total(valid, pooling))
    level = kth_largest(values * valid, k, pooling)
    above, at = valid * ops.cast(values > level, "float32"), valid * ops.cast(values == level, "float32")
    left = k - pixel_total(above, pooling)  # pixels at the level share the remaining places
    share = above + at * safe_divide(left, pixel_total(at, pooling))
    if threshold is not None:
        share = ops.maximum(share, valid * ops.cast(values > -math.log(threshold), "float32"))
    share = ops.stop_gradient(share)  # 1 for a pixel that is chosen, a fraction at the level
    return safe_divide(pixel_sum(share * values, pooling), pixel_sum(share, pooling))


@registered("topk_ce")
class TopKCrossEntropy(SegmentationLoss):
    """`topk_cross_entropy` as a Keras loss."""

    function = staticmethod(topk_cross_entropy)
    options = ("pooling", "fraction", "threshold")
